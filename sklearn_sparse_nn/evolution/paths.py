"""Link prediction by paths of length three, after Cannistraci and Hebb.

Between an input s and a neuron t that are not connected, a path of length three leads
from s to a neuron x, from there to an input y, and on to t. All x and y of such paths
are the local community of s and t. The more of it there is, and the fewer connections
it has to elsewhere, the likelier s and t belong together.

What x has in common with t are inputs y. As many of its connections are internal; its
connection to s counts for itself, and what is left is external:

    internal(x; t) = number of inputs that x and t have in common
    external(x; t) = degree(x) - 1 - internal(x; t)

The same holds for y and s, with inputs and neurons exchanged. Neither depends on more
than two neurons, or two inputs: it is counted once for all paths of a pair.
"""

import numpy as np
from scipy import sparse
from sklearn.utils import gen_batches

from sklearn_sparse_nn.engine.buffers import aligned_zeros, padded_width
from sklearn_sparse_nn.engine.paths import (
    PathRoom,
    Side,
    add_nodes,
    add_paths,
    weigh_first_steps,
)

# Cells that are scored together. What the inputs on paths are worth is counted once for
# all of them.
_CELLS = 2**22
# Of paths, fewer cells at a time: half a megabyte remains near a processor.
_CELLS_NEAR = 2**17
_NEURONS_NEAR = 512
# But so many inputs that a neuron is connected to some of them.
_CONNECTIONS_NEAR = 4


class Paths:
    """Scores of the cells of a layer, by the paths between their two ends.

    Ask for the neurons in ascending order. Four million numbers of each kind are in
    memory at a time, or those that are asked for. Time is in proportion to the number
    of paths of length three, and to that of the cells.

    Parameters
    ----------
    layer : EvolvingLayer
    gone : ndarray of bool, shape (n_connections,)
        Connections that do not count.
    """

    def __init__(self, layer, gone):
        indices, rows = layer.indices[~gone], rows_of(layer, ~gone)
        shape = layer.n_neurons, layer.n_inputs
        ones = np.ones(len(indices), dtype=bool)
        self._connections = sparse.csr_array((ones, indices, rows), shape=shape)
        self._neurons = _side(self._connections)
        self._inputs = _side(self._connections.T.tocsr())
        self._known, self._tiles = {}, []

    def by_nodes(self, neurons):
        """CH2-L3n: (1 + internal) / (1 + external), summed over the local community.

        Parameters
        ----------
        neurons : ndarray of int64
            Consecutive ones.

        Returns
        -------
        scores : ndarray of float32, shape (len(neurons), n_inputs)
            Zero where there is no path. Those of connections mean nothing.
        """
        return self._scores_of(neurons, self._nodes)

    def by_paths(self, neurons):
        """CH3-L3p: 1 / sqrt((1 + external(x)) (1 + external(y))), summed over paths.

        See `by_nodes`.
        """
        return self._scores_of(neurons, self._paths)

    def _scores_of(self, neurons, score):
        """Scores of some neurons, and of those that come next."""
        start, stop = int(neurons[0]), int(neurons[-1]) + 1
        first, scores = self._known.get(score.__name__, (0, ()))
        if not first <= start < stop <= first + len(scores):
            del scores
            self._known.pop(score.__name__, None)
            n_neurons, n_inputs = self._connections.shape
            n = max(stop - start, _CELLS // max(n_neurons, n_inputs))
            first, scores = start, score(start, min(start + n, n_neurons))
            self._known[score.__name__] = first, scores
        return scores[start - first : stop - first]

    def _nodes(self, start, stop):
        scores = np.zeros((stop - start, len(self._inputs.indptr) - 1), np.float32)
        nearby = self._nearby(start, stop)
        add_nodes(scores, start, nearby, self._neurons, self._inputs)
        return scores

    def _paths(self, start, stop):
        n_neurons, n_inputs = self._connections.shape
        scores = np.empty((stop - start, n_inputs), dtype=np.float32)
        n = max(1, min(_NEURONS_NEAR, _CELLS // n_neurons))
        for rows in gen_batches(stop - start, n):
            first, last = start + rows.start, start + rows.stop
            nearby, n_rows = self._nearby(first, last), last - first
            worth = np.zeros((n_neurons, n_rows), dtype=np.float32)
            weigh_first_steps(worth, first, self._neurons, self._inputs)
            for columns, tile in self._cut():
                room = PathRoom(
                    worth,
                    aligned_zeros(len(tile.common) * padded_width(n_rows)),
                    aligned_zeros(padded_width(n_rows)),
                    np.zeros(n_rows, dtype=np.int64),
                )
                near = np.zeros((len(tile.common), n_rows), dtype=np.float32)
                add_paths(near, first, nearby, self._inputs, tile, room)
                scores[rows, columns] = near.T
        return scores

    def _cut(self):
        """The connections in tiles of inputs: which these are, and the neurons."""
        if not self._tiles:
            n_neurons, n_inputs = self._connections.shape
            n_connections = max(1, self._connections.nnz)
            some = _CONNECTIONS_NEAR * n_neurons * n_inputs // n_connections
            width = max(_CELLS_NEAR // min(_NEURONS_NEAR, n_neurons), some, 1)
            by_column = self._connections.tocsc()
            self._tiles = [
                (columns, _side(by_column[:, columns].tocsr()))
                for columns in gen_batches(n_inputs, width)
            ]
        return self._tiles

    def _nearby(self, start, stop):
        """The inputs of some neurons."""
        indptr, indices, *_ = self._neurons
        return np.unique(indices[indptr[start] : indptr[stop]])


def _side(connections):
    """The rows of a CSR array."""
    n_others = connections.shape[1]
    return Side(
        connections.indptr.astype(np.int64),
        connections.indices.astype(np.uint32),
        np.zeros(n_others, dtype=np.float32),
        np.zeros(n_others, dtype=np.int64),
    )


def rows_of(layer, kept):
    """Where the connections of each neuron start, of those that are kept."""
    return np.concatenate([[0], np.cumsum(kept)])[layer.indptr]
