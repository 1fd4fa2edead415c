"""WASAP-SGD: asynchronous workers on one topology, then each on its own."""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, InvalidParameterError

from sklearn_sparse_nn.dask._pieces import Place, in_rounds
from sklearn_sparse_nn.dask._rates import ScaledRateMixin
from sklearn_sparse_nn.dask._tasks import (
    Figures,
    Model,
    begin,
    begin_apart,
    figures_of,
    learn,
    rewire_if_due,
    rewired,
    size_of,
)
from sklearn_sparse_nn.networks.averaging import (
    cells_of,
    mean_counts,
    shared_cells,
    union_mean,
    with_layers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Future

    from sklearn_sparse_nn._types import Auto
    from sklearn_sparse_nn.dask._cluster import Cluster, Held
    from sklearn_sparse_nn.dask._tasks import Lesson


class WASAPSGD(ScaledRateMixin, BaseEstimator):
    """Asynchronous, then apart: WASAP-SGD. For ``solver="sgd"``.

    There is a part of the data for each worker [1]_. In the first phase no worker waits
    for another: it takes the network of now, makes `n_updates` weight updates on its
    part, and what it has learned, divided by the number of parts, is added to whatever
    the network is by then. Connections that evolution has removed meanwhile are left
    out of it (RetainValidUpdates). The momentum is the network's: to add is to make the
    same updates there.

    In the last `local_fraction` of the epochs each worker trains alone a network of its
    own, whose connections evolve. At the end, the networks are averaged on the union of
    their connections, where one that a network has not got counts as 0; of the smallest
    weights of each sign, as many are pruned as there are more than before.

    Who is first decides what is added first: no two fits are the same to the bit.

    Parameters
    ----------
    n_updates : int, default=50
        Weight updates of a worker before it asks for the network of now. In [1]_ it is
        1: each gradient is sent, and added as it is, which is the same. Several steps
        in the same directions would lead too far if they were not divided.
    learning_rate_factor : float or 'auto', default='auto'
        What the learning rate of the first phase is multiplied by, for what is learned
        is divided. 'auto' is the number of parts.
    warm_up : int, default=5
        Epochs in which the factor grows from 1 to `learning_rate_factor`.
    local_fraction : float, default=0.3
        Share of `max_iter` in which each worker trains alone, in the range [0, 1].

    Notes
    -----
    If training has converged by `tol` before `max_iter`, it ends in the phase where it
    is: pass ``tol=0`` and ``n_iter_no_change=max_iter`` to have both phases.

    References
    ----------
    .. [1] Curci, Mocanu and Pechenizkiy, "Truly sparse neural networks at scale",
       2021. :arxiv:`2102.01732`

    Examples
    --------
    >>> from sklearn_sparse_nn.dask import DaskSETClassifier, WASAPSGD
    >>> DaskSETClassifier((100,), solver="sgd", algorithm=WASAPSGD())
    DaskSETClassifier(algorithm=WASAPSGD(), hidden_layer_sizes=(100,), solver='sgd')
    """

    _parameter_constraints: dict = {
        "n_updates": [Interval(Integral, 1, None, closed="left")],
        "local_fraction": [Interval(Real, 0, 1, closed="both")],
        **ScaledRateMixin._rate_constraints,
    }

    keeps_blocks_apart = False

    def __init__(
        self,
        n_updates: int = 50,
        local_fraction: float = 0.3,
        learning_rate_factor: float | Auto = "auto",
        warm_up: int = 5,
    ) -> None:
        self.n_updates = n_updates
        self.local_fraction = local_fraction
        self.learning_rate_factor = learning_rate_factor
        self.warm_up = warm_up

    def check(self, estimator: BaseEstimator) -> None:
        """Raise an InvalidParameterError if it cannot train such an estimator."""
        if estimator.solver != "sgd":
            raise InvalidParameterError(
                "WASAPSGD is stochastic gradient descent: pass solver='sgd' in place "
                f"of {estimator.solver!r}."
            )

    def train_epoch(
        self,
        cluster: Cluster,
        held: list[Held | None],
        lesson: Lesson,
        place: Place | None,
        interval: int,
    ) -> Iterator[tuple[list[Held | None], Place, list[Figures]]]:
        """Train on each sample once.

        Parameters
        ----------
        cluster : Cluster
        held : list of Held
            The model, or one for each part that has trained alone.
        lesson : Lesson
        place : Place or None
            From where to go on in this epoch. If None, from its begin.
        interval : int
            Rounds after which to have the network held.

        Yields
        ------
        held : list of Held
        place : Place
        figures : list of Figures
            Of the rounds since the last time.
        """
        together = lesson.evolution.epoch < self._n_together(lesson.evolution)
        train = self._train_together if together else self._train_alone
        yield from train(cluster, held, lesson, place, interval)

    def _n_together(self, evolution):
        """Number of epochs of the first phase."""
        return round((1 - self.local_fraction) * evolution.max_epochs)

    def _train_together(self, cluster, held, lesson, place, interval):
        """What a part has learned is added as soon as it is there."""
        current, begins = cluster.one_of(held[0]), place is None
        if begins:
            place = Place.first(cluster.parts, self.n_updates, lesson)
        place, lesson = place.among(cluster.parts), self._with_rate(lesson, cluster)
        n_over, n_pieces = place.n_over, place.n_pieces
        waiting, under_way, seen = place.queues(), {}, []
        first = min(waiting, default=None)

        def ask(part):
            piece = waiting[part].pop(0)
            task = current, cluster.samples(piece), piece, lesson, part == first
            under_way[cluster.submit_near(part, _contribute, *task)] = piece

        n_in_turn = interval * len(waiting)
        for part in waiting:
            ask(part)
        if begins:  # what evolution removes now, the first pieces still have
            current = cluster.submit(rewired, current, lesson.evolution, 0.0)
        while under_way:
            for future in cluster.first_of(list(under_way)):
                part = under_way.pop(future).part
                # Where the part is, whose worker has just nothing else to do.
                task = current, future, lesson, n_over / n_pieces, cluster.n_parts
                current = cluster.submit_near(part, _add, *task)
                seen.append(cluster.submit(figures_of, current))
                if waiting[part]:
                    ask(part)
                n_over += 1
            if len(seen) >= n_in_turn or not under_way:
                held = [cluster.hold(current)]
                current = cluster.one_of(held[0])
                place = Place(n_over, _left(waiting, under_way))
                yield held, place, cluster.gather(seen)
                seen = []

    def _train_alone(self, cluster, held, lesson, place, interval):
        """Each part trains a network of its own."""
        models = self._models(cluster, held, lesson, place is None)
        if place is None:
            place = Place.first(cluster.parts, None, lesson)
        place = place.among(cluster.parts)
        n_left = {part: _size(left) for part, left in place.queues().items()}
        while place.left:
            seen = []
            for pieces in place.left[:interval]:
                for piece in pieces:
                    part, n = piece.part, _size(cluster.parts[piece.part])
                    evolution = lesson.evolution._replace(
                        start=1 - n_left[part] / n, size=_size([piece]) / n
                    )
                    n_left[part] -= _size([piece])
                    task = cluster.samples(piece), piece, lesson, evolution
                    models[part] = cluster.submit_near(
                        part, _train_on, models[part], *task
                    )
                    seen.append(cluster.submit(figures_of, models[part]))
                if not cluster.blocks_stay:
                    cluster.wait_for([models[piece.part] for piece in pieces])
                place = place.after_round()
            held = [
                model and cluster.hold(model, part) for part, model in enumerate(models)
            ]
            models = [each and cluster.one_of(each) for each in held]
            yield held, place, cluster.gather(seen)

    def _models(self, cluster, held, lesson, epoch_begins):
        """For each part that has samples, the network that it trains; else None."""
        epoch = lesson.evolution.epoch
        begins = epoch_begins and epoch == self._n_together(lesson.evolution)
        models = [None] * len(cluster.parts)
        for part, blocks in enumerate(cluster.parts):
            if blocks:
                models[part] = cluster.one_of(held[0 if begins else part])
                if begins:
                    task = begin_apart, models[part], part
                    models[part] = cluster.submit_near(part, *task)
        return models

    def finish(self, cluster: Cluster, held: list[Held | None]) -> Future:
        """The model of now, the average if there are several: a future."""
        if len(held) == 1:
            return cluster.one_of(held[0])
        models, sizes = [], []
        for each, blocks in zip(held, cluster.parts, strict=True):
            if each is not None and blocks:
                models.append(cluster.one_of(each))
                sizes.append(_size(blocks))
        return cluster.submit(_average, models, sizes)


class Contribution(NamedTuple):
    """What a worker has learned, without what the momentum of before does by itself.

    Attributes
    ----------
    cells : ndarray of uint64
        Of the connections that it had: see `networks.averaging`.
    steps, velocities : list of ndarray of float32
        By how much the weights and the biases have changed, and their velocities.
    figures : Figures
    batch : tuple or None
        The last mini-batch, for a rule that looks at gradients.
    """

    cells: np.ndarray
    steps: list
    velocities: list
    figures: Figures
    batch: tuple | None


def _left(waiting, under_way):
    """The rounds that are left, of which what is under way is the first."""
    queues = {part: list(pieces) for part, pieces in waiting.items()}
    for piece in under_way.values():
        queues[piece.part].insert(0, piece)
    return in_rounds(queues.values())


def _size(blocks):
    """Number of samples of blocks, or of pieces."""
    return sum(block.n_samples for block in blocks)


def _moving(network):
    """Weights and biases, and their velocities."""
    layers, state = network.layers, network.state
    return [
        (layers.weights, state.first),
        (layers.intercepts, state.intercepts_first),
    ]


def _momentum(parameters, n_updates):
    """How far a velocity leads in some updates by itself, and what is left of it."""
    powers = float(parameters.momentum) ** np.arange(1, n_updates + 1)
    left = powers[-1]
    if parameters.nesterovs_momentum:
        powers = powers * parameters.momentum
    return np.float32(powers.sum()), np.float32(left)


def _contribute(model, samples, piece, lesson, keeps_batch):
    """Train a copy of a network: what it has learned.

    With `keeps_batch`, a rule that looks at gradients sees the last mini-batch.
    """
    before = _moving(model.network)
    network, rule, _ = model = begin(model, piece.part)
    figures = learn(model, samples, piece, lesson)
    far, left = _momentum(lesson.parameters, figures.n_updates)
    steps, velocities = [], []
    for (old, v_old), (new, v_new) in zip(before, _moving(network), strict=True):
        steps.append(new - old - far * v_old)
        velocities.append(v_new - left * v_old)
    cells = cells_of(network.layers)
    sent = [cells, *steps, *velocities]
    figures = figures._replace(n_bytes=sum(array.nbytes for array in sent))
    batch = network.last_batch() if keeps_batch and rule.uses_gradient else None
    return Contribution(cells, steps, velocities, figures, batch)


def _add(model, contribution, lesson, share, n_parts):
    """Make the updates that one of some parts has made on a network of before."""
    network, rule, _ = copy.deepcopy(model)
    figures = contribution.figures
    far, left = _momentum(lesson.parameters, figures.n_updates)
    theirs, mine = shared_cells(contribution.cells, cells_of(network.layers))
    places = (theirs, mine), (slice(None), slice(None))
    gains = zip(contribution.steps, contribution.velocities, strict=True)
    for moving, gain, (there, here) in zip(_moving(network), gains, places):
        numbers, velocities = moving
        numbers += far * velocities
        numbers[here] += gain[0][there] / np.float32(n_parts)
        velocities *= left
        velocities[here] += gain[1][there] / np.float32(n_parts)
    network.n_updates += figures.n_updates
    network.updates_since_rewiring += figures.n_updates
    if contribution.batch is not None:
        network._batch = contribution.batch
    rewire_if_due(Model(network, rule), lesson.evolution, share)
    # The worker gets the network.
    n_bytes = figures.n_bytes + size_of(network)
    return Model(network, rule, figures._replace(n_bytes=n_bytes))


def _train_on(model, samples, piece, lesson, evolution):
    """Train a network alone, on a block."""
    network, rule, _ = model = copy.deepcopy(model)
    figures = learn(model, samples, piece, lesson, evolution)
    return Model(network, rule, figures)


def _average(models, sizes):
    """One network of those that have trained alone."""
    networks = [model.network for model in models]
    shares = np.asarray(sizes) / sum(sizes)
    layers = union_mean(networks, shares, mean_counts(networks))
    return Model(with_layers(networks[0], layers), models[0].rule)
