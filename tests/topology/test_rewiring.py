import sys
from contextlib import contextmanager
from itertools import count, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.engine import bands, presence
from sklearn_sparse_nn.engine import layers as layers_module
from sklearn_sparse_nn.engine import threads as threads_module
from sklearn_sparse_nn.engine.layers import (
    connections_of,
    copy_layers,
    layer_indptr,
    n_layers,
    stack_layers,
)
from sklearn_sparse_nn.engine.merging import merge_connections
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, EvolutionRule, TrainingClock
from sklearn_sparse_nn.networks import batches
from sklearn_sparse_nn.networks import network as network_module
from sklearn_sparse_nn.networks.mlp import MLP, Targets, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.networks.rbm import RBM, ContrastiveDivergence
from sklearn_sparse_nn.topology import ErdosRenyi
from sklearn_sparse_nn.topology import rewiring as rewiring_module
from sklearn_sparse_nn.topology.rewiring import rewire
from tests import naive

SIZES = [6, 9, 7, 4]
# Layers of 1,800 to 19,000 connections.
LARGE = [300, 160, 400, 15]
START = Start(ErdosRenyi(), epsilon=1.2, seed=0)


def _network(density=0.4, seed=0, sizes=SIZES):
    rng = np.random.default_rng(seed)
    connections, weights, intercepts = [], [], []
    for n_inputs, n_neurons in pairwise(sizes):
        mask = rng.random((n_neurons, n_inputs)) < density
        if sizes is LARGE:  # neurons without connections, and one with all
            mask[::7], mask[1] = False, True
        indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
        connections.append((indptr, np.nonzero(mask)[1]))
        weights.append(rng.normal(size=mask.sum()))
        intercepts.append(rng.normal(size=n_neurons))
    layers = stack_layers(sizes, connections)
    layers.weights[:] = np.concatenate(weights)
    layers.intercepts[:] = np.concatenate(intercepts)
    n = len(layers.weights)
    return layers, tuple(rng.normal(size=(2, n)).astype(np.float32))


def _cells(layers, layer):
    degrees = np.diff(layer_indptr(layers, layer))
    neurons = np.repeat(np.arange(len(degrees)), degrees)
    return neurons * layers.sizes[layer] + layers.indices[connections_of(layers, layer)]


def _table(layers, state, layer):
    """Cells of a layer, and weight and optimiser state of each."""
    here = connections_of(layers, layer)
    numbers = np.stack(
        [layers.weights[here], *(array[here] for array in state)], axis=1
    )
    return list(_cells(layers, layer)), [tuple(row) for row in numbers.tolist()]


def _rewire(layers, state, layer, n_pruned, n_grown, seed=0, n_threads=1):
    rng = np.random.default_rng(seed)
    cells = _cells(layers, layer)
    pruned = np.zeros(len(cells), dtype=bool)
    pruned[rng.choice(len(cells), n_pruned, replace=False)] = True
    # A pruned connection may begin anew.
    kept = cells[~pruned]
    empty = np.setdiff1d(np.arange(layers.sizes[layer : layer + 2].prod()), kept)
    grown = np.sort(rng.choice(empty, n_grown, replace=False)).astype(np.int64)
    weights = rng.normal(size=n_grown).astype(np.float32)
    old_state = tuple(array.copy() for array in state)
    with ThreadTeam(n_threads) as team:
        result = rewire(
            copy_layers(layers), old_state, layer, pruned, grown, weights, team
        )
    return *result, pruned, grown, weights


@settings(max_examples=150)
@given(data=st.data())
def test_connections_after_rewiring_equal_the_dense_twin(data):
    layers, state = _network(data.draw(st.sampled_from([0.1, 0.4, 0.9])))
    layer = data.draw(st.integers(0, len(SIZES) - 2))
    n = len(_cells(layers, layer))
    n_pruned = data.draw(st.integers(0, n))
    n_empty = SIZES[layer] * SIZES[layer + 1] - n + n_pruned
    n_grown = data.draw(st.integers(0, n_empty))
    *new, pruned, grown, weights = _rewire(
        layers, state, layer, n_pruned, n_grown, data.draw(st.integers(0, 99))
    )
    _expect_twin((layers, state), new, layer, (pruned, grown, weights))


