"""From the samples to the last layer of a network, compiled."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.buffers import aligned_zeros, row_stride
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.random import drop
from sklearn_sparse_nn.networks.batches import Workspace, columns_of, rows_from


class Functions(NamedTuple):
    """Activation of each layer and kind of the output, as the kernels know them."""

    kinds: np.ndarray
    left_slopes: np.ndarray
    output: int


@inner
def forward(layers, functions, first, last, work, dropout, key):
    """Take columns `first` to `last` from the input to the output layer.

    In a workspace with room for error terms, hidden neurons leave their slopes there.
    """
    stride, n_inputs = work.stride, layers.sizes[0]
    x_row = 0
    for layer in range(len(layers.sizes) - 1):
        start, stop = layers.first[layer], layers.first[layer + 1]
        x = rows_from(work.activations, x_row, stride)
        x_row = n_inputs + start
        out = rows_from(work.activations, x_row, stride)
        learns = len(work.deltas) > 0 and stop < layers.first[-1]
        slopes = rows_from(work.deltas, start if learns else 0, stride)
        kind, left = functions.kinds[layer], functions.left_slopes[layer]
        kernels.forward(
            first, last, layers, start, stop, x, out, slopes, stride, kind, left, learns
        )
        if learns and dropout > 0:
            for j in range(start, stop):
                row, position = (j - start) * stride + first, j * stride + first
                drop(out, slopes, row, last - first, key, position, dropout)


@entry_point
def decide(thread, n_threads, shared, layers, functions, inputs, samples, work, scores):
    """Outputs of the network for `samples`, some of them on each thread."""
    width = len(work.losses)
    first, last = columns_of(thread, n_threads, width)
    row = layers.sizes[0] + layers.first[-2]
    for start in range(0, len(samples), width):
        batch = samples[start : start + width]
        read_batch(inputs, batch, first, last, work.activations, work.stride)
        forward(layers, functions, first, last, work, 0.0, np.uint32(0))
        for column in range(first, min(last, len(batch))):
            for o in range(layers.sizes[-1]):
                value = work.activations[(row + o) * work.stride + column]
                scores[start + column, o] = value


def decision_workspace(layers, width):
    """Buffers for `decide`, which works on `width` columns at a time."""
    stride = row_stride(width)
    nothing = np.zeros((1, 0), dtype=np.float32)
    return Workspace(
        activations=aligned_zeros(int(layers.sizes[0] + layers.first[-1]) * stride),
        deltas=nothing[0],
        errors=nothing,
        errors_stride=0,
        stride=stride,
        losses=np.zeros(width, dtype=np.float32),
        gradients=nothing,
        blocks=np.zeros((0, 3), dtype=np.int64),
        penalties=nothing[0],
    )
