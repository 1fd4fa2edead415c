"""One epoch of any sparse network, compiled: mini-batch after mini-batch.

A mini-batch has two halves. In the first, each thread takes some of the samples, the
columns of the buffers, all the way through the network. In the second, each thread
takes some of the neurons: it sums the gradient of their connections over all samples
and updates them at once, so that no gradient is ever stored and every sum has one
order, whatever the number of threads.

The second half is that of all networks. A network brings its first half, and what it
needs beside: its task.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.columns import share_of
from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.inputs import Inputs
from sklearn_sparse_nn.engine.optimisers import corrected
from sklearn_sparse_nn.engine.random import random_key
from sklearn_sparse_nn.engine.references import refer
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.engine.threads import Member, barrier, put_all_back
from sklearn_sparse_nn.networks.batches import Update, sum_of, update_neurons


class Batches(NamedTuple):
    """Mini-batches `first` to `last` of an epoch over the samples in `order`."""

    inputs: Inputs
    order: np.ndarray  # int64
    first: int
    last: int
    size: int
    seed: np.uint32  # of what is drawn in training
    n_updates: int  # before the first of them
    learns: bool  # whether the network is updated
    losses: np.ndarray  # float64, mean loss and L2 term of each mini-batch


class Batch(NamedTuple):
    """One mini-batch."""

    inputs: Inputs
    samples: np.ndarray
    width: int  # columns of the buffers: those of the samples, in whole cache lines
    weight_sum: float
    seed: np.uint32
    n_updates: int


@inner
def number_of_samples(task, samples):
    return np.float64(len(samples))


@inner
def noise_key(batch):
    """A key of its own for the noise that is added to weights."""
    return random_key(batch.seed, batch.n_updates, 1 << 30)


@inner
def descend(learner, batch):
    """A step down the mean gradient, and that of the L2 term."""
    scale = np.float32(1 / batch.weight_sum)
    step = corrected(learner.step, batch.n_updates + 1)
    return Update(step, learner.alpha, scale, noise_key(batch))


@inner
def nothing(member, learner, batch, work, update, task):
    """Nothing but the neurons has parameters."""


def compile_epoch(
    learn,
    weigh=number_of_samples,
    update_of=descend,
    update_others=nothing,
    whole_width=False,
):
    """Compile the epoch of a network.

    Parameters
    ----------
    learn : callable(layers, work, place, batch, task)
        The first half of a mini-batch, in the columns of one tile: `place` is the
        number of the tile, the thread, and the first and last of the columns.
    weigh : callable(task, samples)
        The sum of the weights of some samples.
    update_of : callable(learner, batch)
        The `Update` of a mini-batch.
    update_others : callable(member, learner, batch, work, update, task)
        Updates what does not belong to the neurons.
    whole_width : bool
        Whether all columns are worked on, also where a mini-batch has fewer samples.

    Returns
    -------
    train_batches : callable
        An entry point for `ThreadTeam.run`, with a `Learner`, `Batches`, a `Workspace`
        and the task.
    """

    @inner
    def batch_of(batches, turn, work, task):
        start = (batches.first + turn) * batches.size
        samples = batches.order[start : start + batches.size]
        width = len(work.losses) if whole_width else -(-len(samples) // LINE) * LINE
        return Batch(
            batches.inputs,
            samples,
            width,
            weigh(task, samples),
            batches.seed,
            batches.n_updates + turn,
        )

    @inner
    def first_half(member, learner, batch, work, task):
        put_all_back(member)
        first, last = share_of(member.thread, member.n_threads, batch.width)
        for tile in range(first // work.stride, -(-last // work.stride)):
            start = tile * work.stride
            limits = max(first - start, 0), min(last - start, work.stride)
            learn(learner.layers, work, (tile, member.thread, *limits), batch, task)

    @entry_point
    def train_batches(thread, n_threads, shared, learner, batches, work, task):
        member = Member(thread, n_threads, shared)
        learner, batches = refer(learner), refer(batches)
        work, task = refer(work), refer(task)
        for turn in range(batches.last - batches.first):
            batch = refer(batch_of(batches, turn, work, task))
            first_half(member, learner, batch, work, task)
            if not barrier(shared, n_threads, 2 * turn + 1):
                return
            if thread == 0:
                loss = sum_of(work.losses[: len(batch.samples)])
                _note(batches.losses, batches.first + turn, 0, loss, batch)
            # A batch whose samples all weigh nothing teaches nothing.
            if batch.weight_sum > 0 and batches.learns:
                update = update_of(learner, batch)
                update_neurons(member, learner, batch.width, work, update)
                update_others(member, learner, batch, work, update, task)
            if not barrier(shared, n_threads, 2 * turn + 2):
                return
            if thread == 0:
                penalty = 0.5 * learner.alpha * sum_of(work.penalties)
                _note(batches.losses, batches.first + turn, 1, penalty, batch)

    return train_batches


@inner
def _note(losses, number, part, total, batch):
    """Note a part of the mean loss of a mini-batch."""
    if batch.weight_sum > 0:
        losses[number, part] = total / batch.weight_sum
