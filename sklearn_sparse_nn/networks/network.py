"""What every sparse network has: layers, state of their optimiser, their evolution."""

import copy
from contextlib import nullcontext
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from sklearn_sparse_nn.engine.buffers import tile_width
from sklearn_sparse_nn.engine.inputs import describe_inputs
from sklearn_sparse_nn.engine.layers import (
    SparseLayers,
    check_layers,
    connections_of,
    copy_layers,
    layer_indptr,
    n_layers,
    require,
    stack_layers,
    to_read,
)
from sklearn_sparse_nn.engine.optimisers import (
    OptimiserState,
    new_state,
    optimiser_step,
)
from sklearn_sparse_nn.engine.simd import LINE
from sklearn_sparse_nn.engine.threads import shielded
from sklearn_sparse_nn.evolution.asking import ask_rule
from sklearn_sparse_nn.evolution.rule import EvolvingLayer
from sklearn_sparse_nn.networks.batches import (
    Learner,
    block_buffers,
    columns_side_by_side,
)
from sklearn_sparse_nn.networks.epoch import Batches
from sklearn_sparse_nn.networks.forward import (
    Chosen,
    Model,
    decide,
    decision_workspace,
)
from sklearn_sparse_nn.topology.rewiring import rewire
from sklearn_sparse_nn.topology.weights import draw_weights

# Compiled code runs for at most about this many connections × samples, a fraction of a
# second, before Python can hear an interrupt.
_WORK_PER_CALL = 2**32
# Bytes of activations with which `decision` works at a time.
_DECISION_BYTES = 2**26

# What a network keeps between epochs, but not in a file.
_BUFFERS = ("_workspace", "_workspace_key", "_last_batch")
# What is kept in a file as a tuple of arrays, without the name of its type.
_TUPLES = {"layers": SparseLayers, "state": OptimiserState}


class Pause(NamedTuple):
    """What happens within an epoch, `interval` updates after the last rewiring.

    `action` is called with the share of the epoch that is over.
    """

    interval: int
    action: object


