"""The sparse denoising autoencoder: how it trains, encodes and decodes."""

from typing import NamedTuple

from sklearn_sparse_nn.engine.inputs import describe_inputs
from sklearn_sparse_nn.engine.layers import n_layers
from sklearn_sparse_nn.networks.autoencoder_epoch import (
    GAUSSIAN,
    MASKING,
    Restoration,
    train_batches,
)
from sklearn_sparse_nn.networks.gradient import mean_gradient
from sklearn_sparse_nn.networks.mlp import MLP, mean_loss
from sklearn_sparse_nn.networks.network import SparseNetwork
from sklearn_sparse_nn.networks.standardised import Standardised

NOISES = {"gaussian": GAUSSIAN, "masking": MASKING}


class Corruption(NamedTuple):
    """What is done to the inputs in training.

    `noise` is a key of `NOISES`: Gaussian noise of standard deviation `factor`, or a
    share `factor` of the inputs set to zero.
    """

    noise: str
    factor: float


class Autoencoder(Standardised, MLP):
    """A sparse denoising autoencoder: a perceptron that restores its own inputs.

    Parameters
    ----------
    hidden : sequence of int
        Number of neurons of each hidden layer. The middle one is the code.
    start, activation
        See `MLP`.
    shifts, scales : ndarrays of float64, shape (n_features,)
        A feature `x` enters the network as ``(x - shift) * scale``.
    all_relu_slope : float
        See `MLP`.
    """

    def __init__(self, hidden, start, activation, shifts, scales, all_relu_slope=0.6):
        sizes = [len(shifts), *hidden, len(shifts)]
        super().__init__(sizes, start, activation, "identity", all_relu_slope)
        self.shifts, self.scales = shifts, scales

    @property
    def n_code_layers(self):
        """Number of layers from the inputs to the code."""
        return (n_layers(self.layers) + 1) // 2

    def check_connected(self, amount):
        """An output without a connection is a feature that is not restored, no more."""
        SparseNetwork.check_connected(self, amount)

    def _check(self):
        super()._check()
        if self.layers.sizes[0] != self.layers.sizes[-1]:
            raise ValueError("The network is damaged: it does not restore its inputs.")

    def train_epoch(self, X, order, parameters, corruption, team, evolution=None):
        """Train on each sample once, in mini-batches, with noise of its own.

        Parameters
        ----------
        X : ndarray or csr_array, shape (n_samples, n_features)
        order : ndarray of int64
            Samples to train on, in this order.
        parameters : TrainingParameters
        corruption : Corruption
        team : ThreadTeam
        evolution : Evolution or None
            How connections change: see `evolving`.

        Returns
        -------
        loss : float
            Half the mean squared error of the outputs, before each update.
        """
        task = Restoration(
            self._functions(),
            NOISES[corruption.noise],
            float(corruption.factor),
            float(parameters.dropout),
        )
        losses = self._run_epoch(
            train_batches, (X, order), parameters, task, team, evolution
        )
        return mean_loss(losses[:, 0], parameters.batch_size, len(order))

    def gradient(self, X, team):
        """Mean gradient of the loss by the weight of each connection, without noise.

        Parameters
        ----------
        X : ndarray or csr_array, shape (n_samples, n_features)
        team : ThreadTeam

        Returns
        -------
        gradient : ndarray of float64, shape (n_connections,)
        """
        task = Restoration(self._functions(), GAUSSIAN, 0.0, 0.0)
        return mean_gradient(self, train_batches, X, task, team)

    def _place_of(self, samples, task, work):
        return SparseNetwork._place_of(self, samples, task, work)

    def encode(self, X, team):
        """The code of each sample, shape (n_samples, n_code)."""
        return self.activations(X, self.n_code_layers, team)

    def decode(self, H, team):
        """What the network makes of codes, in the scale of the network."""
        n_code = int(self.layers.sizes[self.n_code_layers])
        described = describe_inputs(H, n_code)
        last = n_layers(self.layers)
        return self._run_part(self.n_code_layers, last, described, H.shape[0], team)

    def restore(self, Z, team):
        """Outputs of the network for standardised data, in the same scale."""
        last = n_layers(self.layers)
        described = describe_inputs(Z, len(self.shifts))
        return self._run_part(0, last, described, Z.shape[0], team)

    def rescale(self, outputs):
        """Outputs of the network in the scale of X, float64."""
        return outputs / self.scales + self.shifts
