"""Turn scores into choices: the highest of many numbers, and of all cells."""

import numpy as np

# Cells whose scores are looked at together.
_CELLS = 2**20


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


def highest_cells(layer, n, score):
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

    Returns
    -------
    cells : ndarray of int64, shape (n,)
        In ascending order.
    """
    best = np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0)
    for neurons in _blocks(layer):
        cells, scores = _empty(layer, neurons, score(neurons))
        if len(best[0]) == n and n:  # what is below the worst of the best is not drawn
            good = scores >= best[1].min()
            cells, scores = cells[good], scores[good]
        luck = layer.rng.random(len(cells))
        found = zip(best, (cells, scores, luck))
        best = _best(n, *(np.concatenate(pair) for pair in found))
    return np.sort(best[0])


def _blocks(layer):
    size = max(1, _CELLS // layer.n_inputs)
    starts = range(0, layer.n_neurons, size)
    return [np.arange(s, min(s + size, layer.n_neurons)) for s in starts]


def _empty(layer, neurons, scores):
    """Empty cells of some neurons and their scores."""
    first, last = int(neurons[0]), int(neurons[-1]) + 1
    scores, shape = np.array(scores, dtype=float), (len(neurons), layer.n_inputs)
    if scores.shape != shape:
        raise ValueError(
            f"A rule must return scores of shape {shape} for these neurons, got "
            f"{scores.shape}."
        )
    scores = scores.ravel()
    empty = np.ones(len(scores), dtype=bool)
    start = first * layer.n_inputs
    empty[layer.cells_of(first, last) - start] = False
    cells = start + np.arange(len(scores))
    if layer.region is not None:
        empty &= layer.region.allows(cells)
    scores[np.isnan(scores)] = -np.inf
    return cells[empty], scores[empty]


def _best(n, cells, scores, luck):
    """The `n` cells of the highest scores, luck deciding among equal ones."""
    if len(cells) <= n:
        return cells, scores, luck
    best = np.lexsort((luck, scores))[len(cells) - n :]
    return cells[best], scores[best], luck[best]
