"""Averages of copies of a network that have learned apart from each other."""

import numpy as np


def learned(network):
    """What training changes, as arrays: of the same shapes in all copies of a network.

    Parameters
    ----------
    network : SparseNetwork
        With the state of an optimiser.

    Returns
    -------
    arrays : list of ndarray of float32
        Weights, biases, and the state of the optimiser.
    """
    return [network.layers.weights, network.layers.intercepts, *network.state]


def weighted_sum(parts, shares):
    """Sum of lists of arrays, each times its share, from the first to the last.

    Parameters
    ----------
    parts : list of list of ndarray
        The same shapes in each list.
    shares : sequence of float

    Returns
    -------
    sums : list of ndarray
    """
    sums = [np.zeros_like(array) for array in parts[0]]
    for part, share in zip(parts, shares, strict=True):
        for total, array in zip(sums, part, strict=True):
            total += array * array.dtype.type(share)
    return sums


def set_learned(network, arrays):
    """Let a network have learned what `arrays` say: see `learned`."""
    for target, array in zip(learned(network), arrays, strict=True):
        target[:] = array
