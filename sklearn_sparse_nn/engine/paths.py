"""Scores of the cells of a layer by paths of length three, compiled.

What is scored, and how, says `evolution.paths`.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import entry_point, inner


class Side(NamedTuple):
    """The neurons, or the inputs, of a layer: what each is connected to, and buffers.

    Attributes
    ----------
    indptr, indices : ndarray of int64 and uint32
        Where the connections of each node begin, and to which node of the other side.
    common, seen : ndarray of float32 and int64, shape (n_nodes,)
        Room for a number for each node, all zero, and for which of them are not.
    """

    indptr: np.ndarray
    indices: np.ndarray
    common: np.ndarray
    seen: np.ndarray


@inner
def _count_common(node, here, there):
    """Note how many neighbours each node of a side has in common with one of them.

    Returns how many nodes have any: the first of `here.seen`.
    """
    n_seen = 0
    for i in range(here.indptr[node], here.indptr[node + 1]):
        neighbour = here.indices[i]
        for j in range(there.indptr[neighbour], there.indptr[neighbour + 1]):
            other = there.indices[j]
            if here.common[other] == 0:
                here.seen[n_seen] = other
                n_seen += 1
            here.common[other] += np.float32(1)
    return n_seen


@inner
def _external(common, node, side):
    """Connections of a node that are neither common nor the one that leads on.

    A node without any has all of its neighbours in common: it leads to no empty cell.
    """
    degree = np.float32(side.indptr[node + 1] - side.indptr[node])
    return max(degree - common - np.float32(1), np.float32(0))


@inner
def _weigh_nodes(n_seen, side, end):
    """Replace what is common by (1 + internal) / (1 + external).

    What is external is so for each node that is seen, or for `end`, unless that is -1.
    """
    one = np.float32(1)
    for i in range(n_seen):
        node, common = side.seen[i], side.common[side.seen[i]]
        external = _external(common, node if end < 0 else end, side)
        side.common[node] = (one + common) / (one + external)


@inner
def _weigh_steps(n_seen, side, end):
    """Replace what is common by 1 / sqrt(1 + external): see `_weigh_nodes`."""
    one = np.float32(1)
    for i in range(n_seen):
        node, common = side.seen[i], side.common[side.seen[i]]
        external = _external(common, node if end < 0 else end, side)
        side.common[node] = one / np.sqrt(one + external)


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
        _weigh_nodes(n_seen, neurons, -1)
        for i in range(n_seen):
            neuron = neurons.seen[i]
            for j in range(neurons.indptr[neuron], neurons.indptr[neuron + 1]):
                scores[row, neurons.indices[j]] += neurons.common[neuron]
        _forget(n_seen, neurons)
    for input in nearby:
        n_seen = _count_common(np.int64(input), inputs, neurons)
        _weigh_nodes(n_seen, inputs, np.int64(input))
        for i in range(inputs.indptr[input], inputs.indptr[input + 1]):
            row = np.int64(inputs.indices[i]) - first
            if 0 <= row < len(scores):
                for j in range(n_seen):
                    scores[row, inputs.seen[j]] += inputs.common[inputs.seen[j]]
        _forget(n_seen, inputs)


@entry_point
def add_paths(scores, first, nearby, neurons, inputs, worth):
    """Add what paths are worth to the scores of some neurons: see `add_nodes`.

    `worth` is room for a number for each of these neurons and each neuron, all zero.
    """
    for row in range(len(scores)):
        n_seen = _count_common(first + row, neurons, inputs)
        _weigh_steps(n_seen, neurons, -1)
        for i in range(n_seen):
            worth[row, neurons.seen[i]] = neurons.common[neurons.seen[i]]
        _forget(n_seen, neurons)
    for input in nearby:
        n_seen = _count_common(np.int64(input), inputs, neurons)
        _weigh_steps(n_seen, inputs, np.int64(input))
        start, stop = inputs.indptr[input], inputs.indptr[input + 1]
        for i in range(start, stop):
            row = np.int64(inputs.indices[i]) - first
            if 0 <= row < len(scores):
                for j in range(start, stop):
                    neuron = inputs.indices[j]
                    weight = worth[row, neuron]
                    for k in range(neurons.indptr[neuron], neurons.indptr[neuron + 1]):
                        other = neurons.indices[k]
                        scores[row, other] += weight * inputs.common[other]
        _forget(n_seen, inputs)
