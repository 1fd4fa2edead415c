"""Networks that standardise their inputs as they read them."""

import numpy as np

from sklearn_sparse_nn.engine.inputs import describe_inputs
from sklearn_sparse_nn.engine.layers import require
from sklearn_sparse_nn.networks.mlp import MLP
from sklearn_sparse_nn.networks.regression import RegressionMLP


class Standardised:
    """Reads standardised inputs: to be mixed into a network.

    Attributes
    ----------
    shifts, scales : ndarrays of float64, shape (n_features,)
        A feature `x` enters the network as ``(x - shift) * scale``. They are to be set
        before it reads anything.
    """

    shifts = scales = None

    def _describe(self, X):
        return describe_inputs(X, len(self.shifts), self.shifts, self.scales)

    def _check(self):
        super()._check()
        require([self.shifts, self.scales], ["f8", "f8"], "The scales are damaged: ")
        if not len(self.shifts) == len(self.scales) == self.layers.sizes[0]:
            raise ValueError("The network is damaged: its scales do not fit.")

    def read_inputs(self, X):
        """X as the network sees it; X is dense."""
        return ((X - self.shifts) * self.scales).astype(np.float32)


class StandardisedMLP(Standardised, MLP):
    """An `MLP` that reads standardised inputs."""


class StandardisedRegressionMLP(Standardised, RegressionMLP):
    """A `RegressionMLP` that reads standardised inputs."""
