"""One epoch of a multi-layer perceptron, compiled.

In the first half of a mini-batch, each thread takes some of the samples all the way
forward and back; the second half is that of all networks, in `batches`.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.buffers import padded_width
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.losses import output_delta
from sklearn_sparse_nn.engine.random import random_key
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.engine.threads import barrier
from sklearn_sparse_nn.networks.batches import (
    columns_of,
    corrected,
    new_workspace,
    rows_from,
    sum_of,
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
def _output_deltas(layers, functions, targets, samples, first, last, work):
    """Losses and output error terms of columns `first` to `last`."""
    start, stride = layers.first[-2], work.stride
    outputs = rows_from(work.activations, layers.sizes[0] + start, stride)
    deltas = rows_from(work.deltas, start, stride)
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
        work.losses[column] = loss


@inner
def _backward(thread, layers, first, last, work):
    """Take the error terms of columns `first` to `last` back to the first layer.

    Until its error comes back, a hidden neuron keeps its slope in its row of `deltas`.
    """
    stride, narrow = work.stride, work.errors_stride
    errors = work.errors[thread]
    for layer in range(len(layers.sizes) - 2, 0, -1):
        start, stop = layers.first[layer], layers.first[layer + 1]
        previous = layers.first[layer - 1]
        deltas = rows_from(work.deltas, start, stride)
        kernels.input_gradient(
            0, last - first, layers, start, stop, deltas[first:], stride, errors, narrow
        )
        slopes = rows_from(work.deltas, previous, stride)[first:]
        n_neurons = start - previous
        kernels.take_errors(0, last - first, n_neurons, slopes, stride, errors, narrow)


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
    functions,
    inputs,
    targets,
    order,
    batches,
    batch_size,
    work,
    step,
    alpha,
    dropout,
    seed,
    n_updates,
    losses,
):
    """Run mini-batches `batches[0]` to `batches[1]` of an epoch on one thread."""
    gradient = work.gradients[thread]
    n_taken = 0
    for turn in range(batches[1] - batches[0]):
        batch = batches[0] + turn
        samples = order[batch * batch_size : (batch + 1) * batch_size]
        weight_sum = _weight_sum(targets, samples)
        width = -(-len(samples) // LINE) * LINE
        first, last = columns_of(thread, n_threads, width)
        key = random_key(seed, n_updates + turn, 0)
        forward(layers, functions, inputs, samples, first, last, work, dropout, key)
        _output_deltas(layers, functions, targets, samples, first, last, work)
        _backward(thread, layers, first, last, work)
        if not barrier(shared, n_threads, 2 * turn + 1):
            return

        # A batch whose samples all weigh nothing teaches nothing.
        if weight_sum > 0:
            if thread == 0:
                losses[batch] = sum_of(work.losses[: len(samples)]) / weight_sum
            scale = np.float32(1 / weight_sum)
            now = corrected(step, n_updates + turn + 1)
            n_taken = update_neurons(
                n_threads,
                shared,
                n_taken,
                layers,
                state,
                width,
                work,
                gradient,
                alpha,
                scale,
                now,
            )
        if not barrier(shared, n_threads, 2 * turn + 2):
            return
        if thread == 0 and weight_sum > 0:
            losses[batch] += 0.5 * alpha * sum_of(work.penalties) / weight_sum


def training_workspace(layers, n_samples, n_threads):
    """Buffers to train on batches of at most `n_samples`."""
    n_rows = int(layers.sizes[0] + layers.first[-1])
    n_hidden = int(layers.sizes[1:-1].max(initial=0))
    width = padded_width(n_samples)
    return new_workspace(layers, width, n_threads, n_rows, n_hidden)
