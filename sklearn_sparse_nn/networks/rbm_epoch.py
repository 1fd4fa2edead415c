"""One epoch of a restricted Boltzmann machine, compiled: contrastive divergence.

The samples of a mini-batch (positive phase) and those that the machine dreams (negative
phase) are in tiles of their own, the former before the latter. `activations` holds the
visible neurons and `deltas` the hidden ones, those of the positive phase with their
sign turned. The gradient of contrastive divergence is then the product that `batches`
sums for every network.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels, passes, presence
from sklearn_sparse_nn.engine.activations import LOGISTIC
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.optimisers import update
from sklearn_sparse_nn.engine.random import draw_states, random_key
from sklearn_sparse_nn.engine.threads import barrier
from sklearn_sparse_nn.networks.batches import (
    columns_of,
    columns_within,
    new_workspace,
    rows_from,
    tile_of,
    tiles_per_phase,
    tiles_with,
    update_neurons,
)


class VisibleNeurons(NamedTuple):
    """What the visible neurons have of their own, float32, one number each."""

    intercepts: np.ndarray
    velocities: np.ndarray
    gradient: np.ndarray


@inner
def _activate_hidden(layers, first, last, tile, collection):
    """Probabilities of the hidden neurons in columns `first` to `last` of a tile."""
    visible, hidden, no_slope = tile.activations, tile.deltas, np.float32(0)
    passes.forward(
        first,
        last,
        layers,
        0,
        visible,
        hidden,
        hidden,
        tile.stride,
        tile.ahead,
        LOGISTIC,
        no_slope,
        False,
        tile.present,
        collection,
        tile.bands,
    )


@inner
def _activate_visible(layers, visible, first, last, tile, errors):
    """Probabilities of the visible neurons in columns `first` to `last` of a tile."""
    stride, n_visible = tile.stride, layers.sizes[0]
    passes.input_gradient(
        first,
        last,
        layers,
        0,
        tile.deltas,
        stride,
        errors,
        stride,
        tile.ahead,
        tile.bands,
    )
    kernels.activate_errors(
        first,
        last,
        n_visible,
        visible.intercepts,
        tile.activations,
        stride,
        LOGISTIC,
        np.float32(0),
        errors,
        stride,
    )


@inner
def _draw(rows, n_rows, first, last, tile, key):
    """Turn the probabilities in columns `first` to `last` into states."""
    for row in range(n_rows):
        # The position is that of the sample: no matter how many threads there are.
        position = row * tile.span + tile.column + first
        draw_states(rows, row * tile.stride + first, last - first, key, position)


@inner
def _sleep(
    layers, visible, first, last, tile, errors, n_steps, seed, n_updates, collection
):
    """Gibbs sampling from the hidden probabilities in columns `first` to `last`."""
    for step in range(n_steps):
        key = random_key(seed, n_updates, 2 * step)
        _draw(tile.deltas, layers.sizes[1], first, last, tile, key)
        _activate_visible(layers, visible, first, last, tile, errors)
        key = random_key(seed, n_updates, 2 * step + 1)
        _draw(tile.activations, layers.sizes[0], first, last, tile, key)
        _activate_hidden(layers, first, last, tile, collection)


@inner
def _begin_chains(layers, first, last, data, dream, persistent, collection):
    """Hidden probabilities from which columns `first` to `last` begin to dream."""
    if persistent:
        _activate_hidden(layers, first, last, dream, collection)
        return
    for j in range(layers.sizes[1]):
        target = rows_from(dream.deltas, j, dream.stride)
        row = rows_from(data.deltas, j, data.stride)
        for column in range(first, last):
            target[column] = row[column]


@inner
def _oppose(layers, first, last, data, dream, n_samples):
    """Turn the sign of the positive phase, and silence columns without a sample."""
    end = max(first, min(last, n_samples))
    for j in range(layers.sizes[1]):
        row = rows_from(data.deltas, j, data.stride)
        for column in range(first, end):
            row[column] = -row[column]
        row[end:last] = np.float32(0)
        rows_from(dream.deltas, j, dream.stride)[end:last] = np.float32(0)


@inner(fastmath={"reassoc"})
def _sum_row(row, n):
    total = np.float32(0)
    for column in range(n):
        total += row[column]
    return total


@inner
def _sum_tiles(work, first_tile, row, n_samples):
    """Sum of a row over the samples, from the tiles of one phase."""
    total = np.float32(0)
    for tile in range(tiles_per_phase(work)):
        values = rows_from(work.activations[first_tile + tile], row, work.stride)
        total += _sum_row(values, min(work.stride, n_samples - tile * work.stride))
    return total


@inner
def _update_visible(visible, first, last, n_samples, work, scale, step):
    """Update the intercepts of the visible neurons `first` to `last`."""
    gradient = visible.gradient[first:last]
    for i in range(first, last):
        data = _sum_tiles(work, 0, i, n_samples)
        dream = _sum_tiles(work, tiles_per_phase(work), i, n_samples)
        gradient[i - first] = (dream - data) * scale
    velocities = visible.velocities[first:last]
    update(visible.intercepts[first:last], velocities, velocities, gradient, step)


@entry_point
def train_batches(
    thread,
    n_threads,
    shared,
    layers,
    state,
    inputs,
    order,
    batches,
    batch_size,
    work,
    step,
    alpha,
    seed,
    n_updates,
    visible,
    n_gibbs_steps,
    persistent,
):
    """Run mini-batches `batches[0]` to `batches[1]` of an epoch on one thread."""
    width, n_taken = len(work.losses), 0
    first, last = columns_of(thread, n_threads, width)
    n_visible, errors = layers.sizes[0], work.errors[thread]
    collection = presence.collection_of(work.collection, thread)
    rows = thread * n_visible // n_threads, (thread + 1) * n_visible // n_threads
    for turn in range(batches[1] - batches[0]):
        start, update_number = (batches[0] + turn) * batch_size, n_updates + turn
        samples = order[start : start + batch_size]
        n_samples = len(samples)
        for t in tiles_with(first, last, work.stride):
            columns = columns_within(t, first, last, work.stride)
            data, dream = tile_of(work, t), tile_of(work, tiles_per_phase(work) + t)
            here = samples[data.column :]
            read_batch(
                inputs, here, *columns, data.activations, data.stride, data.present
            )
            _activate_hidden(layers, *columns, data, collection)
            _begin_chains(layers, *columns, data, dream, persistent, collection)
            _sleep(
                layers,
                visible,
                *columns,
                dream,
                errors,
                n_gibbs_steps,
                seed,
                update_number,
                collection,
            )
            _oppose(layers, *columns, data, dream, len(here))
        if not barrier(shared, n_threads, 2 * turn + 1):
            return

        scale = np.float32(1 / n_samples)
        n_taken = update_neurons(
            thread,
            n_threads,
            shared,
            n_taken,
            layers,
            state,
            width,
            work,
            np.float32(alpha * n_samples),
            scale,
            step,
        )
        _update_visible(visible, *rows, n_samples, work, scale, step)
        if not barrier(shared, n_threads, 2 * turn + 2):
            return


def training_workspace(layers, n_samples, n_threads):
    """Buffers to train on batches of at most `n_samples`."""
    n_visible = int(layers.sizes[0])
    work = new_workspace(layers, n_samples, n_threads, n_visible, n_visible, n_phases=2)
    work.present[len(work.present) // 2 :] = True  # the machine may dream of anything
    return work
