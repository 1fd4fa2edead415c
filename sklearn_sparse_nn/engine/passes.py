"""The passes over a layer: in bands of its inputs, or over those that are present.

The kernels of `kernels` do the work; see `bands` and `presence` for when and why a pass
takes the connections of a layer piece by piece.
"""

import numpy as np

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.activations import PIECEWISE_LINEAR, Activation
from sklearn_sparse_nn.engine.bands import piece_in_band
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.presence import (
    collect,
    collect_gradient,
    return_gradient,
    worthwhile,
)
from sklearn_sparse_nn.engine.references import refer
from sklearn_sparse_nn.engine.sections import rest


@inner
def forward(share, layers, layer, x, out, slopes, activation):
    """`kernels.forward` of a layer."""
    start, stop = layers.first[layer], layers.first[layer + 1]
    if layer == 0 and worthwhile(share, layers.sizes[0]):
        j = start
        while j < stop:
            end, some = collect(layers, j, stop, share.collection)
            some = refer(some)
            row = (j - start) * share.columns.stride
            here, there = rest(out, row), rest(slopes, row)
            kernels.forward(share.columns, some, x, here, there, activation)
            j = end
        return
    n_bands = share.bands.n_bands[layer]
    for band in range(n_bands):
        piece = refer(piece_in_band(layers, layer, start, stop, share.bands, band))
        now = activation
        if band < n_bands - 1:  # a sum that waits for the rest
            now = Activation(PIECEWISE_LINEAR, np.float32(1), False)
        kernels.forward(share.columns, piece, x, out, slopes, now)


@inner
def input_gradient(share, layers, layer, deltas, errors):
    """`kernels.input_gradient` of a layer."""
    start, stop = layers.first[layer], layers.first[layer + 1]
    for band in range(share.bands.n_bands[layer]):
        piece = refer(piece_in_band(layers, layer, start, stop, share.bands, band))
        kernels.input_gradient(share.columns, piece, deltas, errors)


@inner
def weight_gradient(share, layers, block, x, deltas, gradient, bias):
    """`kernels.weight_gradient` of a block: a layer, and some of its neurons."""
    layer, start, stop = block
    if layer == 0 and worthwhile(share, layers.sizes[0]):
        j, room = start, share.collection
        while j < stop:
            end, some = collect(layers, j, stop, room)
            some = refer(some)
            sums = rest(gradient, layers.indptr[j] - layers.indptr[start])
            n, row = some.ends[end - j - 1], (j - start) * share.columns.stride
            collect_gradient(sums, n, room)
            here, biases = rest(deltas, row), rest(bias, j - start)
            kernels.weight_gradient(share.columns, some, x, here, room.gradient, biases)
            return_gradient(sums, n, room)
            j = end
        return
    for band in range(share.bands.n_bands[layer]):
        piece = refer(piece_in_band(layers, layer, start, stop, share.bands, band))
        kernels.weight_gradient(share.columns, piece, x, deltas, gradient, bias)
