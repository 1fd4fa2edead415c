"""Carry out a rewiring: O(connections), sorted rows merged."""

import numpy as np

from sklearn_sparse_nn.engine.layers import connections_of, layer_indptr, neurons_of
from sklearn_sparse_nn.engine.merging import MergePlan, merge_connections


def rewire(layers, state, layer, pruned, cells, weights, team):
    """Remove and add connections of one layer; the optimiser state moves along.

    Parameters
    ----------
    layers : SparseLayers
    state : sequence of ndarray
        Further numbers beside each connection of the network; those that are empty
        come last. Those of a kept connection are kept, those of a new one are zero.
    layer : int
        Which layer.
    pruned : ndarray of bool, shape (n_connections,)
        Which of its connections go.
    cells : ndarray of int64, shape (n_grown,)
        Ascending cells where connections begin.
    weights : ndarray of float32, shape (n_grown,)
        Their weights.
    team : ThreadTeam
        Each of its threads merges some of the neurons.

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
    n_inputs, here = int(layers.sizes[layer]), connections_of(layers, layer)
    inputs, weights = _one_more(cells % n_inputs, np.uint32), _one_more(weights)
    nothing = np.zeros_like(weights)
    plan = _plan(layer_indptr(layers, layer), n_inputs, pruned, cells, team.n_threads)
    there = slice(here.start, here.start + int(plan.merged_rows[-1]))
    new_layers, new_state = _with_room(layers, state, layer, there)
    plan = plan._replace(
        indptr=new_layers.indptr[neurons_of(layers, layer).start :].view(np.uint64),
        n_arrays=2 + sum(len(array) == len(layers.weights) for array in state),
    )
    team.run(
        merge_connections,
        plan,
        _bits([layers.indices, layers.weights, *state], here),
        _bits([inputs, weights, *(nothing for _ in state)]),
        _bits([new_layers.indices, new_layers.weights, *new_state], there),
    )
    if plan.twice[0] >= 0:
        neuron, input = divmod(int(cells[plan.twice[0]]), n_inputs)
        raise ValueError(
            "An evolution rule may only grow where it leaves no connection, got a "
            f"second one from input {input} to neuron {neuron}."
        )
    return new_layers, new_state


def _plan(rows, n_inputs, pruned, cells, n_threads):
    """How a layer is merged, but for its place in the network."""
    new_rows = np.searchsorted(cells, np.arange(len(rows)) * n_inputs)
    n_gone = np.searchsorted(np.flatnonzero(pruned), rows)
    merged_rows = rows - n_gone + new_rows
    return MergePlan(
        *(array.astype(np.uint64) for array in (rows, new_rows, merged_rows)),
        pruned=np.require(pruned, requirements=["C", "W"]),
        steps=np.empty(len(pruned) + len(cells), dtype=np.uint8),
        room=np.empty(merged_rows[-1] + n_threads, dtype=np.uint32),
        twice=np.full(1, -1),
        indptr=None,
        n_arrays=None,
    )


def _one_more(numbers, dtype=np.float32):
    """The numbers in an array of their own, with a zero behind them."""
    array = np.zeros(len(numbers) + 1, dtype=dtype)
    array[:-1] = numbers
    return array


def _with_room(layers, state, layer, there):
    """The network and its state with room for the connections `there` of a layer.

    They are the same if it has as many; else copies, whose room holds nothing yet.
    """
    here, neurons = connections_of(layers, layer), neurons_of(layers, layer)
    n_more = there.stop - here.stop
    if not n_more:
        return layers, list(state)

    def moved(array):
        if len(array) < len(layers.weights):  # SGD has no second moment
            return array
        new = np.empty(len(array) + n_more, dtype=array.dtype)
        new[: here.start] = array[: here.start]
        new[there.stop :] = array[here.stop :]
        return new

    indptr = layers.indptr.copy()
    indptr[neurons.stop + 1 :] += n_more
    indices, weights, *state = map(moved, [layers.indices, layers.weights, *state])
    return layers._replace(indptr=indptr, indices=indices, weights=weights), state


def _bits(arrays, here=slice(None)):
    """Arrays as numbers of one type, so that one compiled function moves them all."""
    return tuple(array[here].view(np.uint32) for array in arrays)
