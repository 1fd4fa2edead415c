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

from typing import NamedTuple

import numpy as np
from scipy import sparse

# Paths of length two that are looked at together, but for those of one neuron.
_PATHS = 2**18


class Paths:
    """Scores of the cells of a layer, by the paths between their two ends.

    Nothing as large as the layer is kept in memory. A neuron or an input has no more
    paths of length two than the layer has connections, and those of few are looked at
    together. Time is in proportion to the number of paths of length three, and to that
    of the cells.

    Parameters
    ----------
    layer : EvolvingLayer
    gone : ndarray of bool, shape (n_connections,)
        Connections that do not count.
    """

    def __init__(self, layer, gone):
        inputs = layer.indices[~gone].astype(np.int64)
        ones = np.ones(len(inputs), dtype=np.float32)
        rows = rows_of(layer, ~gone)
        shape = layer.n_neurons, layer.n_inputs
        neurons = sparse.csr_array((ones, inputs, rows), shape=shape)
        inputs = neurons.T.tocsr()
        self.neurons, self.inputs = _side(neurons, inputs), _side(inputs, neurons)

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
        scores = np.zeros((len(neurons), len(self.inputs.degrees)), dtype=np.float32)
        for here in self.neurons.blocks(neurons):
            part = scores[here[0] - neurons[0] : here[-1] + 1 - neurons[0]]
            links, worth = self.neurons.graph[here], self.neurons.common(here)
            external = _external(worth, self.neurons.degrees[worth.indices])
            worth.data = (1 + worth.data) / (1 + external)
            part += (worth @ self.neurons.graph).toarray()
            for there in self.inputs.blocks(np.unique(links.indices)):
                worth = self.inputs.common(there)
                external = _external(worth, self.inputs.repeated(there, worth))
                worth.data = (1 + worth.data) / (1 + external)
                part += (links[:, there] @ worth).toarray()
        return scores

    def by_paths(self, neurons):
        """CH3-L3p: 1 / sqrt((1 + external(x)) (1 + external(y))), summed over paths.

        See `by_nodes`.
        """
        scores = np.zeros((len(neurons), len(self.inputs.degrees)), dtype=np.float32)
        for here in self.neurons.blocks(neurons):
            part = scores[here[0] - neurons[0] : here[-1] + 1 - neurons[0]]
            links, worth = self.neurons.graph[here], self.neurons.common(here)
            external = _external(worth, self.neurons.degrees[worth.indices])
            worth.data = 1 / np.sqrt(1 + external)
            for there in self.inputs.blocks(np.unique(links.indices)):
                edges = self.inputs.graph[there]
                starts = _from_neurons(links[:, there], edges, worth)
                part += (starts @ self._to_inputs(there, edges)).toarray()
        return scores

    def _to_inputs(self, there, edges):
        """Ways from y by x to s: a row for each edge (y, x), a column for each s."""
        worth = self.inputs.common(there)
        external = _external(worth, self.inputs.repeated(there, worth))
        worth.data = 1 / np.sqrt(1 + external)
        ways = self.neurons.graph[edges.indices]
        ways.data = _at(worth, ways.indptr[edges.indptr], ways.indices)
        return ways


def _from_neurons(links, edges, worth):
    """Ways from t by y to x: a row for each t, a column for each edge (y, x)."""
    numbered = sparse.csr_array(
        (edges.data, np.arange(edges.nnz), edges.indptr),
        shape=(edges.shape[0], edges.nnz),
    )
    ways = links @ numbered
    ways.data = _at(worth, ways.indptr, edges.indices[ways.indices])
    return ways


class _Side(NamedTuple):
    """The neurons, or the inputs, of a layer: what each is connected to, and how often.

    Attributes
    ----------
    graph, back : csr_array
        A row for each node of this side, and for each of the other one.
    degrees, n_paths : ndarray of float32
        Connections, and paths of length two, of each node.
    """

    graph: sparse.csr_array
    back: sparse.csr_array
    degrees: np.ndarray
    n_paths: np.ndarray

    def blocks(self, nodes):
        """Cut ascending nodes into blocks of few paths."""
        ends = np.cumsum(self.n_paths[nodes], dtype=np.float64)
        start = 0
        while start < len(nodes):
            before = ends[start - 1] if start else 0
            stop = max(np.searchsorted(ends, before + _PATHS, "right"), start + 1)
            yield nodes[start:stop]
            start = stop

    def common(self, nodes):
        """How many neighbours each of some nodes has in common with each node."""
        common = self.graph[nodes] @ self.back
        common.sort_indices()
        return common

    def repeated(self, nodes, values):
        """Degree of the node of each value, in a matrix with a row for each node."""
        return np.repeat(self.degrees[nodes], np.diff(values.indptr))


def _side(graph, back):
    degrees, others = (
        np.diff(each.indptr).astype(np.float32) for each in (graph, back)
    )
    return _Side(graph, back, degrees, graph @ others)


def rows_of(layer, kept):
    """Where the connections of each neuron start, of those that are kept."""
    return np.concatenate([[0], np.cumsum(kept)])[layer.indptr]


def _external(common, degrees):
    """Connections that are neither common nor the one that leads on.

    A node without any has all of its neighbours in common: it leads to no empty cell.
    """
    return np.maximum(degrees - common.data - 1, 0)


def _at(values, indptr, columns):
    """Values of a sorted matrix; those of its row i are at ``columns[indptr[i]:]``."""
    width = values.shape[1]
    rows = np.repeat(np.arange(values.shape[0]), np.diff(values.indptr))
    wanted = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    places = np.searchsorted(rows * width + values.indices, wanted * width + columns)
    return values.data[places]
