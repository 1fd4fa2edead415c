"""Small rules that use all of the protocol, as algorithms of the literature do."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.evolution import (
    SET,
    Cubic,
    EvolutionRule,
    Ranges,
    ScoreRule,
    UpdateTerms,
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


class Gradual(ScoreRule):
    """Magnitude pruning to a density that falls by a schedule (GMP)."""

    uses_gradient = False

    def __init__(self, density=Cubic(0.5, 0.1), distribution="global"):  # noqa: B008
        self.density = density
        self.distribution = distribution

    def n_replaced(self, layer):
        return 0

    def targets(self, layers):
        n_cells = sum(layer.n_cells for layer in layers)
        n = round(self.density(layers[0].clock.progress) * n_cells)
        n = min(n, sum(layer.n_connections for layer in layers))
        return distribution_of(self.distribution)(layers, n)


class ChainRemoval(SET):
    """What leads to neurons that are cut off, or from them, goes too (CHT)."""

    uses_gradient = False

    def evolves(self, layer):
        return not layer.is_output or layer.n_layers == 1

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


class Sleep(ScoreRule):
    """A connection whose weight crosses zero goes; noise moves the others (DeepR)."""

    _parameter_constraints: dict = {
        "noise": [Interval(Real, 0, None, closed="left")],
        "l1": [Interval(Real, 0, None, closed="left")],
    }
    uses_gradient = False

    def __init__(self, noise=1e-3, l1=1e-3, interval=1):
        self.noise = noise
        self.l1 = l1
        self.interval = interval

    def terms(self, learning_rate):
        noise = np.sqrt(2 * learning_rate) * self.noise
        return UpdateTerms(noise, learning_rate * self.l1, keeps_signs=True)

    def n_pruned(self, layers):
        asleep = [np.count_nonzero(layer.weights == 0) for layer in layers]
        return [min(n, layer.n_empty_cells) for n, layer in zip(asleep, layers)]

    def new_weights(self, layer, cells):
        signs = 2 * layer.rng.integers(2, size=len(cells)) - 1
        return (1e-12 * signs).astype(np.float32)


class Regions(SET):
    """Neurons of each third of a layer see a third of the inputs more (DSN)."""

    uses_gradient = False

    def region(self, layer):
        group = np.arange(layer.n_neurons) * 3 // layer.n_neurons
        return Ranges(layer, 0, layer.n_inputs * (group + 1) // 3)


class LeftAlone(SET):
    """The last layer stays as it begins."""

    uses_gradient = False

    def evolves(self, layer):
        return not layer.is_output or layer.n_layers == 1
