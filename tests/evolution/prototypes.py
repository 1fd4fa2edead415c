"""Small rules that use all of the protocol, as algorithms of the literature do."""

import numpy as np

from sklearn_sparse_nn.evolution import (
    SET,
    EvolutionRule,
    Ranges,
    ScoreRule,
    distribution_of,
)


class Similarity(SET):
    """Connect neurons whose activations are alike over a sample (CTRE)."""

    sample_size = 64

    def cell_scores(self, layer, neurons):
        batch = layer.batch()
        return np.abs(_unit(batch.activations[neurons]) @ _unit(_data(batch)).T)


def _data(batch):
    return batch.inputs[:, : batch.activations.shape[1]]


def _unit(rows):
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


class ToDensity(ScoreRule):
    """All layers come to have the same density: some grow, others shrink."""

    uses_gradient = False

    def targets(self, layers):
        n_connections = sum(layer.n_connections for layer in layers)
        return distribution_of("uniform")(layers, n_connections)


class ChainRemoval(SET):
    """What leads to neurons that are cut off, or from them, goes too (CHT)."""

    uses_gradient = False

    def prune_more(self, layers):
        pruned = [layer.pruned.copy() for layer in layers]
        for before, after, here, there in zip(layers, layers[1:], pruned, pruned[1:]):
            into = np.diff(before.indptr) - _count(before, here)
            out_of = np.bincount(after.indices[~there], minlength=before.n_neurons)
            alone = (into == 0) | (out_of == 0)
            here |= np.repeat(alone, np.diff(before.indptr))
            there |= alone[after.indices]
        return pruned

    def n_grown(self, layers):
        grown = EvolutionRule.n_grown(self, layers)
        return [min(n, layer.n_empty_cells) for n, layer in zip(grown, layers)]


def _count(layer, pruned):
    neurons = np.repeat(np.arange(layer.n_neurons), np.diff(layer.indptr))
    return np.bincount(neurons[pruned], minlength=layer.n_neurons)


class Importance(ScoreRule):
    """Keep the connections that have done most for the loss (SpaceNet)."""

    uses_gradient = False
    keeps_importances = True

    def connection_scores(self, layer):
        return layer.importances


class Regions(SET):
    """Neurons of each third of a layer see a third of the inputs more (DSN)."""

    uses_gradient = False

    def region(self, layer):
        group = np.arange(layer.n_neurons) * 3 // layer.n_neurons
        return Ranges(layer, 0, layer.n_inputs * (group + 1) // 3)
