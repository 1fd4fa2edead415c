"""Random cells of a huge matrix, without the matrix.

Time and memory are proportional to the number of cells drawn, never to the number there
are.
"""

from itertools import pairwise

import numpy as np

from sklearn_sparse_nn.topology.cells import (
    neuron_blocks,
    occupied_cells,
    rows_of_cells,
)


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
    visited = rng.geometric(probability, n_jumps)
    np.cumsum(visited, out=visited)
    visited -= 1
    while visited[-1] < population:
        jumps = rng.geometric(probability, n_jumps)
        visited = np.concatenate([visited, visited[-1] + np.cumsum(jumps)])
    return visited[: np.searchsorted(visited, population)]


def sample_outside(population, taken, size, rng):
    """Draw distinct integers from `range(population)` but for some, in ascending order.

    Parameters
    ----------
    population : int
    taken : ndarray of int64
        Those that are not to be drawn, distinct and ascending.
    size : int
        How many to draw, at most as many as are left.
    rng : numpy.random.Generator

    Returns
    -------
    sample : ndarray of int64, shape (size,)
    """
    sample = sorted_sample(population - len(taken), size, rng)
    # The free integer of rank r comes after those that are taken and have at most r
    # free ones before them.
    ranks = np.arange(len(taken))
    np.subtract(taken, ranks, out=ranks)
    return sample + np.searchsorted(ranks, sample, "right")


def sample_empty_cells(indptr, indices, n_inputs, size, rng):
    """Draw distinct cells that hold no connection, uniformly, in ascending order.

    Parameters
    ----------
    indptr, indices : ndarray
        CSR structure of a layer, a row for each neuron.
    n_inputs : int
    size : int
        How many to draw, at most as many as are empty.
    rng : numpy.random.Generator

    Returns
    -------
    cells : ndarray of int64, shape (size,)
    """
    n_neurons = len(indptr) - 1
    cells = sorted_sample(n_neurons * n_inputs - int(indptr[-1]), size, rng)
    blocks = neuron_blocks(indptr)
    starts = np.array([first for first, _ in blocks])
    bounds = np.append(np.searchsorted(cells, starts * n_inputs - indptr[starts]), size)
    for (first, last), (start, stop) in zip(blocks, pairwise(bounds)):
        occupied = occupied_cells(indptr, indices, n_inputs, first, last)
        # The empty cell of rank r comes after those occupied cells that have at most r
        # empty cells before them.
        occupied -= np.arange(indptr[first], indptr[last])
        # Two ascending runs: a stable sort merges them in linear time.
        order = np.argsort(np.concatenate([occupied, cells[start:stop]]), kind="stable")
        n_before = np.flatnonzero(order >= len(occupied)) - np.arange(stop - start)
        cells[start:stop] += indptr[first] + n_before
    return cells


def rows_filled_up(cells, n_connections, shape, rng):
    """The CSR structure of some cells and of random others.

    Parameters
    ----------
    cells : ndarray of int64
        In ascending order.
    n_connections : int
        How many there are in all.
    shape : (n_inputs, n_neurons)
    rng : numpy.random.Generator

    Returns
    -------
    indptr : ndarray of int64, shape (n_neurons + 1,)
    indices : ndarray of uint32, shape (n_connections,)
    """
    indptr, indices = rows_of_cells(cells, *shape)
    n_missing = n_connections - len(cells)
    more = sample_empty_cells(indptr, indices, shape[0], n_missing, rng)
    return rows_of_cells(np.sort(np.concatenate([cells, more])), *shape)
