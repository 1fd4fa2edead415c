"""Perceptrons that train on the workers of a Dask cluster."""

import copy
import inspect
import os
import pickle
from concurrent.futures import CancelledError
from pathlib import Path

import dask.array as da
import numpy as np
from dask import compute, delayed, is_dask_collection
from distributed import default_client
from distributed.comm import CommClosedError
from sklearn.base import _fit_context, is_classifier
from sklearn.callback import with_callbacks
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import HasMethods, InvalidParameterError

from sklearn_sparse_nn import SETClassifier, SETRegressor
from sklearn_sparse_nn.dask import _data
from sklearn_sparse_nn.dask._cluster import Cluster
from sklearn_sparse_nn.dask._tasks import Lesson, Model, rewire_if_due
from sklearn_sparse_nn.dask.local_sgd import LocalSGD
from sklearn_sparse_nn.estimators._base import all_or_nothing
from sklearn_sparse_nn.estimators._progress import Progress
from sklearn_sparse_nn.estimators._samples import warn_of_size
from sklearn_sparse_nn.estimators._time import Fall, auto_batch_size
from sklearn_sparse_nn.topology import TOPOLOGIES

# Of the first block, for topologies that look at samples.
_N_ROWS = 1000
# What a cluster that cannot be reached raises.
_LOST = CommClosedError, ConnectionError, CancelledError, TimeoutError
# How often an epoch begins anew, when workers are lost.
_TRIES = 5


def _init_with_parameters_of(local):
    """An `__init__` with the parameters of an ordinary estimator, and some for Dask."""
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None)
        for name in ("algorithm", "checkpoint")
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


