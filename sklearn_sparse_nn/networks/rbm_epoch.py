"""One epoch of a restricted Boltzmann machine, compiled: contrastive divergence.

The samples of a mini-batch (positive phase) and those that the machine dreams (negative
phase) lie side by side in buffers twice as wide as the batch. `activations` holds the
visible neurons and `deltas` the hidden ones, those of the positive phase with their
sign turned. The gradient of contrastive divergence is then the product that `batches`
sums for every network.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.activations import LOGISTIC
from sklearn_sparse_nn.engine.buffers import padded_width
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.optimisers import update
from sklearn_sparse_nn.engine.random import draw_states, random_key
from sklearn_sparse_nn.engine.threads import barrier
from sklearn_sparse_nn.networks.batches import (
    columns_of,
    new_workspace,
    rows_from,
    update_neurons,
)


class VisibleNeurons(NamedTuple):
    """What the visible neurons have of their own, float32, one number each."""

    intercepts: np.ndarray
    velocities: np.ndarray
    gradient: np.ndarray


@inner
def _activate_hidden(layers, first, last, work):
    """Probabilities of the hidden neurons in columns `first` to `last`."""
    visible, hidden, no_slope = work.activations, work.deltas, np.float32(0)
    n_hidden = layers.sizes[1]
    kernels.forward(
        first,
        last,
        layers,
        0,
        n_hidden,
        visible,
        hidden,
        hidden,
        work.stride,
        LOGISTIC,
        no_slope,
        False,
    )


@inner
def _activate_visible(thread, layers, visible, first, last, work):
    """Probabilities of the visible neurons in columns `first` to `last`."""
    stride, errors, narrow = work.stride, work.errors[thread], work.errors_stride
    n_visible, n_hidden, width = layers.sizes[0], layers.sizes[1], last - first
    states, out = work.deltas[first:], work.activations[first:]
    kernels.input_gradient(
        0, width, layers, 0, n_hidden, states, stride, errors, narrow
    )
    kernels.activate_errors(
        0,
        width,
        n_visible,
        visible.intercepts,
        out,
        stride,
        LOGISTIC,
        np.float32(0),
        errors,
        narrow,
    )


@inner
def _draw(rows, n_rows, first, last, stride, key):
    """Turn the probabilities in columns `first` to `last` into states."""
    for row in range(n_rows):
        # The position is that of the sample: no matter how many threads there are.
        start = row * stride + first
        draw_states(rows, start, last - first, key, start)


@inner
def _sleep(thread, layers, visible, first, last, n_steps, work, seed, n_updates):
    """Gibbs sampling from the hidden probabilities in columns `first` to `last`."""
    for step in range(n_steps):
        key = random_key(seed, n_updates, 2 * step)
        _draw(work.deltas, layers.sizes[1], first, last, work.stride, key)
        _activate_visible(thread, layers, visible, first, last, work)
        key = random_key(seed, n_updates, 2 * step + 1)
        _draw(work.activations, layers.sizes[0], first, last, work.stride, key)
        _activate_hidden(layers, first, last, work)


@inner
def _begin_chains(layers, first, last, half, persistent, work):
    """Hidden probabilities from which columns `first` to `last` begin to dream."""
    if persistent:
        _activate_hidden(layers, half + first, half + last, work)
        return
    for j in range(layers.sizes[1]):
        row = rows_from(work.deltas, j, work.stride)
        for column in range(first, last):
            row[half + column] = row[column]


@inner
def _oppose(layers, first, last, half, n_samples, work):
    """Turn the sign of the positive phase, and silence columns without a sample."""
    end = max(first, min(last, n_samples))
    for j in range(layers.sizes[1]):
        row = rows_from(work.deltas, j, work.stride)
        for column in range(first, end):
            row[column] = -row[column]
        row[end:last] = np.float32(0)
        row[half + end : half + last] = np.float32(0)


@inner(fastmath={"reassoc"})
def _sum_row(row, n):
    total = np.float32(0)
    for column in range(n):
        total += row[column]
    return total


@inner
def _update_visible(visible, first, last, half, n_samples, work, scale, step):
    """Update the intercepts of the visible neurons `first` to `last`."""
    gradient = visible.gradient[first:last]
    for i in range(first, last):
        row = rows_from(work.activations, i, work.stride)
        data, dream = _sum_row(row, n_samples), _sum_row(row[half:], n_samples)
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
    half, n_taken = len(work.losses), 0
    first, last = columns_of(thread, n_threads, half)
    n_visible = layers.sizes[0]
    rows = thread * n_visible // n_threads, (thread + 1) * n_visible // n_threads
    for turn in range(batches[1] - batches[0]):
        start = (batches[0] + turn) * batch_size
        samples = order[start : start + batch_size]
        n_samples = len(samples)
        read_batch(inputs, samples, first, last, work.activations, work.stride)
        _activate_hidden(layers, first, last, work)
        _begin_chains(layers, first, last, half, persistent, work)
        _sleep(
            thread,
            layers,
            visible,
            half + first,
            half + last,
            n_gibbs_steps,
            work,
            seed,
            n_updates + turn,
        )
        _oppose(layers, first, last, half, n_samples, work)
        if not barrier(shared, n_threads, 2 * turn + 1):
            return

        scale = np.float32(1 / n_samples)
        n_taken = update_neurons(
            n_threads,
            shared,
            n_taken,
            layers,
            state,
            2 * half,
            work,
            work.gradients[thread],
            np.float32(alpha * n_samples),
            scale,
            step,
        )
        _update_visible(visible, *rows, half, n_samples, work, scale, step)
        if not barrier(shared, n_threads, 2 * turn + 2):
            return


def training_workspace(layers, n_samples, n_threads):
    """Buffers to train on batches of at most `n_samples`."""
    n_visible, half = int(layers.sizes[0]), padded_width(n_samples)
    return new_workspace(layers, half, n_threads, n_visible, n_visible, n_phases=2)
