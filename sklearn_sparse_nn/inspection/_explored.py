"""Which cells of a layer have ever held a connection."""

import numpy as np


class Explored:
    """Marks the cells of a layer that have held a connection.

    Of a layer that is too large, only some neurons are followed, drawn at random: their
    share stands for that of all.

    Parameters
    ----------
    n_inputs, n_neurons : int
    max_bytes : int
        How many cells to follow at most, but one neuron at least.
    """

    def __init__(self, n_inputs, n_neurons, max_bytes):
        n_followed = min(n_neurons, max(1, max_bytes // n_inputs))
        rng = np.random.default_rng(0)
        chosen = rng.choice(n_neurons, n_followed, replace=False, shuffle=False)
        self._neurons = np.sort(chosen)
        self._seen = np.zeros((n_followed, n_inputs), dtype=bool)

    def see(self, indptr, indices):
        """Mark the connections of now, CSR with a row for each neuron."""
        starts, ends = indptr[self._neurons], indptr[self._neurons + 1]
        degrees = ends - starts
        rows = np.repeat(np.arange(len(degrees)), degrees)
        before = np.repeat(starts - (np.cumsum(degrees) - degrees), degrees)
        self._seen[rows, indices[before + np.arange(len(rows))]] = True

    def mark(self, cells):
        """Mark some cells: neuron × n_inputs + input."""
        neurons, inputs = np.divmod(cells, self._seen.shape[1])
        rows = np.searchsorted(self._neurons, neurons)
        rows[rows == len(self._neurons)] = 0
        followed = self._neurons[rows] == neurons
        self._seen[rows[followed], inputs[followed]] = True

    @property
    def share(self):
        """Share of the cells that have held a connection."""
        return np.count_nonzero(self._seen) / self._seen.size
