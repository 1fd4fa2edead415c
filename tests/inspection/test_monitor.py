import copy
import pickle
from itertools import pairwise

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline

from sklearn_sparse_nn import QuickSelectionSelector, SETClassifier
from sklearn_sparse_nn.engine.layers import layer_matrix, stack_layers
from sklearn_sparse_nn.evolution import ITOP, SET, DeepR, RigL
from sklearn_sparse_nn.inspection import (
    TopologyHistory,
    TopologyMonitor,
    exploration_rate,
)
from sklearn_sparse_nn.inspection._explored import Explored
from sklearn_sparse_nn.inspection._fitted import by_neuron, layer_matrices
from sklearn_sparse_nn.networks.network import SparseNetwork
from tests.estimators.battery import samples
from tests.inspection.helpers import Network, layer_masks, masks_of
from tests.memory import Peak

CLASSIFIER = SETClassifier((40, 30), epsilon=3, max_iter=5, random_state=0)


def layers_of(masks):
    """The layers of a network with these connections."""
    matrices = layer_matrices(Network(masks), "")
    for each in matrices:
        each.eliminate_zeros()
    rows = [by_neuron(each) for each in matrices]
    sizes = [masks[0].shape[0], *(mask.shape[1] for mask in masks)]
    return stack_layers(sizes, [(each.indptr, each.indices) for each in rows])


@st.composite
def states(draw):
    """A network after each of some epochs."""
    first = draw(layer_masks())
    n_epochs = draw(st.integers(0, 6))
    following = [[draw(masks_of(m.shape)) for m in first] for _ in range(n_epochs)]
    return [first, *following]


def record(states, max_bytes=2**20):
    history = TopologyHistory(layers_of(states[0]), max_bytes)
    for masks in states[1:]:
        history.add(layers_of(masks))
    return history


@given(states())
def test_a_history_counts_what_a_dense_twin_counts(states):
    history, ever = record(states), [np.zeros_like(mask) for mask in states[0]]
    assert history.epochs == list(range(len(states)))
    for epoch, masks in enumerate(states):
        before = states[max(epoch - 1, 0)]
        for layer, (mask, old) in enumerate(zip(masks, before)):
            ever[layer] |= mask
            found = history.topology(epoch, layer).toarray()
            np.testing.assert_array_equal(found, mask)
            assert history.n_connections[epoch, layer] == mask.sum()
            assert history.n_born[epoch, layer] == (mask & ~old).sum()
            assert history.n_died[epoch, layer] == (old & ~mask).sum()
            share = history.explored[epoch, layer]
            assert share == pytest.approx(ever[layer].mean())
    cells = np.concatenate([each.ravel() for each in ever])
    assert exploration_rate(history)[-1] == pytest.approx(cells.mean())
    np.testing.assert_array_equal(
        exploration_rate(history, per_layer=True), history.explored
    )


@given(states(), st.integers(1, 2000))
def test_topologies_that_are_kept_are_evenly_spread_and_right(states, max_bytes):
    history = record(states, max_bytes)
    last = len(states) - 1
    assert history.epochs[0] == 0 and history.epochs[-1] == last
    strides = np.diff(history.epochs[:-1])
    assert len(set(strides)) <= 1
    if len(history.epochs) > 2:
        assert history._n_bytes() <= max_bytes // 2
    for epoch in range(last + 1):
        if epoch in history.epochs:
            for layer, mask in enumerate(states[epoch]):
                found = history.topology(epoch, layer).toarray()
                np.testing.assert_array_equal(found, mask)
        else:
            with pytest.raises(ValueError, match=r"not kept, but .*\[0, "):
                history.topology(epoch)
    # What is counted does not depend on what is kept.
    np.testing.assert_array_equal(history.n_born, record(states).n_born)


