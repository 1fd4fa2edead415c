"""Turn scores into choices: the highest of many numbers, and of all cells."""

import numpy as np

# Cells whose scores are looked at together.
_CELLS = 2**18


def highest(scores, n, rng):
    """Mark the `n` highest of some scores, at random among equal ones.

    Parameters
    ----------
    scores : ndarray of float, shape (n_scores,)
        NaN counts as minus infinity.
    n : int
        At most `n_scores`.
    rng : numpy.random.Generator

    Returns
    -------
    marked : ndarray of bool, shape (n_scores,)
    """
    if n == 0:
        return np.zeros(len(scores), dtype=bool)
    scores = np.where(np.isnan(scores), -np.inf, scores)
    threshold = np.partition(scores, len(scores) - n)[len(scores) - n]
    marked = scores > threshold
    ties = np.flatnonzero(scores == threshold)
    n_ties = n - np.count_nonzero(marked)
    # The first of equal scores would be those of the first neurons.
    marked[ties if n_ties == len(ties) else rng.choice(ties, n_ties, False)] = True
    return marked


def highest_cells(layer, n, score, gone=None):
    """The empty cells of a layer with the highest scores, at random among equal ones.

    Parameters
    ----------
    layer : EvolvingLayer
    n : int
        How many, at most as many as are empty.
    score : callable
        ``score(neurons)`` are the scores of all cells of these neurons, an ndarray of
        shape (len(neurons), n_inputs). It is asked for some neurons at a time, so that
        the scores of all cells are never in memory together.
    gone : ndarray of bool, shape (n_connections,), or None
        Connections whose cells count as empty.

    Returns
    -------
    cells : ndarray of int64, shape (n,)
        In ascending order.
    """
    best = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    if n == 0:
        return best[0]
    for neurons in _blocks(layer):
        free = _free(layer, neurons, gone)
        scores = _scores_of(layer, neurons, score(neurons), free)
        # Scores below so many others are not looked at.
        least = max(threshold(scores, n), threshold(best[1], n))
        good = np.flatnonzero((scores >= least) & free)
        cells = neurons[0] * layer.n_inputs + good
        found = cells, scores[good], layer.rng.random(len(good))
        best = _best(n, *(np.concatenate(pair) for pair in zip(best, found)))
    return np.sort(best[0])


def _blocks(layer):
    size = max(1, _CELLS // layer.n_inputs)
    starts = range(0, layer.n_neurons, size)
    return [np.arange(s, min(s + size, layer.n_neurons)) for s in starts]


def _free(layer, neurons, gone):
    """Whether a connection may begin at each cell of some neurons."""
    first, last = int(neurons[0]), int(neurons[-1]) + 1
    start, n_cells = first * layer.n_inputs, len(neurons) * layer.n_inputs
    taken = layer.cells_of(first, last)
    if gone is not None:
        taken = taken[~gone[layer.indptr[first] : layer.indptr[last]]]
    free = np.ones(n_cells, dtype=bool)
    free[taken - start] = False
    if layer.region is not None:
        free &= layer.region.allows(start + np.arange(n_cells))
    return free


def _scores_of(layer, neurons, scores, free):
    """The scores of all cells of some neurons, those that are not free being lowest."""
    scores, shape = np.array(scores), (len(neurons), layer.n_inputs)
    if scores.shape != shape or scores.dtype.kind not in "fiub":
        raise ValueError(
            f"cell_scores must return numbers of shape {shape} for these neurons, got "
            f"{scores.dtype} of shape {scores.shape}."
        )
    scores = scores.ravel()
    return np.where(free & ~np.isnan(scores), scores, -np.inf)


def threshold(scores, n):
    """The lowest of the `n` highest scores; minus infinity if there are fewer."""
    if n > len(scores):
        return -np.inf
    return np.partition(scores, len(scores) - n)[len(scores) - n]


def _best(n, cells, scores, luck):
    """The `n` cells of the highest scores, luck deciding among equal ones."""
    if len(cells) <= n:
        return cells, scores, luck
    least = threshold(scores, n)
    above, ties = np.flatnonzero(scores > least), np.flatnonzero(scores == least)
    lucky = ties[np.argsort(luck[ties])[len(ties) + len(above) - n :]]
    best = np.concatenate([above, lucky])
    return cells[best], scores[best], luck[best]
