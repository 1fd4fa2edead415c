import tracemalloc

import numpy as np
import pytest

from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.evolution import SET, TrainingClock
from sklearn_sparse_nn.networks.evolving import Evolution
from sklearn_sparse_nn.networks.mlp import MLP, Targets, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import ErdosRenyi, cells
from sklearn_sparse_nn.warm_up import warm_up
from tests.memory import Peak


def _network(sizes, epsilon=2):
    return MLP(sizes, Start(ErdosRenyi(), epsilon, seed=0), "relu", "softmax")


@pytest.mark.parametrize("solver, least, most", [("sgd", 12, 16), ("adam", 16, 20)])
def test_ten_layers_take_little_more_than_parameters_and_state(
    monkeypatch, solver, least, most
):
    warm_up()  # to compile takes memory, too
    # As in the large layers for which it matters, there are many blocks.
    monkeypatch.setattr(cells, "_BLOCK", 2**12)
    with Peak() as peak, ThreadTeam(1) as team:
        network = _network([5_000] * 11, epsilon=20)
        n_connections = len(network.layers.weights)
        # Index and weight, and less than 20 bytes for the layer in work, a tenth.
        assert 8 * n_connections < peak.bytes() < 10 * n_connections
        network.reset_optimiser(solver)
        network.evolve(SET(), 0.3, TrainingClock(1, None, 10, 10), team)
        assert least * n_connections < peak.bytes() < most * n_connections


def test_the_layer_being_made_is_all_that_is_there_twice():
    class Watched(ErdosRenyi):
        def connect(self, *args):
            in_use.append(tracemalloc.get_traced_memory()[0])
            return super().connect(*args)

    in_use = []
    with Peak():
        MLP([2_000] * 21, Start(Watched(), 20, seed=0), "relu", "softmax")
    # Layers of 80,000 connections and 2,000 neurons. Weights come after the last.
    per_layer = np.diff(in_use[2:])
    np.testing.assert_allclose(per_layer, 4 * 80_000, rtol=0.1)


@pytest.mark.parametrize("name", ["weights", "intercepts"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_number_that_is_not_finite_is_found(name, value):
    network = _network([6, 5, 4])
    assert network.is_finite()
    getattr(network.layers, name)[3] = value
    getattr(network.layers, name)[4] = -1
    assert not network.is_finite()


def test_a_network_without_connections_is_finite():
    network = _network([6, 5, 4], epsilon=0)
    assert len(network.layers.weights) == 0
    assert network.is_finite()


class _LargestGradient(SET):
    """Grows where the gradient of the last mini-batch is largest."""

    def __init__(self, interval=None):
        super().__init__(interval=interval)
        self.clocks = []

    def is_due(self, clock):
        self.clocks.append(clock)
        return True

    def grow(self, layer, n_pruned):
        gradient = np.abs(layer.gradient(np.arange(layer.n_neurons))).ravel()
        gradient[layer.cells] = -1
        return np.sort(np.argsort(-gradient, kind="stable")[:n_pruned])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_pauses_of_an_epoch_are_as_many_shorter_epochs(solver, weighted):
    rng, n, interval = np.random.default_rng(0), 95, 3
    X = rng.normal(size=(n, 12)).astype(np.float32)
    weights = rng.random(n if weighted else 0).astype(np.float32)
    labels = rng.integers(3, size=n, dtype=np.int32)
    targets = Targets(labels, np.zeros((0, 0), dtype=np.float32), weights)
    parameters = TrainingParameters(solver, 0.01, batch_size=10)
    whole, parts = (_network([12, 30, 3], epsilon=3) for _ in range(2))
    order, rules = rng.permutation(n), [_LargestGradient(interval), _LargestGradient()]
    with ThreadTeam(1) as team:
        for network, rule in zip((whole, parts), rules):
            network.follow(rule)
            network.reset_optimiser(solver)
        evolution = Evolution(rules[0], 0.3, 1, 10)
        whole.train_epoch(X, targets, order, parameters, team, evolution)
        evolution = Evolution(rules[1], 0.3)
        for start in range(0, n, 10 * interval):
            part = order[start : start + 10 * interval]
            parts.train_epoch(X, targets, part, parameters, team, evolution)
    assert [clock.share for clock in rules[0].clocks] == [0.3, 0.6, 0.9]
    assert [clock.n_updates for clock in rules[0].clocks] == [3, 6, 9]
    assert rules[0].clocks[-1].progress == 1.9 / 10
    assert whole.n_rewired[0] > 0
    for ours, theirs in zip(whole.layers + whole.state, parts.layers + parts.state):
        np.testing.assert_array_equal(ours, theirs)
