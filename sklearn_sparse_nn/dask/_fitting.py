"""What the estimators for Dask share: fits, checkpoints, predictions block by block."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from dask import delayed
from distributed import default_client
from distributed.comm import CommClosedError
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    InvalidParameterError,
)

from sklearn_sparse_nn.dask import _data
from sklearn_sparse_nn.dask._cluster import Cluster, apart
from sklearn_sparse_nn.dask._tasks import Lesson, Model
from sklearn_sparse_nn.dask.local_sgd import LocalSGD
from sklearn_sparse_nn.estimators._progress import Progress
from sklearn_sparse_nn.topology import TOPOLOGIES

# Of the first block, for topologies that look at samples.
_N_ROWS = 1000
# What a cluster that cannot be reached raises.
_LOST = CommClosedError, ConnectionError, CancelledError, TimeoutError
# How often an epoch begins anew, when workers are lost.
_TRIES = 5


@dataclass
class Training:
    """How far training on the workers has come.

    Attributes
    ----------
    cluster : Cluster
    algorithm : object
    fingerprint : object
        What a fit has in common with one that can go on from it.
    held : list of Held
        What the algorithm goes on from.
    place : Place or None
        Where the epoch is that has begun, if one has.
    figures : list of Figures
        Of the rounds of this epoch.
    """

    cluster: object
    algorithm: object
    fingerprint: object
    held: list
    place: object = None
    figures: list = field(default_factory=list)


# Types of the parameters that the ordinary estimators do not have.
_TYPES = {
    "algorithm": "LocalSGD | WASAPSGD | FedDST | None",
    "checkpoint": "str | Path | None",
    "checkpoint_interval": "int",
}


def init_with_parameters_of(local, **more):
    """An `__init__` with the parameters of an ordinary estimator, and more.

    Type checkers cannot know them: classes show them one with `**parameters`.
    """
    keyword = inspect.Parameter.KEYWORD_ONLY
    own = [
        inspect.Parameter(name, keyword, default=default, annotation=_TYPES[name])
        for name, default in more.items()
    ]
    ordinary = inspect.signature(local.__init__)
    parameters = [*ordinary.parameters.values(), *own]
    signature = ordinary.replace(parameters=parameters)

    def __init__(self, *args, **kwargs):
        given = signature.bind(self, *args, **kwargs)
        given.apply_defaults()
        for name, value in list(given.arguments.items())[1:]:
            setattr(self, name, value)

    __init__.__signature__ = signature
    return __init__


class OnDask:
    """Before the ordinary estimator in the bases of one that trains on Dask.

    What depends on the kind of the network is in `_unsupported`, `_begin_network`,
    `_start_training`, `_parameters_of_epoch`, `_end_epoch` and `_end_training`.
    """

    bytes_per_round_: list[int]

    _parameter_constraints: dict = {
        "algorithm": [HasMethods(["check", "train_epoch", "finish"]), None],
        "checkpoint": [str, Path, None],
        "checkpoint_interval": [Interval(Integral, 1, None, closed="left")],
    }
    _local: type

    def _fit(self, X, y, sample_weight, client):
        """Fit the network to collections of Dask, on the workers."""
        client = default_client() if client is None else client
        algorithm = LocalSGD() if self.algorithm is None else self.algorithm
        self._check(algorithm)
        blocks = _data.blocks_of(X, y, sample_weight)
        homes = None
        if algorithm.keeps_blocks_apart:
            blocks, homes = apart(client, blocks)
        local = self._unfitted()
        summary, blocks, homes = _data.summaries_of(client, local, blocks, homes)
        if not summary.weight:
            raise ValueError("All samples weigh nothing: see sample_weight.")
        random_state = check_random_state(self.random_state)
        few = None
        if self._looks_at_samples():
            few = client.compute(delayed(_first_rows)(local, *blocks[0])).result()
        self._begin(summary, few, random_state)
        self._seed = int(random_state.randint(np.iinfo(np.int32).max))
        self.bytes_per_round_ = []
        prepare = partial(_data.prepare, self.to_local())
        sizes = summary.n_samples, summary.n_bytes
        cluster = Cluster(client, blocks, *sizes, prepare, homes)
        try:
            self._train(cluster, algorithm, summary, (X, y))
        finally:
            cluster.close()
        return self

    def _train(self, cluster, algorithm, summary, data):
        """Run the epochs, from where a checkpoint has come to."""
        self._start_training()
        fingerprint = self._fingerprint(summary, cluster)
        first, models, reached = self._resume(fingerprint)
        if models is None:
            models = [Model(self._network, self._rule)]
        held = [model and cluster.send(model) for model in models]
        self._training = Training(cluster, algorithm, fingerprint, held, *reached)
        progress = Progress(self, self.max_iter - first)

        def run_epoch(team, evolution):
            n_updates = self._train_epoch_on(evolution)
            ended = self._end_epoch(n_updates, progress)
            self._reach(self._keep)
            return ended

        ended = self._run_epochs(self.max_iter, run_epoch, *data, first=first)
        self._end_training(ended)
        del self._seed
        if self.checkpoint is not None:
            Path(self.checkpoint).unlink(missing_ok=True)

    def _check(self, algorithm):
        """Raise an InvalidParameterError if a parameter asks for what is not there."""
        if hasattr(algorithm, "_validate_params"):
            algorithm._validate_params()
        for name in self._unsupported():
            raise InvalidParameterError(
                f"{name}={getattr(self, name)!r} is not supported on Dask. Train on "
                f"one machine, with {self._local.__name__}."
            )
        algorithm.check(self)

    def _check_rule(self, rule):
        if rule.sample_size is not None or rule.holds_weights:
            raise InvalidParameterError(
                f"evolution={self.evolution!r} is not supported on Dask: the rule "
                "looks at samples, or holds weights, and averages have neither."
            )

    def _unfitted(self):
        """The ordinary estimator with these parameters."""
        return unfitted(self)

    def to_local(self: Any) -> Any:
        """The ordinary estimator, fitted.

        Returns
        -------
        estimator : object
            It shares what is fitted with this one.
        """
        self._fitted_layers()
        local = self._unfitted()
        vars(local).update(self._learned())
        return local

    def _learned(self):
        """What `fit` has set so far, without callbacks."""
        parameters = self.get_params(deep=False)
        names = [n for n in vars(self) if n not in parameters and "callback" not in n]
        return {n: getattr(self, n) for n in names if n != "_training"}

    def _begin(self, summary, few, random_state):
        """A new network, before its first epoch."""
        self.n_features_in_ = len(summary.moments.means)
        if summary.names is not None:
            self.feature_names_in_ = summary.names
        self._begin_network(summary, few, random_state)
        self._check_rule(self._rule)
        self.n_iter_ = 0
        self.loss_curve_ = []

    def _looks_at_samples(self):
        """Whether the topology begins with samples."""
        named = isinstance(self.topology, str)
        return hasattr(TOPOLOGIES[self.topology] if named else self.topology, "of_data")

    def _train_epoch_on(self, evolution):
        """One pass over the samples; return the number of updates."""
        training = self._training
        lesson = Lesson(
            evolution=evolution._replace(rule=None),
            seed=self._seed,
            n_jobs=self.n_jobs,
            shuffle=getattr(self, "shuffle", True),
            **self._parameters_of_epoch(training.cluster.n_samples),
        )
        self._reach(partial(self._train_rounds, lesson))
        losses, numbers, updates, sent = zip(*training.figures)
        training.place, training.figures = None, []
        if self._is_watched():
            self._fetch()
        self.loss_ = float(np.average(losses, weights=numbers))
        self.n_iter_ += 1
        self.t_ = getattr(self, "t_", 0) + sum(numbers)
        self.loss_curve_.append(self.loss_)
        self.bytes_per_round_ += sent
        if not np.isfinite(self.loss_):
            self._raise_divergence()
        return sum(updates)

    def _train_rounds(self, lesson):
        """Train from where the epoch is to its end."""
        training = self._training
        task = training.cluster, training.held, lesson, training.place
        epoch = training.algorithm.train_epoch(*task, self.checkpoint_interval)
        for held, place, figures in epoch:
            training.held, training.place = held, place
            training.figures += figures
            if place.left:
                self._keep()

    def _is_watched(self):
        """Whether somebody looks at the network after each epoch."""
        called = bool(getattr(self, "_skl_callbacks", ()))
        return called or self._rule.settles is not None

    def _reach(self, train):
        """Do something on the workers; again if one was lost in between."""
        cluster = self._training.cluster
        for _ in range(_TRIES):
            try:
                return train()
            except _LOST as error:
                lost = error
                if not (cluster.is_reached() and cluster.forget_lost()):
                    break
        raise RuntimeError(
            f"The Dask scheduler was lost in epoch {self.n_iter_ + 1}, or too many of "
            f"its workers. {self._hint()}"
        ) from lost

    def _hint(self):
        if self.checkpoint is None:
            return "With a path in checkpoint, another fit would go on from here."
        return (
            f"What was learned before is in {self.checkpoint}: another fit, of the "
            "same data on as many workers, goes on from there."
        )

    def _fetch(self):
        """Bring the network of now here."""
        training = self._training

        def fetch():
            model = training.algorithm.finish(training.cluster, training.held)
            return training.cluster.gather(model)

        model = copy.deepcopy(self._reach(fetch))  # of one's own, to write to
        self._network, self._rule, _ = model

    def _finish(self):
        self._fetch()
        del self._training
        super()._finish()
        self._network._batch = None  # nothing goes on from here

    def _check_finite(self, X):
        if not self._network.is_finite():
            self._raise_divergence()

    def _fingerprint(self, summary, cluster):
        """What two fits have in common if one can go on from the other."""
        free = {"checkpoint": None, "checkpoint_interval": None}
        parameters = self.get_params() | free
        parts = [[block.number for block in part] for part in cluster.parts]
        targets = summary.classes, repr(summary.location), summary.weight
        totals = summary.moments.means.tobytes(), summary.n_samples, targets, parts
        return repr(sorted(parameters.items(), key=lambda item: item[0])), totals

    def _keep(self):
        """Write what has been learned so far to the file of `checkpoint`."""
        if self.checkpoint is None:
            return
        training = self._training
        cluster, reached = training.cluster, (training.place, training.figures)
        models = [
            each and cluster.gather(cluster.one_of(each)) for each in training.held
        ]
        path = Path(self.checkpoint)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        kept = training.fingerprint, self._learned(), models, reached
        unfinished.write_bytes(pickle.dumps(kept))
        os.replace(unfinished, path)

    def _resume(self, fingerprint):
        """Take what the file of `checkpoint` has.

        Returns
        -------
        n_epochs : int
            How many are over.
        models : list of Model, or None if there is no file
        reached : tuple
            Place and figures of the epoch that has begun.
        """
        if self.checkpoint is None or not Path(self.checkpoint).exists():
            return 0, None, ()
        kept = pickle.loads(Path(self.checkpoint).read_bytes())
        found, learned, models, reached = kept
        if found != fingerprint:
            raise ValueError(
                f"checkpoint={str(self.checkpoint)!r} is of a fit with other "
                "parameters, other data or another number of workers. Remove it to "
                "begin anew."
            )
        vars(self).update(learned)
        return self.n_iter_, models, reached


def unfitted(estimator):
    """The ordinary estimator with the parameters of one for Dask."""
    names = estimator._local._get_param_names()
    return estimator._local(**{name: getattr(estimator, name) for name in names})


def by_blocks(local, method, X, shape, dtype):
    """What a method of an ordinary estimator makes of each block of a collection."""
    local = delayed(local)
    if hasattr(X, "chunks"):
        X = X.rechunk({1: -1})
        lengths = X.chunks[0]
    else:
        lengths = [np.nan] * X.npartitions
    blocks = np.ravel(X.to_delayed()).tolist()
    parts = [
        da.from_delayed(getattr(local, method)(block), (n, *shape), dtype)
        for block, n in zip(blocks, lengths)
    ]
    return da.concatenate(parts, allow_unknown_chunksizes=True)


def _first_rows(estimator, X, y, sample_weight):
    return estimator._validate_X(X, reset=True)[:_N_ROWS]
