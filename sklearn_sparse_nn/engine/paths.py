"""Scores of the cells of a layer by paths of length three, compiled.

What is scored, and how, says `evolution.paths`.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.simd import LINE, vector_operations


class Side(NamedTuple):
    """The neurons, or the inputs, of a layer: what each is connected to, and buffers.

    Attributes
    ----------
    indptr, indices : ndarray of int64 and uint32
        Where the connections of each node begin, and to which node of the other side.
    common, seen : ndarray of float32 and int64
        Room for a number for each node of the other side, all zero, and for which of
        them are not.
    """

    indptr: np.ndarray
    indices: np.ndarray
    common: np.ndarray
    seen: np.ndarray


class PathRoom(NamedTuple):
    """What is known of paths to n neurons, and buffers.

    Attributes
    ----------
    worth : ndarray of float32, shape (n_neurons, n)
        What the step from each neuron is worth.
    sums : ndarray of float32
        Room for n numbers for each input that is scored, all zero.
    steps, rows : ndarray of float32 and int64, shape (n,)
        Room for what is known of the neurons that have an input, and for which they
        are.
    """

    worth: np.ndarray
    sums: np.ndarray
    steps: np.ndarray
    rows: np.ndarray


_LINE = vector_operations(LINE)
# Nodes are added one by one if they are fewer than this part of all: to add eight
# consecutive numbers takes about as long as to add two that are not.
_FEW = 4


@inner
def _count_common(node, side, back):
    """Note how many neighbours of a node each node is connected to, by `back`.

    Returns how many are connected to any: the first of `back.seen`.
    """
    n_seen = 0
    for i in range(side.indptr[node], side.indptr[node + 1]):
        neighbour = side.indices[i]
        for j in range(back.indptr[neighbour], back.indptr[neighbour + 1]):
            other = back.indices[j]
            if back.common[other] == 0:
                back.seen[n_seen] = other
                n_seen += 1
            back.common[other] += np.float32(1)
    return n_seen


@inner
def _external(common, node, side):
    """Connections of a node that are neither common nor the one that leads on.

    A node without any has all of its neighbours in common: it leads to no empty cell.
    """
    degree = np.float32(side.indptr[node + 1] - side.indptr[node])
    return max(degree - common - np.float32(1), np.float32(0))


@inner
def _weigh_nodes(n_seen, side, nodes, end):
    """Replace what is common by (1 + internal) / (1 + external).

    What is external is so for each node that is seen, or for `end`, unless that is -1.
    """
    one = np.float32(1)
    for i in range(n_seen):
        node, common = side.seen[i], side.common[side.seen[i]]
        external = _external(common, node if end < 0 else end, nodes)
        side.common[node] = (one + common) / (one + external)


@inner
def _weigh_steps(n_seen, side, nodes, end):
    """Replace what is common by 1 / sqrt(1 + external): see `_weigh_nodes`."""
    one = np.float32(1)
    for i in range(n_seen):
        node, common = side.seen[i], side.common[side.seen[i]]
        external = _external(common, node if end < 0 else end, nodes)
        side.common[node] = one / np.sqrt(one + external)


@inner
def _add_seen(scores, n_seen, side):
    """Add the numbers of the nodes that are seen."""
    if _FEW * n_seen < len(scores):
        for i in range(n_seen):
            scores[side.seen[i]] += side.common[side.seen[i]]
    else:  # those of the others are 0
        for node in range(len(scores)):
            scores[node] += side.common[node]


@inner
def _forget(n_seen, side):
    for i in range(n_seen):
        side.common[side.seen[i]] = 0


@entry_point
def add_nodes(scores, first, nearby, neurons, inputs):
    """Add what the nodes on paths are worth to the scores of some neurons.

    Parameters
    ----------
    scores : ndarray of float32, shape (n, n_inputs)
        Of the neurons from `first` on.
    first : int
    nearby : ndarray of uint32
        The inputs that these neurons have.
    neurons, inputs : Side
    """
    for row in range(len(scores)):
        n_seen = _count_common(first + row, neurons, inputs)
        _weigh_nodes(n_seen, inputs, neurons, -1)
        for i in range(n_seen):
            neuron = inputs.seen[i]
            for j in range(neurons.indptr[neuron], neurons.indptr[neuron + 1]):
                scores[row, neurons.indices[j]] += inputs.common[neuron]
        _forget(n_seen, inputs)
    for input in nearby:
        n_seen = _count_common(np.int64(input), inputs, neurons)
        _weigh_nodes(n_seen, neurons, inputs, np.int64(input))
        for i in range(inputs.indptr[input], inputs.indptr[input + 1]):
            row = np.int64(inputs.indices[i]) - first
            if 0 <= row < len(scores):
                _add_seen(scores[row], n_seen, neurons)
        _forget(n_seen, neurons)


@entry_point
def weigh_first_steps(worth, first, neurons, inputs):
    """Note what the step from each neuron is worth on paths to some neurons.

    Parameters
    ----------
    worth : ndarray of float32, shape (n_neurons, n)
        For the neurons from `first` on, all zero.
    first : int
    neurons, inputs : Side
    """
    for row in range(worth.shape[1]):
        n_seen = _count_common(first + row, neurons, inputs)
        _weigh_steps(n_seen, inputs, neurons, -1)
        for i in range(n_seen):
            worth[inputs.seen[i], row] = inputs.common[inputs.seen[i]]
        _forget(n_seen, inputs)


@entry_point
def add_paths(scores, first, nearby, inputs, tile, room):
    """Add what paths are worth to the scores of some neurons and some inputs.

    Parameters
    ----------
    scores : ndarray of float32, shape (n_scored, n)
        Of the neurons from `first` on.
    first : int
    nearby : ndarray of uint32
        The inputs that these neurons have.
    inputs : Side
    tile : Side
        The neurons, with no connections but those to inputs that are scored.
    room : PathRoom
    """
    for input in nearby:
        through = inputs.indices[inputs.indptr[input] : inputs.indptr[input + 1]]
        n_rows = 0
        for neuron in through:
            row = np.int64(neuron) - first
            if 0 <= row < scores.shape[1]:
                room.rows[n_rows] = row
                n_rows += 1
        stride = _padded(n_rows)
        _add_steps(through, n_rows, tile, room)
        n_seen = _count_common(np.int64(input), inputs, tile)
        _weigh_steps(n_seen, tile, inputs, np.int64(input))
        for i in range(n_seen):
            scored = tile.seen[i]
            weight, start = tile.common[scored], scored * stride
            for j in range(n_rows):
                scores[scored, room.rows[j]] += weight * room.sums[start + j]
            for j in range(0, stride, LINE):
                _LINE.store(room.sums, start + j, _LINE.broadcast(np.float32(0)))
        _forget(n_seen, tile)


@inner
def _padded(n):
    return (n + LINE - 1) // LINE * LINE


@inner
def _add_steps(through, n_rows, tile, room):
    """Sum what the steps from some neurons are worth, for each input that they have."""
    one = _LINE.broadcast(np.float32(1))
    stride = _padded(n_rows)
    for neuron in through:
        for j in range(n_rows):
            room.steps[j] = room.worth[neuron, room.rows[j]]
        for j in range(0, stride, LINE):
            steps = _LINE.load(room.steps, j)
            for i in range(tile.indptr[neuron], tile.indptr[neuron + 1]):
                here = np.int64(tile.indices[i]) * stride + j
                sums = _LINE.load(room.sums, here)
                _LINE.store(room.sums, here, _LINE.fma(steps, one, sums))