class _OnDask:
    """What the estimators for Dask share, before the ordinary one in their bases."""

    _parameter_constraints: dict = {
        "algorithm": [HasMethods("train_epoch"), None],
        "checkpoint": [str, Path, None],
    }
    _local: type

    @all_or_nothing
    @with_callbacks
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y, sample_weight=None, client=None):
        """Fit the network to collections of Dask, on the workers.

        Parameters
        ----------
        X : dask.array.Array or dask.dataframe.DataFrame
            The input data, of shape (n_samples, n_features). The blocks may be NumPy
            arrays, frames or CSR matrices. They stay on the workers. Blocks that
            together take less than 0.3 of the memory of the workers are computed once;
            of larger data, each worker has one block at a time, which is computed anew
            in each epoch.

        y : dask.array.Array, dask.dataframe.Series or DataFrame
            The targets, cut into blocks as `X` is: (n_samples,), or for a regression
            (n_samples, n_outputs).

        sample_weight : dask.array.Array or dask.dataframe.Series, default=None
            Sample weights. Only their ratios count.

        client : distributed.Client, default=None
            The cluster. If None, the client that was made last.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        TypeError
            If the data are not collections of Dask.
        ValueError
            If they are not what they should be, if a parameter asks for what cannot be
            done on Dask, or if the loss becomes non-finite.
        RuntimeError
            If the scheduler is lost.
        """
        client = default_client() if client is None else client
        self._check_supported()
        blocks = _data.blocks_of(X, y, sample_weight)
        summary = _data.summaries_of(client, self._unfitted(), blocks)
        if not summary.weight:
            raise ValueError("All samples weigh nothing: see sample_weight.")
        random_state = check_random_state(self.random_state)
        self._begin(client, blocks, summary, random_state)
        self._seed = int(random_state.randint(np.iinfo(np.int32).max))
        cluster = Cluster(
            client,
            blocks,
            summary.n_samples,
            summary.n_bytes,
            _data.prepare,
            self.to_local(),
        )
        self._start_fit()
        self._fall = Fall(self.learning_rate_init, 0, self.max_iter)
        fingerprint = self._fingerprint(summary, cluster)
        first = self._resume(fingerprint)
        progress = Progress(self, self.max_iter - first)

        def run_epoch(team, evolution):
            if self.learning_rate == "linear":
                self._rate = self._fall.rate_at(self.n_iter_)
            n_updates = self._train_epoch_on(cluster, evolution)
            self._follow_progress(n_updates)
            self._report(progress)
            ended = self._has_converged(n_updates)
            self._keep(fingerprint)
            return ended

        if not self._run_epochs(self.max_iter, run_epoch, X, y, first=first):
            self._warn_if_unfinished()
        del self._weighing, self._seed
        if self.checkpoint is not None:
            Path(self.checkpoint).unlink(missing_ok=True)
        return self

    def _check_supported(self):
        """Raise a ValueError if a parameter asks for what is not possible here."""
        asked = {
            "early_stopping": self.early_stopping,
            "warm_start": self.warm_start,
            "importance": self.importance == "attribution",
        }
        for name, is_asked in asked.items():
            if is_asked:
                raise InvalidParameterError(
                    f"{name}={getattr(self, name)!r} is not supported on Dask. Train "
                    f"on one machine, with {self._local.__name__}."
                )
        if hasattr(self.algorithm, "_validate_params"):
            self.algorithm._validate_params()

    def _check_rule(self, rule):
        if rule.sample_size is not None or rule.holds_weights:
            raise InvalidParameterError(
                f"evolution={self.evolution!r} is not supported on Dask: the rule "
                "looks at samples, or holds weights, and averages have neither."
            )

    def _unfitted(self):
        """The ordinary estimator with these parameters."""
        names = self._local._get_param_names()
        return self._local(**{name: getattr(self, name) for name in names})

    def to_local(self):
        """The ordinary estimator, fitted.

        Returns
        -------
        estimator : SETClassifier or SETRegressor
            It shares the network with this one.
        """
        self._fitted_layers()
        local = self._unfitted()
        vars(local).update(self._learned())
        return local

    def _learned(self):
        """What `fit` has set so far, without callbacks."""
        parameters = self.get_params(deep=False)
        names = [n for n in vars(self) if n not in parameters and "callback" not in n]
        return {name: getattr(self, name) for name in names}

    def _begin(self, client, blocks, summary, random_state):
        """A new network, before its first epoch."""
        n_features = len(summary.moments.means)
        self.n_features_in_ = n_features
        if summary.names is not None:
            self.feature_names_in_ = summary.names
        self._feature_ranges, self._attribution = summary.ranges, None
        values = self._see_targets(summary)
        self.n_outputs_, self.out_activation_ = self._output(values)
        sizes = self._sizes(n_features)
        self.n_layers_ = len(sizes)
        warn_of_size(summary.moments)
        few = None
        if self._looks_at_samples():
            few = delayed(_first_rows)(self._unfitted(), *blocks[0])
            few = client.compute(few).result()
        start = self._start(
            sizes, few, random_state, summary.moments.standard_deviation
        )
        self._set_network(self._new_network(sizes, start))
        self._check_rule(self._rule)
        self._see_location(summary)
        self.t_ = self.n_iter_ = 0
        self.loss_curve_ = []

    def _looks_at_samples(self):
        """Whether the topology begins with samples."""
        named = isinstance(self.topology, str)
        return hasattr(TOPOLOGIES[self.topology] if named else self.topology, "of_data")

    def _see_targets(self, summary):
        """Note what targets there are; return what `_output` asks for."""
        self._weighing = None, summary.weight / sum(summary.n_samples)
        return np.zeros((0, len(summary.location.centers)))

    def _see_location(self, summary):
        """Tell the network where the targets are."""

    def _train_epoch_on(self, cluster, evolution):
        """One pass over the samples; return the number of updates."""
        batch_size = self.batch_size
        if batch_size == "auto":
            batch_size = auto_batch_size(cluster.n_samples)
        algorithm = LocalSGD() if self.algorithm is None else self.algorithm
        rate = algorithm.rate(self._rate, self.solver, self.n_iter_, len(cluster.parts))
        parameters = self._training_parameters(int(batch_size))
        lesson = Lesson(
            parameters._replace(learning_rate=rate),
            evolution._replace(rule=None),
            self._seed,
            self.n_jobs,
            self.shuffle,
        )
        model = Model(self._network, self._rule)
        rewire_if_due(model, evolution, 0.0)
        model, rounds = self._train_on_what_is_left(cluster, algorithm, model, lesson)
        self._network, self._rule = copy.deepcopy(model)  # of one's own, to write to
        losses, numbers, updates = zip(*rounds)
        self.loss_ = float(np.average(losses, weights=numbers))
        self.n_iter_ += 1
        self.t_ += sum(numbers)
        self.loss_curve_.append(self.loss_)
        if not np.isfinite(self.loss_):
            self._raise_divergence()
        return sum(updates)

    def _train_on_what_is_left(self, cluster, algorithm, model, lesson):
        """Train for an epoch; begin it again if a worker was lost in between."""
        for _ in range(_TRIES):
            try:
                return algorithm.train_epoch(cluster, model, lesson)
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
            return "With a path in checkpoint, fit would go on from the last epoch."
        return (
            f"What was learned before is in {self.checkpoint}: another fit, of the "
            "same data on as many workers, goes on from there."
        )

    def _finish(self):
        super()._finish()
        self._network._batch = None  # nothing goes on from here

    def _check_finite(self, X):
        if not self._network.is_finite():
            self._raise_divergence()

    def _fingerprint(self, summary, cluster):
        """What two fits have in common if one can go on from the other."""
        parameters = self.get_params() | {"checkpoint": None}
        parts = [[block.number for block in part] for part in cluster.parts]
        targets = summary.classes, repr(summary.location), summary.weight
        totals = summary.moments.means.tobytes(), summary.n_samples, targets, parts
        return repr(sorted(parameters.items(), key=lambda item: item[0])), totals

    def _keep(self, fingerprint):
        """Write what has been learned so far to the file of `checkpoint`."""
        if self.checkpoint is None:
            return
        path = Path(self.checkpoint)
        unfinished = path.with_name(f"{path.name}.{os.getpid()}")
        unfinished.write_bytes(pickle.dumps((fingerprint, self._learned())))
        os.replace(unfinished, path)

    def _resume(self, fingerprint):
        """Take what the file of `checkpoint` has; return how many epochs are over."""
        if self.checkpoint is None or not Path(self.checkpoint).exists():
            return 0
        found, learned = pickle.loads(Path(self.checkpoint).read_bytes())
        if found != fingerprint:
            raise ValueError(
                f"checkpoint={str(self.checkpoint)!r} is of a fit with other "
                "parameters, other data or another number of workers. Remove it to "
                "begin anew."
            )
        vars(self).update(learned)
        return self.n_iter_

    def predict(self, X):
        """Predict block by block, when the result is computed.

        Parameters
        ----------
        X : dask.array.Array, dask.dataframe.DataFrame or what the ordinary estimator \
                takes
            The input data.

        Returns
        -------
        y : dask.array.Array, or an ndarray if X is no collection of Dask
            The predictions, of shape (n_samples,) or (n_samples, n_outputs).
        """
        if not is_dask_collection(X):
            return super().predict(X)
        wide = not is_classifier(self) and self.n_outputs_ > 1
        dtype = self.classes_.dtype if is_classifier(self) else np.float64
        return self._by_blocks("predict", X, (self.n_outputs_,) if wide else (), dtype)

    def _by_blocks(self, method, X, shape, dtype):
        local = delayed(self.to_local())
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

    def score(self, X, y, sample_weight=None):
        """Accuracy of predicted classes, or R² of predicted numbers.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`, or what the ordinary estimator takes.

        Returns
        -------
        score : float
        """
        if not is_dask_collection(X):
            return super().score(X, y, sample_weight)
        y, predictions, weights = compute(y, self.predict(X), sample_weight)
        score = accuracy_score if is_classifier(self) else r2_score
        return score(y, predictions, sample_weight=weights)