def test_a_network_that_stays_takes_memory_once():
    X, y = samples()
    monitor = TopologyMonitor()
    static = clone(CLASSIFIER).set_params(evolution="static", max_iter=20)
    static.set_callbacks(monitor).fit(X, y)
    history = monitor.get_history()
    n_neurons, n_connections = 40 + 30 + 1, static.n_connections_.sum()
    assert history.epochs == list(range(21))
    assert history._n_bytes() == 8 * (n_neurons + 3) + 4 * n_connections
    assert not history.n_born.any() and not history.n_died.any()
    assert (history.explored == history.explored[0]).all()


def test_a_monitor_changes_nothing_and_survives_a_pickle():
    X, y = samples()
    plain = clone(CLASSIFIER).fit(X, y)
    watched = clone(CLASSIFIER).set_callbacks(TopologyMonitor()).fit(X, y)
    np.testing.assert_array_equal(plain.predict_proba(X), watched.predict_proba(X))
    again = pickle.loads(pickle.dumps(watched))
    np.testing.assert_array_equal(exploration_rate(again), exploration_rate(watched))


def test_a_warm_start_has_a_history_of_its_own():
    X, y = samples()
    monitor = TopologyMonitor()
    clf = clone(CLASSIFIER).set_params(warm_start=True).set_callbacks(monitor)
    first = monitor_of_fit(clf, monitor, X, y)
    second = monitor_of_fit(clf, monitor, X, y)
    ends = first.topology(5), second.topology(0)
    np.testing.assert_array_equal(*(each.toarray() for each in ends))
    assert second.n_born[1].any()  # what was due at the end of the first fit


def monitor_of_fit(estimator, monitor, X, y):
    estimator.fit(X, y)
    return monitor.get_history()


def test_of_clones_it_is_the_last_fit_also_with_threads():
    X, y = samples()
    monitor = TopologyMonitor()
    clf = clone(CLASSIFIER).set_callbacks(monitor)
    search = GridSearchCV(clf, {"zeta": [0.1, 0.3]}, cv=2).fit(X, y)
    best = search.best_estimator_
    rates = exploration_rate(search)
    np.testing.assert_array_equal(rates, exploration_rate(monitor))
    assert monitor.get_history().n_connections[-1].tolist() == (
        best.n_connections_.tolist()
    )
    with joblib.parallel_backend("threading", n_jobs=2):
        cross_validate(clf, X, y, cv=4)
    history = monitor.get_history()
    assert not monitor._running and len(history.n_born) == 6
    alone = clone(CLASSIFIER).set_callbacks(TopologyMonitor()).fit(X, y)
    np.testing.assert_array_equal(
        history.n_connections, alone._skl_callbacks[0].get_history().n_connections
    )


def test_each_estimator_keeps_its_own_history(tmp_path):
    X, y = samples()
    monitor = TopologyMonitor()
    one = clone(CLASSIFIER).set_callbacks(monitor).fit(X, y)
    other = clone(CLASSIFIER).set_params(max_iter=3).set_callbacks(monitor).fit(X, y)
    assert len(exploration_rate(one)) == 6
    assert len(exploration_rate(other)) == len(exploration_rate(monitor)) == 4
    for again in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        np.testing.assert_array_equal(exploration_rate(again), exploration_rate(one))
        with pytest.raises(ValueError, match="not recorded a fit yet"):
            again._skl_callbacks[0].get_history()
    one.set_callbacks().fit(X, y)
    with pytest.raises(ValueError, match="needs the history of a fit"):
        exploration_rate(one)
    with pytest.raises(ValueError, match="partial_fit leaves none"):
        exploration_rate(other.partial_fit(X, y))


def test_with_early_stopping_the_history_is_there():
    X, y = samples()
    clf = clone(CLASSIFIER).set_params(early_stopping=True, max_iter=9, tol=1.0)
    clf.set_params(learning_rate="constant", n_iter_no_change=4)
    clf.set_callbacks(TopologyMonitor()).fit(X, y)
    assert len(exploration_rate(clf)) == clf.n_iter_ + 1


