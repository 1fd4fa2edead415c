"""What a restricted Boltzmann machine does in compiled code: to learn, and to dream.

An epoch is contrastive divergence.

The samples of a mini-batch (positive phase) and those that the machine dreams (negative
phase) are in tiles of their own, the former before the latter. `activations` holds the
visible neurons and `deltas` the hidden ones, those of the positive phase with their
sign turned. The gradient of contrastive divergence is then the product that `batches`
sums for every network.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine import kernels, passes
from sklearn_sparse_nn.engine.activations import (
    LOGISTIC,
    PIECEWISE_LINEAR,
    Activation,
)
from sklearn_sparse_nn.engine.columns import share_of
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.optimisers import change
from sklearn_sparse_nn.engine.random import draw_normal, draw_states, random_key
from sklearn_sparse_nn.engine.references import refer
from sklearn_sparse_nn.networks.batches import (
    Update,
    new_workspace,
    tile_of,
    tiles_per_phase,
)
from sklearn_sparse_nn.networks.epoch import compile_epoch, noise_key


class VisibleNeurons(NamedTuple):
    """What the visible neurons have of their own, float32, one number each."""

    intercepts: np.ndarray
    velocities: np.ndarray
    gradient: np.ndarray


class Dreaming(NamedTuple):
    """The task of a Boltzmann machine."""

    visible: VisibleNeurons
    gaussian: bool  # whether visible neurons are normal, of variance 1, or binary
    n_gibbs_steps: int
    persistent: bool


class Night(NamedTuple):
    """Gibbs steps `first` to `last` of some chains."""

    seed: np.uint32
    first: int
    last: int


@inner
def _activate_hidden(layers, tile, share):
    """Probabilities of the hidden neurons in columns of a tile."""
    logistic = Activation(LOGISTIC, np.float32(0), False)
    hidden = tile.deltas
    passes.forward(share, layers, 0, tile.activations, hidden, hidden, logistic)


@inner
def _activate_visible(layers, task, tile, share):
    """Means of the visible neurons in columns of a tile."""
    intercepts, out, errors = task.visible.intercepts, tile.activations, tile.errors
    passes.input_gradient(share, layers, 0, tile.deltas, errors)
    kind = PIECEWISE_LINEAR if task.gaussian else LOGISTIC
    mean = Activation(kind, np.float32(1), False)
    kernels.activate_errors(share.columns, intercepts, out, errors, mean)


@inner
def _draw(rows, n_rows, tile, columns, key, gaussian):
    """Turn the means in columns of a tile into states."""
    n = columns.last - columns.first
    for row in range(n_rows):
        # The position is that of the sample: no matter how many threads there are.
        position = row * tile.span + tile.column + columns.first
        start = row * columns.stride + columns.first
        if gaussian:
            draw_normal(rows, start, n, key, position)
        else:
            draw_states(rows, start, n, key, position)


@inner
def _sleep(layers, tile, share, keys, task):
    """A Gibbs step from the hidden probabilities in columns of a tile."""
    _draw(tile.deltas, layers.sizes[1], tile, share.columns, keys[0], False)
    _activate_visible(layers, task, tile, share)
    n_visible, columns = layers.sizes[0], share.columns
    _draw(tile.activations, n_visible, tile, columns, keys[1], task.gaussian)
    _activate_hidden(layers, tile, share)


@inner
def _begin_chains(layers, data, dream, share, persistent):
    """Hidden probabilities from which columns of a tile begin to dream."""
    if persistent:
        _activate_hidden(layers, dream, share)
        return
    columns = share.columns
    for j in range(layers.sizes[1]):
        row = slice(j * columns.stride, (j + 1) * columns.stride)
        target, source = dream.deltas[row], data.deltas[row]
        for column in range(columns.first, columns.last):
            target[column] = source[column]


@inner
def _oppose(layers, data, dream, columns, n_samples):
    """Turn the sign of the positive phase, and silence columns without a sample."""
    first, last = columns.first, columns.last
    end = max(first, min(last, n_samples))
    for j in range(layers.sizes[1]):
        start = j * columns.stride
        row = data.deltas[start : start + last]
        for column in range(first, end):
            row[column] = -row[column]
        row[end:] = np.float32(0)
        dream.deltas[start + end : start + last] = np.float32(0)


@inner
def _learn(layers, work, place, batch, task):
    number, thread, first, last = place
    dreams = tiles_per_phase(work) + number
    data, here = tile_of(work, number, thread, first, last)
    dream, there = tile_of(work, dreams, thread, first, last)
    data, here, dream, there = refer(data), refer(here), refer(dream), refer(there)
    samples, columns = batch.samples[data.column :], here.columns
    read_batch(batch.inputs, samples, data.activations, here.present, columns)
    _activate_hidden(layers, data, here)
    _begin_chains(layers, data, dream, there, task.persistent)
    for step in range(task.n_gibbs_steps):
        first = random_key(batch.seed, batch.n_updates, 2 * step)
        second = random_key(batch.seed, batch.n_updates, 2 * step + 1)
        _sleep(layers, dream, there, (first, second), task)
    _oppose(layers, data, dream, columns, len(samples))


@inner(fastmath={"reassoc"})
def _sum_row(row, n):
    total = np.float32(0)
    for column in range(n):
        total += row[column]
    return total


@inner
def _sum_tiles(tiles, row, n_samples, work):
    """Sum of a row over the samples, from the tiles of one phase."""
    total = np.float32(0)
    for tile in range(len(tiles)):
        values = tiles[tile][row * work.stride :]
        total += _sum_row(values, min(work.stride, n_samples - tile * work.stride))
    return total


@inner
def _update_visible(member, learner, batch, work, update, task):
    """Update the intercepts of a share of the visible neurons."""
    visible, n_samples = task.visible, len(batch.samples)
    n = len(visible.intercepts)
    first = member.thread * n // member.n_threads
    last = (member.thread + 1) * n // member.n_threads
    gradient = visible.gradient[first:last]
    n_tiles = tiles_per_phase(work)
    for i in range(first, last):
        data = _sum_tiles(work.activations[:n_tiles], i, n_samples, work)
        dream = _sum_tiles(work.activations[n_tiles:], i, n_samples, work)
        gradient[i - first] = (dream - data) * update.scale
    velocities = visible.velocities[first:last]
    intercepts = visible.intercepts[first:last]
    change(intercepts, velocities, velocities, gradient, update.step)


@inner
def _descend(learner, batch):
    """The L2 term is not divided by the number of samples."""
    n_samples = len(batch.samples)
    alpha, scale = np.float32(learner.alpha * n_samples), np.float32(1 / n_samples)
    return Update(learner.step, alpha, scale, noise_key(batch))


# A chain that has begun goes on, in whatever mini-batch.
train_batches = compile_epoch(
    _learn, update_of=_descend, update_others=_update_visible, whole_width=True
)


@entry_point
def dream(thread, n_threads, shared, layers, night, work, task):
    """Gibbs sampling from the visible neurons, some of the columns on each thread."""
    layers, night = refer(layers), refer(night)
    work, task = refer(work), refer(task)
    first, last = share_of(thread, n_threads, len(work.losses))
    for number in range(first // work.stride, -(-last // work.stride)):
        start = number * work.stride
        limits = max(first - start, 0), min(last - start, work.stride)
        tile, share = tile_of(work, number, thread, *limits)
        tile, share = refer(tile), refer(share)
        _activate_hidden(layers, tile, share)
        for step in range(night.first, night.last):
            hidden = random_key(night.seed, step, 0)
            visible = random_key(night.seed, step, 1)
            _sleep(layers, tile, share, (hidden, visible), task)


def dreaming_workspace(layers, n_samples, n_threads):
    """Buffers for `n_samples` chains."""
    n_visible = int(layers.sizes[0])
    work = new_workspace(layers, n_samples, n_threads, n_visible, n_visible)
    work.present[:] = True
    return work


def training_workspace(layers, n_samples, n_threads):
    """Buffers to train on batches of at most `n_samples`."""
    n_visible = int(layers.sizes[0])
    work = new_workspace(layers, n_samples, n_threads, n_visible, n_visible, n_phases=2)
    work.present[len(work.present) // 2 :] = True  # the machine may dream of anything
    return work
