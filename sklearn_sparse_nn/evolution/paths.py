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
than two neurons, or two inputs, so that sparse products give all scores.
"""

import numpy as np
from scipy import sparse

# Paths of length two that are looked at together, but for those of one neuron.
_PATHS = 2**18


class Paths:
    """Scores of the cells of a layer, by the paths between their two ends.

    Nothing as large as the layer is kept in memory. A neuron or an input has no more
    paths of length two than the layer has connections, and those of few are looked at
    together.

    Parameters
    ----------
    layer : EvolvingLayer
    gone : ndarray of bool, shape (n_connections,)
        Connections that do not count.
    """

    def __init__(self, layer, gone):
        inputs = layer.indices[~gone].astype(np.int64)
        ones = np.ones(len(inputs), dtype=np.float32)
        shape = layer.n_neurons, layer.n_inputs
        rows = rows_of(layer, ~gone)
        self.neurons = sparse.csr_array((ones, inputs, rows), shape=shape)
        self.inputs = self.neurons.T.tocsr()

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
        scores = np.zeros((len(neurons), self.neurons.shape[1]), dtype=np.float32)
        for here in _blocks(self.neurons, self.inputs, neurons):
            rows = slice(here.start - neurons[0], here.stop - neurons[0])
            worth = _common(self.neurons, self.inputs, here)
            worth.data = (1 + worth.data) / (1 + _external(worth, self.neurons))
            scores[rows] += (worth @ self.neurons).toarray()
            for there in _blocks(self.inputs, self.neurons):
                # Pairs (s, y) are wanted for each y: what is external is that of y.
                worth = _common(self.inputs, self.neurons, there)
                own = np.repeat(_degrees(self.inputs)[there], np.diff(worth.indptr))
                worth.data = (1 + worth.data) / np.maximum(own - worth.data, 1)
                scores[rows] += (self.neurons[here, there] @ worth).toarray()
        return scores

    def by_paths(self, neurons):
        """CH3-L3p: 1 / sqrt((1 + external(x)) (1 + external(y))), summed over paths.

        See `by_nodes`.
        """
        scores = np.zeros((len(neurons), self.neurons.shape[1]), dtype=np.float32)
        for here in _blocks(self.neurons, self.inputs, neurons):
            rows = slice(here.start - neurons[0], here.stop - neurons[0])
            common = _common(self.neurons, self.inputs, here)
            common.data = 1 / np.sqrt(1 + _external(common, self.neurons))
            for there in _blocks(self.inputs, self.neurons):
                ends = self._ends_at_neurons(here, there, common)
                scores[rows] += (ends @ self._ends_at_inputs(there)).toarray()
        return scores

    def _ends_at_neurons(self, here, there, worth):
        """Ways from t by y to x: a row for each t, a column for each edge (y, x)."""
        edges = self.inputs[there]
        columns = np.arange(edges.nnz)
        of_inputs = sparse.csr_array(
            (edges.data, columns, edges.indptr), shape=(edges.shape[0], edges.nnz)
        )
        ways = self.neurons[here, there] @ of_inputs
        ways.data = _at(worth, ways.indptr, edges.indices[ways.indices])
        return ways

    def _ends_at_inputs(self, there):
        """Ways from y by x to s: a row for each edge (y, x), a column for each s."""
        edges = self.inputs[there]
        common = _common(self.inputs, self.neurons, there)
        own = np.repeat(_degrees(self.inputs)[there], np.diff(common.indptr))
        common.data = 1 / np.sqrt(np.maximum(own - common.data, 1))
        ways = self.neurons[edges.indices]
        ways.data = _at(common, ways.indptr[edges.indptr], ways.indices)
        return ways


def rows_of(layer, kept):
    """Where the connections of each neuron start, of those that are kept."""
    return np.concatenate([[0], np.cumsum(kept)])[layer.indptr]


def _blocks(graph, back, among=None):
    """Cut rows of a graph into slices of few paths to other rows."""
    n_paths = graph @ _degrees(back)
    first, last = (0, len(n_paths)) if among is None else (among[0], among[-1] + 1)
    ends = np.cumsum(n_paths[first:last])
    blocks, start = [], 0
    while start < last - first:
        before = ends[start - 1] if start else 0
        stop = max(np.searchsorted(ends, before + _PATHS, "right"), start + 1)
        blocks.append(slice(int(first + start), int(first + stop)))
        start = stop
    return blocks


def _common(graph, back, rows):
    """How many columns each of some rows has in common with each row."""
    common = graph[rows] @ back
    common.sort_indices()
    return common


def _external(common, graph):
    """Connections of each other row that are neither common nor the one that leads on.

    A row without any has all of its columns in common: it leads to no empty cell.
    """
    return np.maximum(_degrees(graph)[common.indices] - common.data - 1, 0)


def _degrees(graph):
    return np.diff(graph.indptr).astype(np.float32)


def _at(values, indptr, columns):
    """Values of a sorted matrix; those of its row i are at ``columns[indptr[i]:]``."""
    width = values.shape[1]
    rows = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
    wanted = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    places = np.searchsorted(rows * width + values.indices, wanted * width + columns)
    return values.data[places]
