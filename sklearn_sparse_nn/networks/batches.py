"""The buffers of a mini-batch, and its second half: see `epoch`."""

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
from sklearn_sparse_nn.engine.columns import Columns, Share
from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.held import hold_again, release
from sklearn_sparse_nn.engine.layers import SparseLayers, n_layers, neurons_of
from sklearn_sparse_nn.engine.optimisers import (
    OptimiserState,
    Step,
    change,
    regularise,
)
from sklearn_sparse_nn.engine.references import refer
from sklearn_sparse_nn.engine.sections import fill, rest, section
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.engine.terms import (
    UpdateTerms,
    add_l2,
    add_terms,
    note_importances,
    remember,
)
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
    ahead: int  # how early to ask for rows, or 0: see `buffers.look_ahead`
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
    errors: np.ndarray  # of the thread
    losses: np.ndarray  # of each column
    span: int  # random numbers set aside for each row
    column: int  # its first column in the mini-batch, counted through all phases


class Learner(NamedTuple):
    """What a mini-batch changes, and how."""

    layers: SparseLayers
    state: OptimiserState
    step: Step
    alpha: np.float32
    terms: UpdateTerms
    looks_back: bool  # whether the terms, or importances, need the weights of before


class Update(NamedTuple):
    """How one mini-batch changes the parameters, given the sum of its gradients."""

    step: Step
    alpha: np.float32
    scale: np.float32
    key: np.uint32  # of the noise that the terms add


@inner
def tiles_per_phase(work):
    return -(-len(work.losses) // work.stride)


@inner
def tile_of(work, tile, thread, first, last):
    """Tile number `tile`, and what a thread has of it: columns `first` to `last`."""
    phase, place = divmod(tile, tiles_per_phase(work))
    column = phase * len(work.losses) + place * work.stride
    share = Share(
        Columns(first, last, work.stride, work.ahead),
        work.present[tile],
        presence.collection_of(work.collection, thread),
        work.bands,
    )
    losses = work.losses[column:]
    here = work.activations[tile], work.deltas[tile], work.errors[thread], losses
    return Tile(*here, work.span, column), share


@inner
def _sum_gradients(layers, block, width, work, thread):
    """Gradients of one block of neurons over `width` columns of all samples."""
    layer, start, stop = block
    stride, n_tiles = work.stride, tiles_per_phase(work)
    n_weights = layers.indptr[stop] - layers.indptr[start]
    n_parameters = n_weights + stop - start
    gradient = section(work.gradients[thread], 0, n_weights)
    bias = section(work.gradients[thread], n_weights, n_parameters)
    fill(section(work.gradients[thread], 0, n_parameters), np.float32(0))
    x_row = 0 if layer == 0 else layers.sizes[0] + layers.first[layer - 1]
    for tile in range(len(work.activations)):
        x = rest(work.activations[tile], x_row * stride)
        deltas = rest(work.deltas[tile], start * stride)
        last = min(stride, width - tile % n_tiles * stride)
        _, share = tile_of(work, tile, thread, 0, last)
        share = refer(share)
        passes.weight_gradient(share, layers, block, x, deltas, gradient, bias)
    return gradient, bias


@inner
def _update_block(learner, number, width, work, thread, update):
    """Update one block of neurons."""
    layers, state, step = learner.layers, learner.state, update.step
    block = work.blocks[number, 0], work.blocks[number, 1], work.blocks[number, 2]
    gradient, bias = _sum_gradients(layers, block, width, work, thread)
    here = slice(layers.indptr[block[1]], layers.indptr[block[2]])
    weights, held = layers.weights[here], state.held[here]
    release(weights, held)
    penalty = regularise(gradient, weights, update.alpha, update.scale)
    work.penalties[number] = penalty
    n_gradients = len(gradient) + len(bias)
    before = work.gradients[thread][n_gradients : n_gradients + len(weights)]
    if learner.looks_back:
        l2, held_l2 = learner.terms.l2[block[0]], learner.terms.held_l2[block[0]]
        add_l2(gradient, weights, held, l2, held_l2)
        remember(before, weights)
    change(weights, state.first[here], state.second[here], gradient, step)
    if learner.looks_back:
        add_terms(weights, before, learner.terms, update.key, here.start)
        note_importances(state.importances[here], weights, before, gradient)
    hold_again(weights, held)
    here = slice(block[1], block[2])
    intercepts = layers.intercepts[here]
    first, second = state.intercepts_first[here], state.intercepts_second[here]
    regularise(bias, intercepts, np.float32(0), update.scale)
    change(intercepts, first, second, bias, step)


@inner
def update_neurons(member, learner, width, work, update):
    """The second half of a mini-batch on one thread."""
    block = take_next(member.shared)
    while block < len(work.blocks):
        _update_block(learner, block, width, work, member.thread, update)
        block = take_next(member.shared)


@inner
def sum_of(values):
    total = 0.0
    for value in values:
        total += value
    return total


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


def block_buffers(layers, stride, n_threads, looks_back=False):
    """The buffers that depend on where the connections are.

    With `looks_back`, there is room for the weights of a block beside its gradients.
    """
    bands = new_bands(layers, stride)
    blocks = _blocks(layers, bands.n_bands)
    n_connections = layers.indptr[blocks[:, 2]] - layers.indptr[blocks[:, 1]]
    n_numbers = (1 + looks_back) * n_connections + blocks[:, 2] - blocks[:, 1]
    return dict(
        gradients=np.zeros((n_threads, n_numbers.max(initial=0)), dtype=np.float32),
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
