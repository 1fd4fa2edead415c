"""Weights of the cells of a layer that hold no connection, without a dense array."""

import numpy as np

# Cells whose initial weights are drawn together. Another number draws other weights.
_BLOCK = 2**15


class AbsentWeights:
    """What the weights of a dense layer are where a sparse one has no connection.

    A cell that never had a connection has its initial weight, uniform between plus and
    minus `bound`. A generator that is keyed by the number of its block of cells gives
    it again at any time. A cell that had one has the weight with which it went, which
    is stored.

    To find large weights, all cells are looked at, block by block, and those of large
    initial weights are set aside. Another look is needed only for smaller ones.

    Attributes
    ----------
    seed : int
        Of the initial weights.
    bound : float
    cells, weights : ndarray of int64 and float32
        Cells that had a connection, ascending, and the weights with which they went.
    set_aside : (cells, weights)
        The cells that never had one whose initial weights are at least `floor` in
        magnitude, ascending, and these weights.
    floor : float
    """

    def __init__(self, seed, bound):
        self.seed = seed
        self.bound = float(np.float32(bound))
        self.floor = float(np.nextafter(np.float32(bound), np.float32(np.inf)))
        self.cells, self.weights = no_weights()
        self.set_aside = no_weights()

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

        After early stopping a network is one of before, with what has gone since. What
        has come since is lost then, but for its initial weight in a deeper look.
        """
        self.cells, self.weights = _without(self.cells, self.weights, cells)
        self.set_aside = _without(*self.set_aside, cells)

    def add(self, cells, weights):
        """Keep the weights with which connections go; `cells` are ascending."""
        self.cells, self.weights = _with(self.cells, self.weights, cells, weights)

    def look(self, layer, n):
        """Set initial weights aside that are smaller than those so far, about `n` more.

        It takes time in proportion to the number of cells, and memory to `n`.
        """
        # They are uniform. Below zero, there is nothing more to find.
        below, self.floor = self.floor, self.floor - self.bound * n / layer.n_cells
        parts = [
            self._between(layer, start, below)
            for start in range(0, layer.n_cells, _BLOCK)
        ]
        found = (np.concatenate(arrays) for arrays in zip(*parts))
        self.set_aside = _with(*self.set_aside, *found)

    def _between(self, layer, start, below):
        """Cells of a block that never had a connection, and their weights."""
        weights = self._initial(start)[: layer.n_cells - start]
        magnitudes = np.abs(weights)
        found = (magnitudes >= self.floor) & (magnitudes < below)
        for taken in (layer.cells, self.cells):
            here = slice(*np.searchsorted(taken, [start, start + _BLOCK]))
            found[taken[here] - start] = False
        return start + np.flatnonzero(found), weights[found]

    def _initial(self, start):
        """The initial weights of the block that begins at the cell `start`."""
        counter = (start // _BLOCK) << 64
        rng = np.random.Generator(np.random.Philox(key=self.seed, counter=counter))
        unit = rng.random(_BLOCK, dtype=np.float32)
        return np.float32(self.bound) * (2 * unit - 1)


def no_weights():
    """No cells, and their weights."""
    return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)


def _with(cells, weights, more_cells, more_weights):
    """Ascending cells and their weights, and some more."""
    places = np.searchsorted(cells, more_cells)
    places += np.arange(len(places))
    is_old = np.ones(len(cells) + len(places), dtype=bool)
    is_old[places] = False
    merged = []
    for old, more in ((cells, more_cells), (weights, more_weights)):
        merged.append(np.empty(len(is_old), dtype=old.dtype))
        merged[-1][is_old], merged[-1][places] = old, more
    return tuple(merged)


def _without(cells, weights, gone):
    """Ascending cells and their weights, but for some cells, if they are there."""
    places = np.searchsorted(cells, gone)
    places = places[places < len(cells)]
    places = places[cells[places] == gone[: len(places)]]
    return np.delete(cells, places), np.delete(weights, places)
