"""Connections: how many there are, and how rules change them within an estimator."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from threadpoolctl import threadpool_info, threadpool_limits

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import SET, EvolutionRule
from sklearn_sparse_nn.inspection import topology_distance
from sklearn_sparse_nn.topology import Dense
from tests.estimators.battery import (
    all_estimators,
    all_networks,
    inner,
    network_of,
    outputs,
    samples,
    set_epochs,
    small,
    train_part,
)


class Diary(EvolutionRule):
    """Prunes nothing and keeps state, as a rule may."""

    def __init__(self):
        self.epochs = []

    def is_due(self, clock):
        self.epochs.append((clock.epoch, clock.max_epochs, clock.n_updates))
        return True


class Punctual(Diary):
    """Is asked within epochs, too."""

    def __init__(self, interval):
        super().__init__()
        self.interval = interval

    def is_due(self, clock):
        self.epochs.append((clock.n_updates, round(clock.progress, 9)))
        return True


class Greedy(EvolutionRule):
    """Grows where the gradient of the dense layer is largest."""

    def prune(self, layer):
        return (np.arange(layer.n_connections) % 10 == 0) & (layer.n_empty_cells > 0)

    def grow(self, layer, n_pruned):
        gradient = np.abs(layer.gradient(np.arange(layer.n_neurons))).ravel()
        gradient[layer.cells] = -1
        return np.sort(np.argsort(-gradient)[:n_pruned])


class Counting(SET):
    """Counts how often it is asked."""

    def is_due(self, clock):
        self.asked = getattr(self, "asked", 0) + 1
        return super().is_due(clock)


class Often(Greedy):
    """Is asked within epochs, for the gradient of a mini-batch there."""

    def __init__(self, interval):
        self.interval = interval


class LastGradients(SET):
    """Keeps the gradients of the last rewiring, by their number of neurons."""

    def grow(self, layer, n_pruned):
        gradient = layer.gradient(np.arange(layer.n_neurons))
        vars(self).setdefault("gradients", {})[layer.n_neurons] = gradient
        return super().grow(layer, n_pruned)


@all_networks
@pytest.mark.parametrize("epsilon, number", [(1, 85), (2.5, 212), (1000, 25 * 60)])
def test_epsilon_is_the_number_of_connections_for_each_neuron(
    estimator, epsilon, number
):
    X, y = samples()
    estimator.set_params(epsilon=epsilon).fit(X, y)
    assert np.ravel(estimator.n_connections_)[0] == number
    assert np.ravel(estimator.density_)[0] == number / (25 * 60)


@all_networks
def test_a_dense_topology_connects_everything(estimator):
    X, y = samples()
    assert np.all(estimator.set_params(topology=Dense()).fit(X, y).density_ == 1)
    assert not np.any(estimator.n_rewired_)


@all_networks
@pytest.mark.parametrize("zeta", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("evolution", ["set", "static"])
def test_zeta_is_how_much_a_rewiring_replaces(estimator, zeta, evolution):
    X, y = samples()
    estimator.set_params(zeta=zeta, evolution=evolution, batch_size=5)
    start = set_epochs(clone(estimator), 1).fit(X, y)
    once = set_epochs(clone(estimator), 2).fit(X, y)
    share = zeta if evolution == "set" else 0
    of_both = 2 * share / (1 + share)  # of the connections of either
    moved = topology_distance(start, once, match_neurons=False)[
        np.ravel(start.density_) < 1
    ]
    np.testing.assert_allclose(moved, of_both, atol=0.03)
    np.testing.assert_array_equal(once.n_connections_, start.n_connections_)


@all_estimators
def test_a_rule_is_copied_for_each_fit_and_asked_between_epochs(estimator):
    X, y = samples()
    rule = Diary()
    estimator.set_params(evolution=rule)
    for _ in range(2):
        estimator.fit(X, y)
        assert inner(estimator)._rule.epochs == [(1, 3, 15), (2, 3, 30)]
    assert rule.epochs == []


@all_networks
def test_rules_may_ask_for_the_gradient(estimator):
    X, y = samples()
    start = set_epochs(clone(estimator), 1).fit(X, y)
    estimator.set_params(evolution=Greedy()).fit(X, y)
    assert topology_distance(start, estimator, match_neurons=False)[0] > 0.05
    np.testing.assert_array_equal(estimator.n_connections_, start.n_connections_)


@all_networks
def test_what_is_due_after_a_fit_happens_before_the_next_and_not_twice(estimator):
    X, y = samples()
    clocks = []

    class Watched(SET):
        def is_due(self, clock):
            clocks.append((clock.epoch, clock.max_epochs, clock.updates_since_rewiring))
            return super().is_due(clock)

    set_epochs(estimator, 1)
    estimator.set_params(warm_start=True, evolution=Watched(min_updates=1))
    for _ in range(3):
        estimator.fit(X, y)
    assert clocks == [(0, 1, 15), (0, 1, 15)]
    assert network_of(estimator).n_rewired[0] > 0


@all_estimators
def test_partial_fit_rewires_after_updates_not_after_calls(estimator):
    X, y = samples()
    estimator.set_params(evolution=SET(min_updates=5))
    for chunk in range(6):
        assert not chunk or not network_of(estimator).n_rewired.any()
        rows = slice(20 * chunk, 20 * chunk + 20)
        train_part(estimator, X[rows], y[rows])
    assert network_of(estimator).n_rewired[0] > 0


@all_networks
def test_training_goes_on_with_the_rule_of_now(estimator):
    X, y = samples()
    estimator.set_params(warm_start=True, evolution=Counting(10**6))
    assert not np.any(estimator.fit(X, y).fit(X, y).n_rewired_)
    assert estimator._rule.asked == 5
    estimator.set_params(evolution__min_updates=1).fit(X, y)
    assert estimator._rule.asked == 8 and np.ravel(estimator.n_rewired_)[0] > 0
    n_rewired = estimator.n_rewired_
    estimator.set_params(evolution="static").fit(X, y)
    np.testing.assert_array_equal(estimator.n_rewired_, n_rewired)


class Hasty(SET):
    """Has a parameter of which no constraint is known, and keeps what it was."""

    def __init__(self, patience=10**6):
        super().__init__()
        self.patience = patience

    def is_due(self, clock):
        self.seen = [*getattr(self, "seen", []), self.patience]
        return clock.updates_since_rewiring >= self.patience


@all_networks
def test_training_goes_on_with_all_parameters_of_a_rule(estimator):
    X, y = samples()
    estimator.set_params(warm_start=True, evolution=Hasty()).fit(X, y)
    assert not np.any(estimator.n_rewired_)
    estimator.set_params(evolution__patience=1).fit(X, y)
    assert set(estimator._rule.seen) == {10**6, 1}
    assert np.ravel(estimator.n_rewired_)[0] > 0


def test_n_rewired_tells_which_layers_change():
    X, y = samples()
    clf = small(SETClassifier, hidden_layer_sizes=(60, 60)).fit(X, y)
    assert clf.density_[-1] == 1 and clf.n_rewired_[-1] == 0
    assert (clf.n_rewired_[:2] > 0).all()
    assert not clf.set_params(evolution="static").fit(X, y).n_rewired_.any()


def test_gradients_are_the_same_bits_for_any_number_of_blas_threads():
    def gradient():
        clf = SETClassifier(300, evolution=LastGradients(), max_iter=6, random_state=0)
        return clf.fit(X, y)._rule.gradients[300]

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 300)), rng.integers(0, 3, 600)
    results = []
    for n_threads in (1, 2):
        with threadpool_limits(n_threads):
            before = threadpool_info()
            results.append(gradient())
            assert threadpool_info() == before
    np.testing.assert_array_equal(*results)


@all_networks
@pytest.mark.parametrize("interval", [4, 5, 1000])
def test_a_rule_with_an_interval_is_asked_within_epochs(estimator, interval):
    X, y = samples()  # 15 mini-batches
    estimator.set_params(evolution=Punctual(interval), batch_size=20)
    set_epochs(estimator, 3).fit(X, y)
    asked = range(interval, 45, interval)
    assert estimator._rule.epochs == [(n, round(n / 45, 9)) for n in asked]


@all_networks
@pytest.mark.parametrize("rule", [SET(interval=4), Often(interval=4)])
def test_chunks_go_on_where_an_interval_was_cut(estimator, rule):
    """With the bits of any number of threads, and of a pickle between chunks."""
    results = []
    for n_jobs, sent in ((1, False), (2, False), (1, True)):
        other = clone(estimator).set_params(evolution=rule, n_jobs=n_jobs)
        for seed in range(4):
            train_part(other, *samples(n_samples=130, seed=seed))
            other = pickle.loads(pickle.dumps(other)) if sent else other
        assert network_of(other).n_rewired[0] > 0
        results.append(outputs(other, samples()[0]))
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("n_fits", [3, 4])
def test_an_interval_goes_on_in_a_warm_start(n_fits):
    # Each fit starts the optimiser anew, and has 15 of the 50 updates.
    X, y = samples()
    clf = small(SETClassifier, evolution=SET(interval=50), warm_start=True, max_iter=1)
    for _ in range(n_fits):
        clf.fit(X, y)
    assert clf.n_rewired_.any() == (n_fits == 4)