def _first_rows(estimator, X, y, sample_weight):
    return estimator._validate_X(X, reset=True)[:_N_ROWS]


class DaskSETClassifier(_OnDask, SETClassifier):
    """`SETClassifier` that trains on the workers of a Dask cluster.

    Parameters
    ----------
    hidden_layer_sizes, activation, ...
        Those of :class:`~sklearn_sparse_nn.SETClassifier`, with the same defaults. Not
        supported are early stopping, warm starts, ``importance="attribution"``,
        multilabel targets, and evolution rules that look at samples or hold weights
        (CTRE, SNFS, Top-KAST). Rules with an `interval` rewire at the first average
        after it; those that look at gradients see a mini-batch of the first part.
        `n_jobs` is the number of threads of each task.
    algorithm : LocalSGD or None, default=None
        How the workers learn together. If None, by `LocalSGD` with its defaults.
    checkpoint : str, Path or None, default=None
        A file to which the state of training is written after each epoch, by `pickle`.
        If it is there when `fit` begins, training goes on from it, and gives the same
        bits as if it had not been interrupted. It is removed at the end.

    Attributes
    ----------
    coefs_, classes_, ...
        Those of :class:`~sklearn_sparse_nn.SETClassifier`.

    See Also
    --------
    sklearn_sparse_nn.SETClassifier : The same on one machine.

    Notes
    -----
    Within an epoch, networks go from worker to worker. After each epoch, the network
    comes to the client once, for callbacks and the checkpoint.

    When a worker is lost, others compute its blocks and its tasks again, and the result
    is the same. Blocks that nobody can compute again are left out from then on, with a
    warning, and the epoch begins anew.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn.dask import DaskSETClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> X, y = da.from_array(X / 16, chunks=(500, -1)), da.from_array(y, chunks=500)
    >>> with Client(n_workers=2, processes=False, dashboard_address=None) as client:
    ...     clf = DaskSETClassifier((50,), max_iter=40, random_state=0).fit(X, y)
    ...     clf.score(X, y) > 0.9
    True
    >>> clf.to_local()
    SETClassifier(hidden_layer_sizes=(50,), max_iter=40, random_state=0)
    """

    _parameter_constraints: dict = {
        **SETClassifier._parameter_constraints,
        **_OnDask._parameter_constraints,
    }
    _local = SETClassifier
    __init__ = _init_with_parameters_of(SETClassifier)

    def _see_targets(self, summary):
        self._set_classes(np.array(sorted(summary.classes)), multilabel=False)
        factors = _data.class_weights(self.class_weight, summary)
        weight = summary.weight
        if factors is not None:
            sums = [summary.classes[name][1] for name in self.classes_.tolist()]
            weight = float(factors @ sums)
        self._weighing = factors, weight / sum(summary.n_samples)
        return None

    def predict_proba(self, X):
        """Estimate probabilities block by block, when the result is computed.

        Parameters
        ----------
        X : dask.array.Array, dask.dataframe.DataFrame or what the ordinary estimator \
                takes
            The input data.

        Returns
        -------
        y_prob : dask.array.Array, or an ndarray if X is no collection of Dask
            The probability of each class, of shape (n_samples, n_classes).
        """
        if not is_dask_collection(X):
            return super().predict_proba(X)
        is_single = getattr(X, "dtype", None) == np.float32
        dtype = np.float32 if is_single else np.float64
        return self._by_blocks("predict_proba", X, (len(self.classes_),), dtype)

    def partial_fit(self, X, y, sample_weight=None, classes=None):
        """Not supported: see `to_local`."""
        raise AttributeError("Call partial_fit of to_local().")


