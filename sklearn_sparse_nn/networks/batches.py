"""What the mini-batches of all networks share: their buffers and their second half.

A mini-batch has two halves. In the first, each thread takes some of the samples, the
columns of the buffers, all the way through the network. In the second, each thread
takes some of the neurons: it sums the gradient of their connections over all samples
and updates them at once, so that no gradient is ever stored and every sum has one
order, whatever the number of threads.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import passes, presence
from sklearn_sparse_nn.engine.bands import Bands, new_bands
from sklearn_sparse_nn.engine.buffers import (
    aligned_zeros,
    look_ahead,
    padded_width,
    random_span,
    tile_width,
)
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.layers import n_layers, neurons_of
from sklearn_sparse_nn.engine.optimisers import ADAM, Step, regularise, update
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.engine.threads import take_next

# A block of neurons is updated by one thread, tile after tile. It has so many
# connections that its gradients stay in the L1 cache, or more where that is too few for
# each row of a tile to be used some times before the next tile comes: 1.1 to 1.4 times
# as fast an epoch on layers of 100,000 neurons and more.
_LEAST_BLOCK, _USES_OF_A_ROW, _LEAST_BLOCKS = 4096, 8, 8


class Workspace(NamedTuple):
    """Feature-major buffers of one mini-batch, for all threads: see `Tile`."""

    activations: np.ndarray  # per tile
    deltas: np.ndarray  # per tile
    present: np.ndarray  # per tile, flags of the inputs: see `engine.presence`
    errors: np.ndarray  # per thread, what comes back to one layer; else zero
    stride: int  # columns of a tile
    span: int  # random numbers set aside for each row
    ahead: int | None  # how early to ask for rows: see `buffers.look_ahead`
    losses: np.ndarray  # of each column of one phase
    gradients: np.ndarray  # per thread, of the connections of one block
    collection: presence.Collection  # per thread
    bands: Bands
    blocks: np.ndarray  # (layer, first neuron, last neuron) of each block
    penalties: np.ndarray  # sum of squared weights of each block


class Tile(NamedTuple):
    """Some columns of a mini-batch, with memory of their own."""

    activations: np.ndarray  # rows of the inputs, then of each neuron
    deltas: np.ndarray  # slopes, then error terms; rows of each neuron
    present: np.ndarray  # flags of the inputs
    losses: np.ndarray  # of each column
    stride: int  # distance between two rows
    span: int  # random numbers set aside for each row
    ahead: int | None
    bands: Bands
    column: int  # its first column in the mini-batch


@inner(inline="always")
def tiles_per_phase(work):
    return -(-len(work.losses) // work.stride)


@inner
def tile_of(work, tile):
    """Tile number `tile` of a workspace; its column counts through all phases."""
    n_columns = len(work.losses)
    phase, place = divmod(tile, tiles_per_phase(work))
    column = phase * n_columns + place * work.stride
    return Tile(
        work.activations[tile],
        work.deltas[tile],
        work.present[tile],
        work.losses[column:],
        work.stride,
        work.span,
        work.ahead,
        work.bands,
        column,
    )


@inner(inline="always")
def columns_of(thread, n_threads, width):
    """The columns of a thread: whole cache lines, in equal shares."""
    lines = width // LINE
    first = thread * lines // n_threads * LINE
    return first, (thread + 1) * lines // n_threads * LINE


@inner(inline="always")
def tiles_with(first, last, stride):
    """The tiles that hold columns `first` to `last`."""
    return range(first // stride, -(-last // stride))


@inner(inline="always")
def columns_within(tile, first, last, stride):
    """Which columns of a tile are between columns `first` and `last` of the batch."""
    start = tile * stride
    return max(first - start, 0), min(last - start, stride)


@inner(inline="always")
def rows_from(buffer, row, stride):
    return buffer[row * stride :]


@inner(inline="always")
def _sum_gradients(layers, block, width, work, gradient, bias_gradient, collection):
    """Gradients of one block of neurons over all samples."""
    layer, start, stop = work.blocks[block]
    stride = work.stride
    x_row = 0 if layer == 0 else layers.sizes[0] + layers.first[layer - 1]
    for tile in range(len(work.activations)):
        x = rows_from(work.activations[tile], x_row, stride)
        deltas = rows_from(work.deltas[tile], start, stride)
        columns = min(stride, width - tile % tiles_per_phase(work) * stride)
        passes.weight_gradient(
            columns,
            layers,
            layer,
            start,
            stop,
            x,
            deltas,
            gradient,
            bias_gradient,
            stride,
            work.ahead,
            work.present[tile],
            collection,
            work.bands,
        )


@inner
def _update_block(
    layers, state, block, width, work, gradient, collection, alpha, scale, step
):
    """Update one block of neurons."""
    start, stop = work.blocks[block, 1], work.blocks[block, 2]
    here = slice(layers.indptr[start], layers.indptr[stop])
    weights, intercepts = layers.weights[here], layers.intercepts[start:stop]
    bias_gradient = gradient[len(weights) :]
    gradient[: len(weights) + len(intercepts)] = np.float32(0)
    _sum_gradients(layers, block, width, work, gradient, bias_gradient, collection)
    work.penalties[block] = regularise(gradient, weights, alpha, scale)
    update(weights, state.first[here], state.second[here], gradient, step)
    here = slice(start, stop)
    first, second = state.intercepts_first[here], state.intercepts_second[here]
    regularise(bias_gradient, intercepts, np.float32(0), scale)
    update(intercepts, first, second, bias_gradient, step)


@inner(inline="always")
def update_neurons(
    thread, n_threads, shared, n_taken, layers, state, width, work, alpha, scale, step
):
    """The second half of a mini-batch on one thread.

    Returns the number of pieces of work that all threads have taken at its end.
    """
    gradient = work.gradients[thread]
    collection = presence.collection_of(work.collection, thread)
    n_blocks = len(work.blocks)
    block = take_next(shared, n_taken)
    while block < n_blocks:
        _update_block(
            layers, state, block, width, work, gradient, collection, alpha, scale, step
        )
        block = take_next(shared, n_taken)
    return n_taken + n_blocks + n_threads  # every thread takes one piece in vain


@inner
def sum_of(values):
    total = 0.0
    for value in values:
        total += value
    return total


@inner(inline="always")
def corrected(step, n_updates):
    """The step with Adam's bias correction for update number `n_updates`."""
    rate = np.float64(step.rate)
    if step.kind == ADAM:
        rate *= np.sqrt(1 - np.float64(step.beta_2) ** n_updates)
        rate /= 1 - np.float64(step.beta_1) ** n_updates
    return Step(
        step.kind,
        np.float32(rate),
        step.momentum,
        step.nesterov,
        step.beta_1,
        step.beta_2,
        step.adam_epsilon,
    )


