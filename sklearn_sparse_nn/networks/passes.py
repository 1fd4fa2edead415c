"""One epoch of a multi-layer perceptron, compiled.

A mini-batch has two halves. In the first, each thread takes some of the samples all the
way forward and back. In the second, each thread takes some of the neurons: it sums the
gradient of their connections over all samples and updates them at once, so that no
gradient is ever stored and every sum has one order, whatever the number of threads.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.buffers import aligned_zeros, padded_width, row_stride
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.layers import n_layers, neurons_of
from sklearn_sparse_nn.engine.losses import output_delta
from sklearn_sparse_nn.engine.optimisers import ADAM, Step, regularise, update
from sklearn_sparse_nn.engine.random import drop, random_key
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.engine.threads import barrier, take_next

# A block of neurons is updated by one thread; its gradients stay in the L1 cache.
_BLOCK_CONNECTIONS = 4096


class Targets(NamedTuple):
    """What the network should say.

    `labels` (int32, one class per sample) serves a softmax output, `values` (float32,
    one column per output) the others; the other one is empty. `weights` (float32) is
    empty when all samples count the same.
    """

    labels: np.ndarray
    values: np.ndarray
    weights: np.ndarray


class Functions(NamedTuple):
    """Activation of each layer and kind of the output, as the kernels know them."""

    kinds: np.ndarray
    left_slopes: np.ndarray
    output: int


class Workspace(NamedTuple):
    """Feature-major buffers of one mini-batch, for all threads."""

    activations: np.ndarray  # rows of the inputs, then of each neuron
    deltas: np.ndarray  # slopes, then error terms; rows of each neuron
    errors: np.ndarray  # per thread, what comes back to one layer; else zero
    errors_stride: int
    stride: int
    losses: np.ndarray  # of each sample
    gradients: np.ndarray  # per thread, of the connections of one block
    blocks: np.ndarray  # (layer, first neuron, last neuron) of each block
    penalties: np.ndarray  # sum of squared weights of each block


@inner(inline="always")
def _columns(thread, n_threads, width):
    """The columns of a thread: whole cache lines, in equal shares."""
    lines = width // LINE
    first = thread * lines // n_threads * LINE
    return first, (thread + 1) * lines // n_threads * LINE


@inner(inline="always")
def _rows(buffer, row, stride):
    return buffer[row * stride :]


@inner
def _forward(layers, functions, inputs, samples, first, last, work, dropout, key):
    """Take columns `first` to `last` from the input to the output layer.

    In a workspace with room for error terms, hidden neurons leave their slopes there.
    """
    stride, n_inputs = work.stride, layers.sizes[0]
    read_batch(inputs, samples, first, last, work.activations, stride)
    x_row = 0
    for layer in range(len(layers.sizes) - 1):
        start, stop = layers.first[layer], layers.first[layer + 1]
        x = _rows(work.activations, x_row, stride)
        x_row = n_inputs + start
        out = _rows(work.activations, x_row, stride)
        learns = len(work.deltas) > 0 and stop < layers.first[-1]
        slopes = _rows(work.deltas, start if learns else 0, stride)
        kind, left = functions.kinds[layer], functions.left_slopes[layer]
        kernels.forward(
            first, last, layers, start, stop, x, out, slopes, stride, kind, left, learns
        )
        if learns and dropout > 0:
            for j in range(start, stop):
                row, position = (j - start) * stride + first, j * stride + first
                drop(out, slopes, row, last - first, key, position, dropout)


@inner
def _output_deltas(layers, functions, targets, samples, first, last, work):
    """Losses and output error terms of columns `first` to `last`."""
    start, stride = layers.first[-2], work.stride
    outputs = _rows(work.activations, layers.sizes[0] + start, stride)
    deltas = _rows(work.deltas, start, stride)
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
        deltas = _rows(work.deltas, start, stride)
        kernels.input_gradient(
            0, last - first, layers, start, stop, deltas[first:], stride, errors, narrow
        )
        slopes = _rows(work.deltas, previous, stride)[first:]
        n_neurons = start - previous
        kernels.take_errors(0, last - first, n_neurons, slopes, stride, errors, narrow)


@inner
def _update_block(layers, state, block, width, work, gradient, alpha, scale, step):
    """Gradients of one block of neurons over all samples, and its update."""
    layer, start, stop = work.blocks[block]
    stride = work.stride
    x_row = 0 if layer == 0 else layers.sizes[0] + layers.first[layer - 1]
    x = _rows(work.activations, x_row, stride)
    deltas = _rows(work.deltas, start, stride)
    here = slice(layers.indptr[start], layers.indptr[stop])
    weights, intercepts = layers.weights[here], layers.intercepts[start:stop]
    bias_gradient = gradient[len(weights) :]
    gradient[: len(weights) + len(intercepts)] = np.float32(0)
    kernels.weight_gradient(
        0, width, layers, start, stop, x, deltas, gradient, bias_gradient, stride
    )
    work.penalties[block] = regularise(gradient, weights, alpha, scale)
    update(weights, state.first[here], state.second[here], gradient, step)
    here = slice(start, stop)
    first, second = state.intercepts_first[here], state.intercepts_second[here]
    regularise(bias_gradient, intercepts, np.float32(0), scale)
    update(intercepts, first, second, bias_gradient, step)


@inner
def _sum(values):
    total = 0.0
    for value in values:
        total += value
    return total


@inner(inline="always")
def _weight_sum(targets, samples):
    if not len(targets.weights):
        return np.float64(len(samples))
    total = 0.0
    for sample in samples:
        total += targets.weights[sample]
    return total


@inner(inline="always")
def _corrected(step, n_updates):
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
    n_blocks, n_taken = len(work.blocks), 0
    for turn in range(batches[1] - batches[0]):
        batch = batches[0] + turn
        samples = order[batch * batch_size : (batch + 1) * batch_size]
        weight_sum = _weight_sum(targets, samples)
        width = -(-len(samples) // LINE) * LINE
        first, last = _columns(thread, n_threads, width)
        key = random_key(seed, n_updates + turn, 0)
        _forward(layers, functions, inputs, samples, first, last, work, dropout, key)
        _output_deltas(layers, functions, targets, samples, first, last, work)
        _backward(thread, layers, first, last, work)
        if not barrier(shared, n_threads, 2 * turn + 1):
            return

        # A batch whose samples all weigh nothing teaches nothing.
        if weight_sum > 0:
            if thread == 0:
                losses[batch] = _sum(work.losses[: len(samples)]) / weight_sum
            scale = np.float32(1 / weight_sum)
            corrected = _corrected(step, n_updates + turn + 1)
            block = take_next(shared, n_taken)
            while block < n_blocks:
                _update_block(
                    layers, state, block, width, work, gradient, alpha, scale, corrected
                )
                block = take_next(shared, n_taken)
            n_taken += n_blocks + n_threads  # every thread takes one piece in vain
        if not barrier(shared, n_threads, 2 * turn + 2):
            return
        if thread == 0 and weight_sum > 0:
            losses[batch] += 0.5 * alpha * _sum(work.penalties) / weight_sum


@entry_point
def decide(thread, n_threads, shared, layers, functions, inputs, samples, work, scores):
    """Outputs of the network for `samples`, some of them on each thread."""
    width = len(work.losses)
    first, last = _columns(thread, n_threads, width)
    row = layers.sizes[0] + layers.first[-2]
    for start in range(0, len(samples), width):
        batch = samples[start : start + width]
        _forward(layers, functions, inputs, batch, first, last, work, 0.0, np.uint32(0))
        for column in range(first, min(last, len(batch))):
            for o in range(layers.sizes[-1]):
                value = work.activations[(row + o) * work.stride + column]
                scores[start + column, o] = value


def new_workspace(layers, n_samples, n_threads, train):
    """Buffers for batches of at most `n_samples`."""
    width = padded_width(n_samples)
    stride = row_stride(width)
    n_neurons = int(layers.first[-1])
    # Errors are apart for each thread: on neighbouring cache lines, two threads that
    # add to them made the backward pass 2.5 times as slow.
    narrow = row_stride(padded_width(-(-width // n_threads))) if train else 0
    n_hidden = int(layers.sizes[1:-1].max(initial=0))
    blocks = _blocks(layers) if train else np.zeros((0, 3), dtype=np.int64)
    n_connections = layers.indptr[blocks[:, 2]] - layers.indptr[blocks[:, 1]]
    n_parameters = n_connections + blocks[:, 2] - blocks[:, 1]
    return Workspace(
        activations=aligned_zeros((int(layers.sizes[0]) + n_neurons) * stride),
        deltas=aligned_zeros(n_neurons * stride if train else 0),
        errors=aligned_zeros(n_threads * n_hidden * narrow).reshape(n_threads, -1),
        errors_stride=narrow,
        stride=stride,
        losses=np.zeros(width, dtype=np.float32),
        gradients=np.zeros((n_threads, n_parameters.max(initial=0)), dtype=np.float32),
        blocks=blocks,
        penalties=np.zeros(len(blocks), dtype=np.float32),
    )


def _blocks(layers):
    """Cut each layer into blocks of neurons with about equally many connections."""
    blocks = []
    for layer in range(n_layers(layers)):
        neurons = neurons_of(layers, layer)
        indptr = layers.indptr[neurons.start : neurons.stop + 1]
        marks = np.arange(indptr[0], indptr[-1], _BLOCK_CONNECTIONS)
        bounds = neurons.start + np.searchsorted(indptr, marks, side="right") - 1
        bounds = np.unique([neurons.start, *bounds, neurons.stop])
        blocks += [(layer, *block) for block in pairwise(bounds)]
    return np.array(blocks, dtype=np.int64)
