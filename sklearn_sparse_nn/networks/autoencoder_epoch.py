"""One epoch of a denoising autoencoder, compiled.

Its targets are its inputs. Before noise is added to them, they are put where the error
terms of the outputs will be, so that no second copy of X is ever needed, sparse or not.
"""

import numpy as np

from sklearn_sparse_nn.engine import presence
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.random import add_noise, mask, random_key
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.engine.threads import barrier
from sklearn_sparse_nn.networks.backward import backward
from sklearn_sparse_nn.networks.batches import (
    columns_of,
    columns_within,
    corrected,
    rows_from,
    sum_of,
    tile_of,
    tiles_with,
    update_neurons,
)
from sklearn_sparse_nn.networks.forward import forward

GAUSSIAN, MASKING = range(2)


@inner
def _keep_targets(layers, first, last, tile):
    """Copy columns `first` to `last` of the inputs to where their error terms come."""
    targets = rows_from(tile.deltas, layers.first[-2], tile.stride)
    for i in range(layers.sizes[0]):
        start = i * tile.stride
        target = targets[start + first : start + last]
        value = tile.activations[start + first : start + last]
        for column in range(last - first):
            target[column] = value[column]


@inner
def _corrupt(n_inputs, first, last, tile, noise, noise_factor, key):
    """Add noise to columns `first` to `last` of the inputs.

    They were standardised: all of them count as present already.
    """
    n = last - first
    for i in range(n_inputs):
        # The position is that of the sample: no matter how many threads there are.
        start = i * tile.stride + first
        position = i * tile.span + tile.column + first
        if noise == GAUSSIAN:
            add_noise(tile.activations, start, n, key, position, noise_factor)
        else:
            mask(tile.activations, start, n, key, position, noise_factor)


@inner
def _output_deltas(layers, first, last, n_samples, tile):
    """Turn targets into error terms; half the mean squared error of each sample.

    The targets of padding are zero, and stay: it sends nothing back.
    """
    stride, n_outputs = tile.stride, layers.sizes[-1]
    outputs = rows_from(tile.activations, layers.sizes[0] + layers.first[-2], stride)
    deltas = rows_from(tile.deltas, layers.first[-2], stride)
    end = max(first, min(last, n_samples))
    losses = tile.losses[first:last]
    losses[:] = np.float32(0)
    for o in range(n_outputs):
        output = outputs[o * stride + first : o * stride + last]
        delta = deltas[o * stride + first : o * stride + last]
        for column in range(end - first):
            delta[column] = output[column] - delta[column]
            losses[column] += delta[column] * delta[column]
    for column in range(end - first):
        losses[column] *= np.float32(0.5) / np.float32(n_outputs)


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
    functions,
    noise,
    noise_factor,
    dropout,
    losses,
):
    """Run mini-batches `batches[0]` to `batches[1]` of an epoch on one thread."""
    collection = presence.collection_of(work.collection, thread)
    n_taken = 0
    for turn in range(batches[1] - batches[0]):
        batch = batches[0] + turn
        samples = order[batch * batch_size : (batch + 1) * batch_size]
        n_samples = len(samples)
        width = -(-n_samples // LINE) * LINE
        first, last = columns_of(thread, n_threads, width)
        key = random_key(seed, n_updates + turn, 0)
        noise_key = random_key(seed, n_updates + turn, 1)
        for t in tiles_with(first, last, work.stride):
            tile = tile_of(work, t)
            columns = columns_within(t, first, last, work.stride)
            here = samples[tile.column :]
            read_batch(
                inputs, here, *columns, tile.activations, tile.stride, tile.present
            )
            _keep_targets(layers, *columns, tile)
            _corrupt(layers.sizes[0], *columns, tile, noise, noise_factor, noise_key)
            forward(layers, functions, *columns, tile, dropout, key, collection)
            _output_deltas(layers, *columns, len(here), tile)
            backward(layers, *columns, tile, work.errors[thread])
        if not barrier(shared, n_threads, 2 * turn + 1):
            return

        if thread == 0:
            losses[batch] = sum_of(work.losses[:n_samples]) / n_samples
        scale = np.float32(1 / n_samples)
        now = corrected(step, n_updates + turn + 1)
        n_taken = update_neurons(
            thread,
            n_threads,
            shared,
            n_taken,
            layers,
            state,
            width,
            work,
            alpha,
            scale,
            now,
        )
        if not barrier(shared, n_threads, 2 * turn + 2):
            return
