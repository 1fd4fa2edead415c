"""The sparse multi-layer perceptron: its layers and their life."""

import copy
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.activations import hidden_activations
from sklearn_sparse_nn.engine.buffers import padded_width
from sklearn_sparse_nn.engine.inputs import describe_inputs
from sklearn_sparse_nn.engine.layers import (
    connections_of,
    copy_layers,
    layer_indptr,
    n_layers,
    stack_layers,
)
from sklearn_sparse_nn.engine.losses import OUTPUT_KINDS
from sklearn_sparse_nn.engine.optimisers import (
    ADAM,
    SGD,
    OptimiserState,
    Step,
    new_state,
)
from sklearn_sparse_nn.engine.simd import LINE, TILES
from sklearn_sparse_nn.engine.threads import shielded
from sklearn_sparse_nn.networks.passes import (
    Functions,
    Targets,
    decide,
    new_workspace,
    train_batches,
)
from sklearn_sparse_nn.topology.evolution import EvolvingLayer
from sklearn_sparse_nn.topology.rewiring import ask_rule, rewire
from sklearn_sparse_nn.topology.weights import activation_gain, random_weights

__all__ = ["MLP", "Targets", "TrainingParameters"]

# Compiled code runs for at most about this many connections × samples, a fraction of a
# second, before Python can hear an interrupt.
_WORK_PER_CALL = 2**32
# Bytes of activations with which `decision` works at a time.
_DECISION_BYTES = 2**26

# What a network keeps between epochs, but not in a file.
_BUFFERS = ("_workspace", "_workspace_key", "_last_batch")


class TrainingParameters(NamedTuple):
    """How one epoch trains. Names and meanings are those of the estimators."""

    solver: str
    learning_rate: float
    batch_size: int
    alpha: float
    momentum: float
    nesterovs_momentum: bool
    beta_1: float
    beta_2: float
    adam_epsilon: float
    dropout: float


