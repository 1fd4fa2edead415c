"""Weights of the cells of a layer that hold no connection, without a dense array."""

import numpy as np

from sklearn_sparse_nn.evolution.choosing import highest

# Cells whose initial weights are drawn together. Another number draws other weights.
_BLOCK = 2**15


class AbsentWeights:
    """What the weights of a dense layer are where a sparse one has no connection.

    A cell that never had a connection has its initial weight, uniform between plus and
    minus `bound`. A generator that is keyed by the number of its block of cells gives
    it again at any time. A cell that had one has the weight with which it went, which
    is stored.

    To find large weights, all cells are looked at, block by block. The largest initial
    weights are set aside, as many as asked for, and no look is needed until smaller
    ones are.

    Attributes
    ----------
    seed : int
        Of the initial weights.
    bound : float
    cells, weights : ndarray of int64 and float32
        Cells that had a connection, ascending, and the weights with which they went.
    set_aside : (cells, weights)
        Those of the cells that never had one whose initial weights are largest.
    floor : float
        No other cell has a larger initial weight.
    """

    def __init__(self, seed, bound):
        self.seed = seed
        self.bound = bound
        self.cells, self.weights = no_weights()
        self.set_aside = no_weights()
        self.floor = np.inf

    def known(self):
        """Weights of all that may be chosen: see `floor` for the others."""
        return self.weights, self.set_aside[1]

    def take(self, chosen):
        """Give away some of `known`, as two masks say: ascending cells and weights."""
        parts = (self.cells, self.weights), self.set_aside
        taken = [[array[mask] for array in part] for part, mask in zip(parts, chosen)]
        stays = [[array[~mask] for array in part] for part, mask in zip(parts, chosen)]
        (self.cells, self.weights), self.set_aside = stays
        cells, weights = (np.concatenate(pair) for pair in zip(*taken))
        order = np.argsort(cells)
        return cells[order], weights[order]

    def leave_out(self, cells):
        """Forget the weights of cells that hold a connection.

        After early stopping, a network may be one of before, with what has gone since.
        """
        self.cells, self.weights = _without(self.cells, self.weights, cells)
        self.set_aside = _without(*self.set_aside, cells)

    def add(self, cells, weights):
        """Keep the weights with which connections go; `cells` are ascending."""
        places = np.searchsorted(self.cells, cells)
        self.cells = np.insert(self.cells, places, cells)
        self.weights = np.insert(self.weights, places, weights)

    def look(self, layer, n):
        """Set the `n` largest initial weights aside of cells that never had another.

        It takes time in proportion to the number of cells, and memory to `n`.
        """
        self.set_aside = no_weights()
        self.floor, parts, n_found = -1.0, [no_weights()], 0
        for start in range(0, layer.n_cells, _BLOCK):
            part = self._large_of_block(layer, start)
            parts.append(part)
            n_found += len(part[0])
            if n_found > 1.5 * n:
                parts, n_found = [self._largest(parts, n, layer.rng)], n
        self.set_aside = self._largest(parts, n, layer.rng)

    def _large_of_block(self, layer, start):
        """Cells of a block that never had a connection, of weights above the floor."""
        weights = self._initial(start)[: layer.n_cells - start]
        large = np.abs(weights) >= self.floor
        for taken in (layer.cells, self.cells):
            here = slice(*np.searchsorted(taken, [start, start + _BLOCK]))
            large[taken[here] - start] = False
        return start + np.flatnonzero(large), weights[large]

    def _initial(self, start):
        """The initial weights of the block that begins at the cell `start`."""
        counter = (start // _BLOCK) << 64
        rng = np.random.Generator(np.random.Philox(key=self.seed, counter=counter))
        unit = rng.random(_BLOCK, dtype=np.float32)
        return np.float32(self.bound) * (2 * unit - 1)

    def _largest(self, parts, n, rng):
        """The `n` largest of some weights, if there are more; they set the floor."""
        cells, weights = (np.concatenate(arrays) for arrays in zip(*parts))
        if len(cells) > n:
            magnitudes = np.abs(weights)
            chosen = highest(magnitudes, n, rng)
            self.floor = float(magnitudes[chosen].min(initial=np.inf))
            cells, weights = cells[chosen], weights[chosen]
        return cells, weights


def no_weights():
    """No cells, and their weights."""
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)


def _without(cells, weights, gone):
    """Ascending cells and their weights, but for some cells, if they are there."""
    places = np.searchsorted(cells, gone)
    places = places[np.append(cells, -1)[places] == gone]
    if not len(places):
        return cells, weights
    return np.delete(cells, places), np.delete(weights, places)
