"""From the samples to the last layer of a network, compiled."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels, passes, presence
from sklearn_sparse_nn.engine.bands import NO_BANDS, new_bands
from sklearn_sparse_nn.engine.buffers import aligned_zeros, look_ahead
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.random import drop
from sklearn_sparse_nn.networks.batches import (
    Workspace,
    input_flags,
    rows_from,
    tile_of,
)


class Functions(NamedTuple):
    """Activation of each layer and kind of the output, as the kernels know them."""

    kinds: np.ndarray
    left_slopes: np.ndarray
    output: int


@inner
def forward(layers, functions, first, last, tile, dropout, key, collection):
    """Take columns `first` to `last` of a tile from the input to the output layer.

    In a tile with room for error terms, hidden neurons leave their slopes there.
    """
    stride, n_inputs = tile.stride, layers.sizes[0]
    x_row = 0
    for layer in range(len(layers.sizes) - 1):
        start, stop = layers.first[layer], layers.first[layer + 1]
        x = rows_from(tile.activations, x_row, stride)
        x_row = n_inputs + start
        out = rows_from(tile.activations, x_row, stride)
        learns = len(tile.deltas) > 0 and stop < layers.first[-1]
        slopes = rows_from(tile.deltas, start if learns else 0, stride)
        kind, left = functions.kinds[layer], functions.left_slopes[layer]
        passes.forward(
            first,
            last,
            layers,
            layer,
            x,
            out,
            slopes,
            stride,
            tile.ahead,
            kind,
            left,
            learns,
            tile.present,
            collection,
            tile.bands,
        )
        if learns and dropout > 0:
            for j in range(start, stop):
                row = (j - start) * stride + first
                position = j * tile.span + tile.column + first
                drop(out, slopes, row, last - first, key, position, dropout)


@inner
def _forward_sample(layers, functions, activations):
    """Take one sample from the input to the output layer; no slopes are kept."""
    x, n_inputs = activations, layers.sizes[0]
    for layer in range(len(layers.sizes) - 1):
        start, stop = layers.first[layer], layers.first[layer + 1]
        out = activations[n_inputs + start : n_inputs + stop]
        kind, left = functions.kinds[layer], functions.left_slopes[layer]
        kernels.forward_sample(layers, start, stop, x, out, kind, left)
        x = out


@entry_point
def decide(thread, n_threads, shared, layers, functions, inputs, samples, work, scores):
    """Outputs of the network for `samples`, some of them on each thread."""
    tile, width = tile_of(work, thread), work.stride
    collection = presence.collection_of(work.collection, thread)
    row = layers.sizes[0] + layers.first[-2]
    for start in range(thread * width, len(samples), n_threads * width):
        batch = samples[start : start + width]
        read_batch(inputs, batch, 0, width, tile.activations, width, tile.present)
        if width == 1:
            _forward_sample(layers, functions, tile.activations)
        else:
            forward(layers, functions, 0, width, tile, 0.0, np.uint32(0), collection)
        for column in range(len(batch)):
            for o in range(layers.sizes[-1]):
                value = tile.activations[(row + o) * width + column]
                scores[start + column, o] = value


def decision_workspace(layers, width, n_threads):
    """Buffers for `decide`: a tile of `width` columns, or of one, for each thread."""
    size = int(layers.sizes[0] + layers.first[-1]) * width
    nothing = np.zeros((n_threads, 0), dtype=np.float32)
    bands, collection = NO_BANDS, presence.no_collection(n_threads)
    if width > 1:
        bands = new_bands(layers, width)
        collection = presence.new_collection(layers, n_threads)
    return Workspace(
        activations=aligned_zeros(n_threads * size).reshape(n_threads, size),
        deltas=nothing,
        present=input_flags(layers, n_threads, width),
        errors=nothing,
        stride=width,
        span=0,
        ahead=look_ahead(layers.sizes, width),
        losses=np.zeros(n_threads * width, dtype=np.float32),
        gradients=nothing,
        collection=collection,
        bands=bands,
        blocks=np.zeros((0, 3), dtype=np.int64),
        penalties=nothing[0],
    )
