"""Sparse evolutionary training."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from sklearn_sparse_nn.topology.evolution import EvolutionRule

# Weights that are looked at together: fresh memory for all would cost more time.
_BLOCK = 2**17


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
        for side in (np.greater, np.less, np.equal):
            _prune_side(layer.weights, side, share, pruned)
        return pruned

    def grow(self, layer, n_pruned):
        """Connect random pairs of neurons that are not connected."""
        return layer.sample_empty_cells(n_pruned)

    def new_weights(self, layer, cells):
        """Start new connections at zero, or like those of a new network."""
        if self.grown_weights == "random":
            return super().new_weights(layer, cells)
        return np.zeros(len(cells), dtype=np.float32)


def _prune_side(weights, side, share, pruned):
    """Mark the share nearest to zero of the weights ``side(weights, 0)``."""
    starts = range(0, len(weights) or 1, _BLOCK)
    blocks = [slice(start, start + _BLOCK) for start in starts]
    # What is left of it is never touched, and takes no memory.
    magnitudes, n_found = np.empty_like(weights), 0
    for b in blocks:
        found = np.compress(side(weights[b], 0), weights[b])
        np.abs(found, out=magnitudes[n_found : n_found + len(found)])
        n_found += len(found)
    magnitudes = magnitudes[:n_found]
    n_pruned = int(share * n_found)
    if not n_pruned:
        return
    # Selection in linear time; partial sorting would not be.
    magnitudes.partition(n_pruned - 1)
    threshold = magnitudes[n_pruned - 1]
    n_ties = n_pruned - np.count_nonzero(magnitudes[:n_pruned] < threshold)
    for b in blocks:
        block = np.abs(weights[b])
        here = side(weights[b], 0)
        pruned[b] |= here & (block < threshold)
        # Of equal weights, the first.
        ties = np.flatnonzero(here & (block == threshold))[:n_ties]
        pruned[b][ties] = True
        n_ties -= len(ties)
