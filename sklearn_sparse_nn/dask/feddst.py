"""FedDST: clients that keep their samples, each with connections of its own."""

from __future__ import annotations

import copy
from numbers import Integral, Real
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, InvalidParameterError

from sklearn_sparse_nn.dask._pieces import Place
from sklearn_sparse_nn.dask._tasks import (
    Model,
    Piece,
    begin_apart,
    figures_of,
    learn,
    pooled,
    seed_of,
    size_of,
)
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.estimators._parallel import n_threads
from sklearn_sparse_nn.networks.averaging import (
    mean_counts,
    union_mean,
    weighted_sum,
    with_layers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distributed import Future

    from sklearn_sparse_nn.dask._cluster import Cluster, Held
    from sklearn_sparse_nn.dask._tasks import Figures, Lesson


class FedDST(BaseEstimator):
    """Federated dynamic sparse training: FedDST.

    Each block of the data is a client [1]_. Its samples are read on the worker that has
    them, and nowhere else. In a round some of the clients train the network for
    `local_epochs` epochs, each for itself, with the optimiser as at the start, and the
    server takes the mean, by their numbers of samples. Each `interval` rounds the
    clients rewire the network while they train, as the evolution rule makes of what
    each of them sees: the mean of a weight is then over the clients that have the
    connection, and the smallest magnitudes are pruned, so that there are as many
    connections as before.

    A round takes the place of an epoch: `max_iter` is the number of rounds. In [1]_ the
    rule is RigL, with magnitudes out and gradients in: ``evolution="rigl"``.

    The same data in the same blocks give the same network to the bit, whichever of the
    clients is first.

    Parameters
    ----------
    participation : float, default=1.0
        Share of the clients that take part in a round, in the range (0, 1], at least
        one client, drawn anew in each round.
    local_epochs : int, default=10
        Epochs of a client in a round.
    interval : int or None, default=10
        Rounds from one in which the clients rewire to the next. If None, they do not.
    rewiring_share : float, default=0.5
        Share of `max_iter` in which they rewire, in the range [0, 1].
    rewiring_epoch : int or None, default=None
        After which of its epochs a client rewires. What begins with a weight of 0 has
        to be trained before the mean, or the server prunes it again. If None, after
        half of `local_epochs`.

    Notes
    -----
    What a client tells besides its network are the number of its samples, the loss,
    and, before training, the mean, the variance, the least and the greatest value of
    each feature, and the classes with their numbers. This alone does not make training
    private: a network may tell of samples. The `interval` of the evolution rule is not
    heeded.

    References
    ----------
    .. [1] Bibikar, Vikalo, Wang and Chen, "Federated dynamic sparse training: computing
       less, communicating less, yet learning better", AAAI 2022. :arxiv:`2112.09824`

    Examples
    --------
    >>> from sklearn_sparse_nn.dask import DaskSETClassifier, FedDST
    >>> DaskSETClassifier((100,), algorithm=FedDST(participation=0.1))
    DaskSETClassifier(algorithm=FedDST(participation=0.1), hidden_layer_sizes=(100,))
    """

    _parameter_constraints: dict = {
        "participation": [Interval(Real, 0, 1, closed="right")],
        "local_epochs": [Interval(Integral, 1, None, closed="left")],
        "interval": [Interval(Integral, 1, None, closed="left"), None],
        "rewiring_share": [Interval(Real, 0, 1, closed="both")],
        "rewiring_epoch": [Interval(Integral, 1, None, closed="left"), None],
    }

    keeps_blocks_apart = True

    def __init__(
        self,
        participation: float = 1.0,
        local_epochs: int = 10,
        interval: int | None = 10,
        rewiring_share: float = 0.5,
        rewiring_epoch: int | None = None,
    ) -> None:
        self.participation = participation
        self.local_epochs = local_epochs
        self.interval = interval
        self.rewiring_share = rewiring_share
        self.rewiring_epoch = rewiring_epoch

    def check(self, estimator: BaseEstimator) -> None:
        """Raise an InvalidParameterError if it cannot train such an estimator."""
        if estimator._looks_at_samples():
            raise InvalidParameterError(
                "FedDST does not send samples, and what begins the network, or measures"
                " importances, looks at samples: choose another topology or importance."
            )

    def train_epoch(
        self,
        cluster: Cluster,
        held: list[Held | None],
        lesson: Lesson,
        place: Place | None,
        interval: int,
    ) -> Iterator[tuple[list[Held | None], Place, list[Figures]]]:
        """Train for one round, which is not cut.

        Parameters
        ----------
        cluster : Cluster
        held : list of Held
            The model.
        lesson : Lesson
        place, interval
            Ignored.

        Yields
        ------
        held : list of Held
        place : Place
        figures : list of Figures
        """
        model, rewires = cluster.one_of(held[0]), self._rewires(lesson.evolution)
        rewired_after = self._rewired_after() if rewires else None
        results = {}
        chosen = self._chosen(cluster.parts, lesson)
        task = model, lesson, self.local_epochs, rewired_after
        for parts in cluster.turns(chosen):
            for part in parts:
                results[part] = _submit_client(cluster, part, *task)
            if not cluster.blocks_stay:
                cluster.wait_for([results[part] for part in parts])
        in_order = [results[part] for part in chosen]
        model = cluster.submit(_aggregate, model, in_order, rewires)
        seen = cluster.submit(figures_of, model)
        yield [cluster.hold(model)], Place(len(results), []), cluster.gather([seen])

    def finish(self, cluster: Cluster, held: list[Held | None]) -> Future:
        """The model of now: a future."""
        return cluster.submit(_ready, cluster.one_of(held[0]))

    def _rewires(self, evolution):
        """Whether clients rewire in this round."""
        if self.interval is None or (evolution.epoch + 1) % self.interval:
            return False
        return evolution.epoch < self.rewiring_share * evolution.max_epochs

    def _rewired_after(self):
        """After which of its epochs a client rewires."""
        if self.rewiring_epoch is None:
            return (self.local_epochs + 1) // 2
        return min(self.rewiring_epoch, self.local_epochs)

    def _chosen(self, parts, lesson):
        """The clients that take part in this round."""
        there = [number for number, blocks in enumerate(parts) if blocks]
        n = max(1, round(self.participation * len(there)))
        rng = np.random.default_rng([lesson.seed, lesson.evolution.epoch])
        return sorted(rng.choice(there, n, replace=False).tolist())


def _submit_client(cluster, part, model, *how):
    """Have a client train: a future. Nothing else holds on to its samples."""
    [block] = cluster.parts[part]
    piece = Piece(part, block.number, 0, block.n_samples)
    samples = cluster.samples(piece)
    return cluster.submit_near(part, _train_here, model, samples, piece, *how)


def _train_here(model, samples, piece, lesson, n_epochs, rewired_after):
    """Train a copy of a network at a client: its weights, and its connections."""
    evolution = lesson.evolution
    network, rule, _ = model = begin_apart(model, piece.part, evolution.epoch)
    network.reset_optimiser(lesson.parameters.solver)
    figures = []
    for epoch in range(n_epochs):
        seed = seed_of(lesson.seed, epoch)
        figures.append(learn(model, samples, piece, lesson._replace(seed=seed)))
        clock = evolution.clock(0.0, network)
        if epoch + 1 == rewired_after and rule.is_due(clock):
            with ThreadTeam(n_threads(lesson.n_jobs)) as team:
                network.evolve(rule, evolution.zeta, clock, team)
    n_updates = sum(each.n_updates for each in figures)
    figures = pooled(figures)._replace(n_updates=n_updates)
    _strip(network)
    return Model(network, rule, figures._replace(n_bytes=size_of(network)))


def _strip(network):
    """Leave out what begins anew at each client."""
    network.state = network._batch = None
    network.free_buffers()


def _aggregate(model, results, rewires):
    """The network of the server, of those of the clients."""
    figures = pooled([each.figures for each in results])
    shares = [each.figures.n_samples / figures.n_samples for each in results]
    networks = [each.network for each in results]
    network, rule, _ = copy.deepcopy(model)
    if rewires:
        n_kept = mean_counts(networks)
        layers = union_mean(networks, shares, n_kept, absent_count=False)
        network = with_layers(network, layers)
        network.rewired_at, rule = networks[0].rewired_at, results[0].rule
        network.updates_since_rewiring = 0
    else:
        parts = [[each.layers.weights, each.layers.intercepts] for each in networks]
        network.layers.weights[:], network.layers.intercepts[:] = weighted_sum(
            parts, shares
        )
        network.updates_since_rewiring += figures.n_updates
    _strip(network)
    network.n_updates += figures.n_updates
    n_bytes = figures.n_bytes + len(results) * size_of(network)
    return Model(network, rule, figures._replace(n_bytes=n_bytes))


def _ready(model):
    """A model that can go on by itself."""
    network, rule, _ = copy.deepcopy(model)
    network.reset_optimiser(network.solver)
    return Model(network, rule)
