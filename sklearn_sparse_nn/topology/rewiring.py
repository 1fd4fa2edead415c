"""Carry out what an evolution rule decides: O(connections), sorted rows merged."""

from itertools import pairwise

import numpy as np

from sklearn_sparse_nn.engine.layers import connections_of, layer_indptr, neurons_of

# Connections that are merged at a time: on a layer of ten million, fresh memory for
# all of them costs more than what is done with it.
_BLOCK = 2**19


def ask_rule(rule, layer):
    """Ask a rule what to change in a layer, and check its answers.

    Parameters
    ----------
    rule : EvolutionRule
    layer : EvolvingLayer

    Returns
    -------
    pruned : ndarray of bool, shape (n_connections,)
    cells : ndarray of int64, shape (n_grown,)
    weights : ndarray of float32, shape (n_grown,)

    Raises
    ------
    ValueError
        If an answer has another dtype or length than the protocol asks for, or if a
        grown cell does not exist, is taken, or comes twice or out of order.
    """
    name = type(rule).__name__
    pruned = np.asarray(rule.prune(layer))
    if pruned.dtype != bool or pruned.shape != (layer.n_connections,):
        raise ValueError(
            f"{name}.prune must return a boolean array of shape "
            f"({layer.n_connections},), got {pruned.dtype} of shape {pruned.shape}."
        )
    cells = np.asarray(rule.grow(layer, int(pruned.sum())), dtype=np.int64)
    n_cells = layer.n_inputs * layer.n_neurons
    in_order = (np.diff(cells) > 0).all()
    if not in_order or (len(cells) and not 0 <= cells[0] <= cells[-1] < n_cells):
        raise ValueError(
            f"{name}.grow must return distinct cells < {n_cells} in ascending order."
        )
    if len(cells) and layer.n_connections:
        # Both are ascending, so the search runs through memory once.
        places = np.searchsorted(layer.cells, cells)
        taken = layer.cells[np.minimum(places, layer.n_connections - 1)] == cells
        if taken.any():
            raise ValueError(
                f"{name}.grow must return empty cells, got {taken.sum()} with a "
                "connection."
            )
    weights = np.asarray(rule.new_weights(layer, cells), dtype=np.float32)
    if weights.shape != cells.shape:
        raise ValueError(
            f"{name}.new_weights must return one weight per cell, got shape "
            f"{weights.shape} for {len(cells)} cells."
        )
    return pruned, cells, weights


def rewire(layers, state, layer, occupied, pruned, cells, weights):
    """Remove and add connections of one layer; the optimiser state moves along.

    Parameters
    ----------
    layers : SparseLayers
    state : sequence of ndarray
        Further numbers beside each connection of the network, or empty. Those of a
        kept connection are kept, those of a new one are zero.
    layer : int
        Which layer.
    occupied : ndarray of int64, shape (n_connections,)
        Ascending cells ``neuron * n_inputs + input`` of its connections.
    pruned : ndarray of bool, shape (n_connections,)
        Which of its connections go.
    cells : ndarray of int64, shape (n_grown,)
        Ascending empty cells where connections begin.
    weights : ndarray of float32, shape (n_grown,)
        Their weights.

    Returns
    -------
    layers : SparseLayers
        Shares the arrays of the old one where the number of connections is the same.
    state : list of ndarray
    """
    n_inputs, n_connections = layers.sizes[layer], len(layers.weights)
    here, neurons = connections_of(layers, layer), neurons_of(layers, layer)
    new_neurons, new_inputs = np.divmod(cells, n_inputs)
    zeros = np.zeros(len(cells), dtype=np.float32)
    # What moves, and what a new connection starts with. SGD has no second moment.
    arrays = [layers.indices, layers.weights, *state]
    fresh = [new_inputs.astype(np.uint32), weights, *(zeros for _ in state)]
    moving = [i for i, array in enumerate(arrays) if len(array) == n_connections]

    indptr = layer_indptr(layers, layer)
    pieces = []
    for first, last in _blocks(indptr):
        old = slice(indptr[first], indptr[last])
        new = slice(*np.searchsorted(cells, [first * n_inputs, last * n_inputs]))
        kept = np.flatnonzero(~pruned[old]) + old.start
        # Two ascending runs: a stable sort merges them in linear time.
        order = np.argsort(np.concatenate([occupied[kept], cells[new]]), kind="stable")
        pieces.append(
            [
                np.concatenate([arrays[i][here][kept], fresh[i][new]])[order]
                for i in moving
            ]
        )
    for i, merged in zip(moving, zip(*pieces)):
        arrays[i] = _replace(arrays[i], here, np.concatenate(merged))

    fan_in = np.diff(indptr)
    fan_in += np.bincount(new_neurons, minlength=len(fan_in))
    fan_in -= np.bincount(occupied[pruned] // n_inputs, minlength=len(fan_in))
    # The rows of this layer end elsewhere, those of later layers are moved.
    layers.indptr[neurons.start + 1 : neurons.stop + 1] = here.start + np.cumsum(fan_in)
    layers.indptr[neurons.stop + 1 :] += len(cells) - np.count_nonzero(pruned)
    indices, weights, *state = arrays
    return layers._replace(indices=indices, weights=weights), state


def _blocks(indptr):
    """Cut the neurons of a layer into blocks of about `_BLOCK` connections."""
    marks = np.arange(0, indptr[-1], _BLOCK)
    inner = np.searchsorted(indptr, marks[1:])
    return pairwise(np.unique([0, *inner, len(indptr) - 1]))


def _replace(array, here, merged):
    """Put `merged` in the place `here` of an array, at once if it has the same size."""
    if len(merged) == here.stop - here.start:
        array[here] = merged
        return array
    return np.concatenate([array[: here.start], merged, array[here.stop :]])
