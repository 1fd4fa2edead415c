"""Sparse evolutionary training."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sklearn_sparse_nn.topology.evolution import EvolutionRule


@dataclass
class SET(EvolutionRule):
    """Sparse evolutionary training (SET) [1]_.

    Of the positive weights, the fraction `zeta` nearest to zero goes, and likewise of
    the negative ones. As many connections begin at random empty places, so that the
    number of connections of a layer never changes. A fully connected layer has no empty
    place and stays as it is.

    Parameters
    ----------
    min_updates : int, default=10
        Weight updates between two rewirings, at least. Rewiring happens at the end of
        an epoch, or of a call to `partial_fit`, once that many updates have passed
        since the last: new connections get time to grow away from zero, however few
        mini-batches an epoch has.
    grown_weights : {'zero', 'random'}, default='zero'
        Weights of new connections. From zero, a new connection leaves what the network
        computes as it is and finds its sign by its first gradient; over the data sets
        of the benchmarks this is better than the random weights of the paper, which
        disturb a trained network at each rewiring.

    References
    ----------
    .. [1] Mocanu et al., "Scalable training of artificial neural networks with adaptive
       sparse connectivity inspired by network science", Nature Communications 9, 2018.
       arXiv:1707.04780.

    Examples
    --------
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.topology import SET
    >>> clf = SETClassifier(evolution=SET(min_updates=100))
    """

    min_updates: int = 10
    grown_weights: Literal["zero", "random"] = "zero"

    def is_due(self, clock):
        """Whether enough updates have passed; not after the last epoch."""
        return (
            clock.updates_since_rewiring >= self.min_updates
            and clock.epoch != clock.max_epochs
        )

    def prune(self, layer):
        """Remove the weights nearest to zero, from either side.

        Weights that are still exactly zero, as those of a feature that is always zero,
        are a third side: they would shield the positive or the negative ones.
        """
        pruned = np.zeros(layer.n_connections, dtype=bool)
        share = min(layer.zeta, layer.n_empty_cells / max(layer.n_connections, 1))
        magnitudes = np.abs(layer.weights)
        for side in (layer.weights > 0, layer.weights < 0, layer.weights == 0):
            n_pruned = int(share * np.count_nonzero(side))
            if n_pruned:
                pruned |= _smallest(magnitudes, side, n_pruned)
        return pruned

    def grow(self, layer, n_pruned):
        """Connect random pairs of neurons that are not connected."""
        return layer.sample_empty_cells(n_pruned)

    def new_weights(self, layer, cells):
        """Start new connections at zero, or like those of a new network."""
        if self.grown_weights == "random":
            return super().new_weights(layer, cells)
        return np.zeros(len(cells), dtype=np.float32)


def _smallest(values, among, n):
    """Mark the `n` smallest of some values; of equal ones, the first."""
    # Selection in linear time. NumPy's partition is vectorised, its argpartition not.
    threshold = np.partition(values[among], n - 1)[n - 1]
    smaller = among & (values < threshold)
    equal = np.flatnonzero(among & (values == threshold))
    smaller[equal[: n - np.count_nonzero(smaller)]] = True
    return smaller
