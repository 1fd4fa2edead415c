"""Where the flops are: the three passes over the connections of a layer.

Activations and error terms are feature-major: row `i`, the samples of neuron `i`,
starts at `i * stride`. A connection thus touches contiguous vectors, and one weight
serves a whole tile of samples. Every pass exists for each width in `TILES`, made by a
factory; `_over_tiles` covers any range of columns with them.

forward
    ``z[j] = b[j] + sum_i w[j, i] x[i]``: the tile of neuron `j` stays in registers.
input gradient
    ``e[i] += w[j, i] delta[j]``: scattered along the same rows as the forward pass, so
    no transposed copy of the connections is ever kept.
weight gradient
    ``g[j, i] += sum_samples delta[j] x[i]``: a dot product for each connection, and
    the sum of ``delta[j]`` for each bias.

All take `start` and `stop`, the neurons to work on, and a `Stretch`, which of their
connections. Rows of `out`, `slopes`, `deltas` count from `start`, rows of `x` and
`errors` from the first neuron of the input. `ahead` is None or says how early to ask
for the row of a connection: see `buffers.look_ahead`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.activations import activation_of_width
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.simd import LINE, TILES, vector_operations


class Stretch(NamedTuple):
    """Some consecutive connections of each neuron: all of them, or see `bands`."""

    begins: np.ndarray  # of each neuron from the first to work on
    ends: np.ndarray
    opens: bool  # whether they are the first of their neurons


@inner(inline="always")
def all_connections(layers, start, stop):
    """All connections of neurons `start` to `stop`."""
    begins, ends = layers.indptr[start:stop], layers.indptr[start + 1 : stop + 1]
    return Stretch(begins, ends, True)


@lru_cache
def _ask_for_row(lanes):
    v = vector_operations(lanes)

    @inner
    def ask_for_row(column, k, ahead, end, layers, rows, stride):
        if ahead is not None:
            later = min(k + ahead, end - 1)
            v.prefetch(rows, np.int64(layers.indices[later]) * stride + column)

    return ask_for_row


def _forward(lanes):
    v = vector_operations(lanes)
    ask_for_row = _ask_for_row(lanes)
    activate = activation_of_width(lanes)

    @inner
    def forward(
        column,
        layers,
        start,
        stop,
        stretch,
        x,
        out,
        slopes,
        stride,
        ahead,
        kind,
        left,
        train,
    ):
        end = layers.indptr[stop]
        for j in range(stop - start):
            here = j * stride + column
            z = v.broadcast(layers.intercepts[start + j])
            if not stretch.opens:
                z = v.load(out, here)
            for k in range(stretch.begins[j], stretch.ends[j]):
                ask_for_row(column, k, ahead, end, layers, x, stride)
                row = np.int64(layers.indices[k]) * stride + column
                z = v.fma(v.broadcast(layers.weights[k]), v.load(x, row), z)
            activate(z, out, slopes, here, kind, left, train)

    return forward


def _forward_sample():
    v = vector_operations(1)
    activate = activation_of_width(1)

    @inner(inline="always")
    def begin(j, layers):
        here = slice(layers.indptr[j], layers.indptr[j + 1])
        z = v.broadcast(layers.intercepts[j])
        return z, layers.weights[here], layers.indices[here]

    @inner(inline="always")
    def add(z, k, weights, indices, x):
        return v.fma(v.broadcast(weights[k]), v.load(x, np.int64(indices[k])), z)

    @inner(inline="always")
    def finish(z, first, weights, indices, x, out, j, kind, left):
        for k in range(first, len(weights)):
            z = add(z, k, weights, indices, x)
        activate(z, out, out, j, kind, left, False)

    @inner
    def forward_sample(layers, start, stop, x, out, kind, left):
        """The forward pass of one sample: the same bits as among others.

        Four neurons go abreast, as an addition waits for the one before it. A tile of
        16 columns, the narrowest, took 1.7 times as long.
        """
        for a in range(start, stop, 4):
            b, c, d = min(a + 1, stop - 1), min(a + 2, stop - 1), min(a + 3, stop - 1)
            z_a, weights_a, indices_a = begin(a, layers)
            z_b, weights_b, indices_b = begin(b, layers)
            z_c, weights_c, indices_c = begin(c, layers)
            z_d, weights_d, indices_d = begin(d, layers)
            n = min(len(weights_a), len(weights_b), len(weights_c), len(weights_d))
            for k in range(n):
                z_a = add(z_a, k, weights_a, indices_a, x)
                z_b = add(z_b, k, weights_b, indices_b, x)
                z_c = add(z_c, k, weights_c, indices_c, x)
                z_d = add(z_d, k, weights_d, indices_d, x)
            finish(z_a, n, weights_a, indices_a, x, out, a - start, kind, left)
            finish(z_b, n, weights_b, indices_b, x, out, b - start, kind, left)
            finish(z_c, n, weights_c, indices_c, x, out, c - start, kind, left)
            finish(z_d, n, weights_d, indices_d, x, out, d - start, kind, left)

    return forward_sample


def _input_gradient(lanes):
    v = vector_operations(lanes)
    ask_for_row = _ask_for_row(lanes)

    @inner
    def input_gradient(
        column,
        layers,
        start,
        stop,
        stretch,
        deltas,
        stride,
        errors,
        errors_stride,
        ahead,
    ):
        end = layers.indptr[stop]
        for j in range(stop - start):
            delta = v.load(deltas, j * stride + column)
            for k in range(stretch.begins[j], stretch.ends[j]):
                ask_for_row(column, k, ahead, end, layers, errors, errors_stride)
                row = np.int64(layers.indices[k]) * errors_stride + column
                weight = v.broadcast(layers.weights[k])
                v.store(errors, row, v.fma(weight, delta, v.load(errors, row)))

    return input_gradient


def _weight_gradient(lanes):
    v, line = vector_operations(lanes), vector_operations(LINE)
    ask_for_row = _ask_for_row(lanes)

    @inner(inline="always")
    def products(column, k, end, layers, x, delta, stride, ahead):
        ask_for_row(column, k, ahead, end, layers, x, stride)
        row = np.int64(layers.indices[k]) * stride + column
        return v.fold_products(delta, v.load(x, row))

    @inner
    def weight_gradient(
        column, layers, start, stop, stretch, x, deltas, gradient, bias, stride, ahead
    ):
        first, end = layers.indptr[start], layers.indptr[stop]
        for j in range(stop - start):
            delta = v.load(deltas, j * stride + column)
            if stretch.opens:
                bias[j] += v.total(delta)
            k, next_k = stretch.begins[j], stretch.ends[j]
            while k + 4 <= next_k:
                v.add_totals(
                    gradient,
                    k - first,
                    products(column, k, end, layers, x, delta, stride, ahead),
                    products(column, k + 1, end, layers, x, delta, stride, ahead),
                    products(column, k + 2, end, layers, x, delta, stride, ahead),
                    products(column, k + 3, end, layers, x, delta, stride, ahead),
                )
                k += 4
            while k < next_k:
                product = products(column, k, end, layers, x, delta, stride, ahead)
                gradient[k - first] += line.total(product)
                k += 1

    return weight_gradient


def _over_tiles(make_kernel):
    """A function that runs a kernel over columns, with the widest tiles that fit."""
    wide, middle, narrow = (make_kernel(lanes) for lanes in TILES)
    wide_lanes, middle_lanes, narrow_lanes = TILES

    @inner
    def sweep(first, last, *args):
        column = first
        while last - column >= wide_lanes:
            wide(column, *args)
            column += wide_lanes
        while last - column >= middle_lanes:
            middle(column, *args)
            column += middle_lanes
        while last - column >= narrow_lanes:
            narrow(column, *args)
            column += narrow_lanes

    return sweep


forward = _over_tiles(_forward)
forward_sample = _forward_sample()
input_gradient = _over_tiles(_input_gradient)
weight_gradient = _over_tiles(_weight_gradient)


_line = vector_operations(LINE)
_activate_line = activation_of_width(LINE)


@inner
def take_errors(first, last, n_neurons, slopes, stride, errors, errors_stride):
    """Multiply slopes by errors, in place of the slopes, and clear the errors."""
    for j in range(n_neurons):
        for column in range(first, last, LINE):
            row, error_row = j * stride + column, j * errors_stride + column
            error = _line.load(errors, error_row)
            _line.store(slopes, row, _line.multiply(_line.load(slopes, row), error))
            _line.store(errors, error_row, _line.broadcast(np.float32(0)))


@inner
def activate_errors(
    first,
    last,
    n_neurons,
    intercepts,
    out,
    stride,
    kind,
    left,
    errors,
    errors_stride,
):
    """Activate errors plus intercepts, as inputs of the layer, and clear them."""
    for i in range(n_neurons):
        for column in range(first, last, LINE):
            row, error_row = i * stride + column, i * errors_stride + column
            one, bias = _line.broadcast(np.float32(1)), _line.broadcast(intercepts[i])
            z = _line.fma(one, _line.load(errors, error_row), bias)
            _activate_line(z, out, out, row, kind, left, False)
            _line.store(errors, error_row, _line.broadcast(np.float32(0)))
