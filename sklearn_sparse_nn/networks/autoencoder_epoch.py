"""One epoch of a denoising autoencoder, compiled: see `epoch`.

Its targets are its inputs. Before noise is added to them, they are put where the error
terms of the outputs will be, so that no second copy of X is ever needed, sparse or not.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.random import add_noise, mask, random_key
from sklearn_sparse_nn.engine.references import refer
from sklearn_sparse_nn.engine.sections import fill, rest, section
from sklearn_sparse_nn.networks.backward import backward
from sklearn_sparse_nn.networks.batches import tile_of
from sklearn_sparse_nn.networks.epoch import compile_epoch
from sklearn_sparse_nn.networks.forward import Dropout, Functions, Model, forward

GAUSSIAN, MASKING = range(2)


class Restoration(NamedTuple):
    """The task of an autoencoder."""

    functions: Functions
    noise: int  # GAUSSIAN or MASKING
    noise_factor: float
    dropout: float


@inner
def _keep_targets(layers, tile, columns):
    """Copy columns of the inputs to where their error terms come."""
    n = columns.last - columns.first
    targets = rest(tile.deltas, layers.first[-2] * columns.stride)
    for i in range(layers.sizes[0]):
        start = i * columns.stride + columns.first
        target = section(targets, start, start + n)
        value = section(tile.activations, start, start + n)
        for column in range(n):
            target[column] = value[column]


@inner
def _corrupt(n_inputs, tile, columns, task, key):
    """Add noise to columns of the inputs.

    They were standardised: all of them count as present already.
    """
    rows, n, factor = tile.activations, columns.last - columns.first, task.noise_factor
    for i in range(n_inputs):
        # The position is that of the sample: no matter how many threads there are.
        start = i * columns.stride + columns.first
        position = i * tile.span + tile.column + columns.first
        if task.noise == GAUSSIAN:
            add_noise(rows, start, n, key, position, factor)
        else:
            mask(rows, start, n, key, position, factor)


@inner
def _output_deltas(layers, n_samples, tile, columns):
    """Turn targets into error terms; half the mean squared error of each sample.

    The targets of padding are zero, and stay: it sends nothing back.
    """
    stride, n_outputs, first = columns.stride, layers.sizes[-1], columns.first
    outputs = rest(tile.activations, (layers.sizes[0] + layers.first[-2]) * stride)
    deltas = rest(tile.deltas, layers.first[-2] * stride)
    n = max(first, min(columns.last, n_samples)) - first
    losses = tile.losses[first : columns.last]
    fill(losses, np.float32(0))
    for o in range(n_outputs):
        start, stop = o * stride + first, o * stride + columns.last
        output, delta = section(outputs, start, stop), section(deltas, start, stop)
        for column in range(n):
            delta[column] = output[column] - delta[column]
            losses[column] += delta[column] * delta[column]
    for column in range(n):
        losses[column] *= np.float32(0.5) / np.float32(n_outputs)


@inner
def _learn(layers, work, place, batch, task):
    number, thread, first, last = place
    tile, share = tile_of(work, number, thread, first, last)
    tile, share, columns = refer(tile), refer(share), share.columns
    samples, model = batch.samples[tile.column :], Model(layers, task.functions)
    dropout = Dropout(task.dropout, random_key(batch.seed, batch.n_updates, 0))
    noise_key = random_key(batch.seed, batch.n_updates, 1)
    read_batch(batch.inputs, samples, tile.activations, share.present, columns)
    _keep_targets(layers, tile, columns)
    _corrupt(layers.sizes[0], tile, columns, task, noise_key)
    forward(model, tile, share, dropout)
    _output_deltas(layers, len(samples), tile, columns)
    backward(layers, tile, share)


train_batches = compile_epoch(_learn)