def test_a_fit_that_fails_leaves_the_history_of_before():
    X, y = samples()
    monitor = TopologyMonitor()
    clf = clone(CLASSIFIER).set_callbacks(monitor)
    clf.set_params(learning_rate_init=1e20)
    with pytest.raises(ValueError, match="non-finite"):
        clf.fit(X, y)
    with pytest.raises(ValueError, match="not recorded a fit yet"):
        monitor.get_history()
    clf.set_params(learning_rate_init=0.001).fit(X, y)
    with pytest.raises(ValueError, match="non-finite"):
        clf.set_params(learning_rate_init=1e20).fit(X, y)
    assert len(exploration_rate(clf)) == len(exploration_rate(monitor)) == 6
    assert not monitor._running


def test_without_a_history_it_says_how_to_get_one():
    X, y = samples()
    with pytest.raises(ValueError, match=r"set_callbacks\(TopologyMonitor\(\)\)"):
        exploration_rate(clone(CLASSIFIER).fit(X, y))
    with pytest.raises(ValueError, match="not recorded a fit yet"):
        TopologyMonitor().get_history()


def test_what_holds_a_network_is_told_where_to_set_the_monitor():
    X, _ = samples()
    selector = QuickSelectionSelector(5, hidden_layer_sizes=(20,), max_iter=2)
    with pytest.raises(TypeError, match="got QuickSelectionSelector"):
        selector.set_callbacks(TopologyMonitor()).fit(X)


@pytest.mark.parametrize("max_bytes", [0, -1])
def test_the_memory_must_be_positive(max_bytes):
    X, y = samples()
    monitor = TopologyMonitor(max_bytes=max_bytes)
    with pytest.raises(ValueError, match="max_bytes"):
        clone(CLASSIFIER).set_callbacks(monitor).fit(X, y)


def test_a_pipeline_of_a_watched_network():
    X, y = samples()
    clf = clone(CLASSIFIER).set_callbacks(TopologyMonitor())
    rates = exploration_rate(make_pipeline(clf).fit(X, y))
    assert (np.diff(rates) >= 0).all() and rates[-1] > rates[0] > 0


def test_exploration_grows_with_the_rewiring():
    X, y = load_digits(return_X_y=True)
    rates = {}
    for zeta in (0, 0.1, 0.5):
        monitor = TopologyMonitor()
        clf = SETClassifier((60,), density=0.1, zeta=zeta, max_iter=8, random_state=0)
        clf.set_callbacks(monitor).fit(X / 16, y)
        rates[zeta] = exploration_rate(monitor)
        assert rates[zeta][0] == pytest.approx(0.1, abs=0.01)
    assert rates[0][-1] == rates[0][0]
    assert rates[0.5][-1] > rates[0.1][-1] > rates[0][-1] + 0.02


@settings(max_examples=20)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 2000))
def test_of_a_large_layer_some_neurons_stand_for_all(n_inputs, n_neurons, max_bytes):
    explored = Explored(n_inputs, n_neurons, max_bytes)
    assert explored._seen.size <= max(max_bytes, n_inputs)
    followed = explored._neurons
    assert len(np.unique(followed)) == len(followed)
    mask = np.random.default_rng(0).random((n_neurons, n_inputs)) < 0.3
    indptr = np.append(0, np.cumsum(mask.sum(axis=1)))
    explored.see(indptr, np.nonzero(mask)[1])
    assert explored.share == pytest.approx(mask[followed].mean())


def test_the_estimate_of_a_large_layer_is_near():
    mask = np.random.default_rng(0).random((3000, 200)) < 0.1
    explored = Explored(200, 3000, 100_000)
    assert explored._seen.shape == (500, 200)
    indptr = np.append(0, np.cumsum(mask.sum(axis=1)))
    explored.see(indptr, np.nonzero(mask)[1])
    assert explored.share == pytest.approx(mask.mean(), rel=0.03)
    assert explored.share != mask.mean()


