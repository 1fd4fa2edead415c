"""Sparse evolutionary training."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Literal

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from sklearn_sparse_nn.evolution.rule import EvolutionRule
from sklearn_sparse_nn.evolution.schedules import SCHEDULES, Schedule
from sklearn_sparse_nn.evolution.scores import ScoreRule
from sklearn_sparse_nn.topology.sampling import sorted_sample

if TYPE_CHECKING:
    from sklearn_sparse_nn._types import Bools, Cells, Float32s, ScheduleLike
    from sklearn_sparse_nn.evolution.layer import EvolvingLayer, TrainingClock

# Weights that are looked at together: fresh memory for all would cost more time.
_BLOCK = 2**17


class SET(ScoreRule):
    """Sparse evolutionary training (SET).

    The fraction `zeta` of the connections of a layer goes, and as many begin at random
    empty places, so that the number of connections of a layer never changes [1]_. A
    fully connected layer has no empty place and stays as it is.

    Connections whose weight is exactly zero go first: they have not learned anything.
    What is left of the fraction is taken from the positive weights nearest to zero and
    from the negative ones nearest to zero, as large a share of the ones as of the
    others. Without weights of zero this is the rule of the paper.

    In a perceptron, the gradient of a connection from a feature that is always zero, or
    to a neuron that is never active, is zero. Once grown at zero, such a connection
    stays there, is pruned first and drawn anew, and so moves to where it can learn.

    Parameters
    ----------
    min_updates : int, default=10
        Weight updates between two rewirings, at least. Rewiring happens before an
        epoch, or a call to `partial_fit`, once that many updates have passed since the
        last: new connections get time to grow away from zero, however few mini-batches
        an epoch has.
    grown_weights : {'zero', 'random'}, default='zero'
        Weights of new connections. From zero, a new connection leaves what the network
        computes as it is and finds its sign by its first gradient; over the data sets
        of the benchmarks this is better than the random weights of the paper, which
        disturb a trained network at each rewiring.
    interval : int or None, default=None
        If given, rewiring happens each time that so many weight updates are over, in
        the middle of an epoch too, and `min_updates` does not matter. Give it where
        there are few epochs of many updates.
    schedule : {'constant', 'linear', 'cosine', 'cubic', 'sigmoid'} or Schedule, \
            default='constant'
        By what `zeta` is multiplied as training goes on: ``Cosine(end=0.75)`` lets it
        fall to zero by three quarters of `max_iter`.
    output_layer : bool, default=True
        Whether the connections of the output layer change, too. A network of one layer
        evolves in any case.

    References
    ----------
    .. [1] Mocanu et al., "Scalable training of artificial neural networks with adaptive
       sparse connectivity inspired by network science", Nature Communications 9, 2018.
       :arxiv:`1707.04780`.

    Examples
    --------
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.evolution import SET
    >>> clf = SETClassifier(evolution=SET(min_updates=100))
    >>> clf.set_params(evolution__grown_weights="random").evolution
    SET(grown_weights='random', min_updates=100)
    """

    _parameter_constraints: dict = {
        "min_updates": [Interval(Integral, 0, None, closed="left")],
        "interval": [Interval(Integral, 1, None, closed="left"), None],
        "grown_weights": [StrOptions({"zero", "random"})],
        "schedule": [StrOptions(set(SCHEDULES)), Schedule],
    }

    uses_gradient = False

    def __init__(
        self,
        min_updates: int = 10,
        grown_weights: Literal["zero", "random"] = "zero",
        interval: int | None = None,
        schedule: ScheduleLike = "constant",
        output_layer: bool = True,
    ) -> None:
        self.min_updates = min_updates
        self.grown_weights = grown_weights
        self.interval = interval
        self.schedule = schedule
        self.output_layer = output_layer

    def is_due(self, clock: TrainingClock) -> bool:
        """Whether enough updates have passed."""
        enough = clock.updates_since_rewiring >= self.min_updates
        return enough or self.interval is not None

    def prune(self, layer: EvolvingLayer) -> Bools:
        """Remove weights of zero, then those nearest to it, from either side."""
        weights, budget = layer.weights, layer.n_to_prune
        pruned = np.zeros(len(weights), dtype=bool)
        n_live = int(np.count_nonzero(weights))
        n_zeros = min(budget, len(weights) - n_live)
        _prune_side(weights, np.equal, n_zeros, layer.rng, pruned)
        for side in (np.greater, np.less):
            n_side = np.count_nonzero(side(weights, 0))
            share = (budget - n_zeros) * n_side // max(n_live, 1)
            _prune_side(weights, side, share, layer.rng, pruned)
        return pruned

    def new_weights(self, layer: EvolvingLayer, cells: Cells) -> Float32s:
        """Start new connections at zero, or like those of a new network."""
        if self.grown_weights == "zero":
            return super().new_weights(layer, cells)
        return EvolutionRule.new_weights(self, layer, cells)


def _prune_side(weights, side, n_pruned, rng, pruned):
    """Mark those nearest to zero of the weights ``side(weights, 0)``."""
    if not n_pruned:
        return
    starts = range(0, len(weights), _BLOCK)
    blocks = [slice(start, start + _BLOCK) for start in starts]
    # What is left of it is never touched, and takes no memory.
    magnitudes, n_found = np.empty_like(weights), 0
    for b in blocks:
        found = np.compress(side(weights[b], 0), weights[b])
        np.abs(found, out=magnitudes[n_found : n_found + len(found)])
        n_found += len(found)
    magnitudes = magnitudes[:n_found]
    # Selection in linear time; partial sorting would not be.
    magnitudes.partition(n_pruned - 1)
    threshold = magnitudes[n_pruned - 1]
    n_ties = np.count_nonzero(magnitudes == threshold)
    n_nearer = np.count_nonzero(magnitudes < threshold)
    # The first of equal weights would be those of the first neurons.
    goes = np.zeros(n_ties, dtype=bool)
    goes[sorted_sample(n_ties, n_pruned - n_nearer, rng)] = True
    for b in blocks:
        block = np.abs(weights[b])
        here = side(weights[b], 0)
        pruned[b] |= here & (block < threshold)
        ties = np.flatnonzero(here & (block == threshold))
        pruned[b][ties] = goes[: len(ties)]
        goes = goes[len(ties) :]