class DaskSETRegressor(_OnDask, SETRegressor):
    """`SETRegressor` that trains on the workers of a Dask cluster.

    Parameters
    ----------
    hidden_layer_sizes, loss, ...
        Those of :class:`~sklearn_sparse_nn.SETRegressor`; see `DaskSETClassifier` for
        what is not supported. Where targets are standardised by quantiles, these are
        averages over the blocks.
    algorithm : LocalSGD or None, default=None
        How the workers learn together. If None, by `LocalSGD` with its defaults.
    checkpoint : str, Path or None, default=None
        See `DaskSETClassifier`.

    Attributes
    ----------
    coefs_, y_center_, ...
        Those of :class:`~sklearn_sparse_nn.SETRegressor`.

    See Also
    --------
    sklearn_sparse_nn.SETRegressor : The same on one machine.
    DaskSETClassifier : The same for classes, with more to read.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from sklearn.datasets import make_regression
    >>> from sklearn_sparse_nn.dask import DaskSETRegressor
    >>> X, y = make_regression(600, 10, random_state=0)
    >>> X, y = da.from_array(X, chunks=(200, -1)), da.from_array(y, chunks=200)
    >>> with Client(n_workers=2, processes=False, dashboard_address=None) as client:
    ...     reg = DaskSETRegressor((50,), max_iter=50, random_state=0).fit(X, y)
    ...     reg.score(X, y) > 0.9
    True
    """

    _parameter_constraints: dict = {
        **SETRegressor._parameter_constraints,
        **_OnDask._parameter_constraints,
    }
    _local = SETRegressor
    __init__ = _init_with_parameters_of(SETRegressor)

    def _see_location(self, summary):
        network = self._network
        network.loss_parameter = self._loss_parameter()
        _, network.centers, network.spreads = summary.location
        network.n_targets = sum(summary.n_samples)
        self._check_centers()

    def partial_fit(self, X, y, sample_weight=None):
        """Not supported: see `to_local`."""
        raise AttributeError("Call partial_fit of to_local().")
