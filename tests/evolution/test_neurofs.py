"""What defines NeuroFS: which inputs go, which come back, and how many are left."""

import numpy as np
import pytest

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.evolution import Inputs, NeuroFS, TrainingClock
from tests.evolution import test_layer


@pytest.fixture(scope="module")
def data():
    """Three features of forty say which class it is."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 40)).astype(np.float32)
    return X, (X[:, 3] + X[:, 17] - X[:, 30] > 0).astype(int)


def fit(data, **parameters):
    defaults = {"max_iter": 20, "n_iter_no_change": np.inf, "random_state": 0}
    return SETClassifier((30, 20), epsilon=5, **(defaults | parameters)).fit(*data)


@pytest.mark.parametrize("n_features", [1, 3, 10, 39])
@pytest.mark.parametrize("min_updates", [0, 10, 1000])
def test_as_many_inputs_are_left_as_asked_for(data, n_features, min_updates):
    rule = NeuroFS(n_features, min_updates=min_updates)
    clf = fit(data, evolution=rule)
    assert np.count_nonzero(clf.feature_strength_) == n_features
    assert set(clf.coefs_[0].nonzero()[0]) <= set(np.flatnonzero(clf._rule._alive))


def test_more_inputs_than_there_are_keep_all(data):
    clf = fit(data, evolution=NeuroFS(100))
    begun = fit(data, evolution="static").n_connections_
    np.testing.assert_array_equal(clf.n_connections_, begun)


def test_the_inputs_that_matter_are_left(data):
    clf = fit(
        data, evolution=NeuroFS(3), max_iter=60, batch_size=20, learning_rate_init=0.01
    )
    assert np.flatnonzero(clf.feature_strength_).tolist() == [3, 17, 30]


def test_partial_fit_removes_no_input(data):
    clf = SETClassifier((30,), epsilon=5, evolution=NeuroFS(3), random_state=0)
    for _ in range(30):
        clf.partial_fit(*data, classes=[0, 1])
    assert clf._rule._alive.all() and clf.n_rewired_[0] > 0


def ask(rule, layer):
    """Let a rule decide about a layer; return what goes and what begins."""
    layer.region = rule.region(layer)
    (layer.n_to_prune,) = rule.n_pruned([layer])
    layer.region = rule.region(layer)
    layer.pruned = rule.prune(layer)
    (n_grown,) = rule.n_grown([layer])
    return layer.pruned, rule.grow(layer, n_grown)


def layer_of(epoch, gradient):
    """A layer of 12 neurons and 20 inputs, with this gradient."""
    mask = np.random.default_rng(0).random((12, 20)) < 0.3
    layer = test_layer.layer_of(mask, clock=TrainingClock(epoch, 100, 1000, 100))
    layer.gradient = lambda neurons: gradient[neurons]
    return layer


def test_the_weakest_go_evenly():
    for epoch, n_left in ((0, 20), (13, 16), (26, 13), (52, 7), (65, 4), (99, 4)):
        layer, rule = layer_of(epoch, np.zeros((12, 20))), NeuroFS(4)
        pruned, grown = ask(rule, layer)
        strength = np.bincount(layer.indices, np.abs(layer.weights), 20)
        strongest = np.sort(np.argsort(-strength)[:n_left])
        np.testing.assert_array_equal(np.flatnonzero(rule._alive), strongest)
        assert pruned[~np.isin(layer.indices, strongest)].all()
        assert np.isin(grown % 20, strongest).all()
        assert not np.isin(grown, layer.cells).any()


def test_inputs_of_large_gradient_come_back_and_are_spared_once():
    gradient = np.random.default_rng(1).random((12, 20)) * 0.1
    rule = NeuroFS(4, zeta_in=0.5)
    ask(rule, layer_of(30, gradient))
    alive = rule._alive.copy()
    first, second = np.flatnonzero(~alive)[:2]
    gradient[5, first], gradient[2, second] = -3, 2
    n_dead = 20 - alive.sum()
    ask(rule, layer_of(31, gradient))
    n_back = int(0.5 * (1 - 31 / 65) * n_dead)
    assert n_back >= 2 and rule._spared.sum() == n_back
    assert rule._spared[[first, second]].all() and rule._alive[[first, second]].all()
    assert not (rule._spared & alive).any()
    # They have no connection yet, yet stay; the time after, they go.
    layer = layer_of(32, np.zeros((12, 20)))
    layer.weights = layer.weights * ~np.isin(layer.indices, [first, second])
    ask(rule, layer)
    assert rule._alive[[first, second]].all()
    layer.clock = TrainingClock(70, 100, 1000, 100)
    ask(rule, layer)
    assert not rule._alive[[first, second]].any() and rule._alive.sum() == 4


def test_connections_grow_where_the_gradient_is_largest():
    gradient = np.random.default_rng(1).random((12, 20))
    layer, rule = layer_of(0, gradient), NeuroFS(4)
    pruned, grown = ask(rule, layer)
    assert pruned.sum() == int(0.2 * layer.n_connections) == len(grown)
    kept = np.abs(layer.weights[~pruned])
    assert np.abs(layer.weights[pruned]).max() <= kept.min()
    empty = np.setdiff1d(np.arange(12 * 20), layer.cells)
    best = empty[np.argsort(-gradient.ravel()[empty])[: len(grown)]]
    np.testing.assert_array_equal(grown, np.sort(best))


def test_a_region_of_some_inputs():
    layer = layer_of(0, np.zeros((12, 20)))
    chosen = np.isin(np.arange(20), [0, 7, 19])
    region = Inputs(layer, chosen, reserved=[7])
    everything = np.arange(12 * 20)
    mine = everything[np.isin(everything % 20, [0, 7, 19])]
    assert region.n_cells == len(mine) == 36
    inside, numbers = region.find(everything)
    np.testing.assert_array_equal(np.flatnonzero(inside), mine)
    np.testing.assert_array_equal(numbers, np.arange(36))
    np.testing.assert_array_equal(region.cells(np.arange(36)), mine)
    allowed = np.flatnonzero(region.allows(everything))
    np.testing.assert_array_equal(allowed, np.setdiff1d(mine, [7]))