def _expect_twin(before, after, layer, changes):
    """The layer is that of the dense twin, and nothing else has changed."""
    (layers, state), (new, new_state) = before, after
    pruned, grown, weights = changes
    fresh = [(weight, 0.0, 0.0) for weight in weights.tolist()]
    old = _table(layers, state, layer)
    assert _table(new, new_state, layer) == naive.rewired(*old, pruned, grown, fresh)
    for other in set(range(n_layers(layers))) - {layer}:
        assert _table(new, new_state, other) == _table(layers, state, other)
    assert new.indptr[-1] == len(new.indices) == len(new.weights)
    assert [array.dtype for array in new] == [array.dtype for array in layers]
    assert [len(array) for array in new_state] == [len(new.weights)] * 2
    np.testing.assert_array_equal(new.intercepts, layers.intercepts)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("pruned, grown", [(0.3, 0.3), (0.5, 0.2), (0, 0.4), (1, 1)])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_large_layers_equal_the_dense_twin(layer, pruned, grown, n_threads):
    layers, state = _network(sizes=LARGE)
    n = len(_cells(layers, layer))
    n_pruned, n_grown = int(pruned * n), int(grown * n)
    result = _rewire(layers, state, layer, n_pruned, n_grown, n_threads=n_threads)
    _expect_twin((layers, state), result[:2], layer, result[2:])
    assert (np.diff(_cells(result[0], layer)) > 0).all()


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_connection_count_is_kept_when_as_many_grow_as_go(layer):
    layers, state = _network()
    new, _, _, _, _ = _rewire(layers, state, layer, 4, 4)
    assert len(new.weights) == len(layers.weights)
    cells = _cells(new, layer)
    assert (np.diff(cells) > 0).all()
    assert (cells != _cells(layers, layer)).any()


def test_state_of_an_optimiser_without_second_moments_stays_empty():
    layers, (first, _) = _network()
    empty = np.zeros(0, dtype=np.float32)
    _, (new_first, second), _, _, _ = _rewire(layers, (first, empty), 1, 3, 5)
    assert len(second) == 0
    assert len(new_first) == len(first) + 2


def test_a_layer_may_lose_all_its_connections():
    layers, state = _network()
    n = len(_cells(layers, 1))
    new, _, _, _, _ = _rewire(layers, state, 1, n, 0)
    assert len(_cells(new, 1)) == 0
    assert len(new.weights) == len(layers.weights) - n


def test_a_network_without_connections_may_grow_some():
    layers, state = _network(density=0.0)
    new, new_state, _, grown, weights = _rewire(layers, state, 1, 0, 5)
    np.testing.assert_array_equal(_cells(new, 1), grown)
    np.testing.assert_array_equal(new.weights, weights)
    assert [len(array) for array in new_state] == [5, 5]


@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("n_grown", [6, 9])
def test_threads_do_not_matter(n_grown, n_threads):
    layers, state = _network()
    expected, expected_state, *_ = _rewire(layers, state, 1, 6, n_grown)
    new, new_state, *_ = _rewire(layers, state, 1, 6, n_grown, n_threads=n_threads)
    for array, other in zip([*new, *new_state], [*expected, *expected_state]):
        np.testing.assert_array_equal(array, other)


def test_all_is_merged_by_a_team_that_has_lost_its_helpers():
    class Lonely(ThreadTeam):
        """As after a fork."""

        def run(self, function, *args):
            with ThreadTeam(1) as team:
                team.run(function, *args)

    layers, state = _network()
    n = len(_cells(layers, 1))
    pruned, nothing = np.arange(n) % 2 == 0, np.zeros(0, dtype=np.int64)
    changes = pruned, nothing, nothing.astype(np.float32)
    new = rewire(copy_layers(layers), state, 1, *changes, Lonely(3))
    _expect_twin((layers, state), new, 1, changes)


def test_arrays_stay_where_they_are_when_as_many_grow_as_go():
    layers, state = _network()
    changes = np.arange(len(_cells(layers, 1))) == 0, np.array([0]), np.float32([1])
    assert _cells(layers, 1)[0] > 0
    with ThreadTeam(1) as team:
        new, new_state = rewire(layers, state, 1, *changes, team)
    assert all(map(np.shares_memory, [*new, *new_state], [*layers, *state]))


def test_what_a_rule_returns_may_be_read_only_and_strided():
    layers, state = _network()
    _rewire(layers, state, 1, 2, 2)
    compiled = merge_connections.signatures
    cells = _cells(layers, 1)
    pruned = np.repeat(cells < 30, 2)[::2]
    grown = np.repeat(np.arange(0, 30, 3), 2)[::2]
    weights = np.broadcast_to(np.float32(0.5), len(grown))
    pruned.flags.writeable = grown.flags.writeable = False
    old_state = tuple(array.copy() for array in state)
    with ThreadTeam(1) as team:
        new = rewire(copy_layers(layers), old_state, 1, pruned, grown, weights, team)
    _expect_twin((layers, state), new, 1, (pruned, grown, weights))
    # Nothing was compiled for arrays of another kind.
    assert merge_connections.signatures == compiled


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("n_pruned", [0, 1, 3])
@pytest.mark.parametrize("which", [0, 5, -1])
def test_a_second_connection_between_two_neurons_is_refused(which, n_pruned, n_threads):
    layers, state = _network()
    cells = _cells(layers, 1)
    before = [array.copy() for array in (*layers, *state)]
    neuron, input = divmod(cells[which], SIZES[1])
    message = f"a second one from input {input} to neuron {neuron}"
    pruned = np.isin(np.arange(len(cells)), [1, 2, 3][:n_pruned])
    with ThreadTeam(n_threads) as team, pytest.raises(ValueError, match=message):
        rewire(layers, state, 1, pruned, cells[[which]], np.float32([1]), team)
    for array, other in zip((*layers, *state), before, strict=True):
        np.testing.assert_array_equal(array, other)