def new_workspace(layers, n_samples, n_threads, n_rows, n_error_rows, n_phases=1):
    """Buffers to train with.

    Parameters
    ----------
    layers : SparseLayers
    n_samples : int
        Samples of a mini-batch.
    n_threads : int
    n_rows : int
        Rows of the activations.
    n_error_rows : int
        Rows of the errors that come back to a layer.
    n_phases : int
        How often the tiles are there, one phase behind the other.
    """
    n_columns, stride = padded_width(n_samples), tile_width(layers.sizes, n_samples)
    n_tiles = n_phases * -(-n_columns // stride)

    def rows(n_parts, n_rows):
        size = n_rows * stride
        return aligned_zeros(n_parts * size).reshape(n_parts, size)

    # Errors are apart for each thread: on neighbouring cache lines, two threads that
    # add to them made the backward pass 2.5 times as slow.
    return Workspace(
        activations=rows(n_tiles, n_rows),
        deltas=rows(n_tiles, int(layers.first[-1])),
        present=input_flags(layers, n_tiles, stride),
        errors=rows(n_threads, n_error_rows),
        stride=stride,
        span=random_span(n_phases * n_columns),
        ahead=look_ahead(layers.sizes, stride),
        losses=np.zeros(n_columns, dtype=np.float32),
        **block_buffers(layers, stride, n_threads),
    )


def input_flags(layers, n_tiles, stride):
    """Which inputs are present in the tiles of a workspace: none yet."""
    n_lines = -(-stride // LINE)
    return np.zeros((n_tiles, n_lines * int(layers.sizes[0])), dtype=np.bool_)


def columns_side_by_side(buffer, stride, rows):
    """Some rows of a buffer, with the columns of all tiles."""
    tiles = buffer.reshape(len(buffer), -1, stride)[:, rows]
    return tiles.swapaxes(0, 1).reshape(tiles.shape[1], -1)


def block_buffers(layers, stride, n_threads):
    """The buffers that depend on where the connections are."""
    bands = new_bands(layers, stride)
    blocks = _blocks(layers, bands.n_bands)
    n_connections = layers.indptr[blocks[:, 2]] - layers.indptr[blocks[:, 1]]
    n_parameters = n_connections + blocks[:, 2] - blocks[:, 1]
    return dict(
        gradients=np.zeros((n_threads, n_parameters.max(initial=0)), dtype=np.float32),
        collection=presence.new_collection(layers, n_threads),
        bands=bands,
        blocks=blocks,
        penalties=np.zeros(len(blocks), dtype=np.float32),
    )


def _blocks(layers, n_bands):
    """Cut each layer into blocks of neurons with about equally many connections.

    The fewer blocks a layer in bands has, the fewer times each band comes to the cache.
    """
    blocks = []
    for layer in range(n_layers(layers)):
        neurons = neurons_of(layers, layer)
        indptr = layers.indptr[neurons.start : neurons.stop + 1]
        n = len(layers.indices) if n_bands[layer] > 1 else indptr[-1] - indptr[0]
        share = n // _LEAST_BLOCKS  # that no thread waits long
        wanted = min(_USES_OF_A_ROW * layers.sizes[layer], share)
        marks = np.arange(indptr[0], indptr[-1], max(_LEAST_BLOCK, wanted))
        bounds = neurons.start + np.searchsorted(indptr, marks, side="right") - 1
        bounds = np.unique([neurons.start, *bounds, neurons.stop])
        blocks += [(layer, *block) for block in pairwise(bounds)]
    return np.array(blocks, dtype=np.int64)
