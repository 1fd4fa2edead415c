"""Carry out what an evolution rule decides: O(connections), sorted rows merged."""

import numpy as np

from sklearn_sparse_nn.engine.layers import (
    SparseLayers,
    connections_of,
    layer_indptr,
    neurons_of,
)


def rewire(layers, state, layer, pruned, cells, weights):
    """Remove and add connections of one layer; the optimiser state moves along.

    Parameters
    ----------
    layers : SparseLayers
    state : sequence of ndarray
        Further numbers beside each connection of the network, or empty. Those of a
        kept connection are kept, those of a new one are zero.
    layer : int
        Which layer.
    pruned : ndarray of bool, shape (n_connections,)
        Which of its connections go.
    cells : ndarray of int64, shape (n_grown,)
        Ascending empty cells ``neuron * n_inputs + input`` where connections begin.
    weights : ndarray of float32, shape (n_grown,)
        Their weights.

    Returns
    -------
    layers : SparseLayers
        Shares the arrays of the old one where the number of connections is the same.
    state : list of ndarray
    """
    n_inputs = layers.sizes[layer]
    here, neurons = connections_of(layers, layer), neurons_of(layers, layer)
    fan_in = np.diff(layer_indptr(layers, layer))
    n_connections = len(layers.weights)
    kept = ~pruned
    owners = np.repeat(np.arange(len(fan_in)), fan_in)[kept]
    kept_cells = owners * n_inputs + layers.indices[here][kept]
    # Two ascending runs: a stable sort merges them in linear time.
    order = np.argsort(np.concatenate([kept_cells, cells]), kind="stable")

    def merge(array, new):
        if len(array) != n_connections:
            return array  # SGD has no second moment
        merged = np.concatenate([array[here][kept], new])[order]
        if len(merged) == here.stop - here.start:
            array[here] = merged
            return array
        return np.concatenate([array[: here.start], merged, array[here.stop :]])

    new_neurons, new_inputs = np.divmod(cells, n_inputs)
    fan_in = np.bincount(owners, minlength=len(fan_in)) + np.bincount(
        new_neurons, minlength=len(fan_in)
    )
    # The rows of this layer end elsewhere, those of later layers are moved.
    surplus = len(order) - (here.stop - here.start)
    layers.indptr[neurons.start + 1 : neurons.stop + 1] = here.start + np.cumsum(fan_in)
    layers.indptr[neurons.stop + 1 :] += surplus
    zeros = np.zeros(len(cells), dtype=np.float32)
    return (
        SparseLayers(
            sizes=layers.sizes,
            first=layers.first,
            indptr=layers.indptr,
            indices=merge(layers.indices, new_inputs.astype(np.uint32)),
            weights=merge(layers.weights, weights),
            intercepts=layers.intercepts,
        ),
        [merge(array, zeros) for array in state],
    )