def test_rewirings_within_an_epoch_are_seen_together():
    X, y = samples()
    monitor = TopologyMonitor()
    clf = clone(CLASSIFIER).set_params(
        evolution=SET(interval=2), batch_size=30, max_iter=3
    )
    clf.set_callbacks(monitor).fit(X, y)
    history = monitor.get_history()
    assert history.n_born[1:, 0].all()
    np.testing.assert_array_equal(history.n_grown.sum(axis=0), clf.n_rewired_)
    assert (history.n_grown >= history.n_born).all()
    assert (history.n_pruned >= history.n_died).all()
    assert history.n_grown.sum() > history.n_born.sum()
    change = history.n_grown - history.n_pruned
    np.testing.assert_array_equal(np.diff(history.n_connections, axis=0), change[1:])
    for before, after in pairwise(range(4)):
        a, b = (history.topology(epoch).toarray() for epoch in (before, after))
        assert history.n_born[after, 0] == (b & ~a).sum()


@pytest.mark.parametrize(
    "rule",
    [SET(interval=2, min_updates=1), RigL(interval=3), DeepR(), ITOP(interval=4)],
)
@pytest.mark.parametrize("max_bytes", [2**28, 600])
def test_what_was_there_between_two_epochs_was_explored(rule, max_bytes, monkeypatch):
    ever = {}

    def rewire(network, layer, *changes):
        before(network, layer, *changes)
        now = layer_matrix(network.layers, layer)
        now.data[:] = 1
        ever[layer] = ever.get(layer, 0) + now

    before = SparseNetwork.rewire
    monkeypatch.setattr(SparseNetwork, "rewire", rewire)
    X, y = samples()
    monitor = TopologyMonitor(max_bytes=max_bytes)
    clf = clone(CLASSIFIER).set_params(evolution=rule, batch_size=30)
    history = clf.set_callbacks(monitor).fit(X, y) and monitor.get_history()
    assert history.explored[-1, 0] > history.explored[0, 0]
    for layer, explored in enumerate(history._explored):
        start = history.topology(0, layer).toarray()
        cells = start | (ever[layer].toarray() != 0 if layer in ever else False)
        assert history.explored[-1, layer] == cells[:, explored._neurons].mean()


def test_memory_is_bounded_however_large_the_layer():
    n, degree, max_bytes = 40_000, 5, 2**22
    rng = np.random.default_rng(0)

    def network():
        rows = np.sort(rng.integers(0, n // degree, (n, degree)), axis=1)
        inputs = (rows + np.arange(degree) * (n // degree)).ravel()
        return stack_layers([n, n], [(np.arange(n + 1) * degree, inputs)])

    networks = [network() for _ in range(12)]
    one = networks[0].indptr.nbytes + networks[0].indices.nbytes
    with Peak() as peak:
        history = TopologyHistory(networks[0], max_bytes)
        for each in networks[1:]:
            history.add(each)
        # What is kept, the one at hand, and cells of blocks of neurons.
        assert peak.bytes() < max_bytes + 2 * one + 2**24
    assert history.epochs[0] == 0 and history.epochs[-1] == 11
    assert len(history.epochs) <= 1 + max_bytes / 2 / one
    assert history.n_born[1:].min() > 0.9 * n * degree
    # Random connections, 12 times 5 of 40,000 inputs: hardly any comes twice.
    assert exploration_rate(history)[-1] == pytest.approx(12 * degree / n, rel=0.05)


def test_of_many_epochs_every_second_fourth_or_eighth_is_kept():
    rng = np.random.default_rng(0)
    states = [[rng.random((5, 4)) < 0.5] for _ in range(41)]
    found = set()
    for max_bytes in range(200, 8000, 200):
        epochs = record(states, max_bytes).epochs
        stride = epochs[1]
        assert epochs == sorted({*range(0, 41, stride), 40})
        found.add(stride)
    assert {1, 2, 4, 8} <= found <= {1, 2, 4, 8, 16, 32, 40}