class MLP:
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

    Attributes
    ----------
    layers : SparseLayers
    solver : {"sgd", "adam"} or None
        Which optimiser the state belongs to; None before training.
    state : OptimiserState or None
        None until it is trained for the first time.
    n_updates : int
        Weight updates so far, in the present state of the optimiser.
    updates_since_rewiring : int
    """

    def __init__(self, sizes, topology, epsilon, activation, output, seed):
        self.activation = activation
        self.output = output
        self.seed = seed
        streams = np.random.SeedSequence(seed).spawn(len(sizes) - 1)
        self.streams = [np.random.Generator(np.random.PCG64(s)) for s in streams]
        connections, weights, intercepts = [], [], []
        for layer, (n_inputs, n_neurons) in enumerate(pairwise(sizes)):
            rng = self.streams[layer]
            indptr, indices = topology.connect(n_inputs, n_neurons, epsilon, rng)
            gain = self._gain(layer, len(sizes) - 1)
            degrees = np.diff(indptr)
            connections.append((indptr, indices))
            weights.append(random_weights(np.repeat(degrees, degrees), gain, rng))
            intercepts.append(np.zeros(n_neurons, dtype=np.float32))
        self.layers = stack_layers(sizes, connections, weights, intercepts)
        self.solver = None
        self.state = None
        self.n_updates = 0
        self.updates_since_rewiring = 0

    def _gain(self, layer, n_layers):
        return 1.0 if layer == n_layers - 1 else activation_gain(self.activation)

    def _functions(self):
        kinds, left_slopes = hidden_activations(self.activation, n_layers(self.layers))
        return Functions(kinds, left_slopes, OUTPUT_KINDS[self.output])

    def reset_optimiser(self, solver):
        """Forget the optimiser's state and start anew."""
        layers = self.layers
        self.solver = solver
        self.state = new_state(solver, len(layers.weights), len(layers.intercepts))
        self.n_updates = 0

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
        inputs, owner = describe_inputs(X)
        batch_size = parameters.batch_size
        n_batches = -(-len(order) // batch_size)
        losses = np.zeros(n_batches)
        work = self._training_workspace(min(batch_size, len(order)), team.n_threads)
        step = _step(parameters)
        # One call of compiled code runs so many batches.
        work_per_batch = max(1, batch_size * len(self.layers.weights))
        stretch = max(1, _WORK_PER_CALL // work_per_batch)
        for start in range(0, n_batches, stretch):
            stop = min(start + stretch, n_batches)
            team.run(
                train_batches,
                self.layers,
                self.state,
                self._functions(),
                inputs,
                targets,
                order,
                (start, stop),
                batch_size,
                work,
                step,
                np.float32(parameters.alpha),
                float(parameters.dropout),
                np.uint32(self.seed),
                self.n_updates,
                losses,
            )
            self.n_updates += stop - start
            self.updates_since_rewiring += stop - start
        del owner
        sizes = np.full(n_batches, batch_size)
        sizes[-1] = len(order) - batch_size * (n_batches - 1)
        last = order[-sizes[-1] :]
        weight_sum = targets.weights[last].sum() if len(targets.weights) else len(last)
        self._last_batch = len(last), weight_sum
        return float(losses @ sizes / len(order))

    def _training_workspace(self, n_samples, n_threads):
        """The buffers of the last epoch if they still fit, else new ones."""
        key = (n_samples, n_threads)
        if getattr(self, "_workspace_key", None) != key:
            self._workspace = new_workspace(
                self.layers, n_samples, n_threads, train=True
            )
            self._workspace_key = key
        return self._workspace

    def decision(self, X, samples, team):
        """Outputs of the network before the output activation.

        Parameters
        ----------
        X : ndarray or csr_array of float32, shape (n_samples, n_features)
        samples : ndarray of int64
            Which samples.
        team : ThreadTeam

        Returns
        -------
        scores : ndarray of float32, shape (len(samples), n_outputs)
        """
        inputs, owner = describe_inputs(X)
        n_rows = int(self.layers.sizes[0] + self.layers.first[-1])
        n_columns = max(LINE, min(TILES[0], _DECISION_BYTES // (4 * n_rows)))
        n_columns = min(n_columns, padded_width(len(samples))) * team.n_threads
        work = new_workspace(self.layers, n_columns, team.n_threads, train=False)
        scores = np.zeros((len(samples), self.layers.sizes[-1]), dtype=np.float32)
        team.run(decide, self.layers, self._functions(), inputs, samples, work, scores)
        del owner
        return scores

    @property
    def remembers_a_batch(self):
        """Whether the buffers of the last mini-batch are here, as `evolve` needs."""
        return hasattr(self, "_last_batch")

    def forget_batch(self):
        """Free the buffers of the last mini-batch."""
        for name in _BUFFERS:
            self.__dict__.pop(name, None)

    def evolve(self, rule, zeta, clock, team):
        """Let an evolution rule rewire each layer.

        Parameters
        ----------
        rule : EvolutionRule
        zeta : float
            Fraction of the connections to replace.
        clock : TrainingClock
        team : ThreadTeam
        """
        for layer in range(n_layers(self.layers)):
            view = self._evolving_layer(layer, zeta, clock)
            pruned, cells, weights = ask_rule(rule, view)
            if not pruned.any() and not len(cells):
                continue
            shielded(self._rewire, layer, pruned, cells, weights, team)
        self.updates_since_rewiring = 0
        self._workspace_key = None

    def _rewire(self, *changes):
        state = self.state.first, self.state.second
        self.layers, (first, second) = rewire(self.layers, state, *changes)
        self.state = self.state._replace(first=first, second=second)

    def _evolving_layer(self, layer, zeta, clock):
        connections = connections_of(self.layers, layer)
        arrays = [
            layer_indptr(self.layers, layer),
            self.layers.indices[connections].view(),
            self.layers.weights[connections].view(),
        ]
        for array in arrays:
            array.flags.writeable = False
        return EvolvingLayer(
            *arrays,
            index=layer,
            n_inputs=int(self.layers.sizes[layer]),
            zeta=zeta,
            clock=clock,
            gain=self._gain(layer, n_layers(self.layers)),
            rng=self.streams[layer],
            gradient=lambda neurons: self._dense_gradient(layer, neurons),
        )

    def _dense_gradient(self, layer, neurons):
        """Gradient of the last batch for all possible connections of `neurons`."""
        work = self._workspace
        n_inputs = int(self.layers.sizes[layer])
        n_samples, weight_sum = self._last_batch
        previous = self.layers.sizes[0] + self.layers.first[layer - 1] if layer else 0
        activations = work.activations.reshape(-1, work.stride)[
            previous : previous + n_inputs, :n_samples
        ]
        deltas = work.deltas.reshape(-1, work.stride)[:, :n_samples]
        rows = self.layers.first[layer] + np.asarray(neurons)
        return deltas[rows] @ activations.T / np.float32(weight_sum or 1)

    def copy(self):
        """A copy that later training of this network does not change."""
        clone = object.__new__(type(self))
        clone.__dict__.update(self.__getstate__())
        clone.layers = copy_layers(self.layers)
        if self.state is not None:
            clone.state = OptimiserState(*(array.copy() for array in self.state))
        clone.streams = copy.deepcopy(self.streams)
        return clone

    def __getstate__(self):
        return {k: v for k, v in self.__dict__.items() if k not in _BUFFERS}


def _step(parameters):
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
