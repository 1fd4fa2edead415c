"""One epoch of a multi-layer perceptron, compiled: see `epoch`."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import inner
from sklearn_sparse_nn.engine.inputs import read_batch
from sklearn_sparse_nn.engine.losses import Loss, Targets, output_delta
from sklearn_sparse_nn.engine.random import random_key
from sklearn_sparse_nn.engine.references import refer
from sklearn_sparse_nn.engine.sections import rest
from sklearn_sparse_nn.networks.backward import backward
from sklearn_sparse_nn.networks.batches import tile_of
from sklearn_sparse_nn.networks.epoch import compile_epoch
from sklearn_sparse_nn.networks.forward import Dropout, Functions, Model, forward


class Supervision(NamedTuple):
    """The task of a perceptron."""

    functions: Functions
    loss: Loss
    targets: Targets
    dropout: float


@inner
def _output_deltas(layers, task, samples, tile, columns):
    """Losses and output error terms of columns of a tile."""
    loss, targets = task.loss, task.targets
    start, stride, n_outputs = layers.first[-2], columns.stride, layers.sizes[-1]
    outputs = rest(tile.activations, (layers.sizes[0] + start) * stride)
    deltas = rest(tile.deltas, start * stride)
    for column in range(columns.first, columns.last):
        if column >= len(samples):  # padding sends nothing back
            for o in range(n_outputs):
                deltas[o * stride + column] = np.float32(0)
            continue
        sample = samples[column]
        out, delta = rest(outputs, column), rest(deltas, column)
        cost = output_delta(loss, out, delta, n_outputs, stride, targets, sample)
        if len(targets.weights):
            cost *= targets.weights[sample]
            for o in range(n_outputs):
                delta[o * stride] *= targets.weights[sample]
        tile.losses[column] = cost


@inner
def _learn(layers, work, place, batch, task):
    number, thread, first, last = place
    tile, share = tile_of(work, number, thread, first, last)
    tile, share, columns = refer(tile), refer(share), share.columns
    samples, model = batch.samples[tile.column :], Model(layers, task.functions)
    dropout = Dropout(task.dropout, random_key(batch.seed, batch.n_updates, 0))
    read_batch(batch.inputs, samples, tile.activations, share.present, columns)
    forward(model, tile, share, dropout)
    _output_deltas(layers, task, samples, tile, columns)
    backward(layers, tile, share)


@inner
def _weigh(task, samples):
    weights = task.targets.weights
    if not len(weights):
        return np.float64(len(samples))
    total = 0.0
    for sample in samples:
        total += weights[sample]
    return total


train_batches = compile_epoch(_learn, weigh=_weigh)
