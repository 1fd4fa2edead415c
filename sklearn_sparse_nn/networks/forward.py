"""From the samples to the last layer of a network, compiled."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels, passes, presence
from sklearn_sparse_nn.engine.activations import Activation
from sklearn_sparse_nn.engine.bands import NO_BANDS, new_bands
from sklearn_sparse_nn.engine.buffers import aligned_zeros, look_ahead
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import Inputs, read_batch
from sklearn_sparse_nn.engine.layers import SparseLayers
from sklearn_sparse_nn.engine.random import drop
from sklearn_sparse_nn.engine.references import refer
from sklearn_sparse_nn.engine.sections import rest, section
from sklearn_sparse_nn.networks.batches import (
    Workspace,
    input_flags,
    tile_of,
)


class Functions(NamedTuple):
    """Activation of each layer, as the kernels know it."""

    kinds: np.ndarray
    left_slopes: np.ndarray


class Model(NamedTuple):
    """A network to compute."""

    layers: SparseLayers
    functions: Functions


class Chosen(NamedTuple):
    """Some samples of X, int64."""

    inputs: Inputs
    samples: np.ndarray


class Dropout(NamedTuple):
    """A share `rate` of the hidden neurons is left out in training."""

    rate: float
    key: np.uint32


@inner
def forward(model, tile, share, dropout):
    """Take columns of a tile from the input to the output layer.

    In a tile with room for error terms, hidden neurons leave their slopes there.
    """
    layers, functions, columns = model.layers, model.functions, share.columns
    stride = columns.stride
    x = tile.activations
    for layer in range(len(layers.sizes) - 1):
        start, stop = layers.first[layer], layers.first[layer + 1]
        out = rest(tile.activations, (layers.sizes[0] + start) * stride)
        learns = len(tile.deltas) > 0 and stop < layers.first[-1]
        slopes = rest(tile.deltas, (start if learns else 0) * stride)
        kind, left = functions.kinds[layer], functions.left_slopes[layer]
        activation = Activation(kind, left, learns)
        passes.forward(share, layers, layer, x, out, slopes, activation)
        if learns and dropout.rate > 0:
            n = columns.last - columns.first
            for j in range(start, stop):
                row = (j - start) * stride + columns.first
                position = j * tile.span + tile.column + columns.first
                drop(out, slopes, row, n, dropout.key, position, dropout.rate)
        x = out


@inner
def _forward_sample(model, activations):
    """Take one sample from the input to the output layer; no slopes are kept."""
    layers, functions, x = model.layers, model.functions, activations
    for layer in range(len(layers.sizes) - 1):
        start, stop = layers.first[layer], layers.first[layer + 1]
        first = layers.sizes[0] + start
        out = section(activations, first, first + stop - start)
        kind, left = functions.kinds[layer], functions.left_slopes[layer]
        piece = refer(kernels.all_connections(layers, start, stop))
        kernels.forward_sample(piece, x, out, Activation(kind, left, False))
        x = out


@entry_point
def decide(thread, n_threads, shared, model, chosen, work, scores):
    """Outputs of the network for `chosen` samples, some of them on each thread."""
    model = Model(refer(model.layers), refer(model.functions))
    chosen, work = refer(chosen), refer(work)
    width, layers = work.stride, model.layers
    tile, share = tile_of(work, thread, thread, 0, width)
    tile, share = refer(tile), refer(share)
    nothing_dropped = Dropout(0.0, np.uint32(0))
    row = layers.sizes[0] + layers.first[-2]
    for start in range(thread * width, len(chosen.samples), n_threads * width):
        samples = chosen.samples[start : start + width]
        read_batch(
            chosen.inputs, samples, tile.activations, share.present, share.columns
        )
        if width == 1:
            _forward_sample(model, tile.activations)
        else:
            forward(model, tile, share, nothing_dropped)
        for column in range(len(samples)):
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