class SparseNetwork:
    """Base class of the networks. A subclass says how it trains and what it computes.

    Parameters
    ----------
    sizes : sequence of int
        Number of input neurons, then of the neurons of each layer.
    topology : object
        Draws the initial connections: see `topology.initial`.
    epsilon : float
        Connections per neuron: see `topology.initial.ErdosRenyi`.
    gains : sequence of float
        Scale of the initial weights of each layer: see `topology.weights`.
    seed : int
        Of all random numbers of the network.
    spread : ndarray of shape (n_inputs,) or None
        Standard deviation of each input, for topologies that heed it.

    Attributes
    ----------
    layers : SparseLayers
    noise_seed : int
        Of what is drawn in training: another one after each restart of the optimiser.
    solver : {"sgd", "adam"} or None
        Which optimiser the state belongs to; None before training.
    state : OptimiserState or None
        None until it is trained for the first time.
    n_updates : int
        Weight updates so far, in the present state of the optimiser.
    updates_since_rewiring : int
    n_rewired : ndarray of int64, shape (n_layers,)
        Connections of each layer that rewiring has begun so far.
    keeps_batch : bool
        Whether the last mini-batch is kept after training, and in a file, as rules that
        ask for its gradient need it.
    """

    def __init__(self, sizes, topology, epsilon, gains, seed, spread=None):
        self.gains = gains
        self.noise_seed = seed
        streams = np.random.SeedSequence(seed).spawn(len(sizes) - 1)
        self.streams = [np.random.Generator(np.random.PCG64(s)) for s in streams]
        connections = (
            topology.connect(*shape, epsilon, rng, spread if layer == 0 else None)
            for layer, (shape, rng) in enumerate(zip(pairwise(sizes), self.streams))
        )
        self.layers = stack_layers(sizes, connections)
        for layer, rng in enumerate(self.streams):
            weights = self.layers.weights[connections_of(self.layers, layer)]
            draw_weights(weights, layer_indptr(self.layers, layer), gains[layer], rng)
        self.solver = None
        self.state = None
        self.n_updates = 0
        self.updates_since_rewiring = 0
        self.n_rewired = np.zeros(len(sizes) - 1, dtype=np.int64)
        self.keeps_batch = False
        self._batch = None

    def check_connected(self, epsilon):
        """Raise a ValueError if `epsilon` was too small to connect each layer."""
        sizes, n = self.layers.sizes, np.diff(self.layers.indptr[self.layers.first])
        if n.all():
            return
        layer = int(np.argmin(n))
        least = np.max(1 / (sizes[1:] + sizes[:-1]))
        raise ValueError(
            f"epsilon={epsilon} is too small: layer {layer}, of {sizes[layer]} inputs "
            f"and {sizes[layer + 1]} neurons, begins without a connection. Each layer "
            f"has one with epsilon={least:.2g} or more."
        )

    def reset_optimiser(self, solver):
        """Forget the optimiser's state and start anew, with new noise."""
        layers = self.layers
        if self.state is not None:
            self.noise_seed += 1
        self.solver = solver
        self.state = new_state(solver, len(layers.weights), len(layers.intercepts))
        self.n_updates = 0

    def is_finite(self):
        """Whether no weight and no intercept is infinite or NaN."""
        numbers = self.layers.weights, self.layers.intercepts
        # NaN is both least and greatest; one flag for each weight would take memory.
        extremes = [(x.min(initial=0), x.max(initial=0)) for x in numbers]
        return np.isfinite(extremes).all()

    def _next_stop(self, start, n_batches, batch_size, pause):
        """Before which mini-batch compiled code returns to Python, from `start` on."""
        work_per_batch = max(1, batch_size * len(self.layers.weights))
        stop = start + max(1, _WORK_PER_CALL // work_per_batch)
        if pause is not None:
            over = self.updates_since_rewiring % pause.interval
            stop = min(stop, start + pause.interval - over)
        return min(stop, n_batches)

    def _training_workspace(self, n_samples, n_threads):
        """The buffers of the last epoch if they still fit, else new ones."""
        key = (n_samples, n_threads)
        if getattr(self, "_workspace_key", None) != key:
            self._workspace = self._new_workspace(self.layers, n_samples, n_threads)
            self._workspace_key = key
        return self._workspace

    def _run_epoch(self, train_batches, samples, parameters, task, team, pause=None):
        """Run a compiled `train_batches` over samples: X, and an order of its rows.

        Returns the mean loss and the L2 term of each mini-batch, shape (n_batches, 2).
        """
        X, order = samples
        inputs, owner = self._describe(X)
        batch_size = min(parameters.batch_size, len(order))
        n_batches = -(-len(order) // batch_size)
        losses, seed = np.zeros((n_batches, 2)), np.uint32(self.noise_seed)
        step, alpha = optimiser_step(parameters), np.float32(parameters.alpha)
        start = 0
        while start < n_batches:
            stop = self._next_stop(start, n_batches, batch_size, pause)
            work = self._training_workspace(batch_size, team.n_threads)
            learner = Learner(self.layers, self.state, step, alpha)
            now = start, stop, batch_size, seed, self.n_updates, losses
            self._batch = None
            team.run(train_batches, learner, Batches(inputs, order, *now), work, task)
            self.n_updates += stop - start
            self.updates_since_rewiring += stop - start
            last = order[(stop - 1) * batch_size : stop * batch_size]
            self._last_batch = self._place_of(last, task)
            over = pause and self.updates_since_rewiring % pause.interval == 0
            if over and stop < n_batches:
                pause.action(stop / n_batches)
            start = stop
        del owner
        return losses

    def _place_of(self, samples, task):
        """Columns of the buffers where a mini-batch is, and the sum of its weights."""
        return slice(len(samples)), len(samples)

    def _describe(self, X):
        """Describe X to the kernels: see `engine.inputs`."""
        return describe_inputs(X, int(self.layers.sizes[0]))

    def decision(self, X, samples, team):
        """Activations of the last layer.

        Parameters
        ----------
        X : ndarray or csr_array of float32, shape (n_samples, n_features)
        samples : ndarray of int64
            Which samples.
        team : ThreadTeam

        Returns
        -------
        activations : ndarray of float32, shape (len(samples), n_outputs)
        """
        model = Model(self.layers, self._functions())
        return self._decide(model, self._describe(X), samples, team)

    def _decide(self, model, described, samples, team):
        inputs, owner = described
        layers = to_read(model.layers)
        width = _decision_width(layers, len(samples))
        work = decision_workspace(layers, width, team.n_threads)
        scores = np.zeros((len(samples), layers.sizes[-1]), dtype=np.float32)
        model = model._replace(layers=layers)
        team.run(decide, model, Chosen(inputs, samples), work, scores)
        del owner
        return scores

    def last_batch(self):
        """Activations and error terms of the last mini-batch, and its sum of weights.

        Returns
        -------
        activations, deltas : ndarray of float32, shape (n_rows, n_samples)
            A row for each neuron that has one in the buffers.
        weight_sum : float

        Raises
        ------
        RuntimeError
            If the last mini-batch is not kept.
        """
        if self._batch is None:
            if not hasattr(self, "_last_batch"):
                raise RuntimeError(
                    "The gradient of the last mini-batch is gone: it is kept only for "
                    "evolution rules with uses_gradient = True."
                )
            work, (columns, weight_sum) = self._workspace, self._last_batch
            buffers = (
                columns_side_by_side(rows, work.stride, slice(None))[:, columns]
                for rows in (work.activations, work.deltas)
            )
            self._batch = *map(np.ascontiguousarray, buffers), float(weight_sum)
        return self._batch

    def _keep_batch(self):
        if self.keeps_batch and hasattr(self, "_last_batch"):
            self.last_batch()

    def free_buffers(self):
        """Free the buffers of the last mini-batch."""
        self._keep_batch()
        # In this order, what is left is of use wherever an interrupt comes.
        for name in reversed(_BUFFERS):
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
            # BLAS may round otherwise with another number of threads.
            with threadpool_limits(1) if self.keeps_batch else nullcontext():
                pruned, cells, weights = ask_rule(rule, view)
            if not pruned.any() and not len(cells):
                continue
            with shielded():
                self._rewire(layer, pruned, cells, weights, team)
                self.n_rewired[layer] += len(cells)
        self.updates_since_rewiring = 0

    def _rewire(self, *changes):
        # Buffers depend on where the connections are: whatever fails from here on, no
        # training finds those of before. In this order, what is there is of use at any
        # time, and so it is when they are put back.
        buffers = {
            name: self.__dict__.pop(name)
            for name in reversed(_BUFFERS)
            if name in self.__dict__
        }
        state = self.state.first, self.state.second
        layers, (first, second) = rewire(self.layers, state, *changes)
        state = self.state._replace(first=first, second=second)
        self.__dict__.update(layers=layers, state=state)  # both at once
        if "_workspace" in buffers:
            work = buffers["_workspace"]
            blocks = block_buffers(layers, work.stride, len(work.gradients))
            buffers["_workspace"] = work._replace(**blocks)
            self.__dict__.update(reversed(buffers.items()))

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
            gain=self.gains[layer],
            rng=self.streams[layer],
            gradient=lambda neurons: self._dense_gradient(layer, neurons),
        )

    def _dense_gradient(self, layer, neurons):
        """Gradient of the last batch for all possible connections of `neurons`."""
        activations, deltas, weight_sum = self.last_batch()
        n_inputs = int(self.layers.sizes[layer])
        previous = self.layers.sizes[0] + self.layers.first[layer - 1] if layer else 0
        rows = self.layers.first[layer] + np.asarray(neurons)
        products = deltas[rows] @ activations[previous : previous + n_inputs].T
        return products / np.float32(weight_sum or 1)

    def copy(self):
        """A copy that later training of this network does not change."""
        self._keep_batch()
        clone = object.__new__(type(self))
        clone.__dict__.update(self.__dict__)
        for name in _BUFFERS:
            clone.__dict__.pop(name, None)
        clone.layers = copy_layers(self.layers)
        if self.state is not None:
            clone.state = OptimiserState(*(array.copy() for array in self.state))
        clone.streams = copy.deepcopy(self.streams)
        clone.n_rewired = self.n_rewired.copy()
        return clone

    def branch(self):
        """A copy to train in place of this network, which stays as it is.

        The buffers go with the copy: one of the two needs them, and they are large.
        """
        clone = self.copy()
        buffers = {
            n: self.__dict__.pop(n) for n in reversed(_BUFFERS) if n in vars(self)
        }
        vars(clone).update(buffers)
        return clone

    def __getstate__(self):
        self._keep_batch()
        state = {k: v for k, v in self.__dict__.items() if k not in _BUFFERS}
        for name in _TUPLES:
            if state[name] is not None:
                state[name] = tuple(state[name])
        return state

    def __setstate__(self, state):
        self.__dict__.update(state)
        for name, kind in _TUPLES.items():
            if state[name] is not None:
                setattr(self, name, kind(*state[name]))
        self._check()

    def _check(self):
        """Raise a ValueError if this network, of a file, is not one that can run."""
        check_layers(self.layers)
        n_connections, n_neurons = len(self.layers.weights), len(self.layers.intercepts)
        fits = len(self.streams) == len(self.gains) == n_layers(self.layers)
        if self.state is not None:
            require(self.state, ["f4"] * 4, "The optimiser's state is damaged: ")
            second = (n_connections, n_neurons) if self.solver == "adam" else (0, 0)
            lengths = tuple(map(len, self.state))
            fits &= lengths == (n_connections, second[0], n_neurons, second[1])
        if not fits:
            raise ValueError(
                "The network is damaged: its optimiser or random streams do not fit."
            )


def _decision_width(layers, n_samples):
    """Columns of the tiles that `decide` works with."""
    if n_samples == 1:
        return 1
    n_rows = int(layers.sizes[0] + layers.first[-1])
    affordable = max(LINE, _DECISION_BYTES // (4 * n_rows) // LINE * LINE)
    return min(tile_width(layers.sizes, n_samples), affordable)
