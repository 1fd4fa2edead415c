"""The sparse multi-layer perceptron: how it trains."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.activations import activation_names, hidden_activations
from sklearn_sparse_nn.engine.layers import n_layers, part_of
from sklearn_sparse_nn.engine.losses import (
    OUTPUT_LOSSES,
    Loss,
    Targets,
    output_losses,
)
from sklearn_sparse_nn.engine.warning import warn_user
from sklearn_sparse_nn.networks.backward import training_workspace
from sklearn_sparse_nn.networks.forward import Functions, Model
from sklearn_sparse_nn.networks.gradient import mean_gradient
from sklearn_sparse_nn.networks.mlp_epoch import Supervision, train_batches
from sklearn_sparse_nn.networks.network import SparseNetwork
from sklearn_sparse_nn.topology.weights import activation_gain

__all__ = ["MLP", "Targets", "TrainingParameters"]


class TrainingParameters(NamedTuple):
    """How one epoch trains. Names and meanings are those of the estimators."""

    solver: str
    learning_rate: float
    batch_size: int
    alpha: float = 0.0
    momentum: float = 0.9
    nesterovs_momentum: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    adam_epsilon: float = 1e-8
    dropout: float = 0.0


class MLP(SparseNetwork):
    """A sparse multi-layer perceptron.

    Parameters
    ----------
    sizes : sequence of int
        Number of input neurons, of neurons of each hidden layer, of output neurons.
    start : Start
        Its connections and random numbers: see `network`.
    activation : str or sequence of str
        Of the hidden layers: see `engine.activations.activation_names`.
    output : {"softmax", "logistic", "identity", "exp"}
        Activation of the output layer, and with it the loss.
    all_relu_slope : float
        See `engine.activations.hidden_activations`.
    """

    def __init__(self, sizes, start, activation, output, all_relu_slope=0.6):
        names = activation_names(activation, len(sizes) - 2)
        self.activation = activation if isinstance(activation, str) else names
        self.all_relu_slope = all_relu_slope
        self.output = output
        # The output layer is linear.
        gains = [*(activation_gain(name, all_relu_slope) for name in names), 1.0]
        super().__init__(sizes, start, gains)

    def check_connected(self, amount):
        """Look at the output neurons, too: without a connection they are constant."""
        super().check_connected(amount)
        sizes = self.layers.sizes[-2:]
        n_inputs, n_outputs = sizes
        degrees = np.diff(self.layers.indptr[-n_outputs - 1 :])
        n_alone = np.count_nonzero(degrees == 0)
        if n_alone:
            # With it, one is alone in one network of twenty.
            enough = n_outputs * (np.log(n_outputs) + 3) / (n_inputs + n_outputs)
            enough = amount.in_its_unit(enough, sizes).item()
            warn_user(
                f"{n_alone} of the {n_outputs} neurons of the output layer begin "
                "without a connection, and answer the same to all samples. A random "
                "topology is likely to connect all of them with "
                f"{amount.parameter}={enough:.2g} in place of {amount}."
            )

    _new_workspace = staticmethod(training_workspace)

    def hidden_activations(self):
        """Kind and left slope of the activation of each layer."""
        n = n_layers(self.layers)
        return hidden_activations(self.activation, n, self.all_relu_slope)

    def _functions(self):
        return Functions(*self.hidden_activations())

    def _loss(self):
        return Loss(OUTPUT_LOSSES[self.output], np.float32(0))

    def losses(self, outputs, targets):
        """The loss of the outputs for each sample, without the L2 term."""
        return output_losses(outputs, targets, self._loss())

    def read_inputs(self, X):
        """X as the network sees it; X is dense."""
        return X.astype(np.float32, copy=False)

    def activations(self, X, n_layers, team):
        """Activations of layer number `n_layers`, counted from 1, of each sample.

        Returns
        -------
        activations : ndarray of float32, shape (n_samples, n_neurons)
        """
        return self._run_part(0, n_layers, self._describe(X), X.shape[0], team)

    def _run_part(self, start, stop, described, n_samples, team):
        """What layers `start` to `stop` make of what `described` describes."""
        functions = self._functions()
        functions = functions._replace(
            kinds=functions.kinds[start:stop],
            left_slopes=functions.left_slopes[start:stop],
        )
        model = Model(part_of(self.layers, start, stop), functions)
        return self._decide(model, described, np.arange(n_samples), team)

    def _check(self):
        super()._check()
        try:
            activation_names(self.activation, n_layers(self.layers) - 1)
        except (TypeError, ValueError) as error:
            raise ValueError(f"The network is damaged: {error}") from error
        if self.output not in OUTPUT_LOSSES:
            raise ValueError("The network is damaged: it has an unknown output.")

    def train_epoch(self, X, targets, order, parameters, team, evolution=None):
        """Train on each sample once, in mini-batches.

        Parameters
        ----------
        X : ndarray or csr_array of float32, shape (n_samples, n_features)
        targets : Targets
        order : ndarray of int64
            Samples to train on, in this order.
        parameters : TrainingParameters
        team : ThreadTeam
        evolution : Evolution or None
            How connections change: see `evolving`.

        Returns
        -------
        loss : float
            Mean over the samples of the loss before each update, L2 term included.
        """
        self._check_targets(targets, X.shape[0])
        functions, dropout = self._functions(), float(parameters.dropout)
        task = Supervision(functions, self._loss(), targets, dropout)
        losses = self._run_epoch(
            train_batches, (X, order), parameters, task, team, evolution
        )
        return mean_loss(losses.sum(axis=1), parameters.batch_size, len(order))

    def gradient(self, X, targets, team):
        """Mean gradient of the loss by the weight of each connection.

        Parameters
        ----------
        X : ndarray or csr_array of float32, shape (n_samples, n_features)
        targets : Targets
        team : ThreadTeam

        Returns
        -------
        gradient : ndarray of float64, shape (n_connections,)
            Without dropout and without the L2 term.
        """
        self._check_targets(targets, X.shape[0])
        task = Supervision(self._functions(), self._loss(), targets, 0.0)
        return mean_gradient(self, train_batches, X, task, team)

    def _place_of(self, samples, task, work):
        columns, weight_sum = super()._place_of(samples, task, work)
        weights = task.targets.weights
        return columns, weights[samples].sum() if len(weights) else weight_sum

    def _check_targets(self, targets, n_samples):
        """Compiled code follows the labels: they must lead to an output."""
        n_outputs, (labels, values, weights) = self.layers.sizes[-1], targets
        if self.output == "softmax":
            within = 0 <= labels.min(initial=0) <= labels.max(initial=0) < n_outputs
            fits = within and labels.shape == (n_samples,)
        else:
            fits = values.shape == (n_samples, n_outputs)
        if not fits or len(weights) not in (0, n_samples):
            raise ValueError("The targets do not fit the samples or the network.")


def mean_loss(losses, batch_size, n_samples):
    """Mean over all samples, from the means over each mini-batch."""
    sizes = np.full(len(losses), batch_size)
    sizes[-1] = n_samples - batch_size * (len(losses) - 1)
    return float(losses @ sizes / n_samples)
