"""Where the gradient is large: looked for everywhere, or among random cells."""

import numpy as np

from sklearn_sparse_nn.evolution.choosing import highest, highest_cells


def promising_cells(layer, n, candidates):
    """Empty cells, those of the `n` largest gradients or random ones.

    Parameters
    ----------
    layer : EvolvingLayer
    n : int
        At most as many as there are empty cells.
    candidates : int or None
        If None, the gradient of all empty cells is computed, of some neurons at a time.
        Otherwise `candidates` times `n` cells are drawn, without a gradient: time is in
        proportion to their number.

    Returns
    -------
    cells : ndarray of int64
        In ascending order.
    """
    if candidates is None:
        return highest_cells(layer, n, lambda neurons: _magnitudes(layer, neurons))
    return layer.sample_empty_cells(min(candidates * n, layer.n_empty_cells))


def steepest(layer, cells, n):
    """Mark the `n` of some cells where the gradient is largest in magnitude."""
    return highest(np.abs(layer.gradient_at(cells)), n, layer.rng)


def gradient_flops(sparse, dense, candidates):
    """Operations of the gradient of a sample at all cells, or at those looked at.

    Of `candidates`, the count is what it is at most: where all connections compete.
    See `EvolutionRule.nominal_flops`.
    """
    if candidates is None:
        return dense.sum()
    return np.minimum(dense, (1 + candidates) * sparse).sum()


def _magnitudes(layer, neurons):
    gradient = layer.gradient(neurons)
    return np.abs(gradient, out=gradient)
