"""One epoch of a multi-layer perceptron, compiled.

In the first half of a mini-batch, each thread takes some of the samples all the way
forward and back; the second half is that of all networks, in `batches`.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import presence
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.losses import output_delta
from sklearn_sparse_nn.engine.random import random_key
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


class Targets(NamedTuple):
    """What the network should say.

    `labels` (int32, one class per sample) serves a softmax output, `values` (float32,
    one column per output) the others; the other one is empty. `weights` (float32) is
    empty when all samples count the same.
    """

    labels: np.ndarray
    values: np.ndarray
    weights: np.ndarray


@inner
def _output_deltas(layers, functions, targets, samples, first, last, tile):
    """Losses and output error terms of columns `first` to `last` of a tile."""
    start, stride = layers.first[-2], tile.stride
    outputs = rows_from(tile.activations, layers.sizes[0] + start, stride)
    deltas = rows_from(tile.deltas, start, stride)
    n_outputs = layers.sizes[-1]
    for column in range(first, last):
        if column >= len(samples):  # padding sends nothing back
            for o in range(n_outputs):
                deltas[o * stride + column] = np.float32(0)
            continue
        sample = samples[column]
        loss = output_delta(
            functions.output,
            outputs[column:],
            deltas[column:],
            n_outputs,
            stride,
            targets.labels,
            targets.values,
            sample,
        )
        if len(targets.weights):
            loss *= targets.weights[sample]
            for o in range(n_outputs):
                deltas[o * stride + column] *= targets.weights[sample]
        tile.losses[column] = loss


@inner(inline="always")
def _weight_sum(targets, samples):
    if not len(targets.weights):
        return np.float64(len(samples))
    total = 0.0
    for sample in samples:
        total += targets.weights[sample]
    return total


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
    targets,
    dropout,
    losses,
):
    """Run mini-batches `batches[0]` to `batches[1]` of an epoch on one thread."""
    collection = presence.collection_of(work.collection, thread)
    n_taken = 0
    for turn in range(batches[1] - batches[0]):
        batch = batches[0] + turn
        samples = order[batch * batch_size : (batch + 1) * batch_size]
        weight_sum = _weight_sum(targets, samples)
        width = -(-len(samples) // LINE) * LINE
        first, last = columns_of(thread, n_threads, width)
        key = random_key(seed, n_updates + turn, 0)
        for t in tiles_with(first, last, work.stride):
            tile = tile_of(work, t)
            columns = columns_within(t, first, last, work.stride)
            here = samples[tile.column :]
            read_batch(
                inputs, here, *columns, tile.activations, tile.stride, tile.present
            )
            forward(layers, functions, *columns, tile, dropout, key, collection)
            _output_deltas(layers, functions, targets, here, *columns, tile)
            backward(layers, *columns, tile, work.errors[thread])
        if not barrier(shared, n_threads, 2 * turn + 1):
            return

        # A batch whose samples all weigh nothing teaches nothing.
        if weight_sum > 0:
            if thread == 0:
                losses[batch] = sum_of(work.losses[: len(samples)]) / weight_sum
            scale = np.float32(1 / weight_sum)
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
        if thread == 0 and weight_sum > 0:
            losses[batch] += 0.5 * alpha * sum_of(work.penalties) / weight_sum
