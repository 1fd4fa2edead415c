"""Carry out what an evolution rule decides: O(connections), sorted rows merged."""

import numpy as np

from sklearn_sparse_nn.engine.layers import connections_of, layer_indptr, neurons_of
from sklearn_sparse_nn.topology.cells import neuron_blocks, occupied_cells


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
        grown cell does not exist, or comes twice or out of order.
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
    in_order = (cells[1:] > cells[:-1]).all()
    if not in_order or (len(cells) and not 0 <= cells[0] <= cells[-1] < n_cells):
        raise ValueError(
            f"{name}.grow must return distinct cells < {n_cells} in ascending order."
        )
    weights = np.asarray(rule.new_weights(layer, cells), dtype=np.float32)
    if weights.shape != cells.shape:
        raise ValueError(
            f"{name}.new_weights must return one weight per cell, got shape "
            f"{weights.shape} for {len(cells)} cells."
        )
    return pruned, cells, weights


def rewire(layers, state, layer, pruned, cells, weights, team):
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
        Ascending cells where connections begin.
    weights : ndarray of float32, shape (n_grown,)
        Their weights.
    team : ThreadTeam
        Blocks of neurons are merged on its threads.

    Returns
    -------
    layers : SparseLayers
        Shares the arrays of the old one where the number of connections is the same.
    state : list of ndarray

    Raises
    ------
    ValueError
        If a cell holds a connection that stays. Nothing has changed then.
    """
    n_connections, n_inputs = len(layers.weights), int(layers.sizes[layer])
    here, neurons = connections_of(layers, layer), neurons_of(layers, layer)
    indptr, indices = layer_indptr(layers, layer), layers.indices[here]
    blocks = neuron_blocks(indptr)
    old = [slice(indptr[first], indptr[last]) for first, last in blocks]
    new = [
        slice(*np.searchsorted(cells, [first * n_inputs, last * n_inputs]))
        for first, last in blocks
    ]
    degrees, orders, pieces = ([None] * len(blocks) for _ in range(3))

    def compare(thread, n_threads, shared):
        for b in range(thread, len(blocks), n_threads):
            occupied = occupied_cells(indptr, indices, n_inputs, *blocks[b])
            grown = cells[new[b]]
            goes = np.append(pruned[old[b]], np.zeros(len(grown), dtype=bool))
            stays = np.flatnonzero(~goes)
            merged = np.append(occupied, grown)[stays]
            # Two ascending runs: a stable sort merges them in linear time.
            order = np.argsort(merged, kind="stable")
            degrees[b] = _degrees(merged[order], n_inputs, *blocks[b])
            # Each block has one order for all arrays; 4 bytes, not 8, are enough.
            orders[b] = stays.astype(np.uint32)[order]

    def move(thread, n_threads, shared, array, fresh):
        for b in range(thread, len(blocks), n_threads):
            pieces[b] = np.append(array[old[b]], fresh[new[b]])[orders[b]]

    team.run(compare)
    zeros = np.zeros(len(cells), dtype=np.float32)
    # What moves, and what a new connection starts with. SGD has no second moment.
    arrays = [layers.indices, layers.weights, *state]
    fresh = [(cells % n_inputs).astype(np.uint32), weights, *(zeros for _ in state)]
    # One array after the other: only of one are the new pieces there beside the old.
    for i, array in enumerate(arrays):
        if len(array) == n_connections:
            team.run(move, array[here], fresh[i])
            arrays[i] = _replace(array, here, pieces)
    # The rows of this layer end elsewhere, those of later layers are moved.
    ends = here.start + np.cumsum(np.concatenate(degrees))
    layers.indptr[neurons.start + 1 : neurons.stop + 1] = ends
    layers.indptr[neurons.stop + 1 :] += ends[-1] - here.stop
    indices, weights, *state = arrays
    return layers._replace(indices=indices, weights=weights), state


def _degrees(cells, n_inputs, first, last):
    """How many of the ascending cells belong to each neuron."""
    taken = np.flatnonzero(cells[1:] == cells[:-1])
    if len(taken):
        neuron, input = divmod(int(cells[taken[0]]), n_inputs)
        raise ValueError(
            "An evolution rule may only grow where it leaves no connection, got a "
            f"second one from input {input} to neuron {neuron}."
        )
    return np.diff(np.searchsorted(cells, np.arange(first, last + 1) * n_inputs))


def _replace(array, here, pieces):
    """Put `pieces` in the place `here` of an array, at once if they have its size."""
    if sum(map(len, pieces)) == here.stop - here.start:
        np.concatenate(pieces, out=array[here])
        return array
    return np.concatenate([array[: here.start], *pieces, array[here.stop :]])
