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

All begin with `Columns`, then take a `Piece`. Rows of `out`, `slopes`, `deltas` count
from the first neuron of the piece, rows of `x` and `errors` from the first neuron of
the input, and `gradient` from the first connection of the first neuron.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.activations import activation_of_width
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.simd import LINE, TILES, vector_operations


class Piece(NamedTuple):
    """Some neurons, and some consecutive connections of each: all, or see `bands`."""

    begins: np.ndarray  # of each neuron, in `indices` and `weights`
    ends: np.ndarray
    opens: bool  # whether these connections are the first of their neurons
    origin: int  # the first connection of the first neuron, in the piece or not
    indices: np.ndarray
    weights: np.ndarray
    intercepts: np.ndarray  # of each neuron


@inner
def all_connections(layers, start, stop):
    """All connections of neurons `start` to `stop`."""
    return Piece(
        begins=layers.indptr[start:stop],
        ends=layers.indptr[start + 1 : stop + 1],
        opens=True,
        origin=layers.indptr[start],
        indices=layers.indices,
        weights=layers.weights,
        intercepts=layers.intercepts[start:stop],
    )


@lru_cache
def _ask_for_row(lanes):
    v = vector_operations(lanes)

    @inner(forceinline=True)
    def ask_for_row(column, k, columns, piece, rows):
        if columns.ahead > 0:
            later = min(k + columns.ahead, len(piece.indices) - 1)
            row = np.int64(piece.indices[later]) * columns.stride
            v.prefetch(rows, row + column)

    return ask_for_row


def _forward(lanes):
    v = vector_operations(lanes)
    ask_for_row = _ask_for_row(lanes)
    activate = activation_of_width(lanes)

    @inner
    def forward(column, columns, piece, x, out, slopes, activation):
        for j in range(len(piece.begins)):
            here = j * columns.stride + column
            z = v.broadcast(piece.intercepts[j])
            if not piece.opens:
                z = v.load(out, here)
            for k in range(piece.begins[j], piece.ends[j]):
                ask_for_row(column, k, columns, piece, x)
                row = np.int64(piece.indices[k]) * columns.stride + column
                z = v.fma(v.broadcast(piece.weights[k]), v.load(x, row), z)
            activate(z, out, slopes, here, activation)

    return forward


def _forward_sample():
    v = vector_operations(1)
    activate = activation_of_width(1)

    @inner(forceinline=True)
    def add(z, k, piece, x):
        row = np.int64(piece.indices[k])
        return v.fma(v.broadcast(piece.weights[k]), v.load(x, row), z)

    @inner
    def finish(z, k, j, piece, x, out, activation):
        while k < np.uint64(piece.ends[j]):
            z = add(z, k, piece, x)
            k += np.uint64(1)
        activate(z, out, out, j, activation)

    @inner
    def forward_sample(piece, x, out, activation):
        """The forward pass of one sample: the same bits as among others.

        Four neurons go abreast, as an addition waits for the one before it. A tile of
        16 columns, the narrowest, took 1.7 times as long.
        """
        begins, ends, last = piece.begins, piece.ends, len(piece.begins) - 1
        for a in range(0, last + 1, 4):
            b, c, d = min(a + 1, last), min(a + 2, last), min(a + 3, last)
            k_a, k_b = np.uint64(begins[a]), np.uint64(begins[b])
            k_c, k_d = np.uint64(begins[c]), np.uint64(begins[d])
            z_a = v.broadcast(piece.intercepts[a])
            z_b = v.broadcast(piece.intercepts[b])
            z_c = v.broadcast(piece.intercepts[c])
            z_d = v.broadcast(piece.intercepts[d])
            n = min(ends[a] - begins[a], ends[b] - begins[b])
            n = min(n, ends[c] - begins[c], ends[d] - begins[d])
            for _ in range(n):
                z_a, k_a = add(z_a, k_a, piece, x), k_a + np.uint64(1)
                z_b, k_b = add(z_b, k_b, piece, x), k_b + np.uint64(1)
                z_c, k_c = add(z_c, k_c, piece, x), k_c + np.uint64(1)
                z_d, k_d = add(z_d, k_d, piece, x), k_d + np.uint64(1)
            finish(z_a, k_a, a, piece, x, out, activation)
            finish(z_b, k_b, b, piece, x, out, activation)
            finish(z_c, k_c, c, piece, x, out, activation)
            finish(z_d, k_d, d, piece, x, out, activation)

    return forward_sample


