"""The sparse multi-layer perceptron: how it trains."""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.activations import hidden_activations
from sklearn_sparse_nn.engine.layers import n_layers
from sklearn_sparse_nn.engine.losses import OUTPUT_KINDS
from sklearn_sparse_nn.engine.optimisers import ADAM, SGD, Step
from sklearn_sparse_nn.networks.backward import training_workspace
from sklearn_sparse_nn.networks.forward import Functions
from sklearn_sparse_nn.networks.mlp_epoch import Targets, train_batches
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
    topology : object
        Draws the initial connections: see `topology.initial`.
    epsilon : float
        Connections per neuron: see `topology.initial.ErdosRenyi`.
    activation : str
        Of the hidden layers, one of `engine.activations.ACTIVATIONS`.
    output : {"softmax", "logistic", "identity"}
        Activation of the output layer, and with it the loss.
    seed : int
        Of all random numbers of the network.
    """

    def __init__(self, sizes, topology, epsilon, activation, output, seed, spread=None):
        self.activation = activation
        self.output = output
        # The output layer is linear.
        gains = [activation_gain(activation)] * (len(sizes) - 2) + [1.0]
        super().__init__(sizes, topology, epsilon, gains, seed, spread)

    _new_workspace = staticmethod(training_workspace)

    def _functions(self):
        kinds, left_slopes = hidden_activations(self.activation, n_layers(self.layers))
        return Functions(kinds, left_slopes, OUTPUT_KINDS[self.output])

    def train_epoch(self, X, targets, order, parameters, team):
        """Train on each sample once, in mini-batches.

        Parameters
        ----------
        X : ndarray or csr_array of float32, shape (n_samples, n_features)
        targets : Targets
        order : ndarray of int64
            Samples to train on, in this order.
        parameters : TrainingParameters
        team : ThreadTeam

        Returns
        -------
        loss : float
            Mean over the samples of the loss before each update, L2 term included.
        """
        batch_size = parameters.batch_size
        losses = np.zeros(-(-len(order) // batch_size))
        n_last = self._run_epoch(
            train_batches,
            X,
            order,
            batch_size,
            optimiser_step(parameters),
            parameters.alpha,
            team,
            self._functions(),
            targets,
            float(parameters.dropout),
            losses,
        )
        weights = targets.weights[order[-n_last:]] if len(targets.weights) else None
        weight_sum = n_last if weights is None else weights.sum()
        self._last_batch = slice(n_last), weight_sum
        return mean_loss(losses, batch_size, len(order))


def mean_loss(losses, batch_size, n_samples):
    """Mean over all samples, from the means over each mini-batch."""
    sizes = np.full(len(losses), batch_size)
    sizes[-1] = n_samples - batch_size * (len(losses) - 1)
    return float(losses @ sizes / n_samples)


def optimiser_step(parameters):
    """The step of the optimiser that the parameters of an epoch describe."""
    float32 = np.float32
    return Step(
        kind=ADAM if parameters.solver == "adam" else SGD,
        rate=float32(parameters.learning_rate),
        momentum=float32(parameters.momentum),
        nesterov=bool(parameters.nesterovs_momentum),
        beta_1=float32(parameters.beta_1),
        beta_2=float32(parameters.beta_2),
        adam_epsilon=float32(parameters.adam_epsilon),
    )
