"""What every sparse network has: layers, state of their optimiser, their evolution."""

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.buffers import tile_width
from sklearn_sparse_nn.engine.held import hold
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
from sklearn_sparse_nn.engine.terms import NO_TERMS, checked_terms
from sklearn_sparse_nn.engine.threads import shielded
from sklearn_sparse_nn.evolution.layer import NeuronBatch
from sklearn_sparse_nn.evolution.rule import EvolutionRule
from sklearn_sparse_nn.networks.batches import (
    Learner,
    block_buffers,
    columns_side_by_side,
)
from sklearn_sparse_nn.networks.epoch import Batches
from sklearn_sparse_nn.networks.evolving import evolve
from sklearn_sparse_nn.networks.forward import (
    Chosen,
    Model,
    decide,
    decision_workspace,
)
from sklearn_sparse_nn.topology.asking import (
    ask_for_connections,
    ask_for_layer,
    ask_for_weights,
)
from sklearn_sparse_nn.topology.rewiring import rewire
from sklearn_sparse_nn.topology.weights import draw_weights

# Compiled code runs for at most about this many connections × samples, some hundredths
# of a second, before Python can hear an interrupt, and see how the threads get on.
_WORK_PER_CALL = 2**28
# Bytes of activations with which `decision` works at a time.
_DECISION_BYTES = 2**26

# What a network keeps between epochs, but not in a file.
_BUFFERS = ("_workspace", "_workspace_key", "_last_batch")
# What is kept in a file as a tuple of arrays, without the name of its type.
_TUPLES = {"layers": SparseLayers, "state": OptimiserState}


class Start(NamedTuple):
    """How a network begins.

    Attributes
    ----------
    topology : object
        Draws the initial connections: see `topology.initial`.
    epsilon : float or ndarray of shape (n_layers,)
        Connections per neuron: see `topology.initial.ErdosRenyi`.
    seed : int
        Of all random numbers of the network.
    spread : callable or None
        ``spread()`` is the standard deviation of each input, an ndarray of shape
        (n_inputs,), for topologies that heed it.
    """

    topology: object
    epsilon: float | np.ndarray
    seed: int
    spread: Callable | None = None


