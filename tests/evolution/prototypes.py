"""Small rules that use all of the protocol, as algorithms of the literature do."""

import numpy as np

from sklearn_sparse_nn.evolution import (
    SET,
    Ranges,
    ScoreRule,
    distribution_of,
)


class ToDensity(ScoreRule):
    """All layers come to have the same density: some grow, others shrink."""

    uses_gradient = False

    def targets(self, layers):
        n_connections = sum(layer.n_connections for layer in layers)
        return distribution_of("uniform")(layers, n_connections)


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