class Shrink(EvolutionRule):
    """Removes some connections."""

    def prune(self, layer):
        return layer.rng.random(layer.n_connections) < 0.3

    def grow(self, layer, n_pruned):
        return np.zeros(0, dtype=np.int64)


class Grow(EvolutionRule):
    """Adds some connections."""

    def grow(self, layer, n_pruned):
        return layer.sample_empty_cells(min(5, layer.n_empty_cells))


class Perceptron:
    """Trains a small perceptron."""

    parameters = TrainingParameters(solver="adam", learning_rate=0.01, batch_size=16)

    def __init__(self):
        self.network = MLP([7, 9, 3], START, "relu", "softmax")
        self.network.reset_optimiser("adam")
        rng = np.random.default_rng(0)
        self.X = rng.normal(size=(40, 7)).astype(np.float32)
        nothing = np.zeros((0, 0), np.float32), np.zeros(0, np.float32)
        self.targets = Targets(rng.integers(3, size=40).astype(np.int32), *nothing)

    def train(self, network, team):
        order = np.arange(len(self.X))
        network.train_epoch(self.X, self.targets, order, self.parameters, team)


class Machine:
    """Trains a small Boltzmann machine."""

    parameters = ContrastiveDivergence(0.1, 0.5, 0.0, 16, 1, False)

    def __init__(self):
        self.network = RBM([8, 9], START, np.full(8, 0.5))
        rng = np.random.default_rng(0)
        self.X = rng.integers(2, size=(40, 8)).astype(np.float32)

    def train(self, network, team):
        network.train_epoch(self.X, np.arange(len(self.X)), self.parameters, team)


_BY_STEP = {m.__file__ for m in (network_module, rewiring_module, threads_module)}
_BY_LINE = {m.__file__ for m in (bands, batches, layers_module, presence)}
_REWIRE = network_module.SparseNetwork._rewire.__code__


@contextmanager
def _out_of_memory(k):
    """Raise a MemoryError at step `k` of a rewiring.

    A step is an instruction of Python where the rewiring is carried out, one of which
    asks for each piece of memory; a line where it asks others for buffers.
    """
    n_steps, begun = 0, False

    def watch(frame, event, argument):
        nonlocal n_steps
        n_steps += event == ("opcode" if frame.f_trace_opcodes else "line")
        if n_steps > k:
            raise MemoryError
        return watch

    def enter(frame, event, argument):
        nonlocal begun
        begun |= frame.f_code is _REWIRE
        if frame.f_code.co_name == "shielded":  # it has tests of its own
            return
        frame.f_trace_opcodes = frame.f_code.co_filename in _BY_STEP
        if begun and frame.f_code.co_filename in _BY_STEP | _BY_LINE:
            return watch

    previous = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(previous)


def _layers_of(network):
    """The bytes of each layer and its state, which must be whole."""
    layers, state = network.layers, network.state
    n_connections = len(layers.indices)
    assert layers.indptr[0] == 0 and layers.indptr[-1] == n_connections
    assert len(layers.weights) == len(state.first) == n_connections
    assert len(state.second) in (0, n_connections)
    result = []
    for layer in range(n_layers(layers)):
        here = connections_of(layers, layer)
        assert (np.diff(_cells(layers, layer)) > 0).all()
        assert layers.indices[here].max(initial=0) < layers.sizes[layer]
        arrays = layers.indices, layers.weights, state.first, state.second
        arrays = [layer_indptr(layers, layer), *(array[here] for array in arrays)]
        result.append([array.tobytes() for array in arrays])
    return result


def _expect_to_go_on(network, trainer, team):
    """It predicts, and trains like a network that never had buffers."""
    twin = network.copy()
    assert np.isfinite(network.decision(trainer.X, np.arange(9), team)).all()
    for one in (network, twin):
        trainer.train(one, team)
        assert one.is_finite()
    assert _layers_of(network) == _layers_of(twin)
    network.evolve(SET(), 0.3, CLOCK, team)
    _layers_of(network)


CLOCK = TrainingClock(1, None, 10, 10)


@pytest.mark.parametrize("rule", [SET(), Shrink(), Grow()])
@pytest.mark.parametrize(
    "trainer, n_threads, every",
    [
        *((Machine(), 1, 2), (Machine(), 2, 13)),
        *((Perceptron(), 1, 13), (Perceptron(), 2, 13)),
    ],
)
def test_each_layer_is_as_before_or_as_after_when_memory_runs_out(
    trainer, n_threads, every, rule
):
    with ThreadTeam(n_threads) as team:

        def trained():
            network = trainer.network.copy()
            trainer.train(network, team)
            return network

        network = trained()
        before = _layers_of(network)
        network.evolve(rule, 0.3, CLOCK, team)
        after = _layers_of(network)
        assert all(a != b for a, b in zip(before, after))
        for k in count(step=every):
            network = trained()
            try:
                with _out_of_memory(k):
                    network.evolve(rule, 0.3, CLOCK, team)
            except MemoryError:
                for layer, *either in zip(_layers_of(network), before, after):
                    assert layer in either
                _expect_to_go_on(network, trainer, team)
            else:
                break
    assert k > 300
    assert _layers_of(network) == after
