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

from sklearn_sparse_nn.engine.paths import Side, add_nodes, add_paths

# Cells that are scored together, and pairs of neurons whose paths are weighed together,
# but for those of one neuron. What the inputs on paths are worth is counted once for
# all of them.
_CELLS = 2**22


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
        columns = sparse.csr_array((ones, indices, rows), shape=shape).T.tocsr()
        self._neurons = _side(rows, indices)
        self._inputs = _side(columns.indptr, columns.indices)
        self._known = {}

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
        return self._scores_of(neurons, add_nodes)

    def by_paths(self, neurons):
        """CH3-L3p: 1 / sqrt((1 + external(x)) (1 + external(y))), summed over paths.

        See `by_nodes`.
        """
        return self._scores_of(neurons, add_paths)

    def _scores_of(self, neurons, add):
        """Scores of some neurons, and of those that come next."""
        start, stop = int(neurons[0]), int(neurons[-1]) + 1
        first, scores = self._known.get(add, (0, ()))
        if not first <= start < stop <= first + len(scores):
            del scores
            self._known.pop(add, None)
            self._known[add] = first, scores = start, self._add(start, stop, add)
        return scores[start - first : stop - first]

    def _add(self, start, stop, add):
        n_neurons, n_inputs = len(self._neurons.common), len(self._inputs.common)
        n = max(stop - start, _CELLS // max(n_neurons, n_inputs))
        some = np.arange(start, min(start + n, n_neurons))
        scores = np.zeros((len(some), n_inputs), dtype=np.float32)
        if add is add_nodes:
            add(scores, start, self._nearby(some), self._neurons, self._inputs)
            return scores
        for rows in gen_batches(len(some), max(1, _CELLS // n_neurons)):
            here = some[rows]
            sides = self._nearby(here), self._neurons, self._inputs
            room = np.zeros((len(here), n_neurons), dtype=np.float32)
            add(scores[rows], int(here[0]), *sides, room)
        return scores

    def _nearby(self, neurons):
        """The inputs of some neurons."""
        indptr, indices, *_ = self._neurons
        return np.unique(indices[indptr[neurons[0]] : indptr[neurons[-1] + 1]])


def _side(indptr, indices):
    n_nodes = len(indptr) - 1
    return Side(
        indptr.astype(np.int64),
        indices.astype(np.uint32),
        np.zeros(n_nodes, dtype=np.float32),
        np.zeros(n_nodes, dtype=np.int64),
    )


def rows_of(layer, kept):
    """Where the connections of each neuron start, of those that are kept."""
    return np.concatenate([[0], np.cumsum(kept)])[layer.indptr]