def _input_gradient(lanes):
    v = vector_operations(lanes)
    ask_for_row = _ask_for_row(lanes)

    @inner
    def input_gradient(column, columns, piece, deltas, errors):
        for j in range(len(piece.begins)):
            delta = v.load(deltas, j * columns.stride + column)
            for k in range(piece.begins[j], piece.ends[j]):
                ask_for_row(column, k, columns, piece, errors)
                row = np.int64(piece.indices[k]) * columns.stride + column
                weight = v.broadcast(piece.weights[k])
                v.store(errors, row, v.fma(weight, delta, v.load(errors, row)))

    return input_gradient


def _weight_gradient(lanes):
    v, line = vector_operations(lanes), vector_operations(LINE)
    ask_for_row = _ask_for_row(lanes)

    @inner(forceinline=True)
    def products(column, k, columns, piece, x, delta):
        ask_for_row(column, k, columns, piece, x)
        row = np.int64(piece.indices[k]) * columns.stride + column
        return v.fold_products(delta, v.load(x, row))

    @inner
    def weight_gradient(column, columns, piece, x, deltas, gradient, bias):
        for j in range(len(piece.begins)):
            delta = v.load(deltas, j * columns.stride + column)
            if piece.opens:
                bias[j] += v.total(delta)
            k, end = piece.begins[j], piece.ends[j]
            while k + 4 <= end:
                v.add_totals(
                    gradient,
                    k - piece.origin,
                    products(column, k, columns, piece, x, delta),
                    products(column, k + 1, columns, piece, x, delta),
                    products(column, k + 2, columns, piece, x, delta),
                    products(column, k + 3, columns, piece, x, delta),
                )
                k += 4
            while k < end:
                product = products(column, k, columns, piece, x, delta)
                gradient[k - piece.origin] += line.total(product)
                k += 1

    return weight_gradient


def _over_tiles(make_kernel):
    """A function that runs a kernel over columns, with the widest tiles that fit."""
    wide, middle, narrow = (make_kernel(lanes) for lanes in TILES)
    wide_lanes, middle_lanes, narrow_lanes = TILES

    @inner
    def sweep(columns, *args):
        column, last = columns.first, columns.last
        while last - column >= wide_lanes:
            wide(column, columns, *args)
            column += wide_lanes
        while last - column >= middle_lanes:
            middle(column, columns, *args)
            column += middle_lanes
        while last - column >= narrow_lanes:
            narrow(column, columns, *args)
            column += narrow_lanes

    return sweep


forward = _over_tiles(_forward)
forward_sample = _forward_sample()
input_gradient = _over_tiles(_input_gradient)
weight_gradient = _over_tiles(_weight_gradient)


_line = vector_operations(LINE)
_activate_line = activation_of_width(LINE)


@inner
def take_errors(columns, n_neurons, slopes, errors):
    """Multiply slopes by errors, in place of the slopes, and clear the errors."""
    for j in range(n_neurons):
        for column in range(columns.first, columns.last, LINE):
            here = j * columns.stride + column
            error = _line.load(errors, here)
            _line.store(slopes, here, _line.multiply(_line.load(slopes, here), error))
            _line.store(errors, here, _line.broadcast(np.float32(0)))


@inner
def activate_errors(columns, intercepts, out, errors, activation):
    """Activate errors plus intercepts, as inputs of the layer, and clear them."""
    one = _line.broadcast(np.float32(1))
    for i in range(len(intercepts)):
        for column in range(columns.first, columns.last, LINE):
            here, bias = i * columns.stride + column, _line.broadcast(intercepts[i])
            z = _line.fma(one, _line.load(errors, here), bias)
            _activate_line(z, out, out, here, activation)
            _line.store(errors, here, _line.broadcast(np.float32(0)))
