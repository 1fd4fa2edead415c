"""Synchronous local SGD: all parts learn, then their networks are averaged."""

from __future__ import annotations

import copy
from numbers import Integral
from typing import TYPE_CHECKING, NamedTuple

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.dask._pieces import Place
from sklearn_sparse_nn.dask._rates import ScaledRateMixin
from sklearn_sparse_nn.dask._tasks import (
    Figures,
    Model,
    begin,
    figures_of,
    learn,
    pooled,
    rewire_if_due,
    rewired,
    size_of,
)
from sklearn_sparse_nn.networks.averaging import learned, set_learned, weighted_sum

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Future

    from sklearn_sparse_nn._types import Auto
    from sklearn_sparse_nn.dask._cluster import Cluster, Held
    from sklearn_sparse_nn.dask._tasks import Lesson


class LocalSGD(ScaledRateMixin, BaseEstimator):
    """Synchronous local SGD: all parts learn, then their networks are averaged.

    There is a part of the data for each worker [1]_. In a round, each worker trains its
    copy of the network on its part, for `n_updates` weight updates. Then the weights,
    the biases and the state of the optimiser are averaged, each part in proportion to
    its samples, and the evolution rule rewires the network that has come of it, if that
    is due. So all workers have the same connections, and of these no zeros are sent.

    The same data in the same blocks, on as many workers, give the same network to the
    bit, whichever of them is first.

    Parameters
    ----------
    n_updates : int, default=50
        Weight updates of each part in a round. 1 averages after each mini-batch, which
        is the same as to average gradients if the solver is SGD.
    learning_rate_factor : float or 'auto', default='auto'
        What the learning rate is multiplied by: an average over many parts makes steps
        that are less noisy, but fewer. 'auto' is the number of parts with SGD, as in
        [2]_, and its square root with Adam.
    warm_up : int, default=5
        Epochs in which the factor grows from 1 to `learning_rate_factor`.

    References
    ----------
    .. [1] Stich, "Local SGD converges fast and communicates little", ICLR 2019.
       :arxiv:`1805.09767`

    .. [2] Goyal et al., "Accurate, large minibatch SGD: training ImageNet in 1 hour",
       2017. :arxiv:`1706.02677`

    Examples
    --------
    >>> from sklearn_sparse_nn.dask import DaskSETClassifier, LocalSGD
    >>> DaskSETClassifier((100,), algorithm=LocalSGD(n_updates=20))
    DaskSETClassifier(algorithm=LocalSGD(n_updates=20), hidden_layer_sizes=(100,))
    """

    _parameter_constraints: dict = {
        "n_updates": [Interval(Integral, 1, None, closed="left")],
        **ScaledRateMixin._rate_constraints,
    }

    # Whether each block is a part of its own, which never leaves its worker.
    keeps_blocks_apart = False

    def __init__(
        self,
        n_updates: int = 50,
        learning_rate_factor: float | Auto = "auto",
        warm_up: int = 5,
    ) -> None:
        self.n_updates = n_updates
        self.learning_rate_factor = learning_rate_factor
        self.warm_up = warm_up

    def check(self, estimator: BaseEstimator) -> None:
        """Raise an InvalidParameterError if it cannot train such an estimator."""

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
            The model.
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
        current = cluster.one_of(held[0])
        if place is None:
            place = Place.first(cluster.parts, self.n_updates, lesson)
            current = cluster.submit(rewired, current, lesson.evolution, 0.0)
        place, lesson = place.among(cluster.parts), self._with_rate(lesson, cluster)
        n_pieces = place.n_pieces
        while place.left:
            seen = []
            for pieces in place.left[:interval]:
                place = place.after_round()
                together = self._train_parts(cluster, current, pieces, lesson)
                task = current, together, lesson, place.n_over / n_pieces
                current = cluster.submit(_go_on, *task)
                seen.append(cluster.submit(figures_of, current))
                if not cluster.blocks_stay:  # else all would be computed at once
                    cluster.wait_for(together)
            held = [cluster.hold(current)]
            current = cluster.one_of(held[0])
            yield held, place, cluster.gather(seen)

    def _train_parts(self, cluster, current, pieces, lesson):
        """What the parts learn in a round: the mean, a future."""
        results = [
            cluster.submit_near(
                piece.part,
                _train,
                current,
                cluster.samples(piece),
                piece,
                lesson,
                piece is pieces[0],
            )
            for piece in pieces
        ]
        return cluster.reduce(_mean, results)

    def finish(self, cluster: Cluster, held: list[Held | None]) -> Future:
        """The model of now: a future."""
        return cluster.one_of(held[0])


class Learned(NamedTuple):
    """What a part, or several together, have learned in a round, and from how much.

    Attributes
    ----------
    arrays : list of ndarray
        What training changes: the mean over the parts.
    figures : Figures
    batch : tuple or None
        The last mini-batch of the first part that took part.
    n_parts : int
    """

    arrays: list
    figures: Figures
    batch: tuple | None
    n_parts: int = 1


def _train(model, samples, piece, lesson, keeps_batch):
    """Train a copy of a network on some samples of a block: what it has learned.

    With `keeps_batch`, a rule that looks at gradients sees the last mini-batch.
    """
    network, rule, _ = model = begin(model, piece.part)
    figures = learn(model, samples, piece, lesson)
    batch = network.last_batch() if keeps_batch and rule.uses_gradient else None
    arrays = learned(network)
    n_bytes = sum(array.nbytes for array in arrays)
    return Learned(arrays, figures._replace(n_bytes=n_bytes), batch)


def _mean(parts):
    """The mean of what parts have learned, by their samples and in their order."""
    figures = pooled([part.figures for part in parts])
    shares = [part.figures.n_samples / figures.n_samples for part in parts]
    arrays = weighted_sum([part.arrays for part in parts], shares)
    n_parts = sum(part.n_parts for part in parts)
    return Learned(arrays, figures, parts[0].batch, n_parts)


def _go_on(model, together, lesson, share):
    """The network of the average, rewired if that is due.

    Parameters
    ----------
    model : Model
        The network with which the parts began.
    together : Learned
        By all parts.
    lesson : Lesson
    share : float
        At which share of the epoch this is. At its end, nothing is rewired.

    Returns
    -------
    model : Model
    """
    network, rule, _ = copy.deepcopy(model)
    set_learned(network, together.arrays)
    figures = together.figures
    network.n_updates += figures.n_updates
    network.updates_since_rewiring += figures.n_updates
    network._batch = together.batch
    if share < 1:
        rewire_if_due(Model(network, rule), lesson.evolution, share)
    # The parts have sent what they learned; they get the network.
    n_bytes = figures.n_bytes + together.n_parts * size_of(network)
    return Model(network, rule, figures._replace(n_bytes=n_bytes))
