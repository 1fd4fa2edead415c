"""Small rules that use all of the protocol, as algorithms of the literature do."""

from numbers import Real

import numpy as np
from sklearn.utils._param_validation import Interval

from sklearn_sparse_nn.evolution import (
    SET,
    Cubic,
    Ranges,
    ScoreRule,
    UpdateTerms,
    distribution_of,
    share_out,
)


class GradientGrowth(SET):
    """Grow where the gradient is largest (RigL)."""

    def cell_scores(self, layer, neurons):
        return np.abs(layer.gradient(neurons))


class SampledGradient(GradientGrowth):
    """The same, with the gradient of a sample and not of the last mini-batch."""

    sample_size = 50


class CandidateGradient(SET):
    """Choose by the gradient among random candidates, and never look at all cells."""

    def grow(self, layer, n_grown):
        candidates = layer.sample_empty_cells(min(3 * n_grown, layer.n_empty_cells))
        scores = np.abs(layer.gradient_at(candidates))
        return np.sort(candidates[np.argsort(-scores, kind="stable")[:n_grown]])


class SharedRegrowth(SET):
    """Layers of large momentum regrow more than they lost (SNFS)."""

    uses_gradient = False

    def n_grown(self, layers):
        kept = [np.abs(layer.first_moments[~layer.pruned]) for layer in layers]
        means = [each.mean() if len(each) else 0.0 for each in kept]
        total = sum(super().n_grown(layers))
        return share_out(total, means, [layer.n_empty_cells for layer in layers])


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
