"""Random cells of a huge matrix, without the matrix.

A layer of `n_neurons` × `n_inputs` has as many cells as it could have connections;
cell ``neuron * n_inputs + input`` is one of them. Time and memory are proportional to
the number of cells drawn, never to the number there are.
"""

from itertools import pairwise

import numpy as np

_BLOCK = 2**19


def sorted_sample(population, size, rng):
    """Draw distinct integers from `range(population)`, uniformly, in ascending order.

    Every integer is visited by jumps of geometric length, as if each were kept with a
    probability that yields slightly more than `size` of them; of those, the surplus is
    dropped at random, which leaves a uniform sample of exactly `size`.

    Parameters
    ----------
    population, size : int
        `size` is at most `population`.
    rng : numpy.random.Generator

    Returns
    -------
    sample : ndarray of int64, shape (size,)
    """
    if size == 0:
        return np.zeros(0, dtype=np.int64)
    # Six standard deviations: one try in a billion draws too few and is repeated.
    expected = size + 6 * np.sqrt(size) + 6
    if expected >= population:
        sample = np.arange(population)
    else:
        sample = np.zeros(0, dtype=np.int64)
        while len(sample) < size:
            sample = _visit(population, expected / population, rng)
    surplus = rng.choice(len(sample), len(sample) - size, replace=False, shuffle=False)
    return np.delete(sample, surplus)


def _visit(population, probability, rng):
    """Keep each integer of `range(population)` independently with `probability`."""
    expected = population * probability
    n_jumps = int(expected + 6 * np.sqrt(expected)) + 6
    visited = np.cumsum(rng.geometric(probability, n_jumps)) - 1
    while visited[-1] < population:
        jumps = rng.geometric(probability, n_jumps)
        visited = np.concatenate([visited, visited[-1] + np.cumsum(jumps)])
    return visited[: np.searchsorted(visited, population)]


def sample_empty_cells(occupied, n_cells, size, rng):
    """Draw distinct cells that hold no connection, uniformly, in ascending order.

    Parameters
    ----------
    occupied : ndarray of int64
        Ascending cells that hold one.
    n_cells : int
        Number of cells of the layer.
    size : int
        How many to draw, at most ``n_cells - len(occupied)``.
    rng : numpy.random.Generator

    Returns
    -------
    cells : ndarray of int64, shape (size,)
    """
    ranks = sorted_sample(n_cells - len(occupied), size, rng)
    # The empty cell of rank r comes after those occupied cells that have at most r
    # empty cells before them. In blocks, because fresh memory is slow.
    starts = np.arange(0, len(occupied), _BLOCK)
    bounds = np.append(np.searchsorted(ranks, occupied[starts] - starts), size)
    cells = ranks.copy()
    for start, (first, last) in zip(starts, pairwise(bounds)):
        block = occupied[start : start + _BLOCK]
        n_empty_before = block - np.arange(start, start + len(block))
        cells[first:last] += start + np.searchsorted(
            n_empty_before, ranks[first:last], side="right"
        )
    return cells