class SparseNetwork:
    """Base class of the networks. A subclass says how it trains and what it computes.

    Parameters
    ----------
    sizes : sequence of int
        Number of input neurons, then of the neurons of each layer.
    start : Start
    gains : sequence of float
        Scale of the initial weights of each layer: see `topology.weights`.

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
    rewired_at : float
        At which share of the fit the rule has last rewired it; -1 before it has.
    n_rewired : ndarray of int64, shape (n_layers,)
        Connections of each layer that rewiring has begun so far.
    keeps_batch : bool
        Whether the last mini-batch is kept after training, and in a file, as rules that
        ask for its gradient need it.
    keeps_importances : bool
        Whether the state has the importances of connections.
    holds_weights : bool
        Whether the state has room for weights that are held: see `engine.held`.
    waits_for_rule : bool
        Whether the rule has yet to choose, before any update, which these are.
    looks_back : bool
        Whether an update looks at the weights of before: see `engine.terms`.
    updates_per_epoch : int
        Weight updates of the last epoch.
    observers : list
        What is told of each rewiring, by ``see_rewiring(layer, n_pruned, cells)``. A
        copy has the same, a branch none.
    """

    def __init__(self, sizes, start, gains):
        topology, epsilon, seed, spread = start
        self.gains = gains
        self.noise_seed = seed
        streams = np.random.SeedSequence(seed).spawn(len(sizes) - 1)
        self.streams = [np.random.Generator(np.random.PCG64(s)) for s in streams]
        numbers = range(len(sizes) - 1)
        parts = [ask_for_layer(topology, layer, sizes) for layer in numbers]
        epsilons = np.broadcast_to(epsilon, len(parts)).tolist()
        connections = (
            ask_for_connections(part, shape, epsilon, rng, None if layer else spread)
            for layer, (part, shape, epsilon, rng) in enumerate(
                zip(parts, pairwise(sizes), epsilons, self.streams)
            )
        )
        self.layers = stack_layers(sizes, connections)
        for layer, part in enumerate(parts):
            self._begin_weights(layer, part)
        self.solver = None
        self.state = None
        self.n_updates = 0
        self.updates_since_rewiring = self.updates_per_epoch = 0
        self.rewired_at = -1.0
        self.observers = []
        self.n_rewired = np.zeros(len(sizes) - 1, dtype=np.int64)
        self.keeps_batch = self.keeps_importances = self.looks_back = False
        self.holds_weights = self.waits_for_rule = False
        self._batch = None

    def _begin_weights(self, layer, part):
        """Take the initial weights of a layer from its topology, or draw them."""
        weights = self.layers.weights[connections_of(self.layers, layer)]
        given = ask_for_weights(part, len(weights))
        if given is not None:
            weights[:] = given
            return
        indptr = layer_indptr(self.layers, layer)
        draw_weights(weights, indptr, self.gains[layer], self.streams[layer])

    def check_connected(self, amount):
        """Raise a ValueError if the `Amount` was too small to connect each layer."""
        sizes, n = self.layers.sizes, np.diff(self.layers.indptr[self.layers.first])
        if n.all():
            return
        layer = int(np.argmin(n))
        least = amount.in_its_unit(1 / (sizes[1:] + sizes[:-1]), sizes).max()
        raise ValueError(
            f"{amount} is too small: layer {layer}, of {sizes[layer]} inputs and "
            f"{sizes[layer + 1]} neurons, begins without a connection. Each layer has "
            f"one with {amount.parameter}={least:.2g} or more."
        )

    def reset_optimiser(self, solver):
        """Forget the optimiser's state and start anew, with new noise."""
        layers = self.layers
        state = new_state(solver, len(layers.weights), len(layers.intercepts))
        if self.state is not None:
            self.noise_seed += 1
            state = state._replace(held=self.state.held)
        self.solver, self.state = solver, state
        self._place_more()
        self.n_updates, self.rewired_at = 0, -1.0

    def follow(self, rule):
        """Keep what a rule needs, from the next mini-batch on."""
        later = rule.replaces_update or rule.sample_size is not None
        self.keeps_batch = rule.uses_gradient and not later
        self.keeps_importances = rule.keeps_importances
        adds_terms = type(rule).terms is not EvolutionRule.terms
        self.looks_back = rule.keeps_importances or adds_terms
        if self.holds_weights != rule.holds_weights:
            self.holds_weights = self.waits_for_rule = rule.holds_weights
        if self.state is not None:
            self._place_more()

    def _place_more(self):
        """Have what only some rules ask for beside each connection, or nothing."""
        asked = {"importances": self.keeps_importances, "held": self.holds_weights}
        for name, is_asked in asked.items():
            n = len(self.layers.weights) if is_asked else 0
            if len(getattr(self.state, name)) != n:
                numbers = {name: np.zeros(n, dtype=np.float32)}
                self.state = self.state._replace(**numbers)

    def is_finite(self):
        """Whether no weight and no intercept is infinite or NaN."""
        numbers = [self.layers.weights, self.layers.intercepts]
        if self.state is not None:
            numbers.append(self.state.held)
        # NaN is both least and greatest; one flag for each weight would take memory.
        extremes = [(x.min(initial=0), x.max(initial=0)) for x in numbers]
        return np.isfinite(extremes).all()

    def _next_stop(self, batches, n_batches, evolution):
        """Before which mini-batch compiled code returns to Python, from `first` on."""
        work_per_batch = max(1, batches.size * len(self.layers.weights))
        stop = batches.first + max(1, _WORK_PER_CALL // work_per_batch)
        if evolution is not None and evolution.rule.interval is not None:
            interval = evolution.rule.interval
            over = self.updates_since_rewiring % interval
            stop = min(stop, batches.first + interval - over)
        return min(stop, n_batches)

    def _training_workspace(self, n_samples, n_threads):
        """The buffers of the last epoch if they still fit, else new ones."""
        key = (n_samples, n_threads, self.looks_back)
        if getattr(self, "_workspace_key", None) != key:
            work = self._new_workspace(self.layers, n_samples, n_threads)
            if self.looks_back:
                work = self._with_blocks(work)
            self._workspace, self._workspace_key = work, key
        return self._workspace

    def _with_blocks(self, work):
        """Buffers with blocks of the connections of now."""
        shape = work.stride, len(work.gradients), self.looks_back
        return work._replace(**block_buffers(self.layers, *shape))

    def _learner(self, parameters, evolution):
        """What training changes, and how."""
        terms = NO_TERMS
        if evolution is not None and self.looks_back:
            terms = evolution.rule.terms(parameters.learning_rate)
            terms = checked_terms(terms, n_layers(self.layers))
        step, alpha = optimiser_step(parameters), np.float32(parameters.alpha)
        return Learner(self.layers, self.state, step, alpha, terms, self.looks_back)

    def _run_epoch(self, train_batches, samples, parameters, task, team, evolution):
        """Run a compiled `train_batches` over samples: X, and an order of its rows.

        Returns the mean loss and the L2 term of each mini-batch, shape (n_batches, 2).
        """
        X, order = samples
        inputs, owner = self._describe(X)
        size = min(parameters.batch_size, len(order))
        n_batches = -(-len(order) // size)
        losses, seed = np.zeros((n_batches, 2)), np.uint32(self.noise_seed)
        n_before = self.n_updates
        batches = Batches(inputs, order, 0, 0, size, seed, 0, True, losses)
        learner = self._learner(parameters, evolution)

        def look(n_samples):
            return self._look(train_batches, batches, n_samples, learner, task, team)

        while batches.first < n_batches:
            learner = learner._replace(layers=self.layers, state=self.state)
            share = batches.first / n_batches
            if evolution and (clock := evolution.due(share, self)):
                rule = evolution.rule
                if rule.replaces_update:
                    run = train_batches, learner, batches, task, team
                    batches = self._skip_update(*run)
                self.evolve(rule, evolution.zeta, clock, team, look)
                learner = self._learner(parameters, evolution)
                continue
            stop = self._next_stop(batches, n_batches, evolution)
            batches = batches._replace(last=stop, n_updates=self.n_updates)
            self._run_batches(train_batches, learner, batches, task, team)
            batches = batches._replace(first=stop)
        del owner
        self.updates_per_epoch = self.n_updates - n_before
        return losses

    def _run_batches(self, train_batches, learner, batches, task, team):
        """Learn from some mini-batches of an epoch."""
        size, n_batches = batches.size, batches.last - batches.first
        work = self._training_workspace(size, team.n_threads)
        self._batch = None
        n = n_batches * size * len(self.layers.weights)
        team.run(train_batches, learner, batches, work, task, work=n)
        if batches.learns:
            self.n_updates += n_batches
            self.updates_since_rewiring += n_batches
        last = batches.order[(batches.last - 1) * size : batches.last * size]
        self._last_batch = self._place_of(last, task, work)

    def values_of(self, samples, task, work):
        """What `last_batch` returns, for the mini-batch of samples in some buffers."""
        return _values_of(work, self._place_of(samples, task, work))

    def _skip_update(self, train_batches, learner, batches, task, team):
        """See the next mini-batch without learning from it; return those after it."""
        first = batches.first
        seen = batches._replace(last=first + 1, n_updates=self.n_updates, learns=False)
        self._run_batches(train_batches, learner, seen, task, team)
        # The L2 term that is noted there is that of the update before.
        weights, (_, weight_sum) = self.layers.weights, self._last_batch
        squares = np.einsum("i,i->", weights, weights, dtype=np.float64)
        penalty = 0.5 * learner.alpha * squares / (weight_sum or np.inf)
        batches.losses[first, 1] = penalty
        return batches._replace(first=first + 1)

    def _look(self, train_batches, batches, n_samples, learner, task, team):
        """What `last_batch` returns, for a sample of the training data."""
        rng = np.random.default_rng([self.noise_seed, self.n_updates])
        n_samples = min(n_samples, len(batches.order))
        chosen = np.sort(rng.choice(batches.order, n_samples, replace=False))
        batches = batches._replace(
            order=chosen,
            first=0,
            last=1,
            size=n_samples,
            n_updates=self.n_updates,
            learns=False,
            losses=np.zeros((1, 2)),
        )
        work = self._new_workspace(self.layers, n_samples, team.n_threads)
        learner = learner._replace(layers=self.layers, state=self.state)
        task = self._undisturbed(task)
        team.run(train_batches, learner, batches, work, task)
        return self.values_of(chosen, task, work)

    def _undisturbed(self, task):
        """The same task without dropout."""
        return task._replace(dropout=0.0)

    def _place_of(self, samples, task, work):
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
            self._batch = _values_of(self._workspace, self._last_batch)
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

    def evolve(self, rule, zeta, clock, team, look=None):
        """Let an evolution rule rewire each layer.

        Parameters
        ----------
        rule : EvolutionRule
        zeta : float
            Fraction of the connections to replace.
        clock : TrainingClock
        team : ThreadTeam
        look : callable or None
            ``look(n)`` is what `last_batch` returns, for `n` samples, if the rule asks
            for a sample.
        """
        values = None
        if rule.sample_size is not None:
            values = look(rule.sample_size)  # before a connection changes

        def batch(layer):
            return self.neuron_batch(layer, values or self.last_batch())

        evolve(self, rule, zeta, clock, team, batch)
        if not self.keeps_batch:
            self._batch = None
        self.updates_since_rewiring, self.rewired_at = 0, clock.progress
        self.waits_for_rule = False

    def rewire(self, layer, pruned, cells, weights, team):
        """Remove and add connections of a layer: see `topology.rewiring`.

        Where the rule holds weights, the new ones begin so.
        """
        with shielded():
            self._rewire(layer, pruned, cells, weights, team)
            self.n_rewired[layer] += len(cells)
        for observer in self.observers:
            observer.see_rewiring(layer, np.count_nonzero(pruned), cells)

    def _rewire(self, *changes):
        # Buffers depend on where the connections are: whatever fails from here on, no
        # training finds those of before. In this order, what is there is of use at any
        # time, and so it is when they are put back.
        buffers = {
            name: self.__dict__.pop(name)
            for name in reversed(_BUFFERS)
            if name in self.__dict__
        }
        layers, state = self.layers, self.state
        if self.holds_weights:
            layers, state = _exchanged(layers, state)
        # Arrays that are empty come last.
        beside = ("first", "second", "importances", "held")
        beside = sorted(beside, key=lambda name: not len(getattr(state, name)))
        numbers = [getattr(state, name) for name in beside]
        layers, numbers = rewire(layers, numbers, *changes)
        state = state._replace(**dict(zip(beside, numbers)))
        if self.holds_weights:
            layers, state = _exchanged(layers, state)
        self.__dict__.update(layers=layers, state=state)  # both at once
        if "_workspace" in buffers:
            buffers["_workspace"] = self._with_blocks(buffers["_workspace"])
            self.__dict__.update(reversed(buffers.items()))

    def hold(self, layer, is_held):
        """Choose anew which weights of a layer are held: see `engine.held`."""
        here = connections_of(self.layers, layer)
        with shielded():
            hold(self.layers.weights[here], self.state.held[here], is_held)

    def n_held(self):
        """How many weights of each layer are held: see `engine.held`."""
        if not self.holds_weights:
            return np.zeros(n_layers(self.layers), dtype=np.int64)
        held = [
            self.state.held[connections_of(self.layers, layer)]
            for layer in range(n_layers(self.layers))
        ]
        return np.array([np.count_nonzero(each) for each in held])

    def neuron_batch(self, layer, values):
        """What the neurons of a layer did, of all values in a mini-batch."""
        activations, deltas, weight_sum = values
        first, n_inputs = self.layers.first, int(self.layers.sizes[layer])
        previous = self.layers.sizes[0] + first[layer - 1] if layer else 0
        neurons = slice(first[layer], first[layer + 1])
        here = self.layers.sizes[0] + first[layer]
        return NeuronBatch(
            activations[previous : previous + n_inputs],
            activations[here : here + self.layers.sizes[layer + 1]],
            deltas[neurons],
            weight_sum,
        )

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
        clone.observers = []
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
            require(self.state, ["f4"] * 6, "The optimiser's state is damaged: ")
            second = (n_connections, n_neurons) if self.solver == "adam" else (0, 0)
            lengths = (n_connections, second[0], n_neurons, second[1])
            lengths += (n_connections if self.keeps_importances else 0,)
            lengths += (n_connections if self.holds_weights else 0,)
            fits &= tuple(map(len, self.state)) == lengths
        if not fits:
            raise ValueError(
                "The network is damaged: its optimiser or random streams do not fit."
            )


def _exchanged(layers, state):
    """The same with the weights that are held in the place of the others."""
    return layers._replace(weights=state.held), state._replace(held=layers.weights)


def _values_of(work, place):
    """Activations, error terms and sum of weights of the mini-batch at a place."""
    columns, weight_sum = place
    buffers = (
        columns_side_by_side(rows, work.stride, slice(None))[:, columns]
        for rows in (work.activations, work.deltas)
    )
    return *map(np.ascontiguousarray, buffers), float(weight_sum)


def _decision_width(layers, n_samples):
    """Columns of the tiles that `decide` works with."""
    if n_samples == 1:
        return 1
    n_rows = int(layers.sizes[0] + layers.first[-1])
    affordable = max(LINE, _DECISION_BYTES // (4 * n_rows) // LINE * LINE)
    return min(tile_width(layers.sizes, n_samples), affordable)
