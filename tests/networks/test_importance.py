import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.networks import importance
from sklearn_sparse_nn.networks.autoencoder import Autoencoder, Corruption
from sklearn_sparse_nn.networks.importance import (
    IMPORTANCES,
    attribution,
    communality,
    knee,
    strength,
)
from sklearn_sparse_nn.networks.mlp import TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.topology import Dense, ErdosRenyi
from tests import naive


def _network(X, hidden=(10,), activation="tanh", **start):
    """An autoencoder that standardises dense X."""
    deviations = X.std(axis=0)
    scales = 1 / np.where(deviations > 0, deviations, 1)
    start = Start(ErdosRenyi(), epsilon=2, seed=0)._replace(**start)
    moments = X.mean(axis=0).astype(np.float64), scales.astype(np.float64)
    network = Autoencoder(hidden, start, activation, *moments)
    intercepts = network.layers.intercepts
    intercepts[:] = np.random.default_rng(1).normal(size=len(intercepts)) / 2
    return network


def _train(network, X, n_epochs=30):
    network.reset_optimiser("sgd")
    parameters = TrainingParameters(
        "sgd", learning_rate=0.01, batch_size=50, alpha=0.1, dropout=0.1
    )
    noise = Corruption("gaussian", 0.2)
    with ThreadTeam(1) as team:
        for epoch in range(n_epochs):
            order = np.random.default_rng(epoch).permutation(len(X))
            network.train_epoch(X, order, parameters, noise, team)
    return network


def _measure(measure, network, X, seed=0):
    with ThreadTeam(1) as team:
        return measure(network, X, np.random.default_rng(seed), team)


def _normal(n, n_features, seed=0):
    return np.random.default_rng(seed).normal(size=(n, n_features)).astype(np.float32)


# Strength


@settings(max_examples=30)
@given(
    n_features=st.integers(1, 12),
    hidden=st.lists(st.integers(1, 9), min_size=1, max_size=3),
    epsilon=st.floats(0, 4),
)
def test_strength_is_the_sum_of_magnitudes(n_features, hidden, epsilon):
    network = _network(_normal(5, n_features), hidden, epsilon=epsilon)
    weights = naive.Network.of(network.layers).weights[0]
    expected = [sum(abs(weight) for weight in row) for row in weights]
    np.testing.assert_allclose(strength(network), expected, rtol=1e-6)


# Communality


class _Wires:
    """Output number `i` is fed by feature ``sources[i]`` and nothing else."""

    def __init__(self, sources):
        self.sources = np.array(sources)

    def connect(self, n_inputs, n_neurons, epsilon, rng, spread=None):
        second = spread is None  # only the first layer knows the spread
        indices = self.sources if second else np.arange(n_inputs)
        return np.arange(n_neurons + 1), indices.astype(np.uint32)


def _wired(X, sources):
    """A linear network with all weights 1."""
    n = X.shape[1]
    network = _network(
        X, (n,), "identity", topology=_Wires(sources), spread=lambda: np.ones(n)
    )
    network.layers.weights[:], network.layers.intercepts[:] = 1, 0
    return network


def test_communality_is_what_the_other_features_explain():
    """Of scale 1, it is the share of the variance that is explained."""
    X = _normal(5000, 3)
    X[:, 1] = X[:, 0]
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    network = _wired(X, [1, 0, 2])
    shared = _measure(communality, network, X)
    # In one of five cells, the copy is masked as well; the third feature is restored
    # from nothing but itself.
    np.testing.assert_allclose(shared, [0.8, 0.8, 0], atol=0.03)


def test_communality_of_a_feature_that_is_restored_badly_is_0():
    X = _normal(1000, 2)
    shared = _measure(communality, _wired(X, [1, 0]), X)
    np.testing.assert_array_equal(shared, 0)


def test_communality_of_what_goes_together_exceeds_that_of_noise():
    factors, rng = _normal(600, 3), np.random.default_rng(1)
    copies = np.repeat(factors, 4, axis=1)
    combinations = factors @ rng.normal(size=(3, 6)).astype(np.float32)
    noise = _normal(600, 10, seed=2)
    constants = np.full((600, 2), 3, dtype=np.float32)
    X = np.hstack([copies, combinations, noise, constants])
    X += 0.1 * _normal(600, X.shape[1], seed=3) * (X.std(axis=0) > 0)
    network = _train(_network(X, (60,), epsilon=20), X)
    shared = _measure(communality, network, X)
    assert shared.shape == (30,) and np.isfinite(shared).all()
    assert shared[18:28].max() < 0.2 * shared[:18].min()
    assert (shared[28:] == 0).all()


def test_communality_grows_with_the_root_of_the_standard_deviation():
    X = np.repeat(_normal(600, 3), 4, axis=1) + 0.1 * _normal(600, 12, seed=1)
    wide = X.copy()
    wide[:, 0] *= 16
    network = _train(_network(X, (60,), epsilon=20), X)
    rescaled = network.copy()
    rescaled.shifts, rescaled.scales = network.shifts.copy(), network.scales.copy()
    rescaled.shifts[0] *= 16
    rescaled.scales[0] /= 16
    before = _measure(communality, network, X)
    after = _measure(communality, rescaled, wide)
    np.testing.assert_allclose(after[0] / before[0], 4, rtol=1e-4)
    np.testing.assert_allclose(after[1:], before[1:], rtol=1e-4)


# Attribution


def _jacobians(network, X):
    """Derivatives of the outputs by the inputs: samples × inputs × outputs."""
    dense = naive.Network.of(network.layers)
    Z = (X.astype(np.float64) - network.shifts) * network.scales
    _, slopes = naive.forward(dense, network.activation, Z)
    J = np.broadcast_to(dense.weights[0], (len(X), *dense.weights[0].shape))
    for layer, W in enumerate(dense.weights[1:]):
        J = (J * slopes[layer][:, None, :]) @ W
    return J


@pytest.mark.parametrize("hidden", [(10,), (10, 8), (8, 4, 8)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_attribution_is_the_size_of_the_jacobian_without_its_diagonal(
    activation, hidden
):
    X = _normal(20, 6)
    network = _network(X, hidden, activation, epsilon=3)
    squares = np.mean(
        [_measure(attribution, network, X, seed) ** 2 for seed in range(100)], axis=0
    )
    jacobians = _jacobians(network, X)
    own = np.diagonal(jacobians, axis1=1, axis2=2)
    assert (own != 0).any()
    others = np.sum(jacobians**2, axis=2) - own**2
    expected = np.mean(others, axis=0)
    assert expected.max() > 0
    np.testing.assert_allclose(squares, expected, rtol=0.1, atol=1e-7)


def test_attribution_is_exact_where_each_feature_has_one_output():
    X = _normal(30, 5)
    network = _wired(X, [1, 4, 0, 2, 2])
    network.layers.weights[:5] = [1, -2, 3, 4, 5]
    # Feature 3 leads nowhere, feature 2 goes two ways.
    attributed = _measure(attribution, network, X)
    np.testing.assert_allclose(attributed[[0, 1, 3, 4]], [1, 2, 0, 5], rtol=1e-6)
    many = [_measure(attribution, network, X, seed)[2] ** 2 for seed in range(50)]
    assert np.mean(many) == pytest.approx(3**2 + 3**2, rel=0.05)


def test_attribution_is_found_in_the_jacobian_of_finite_differences():
    X = _normal(4, 5)
    network = _network(X, (7,), "tanh", epsilon=3)
    dense = naive.Network.of(network.layers)
    Z, step = (X.astype(np.float64) - network.shifts) * network.scales, 1e-6
    for feature, expected in enumerate(np.moveaxis(_jacobians(network, X), 1, 0)):
        up, down = Z.copy(), Z.copy()
        up[:, feature] += step
        down[:, feature] -= step
        up, down = (naive.forward(dense, "tanh", z)[0][-1] for z in (up, down))
        np.testing.assert_allclose((up - down) / (2 * step), expected, atol=1e-8)


# All measures


@pytest.mark.parametrize("measure", IMPORTANCES.values(), ids=IMPORTANCES)
def test_sparse_and_dense_samples_give_the_same_bits(measure):
    X = np.maximum(_normal(70, 9), 0)
    network = _network(X, (12,))
    expected = _measure(measure, network, X)
    for other in (sparse.csr_array(X), np.asfortranarray(X)):
        np.testing.assert_array_equal(_measure(measure, network, other), expected)


@pytest.mark.parametrize("measure", [communality, attribution])
def test_importances_in_many_small_pieces_are_about_the_same(measure, monkeypatch):
    X = np.repeat(_normal(3000, 3), 3, axis=1) + 0.1 * _normal(3000, 9, seed=1)
    network = _train(_network(X, (12,)), X, n_epochs=3)
    whole = _measure(measure, network, X)
    assert whole.min() > 0
    monkeypatch.setattr(importance, "_CELLS", 100 * 9)
    np.testing.assert_allclose(_measure(measure, network, X), whole, rtol=0.1)


@pytest.mark.parametrize("measure", [communality, attribution])
def test_importances_are_the_same_for_any_number_of_threads(measure):
    X = _normal(100, 9)
    network = _network(X, (12,), topology=Dense())
    alone = _measure(measure, network, X)
    with ThreadTeam(3) as team:
        together = measure(network, X, np.random.default_rng(0), team)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("measure", IMPORTANCES.values(), ids=IMPORTANCES)
@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (1, 1)])
def test_importances_of_small_data_are_finite(measure, shape):
    X = _normal(*shape)
    importances = _measure(measure, _network(X, (3,)), X)
    assert importances.shape == shape[1:]
    assert np.isfinite(importances).all() and (importances >= 0).all()


# Knee


@pytest.mark.parametrize(
    "scores, n_before",
    [
        ([1, 1, 1, 0, 0, 0], 3),
        ([10, 9, 8, 1, 0.5, 0.2, 0.1, 0], 3),
        ([5, 0.1, 0.1, 0.1, 0.1, 0], 1),
        ([100, 98, 97, 95, 94, 3, 2, 1, 1, 1, 1, 1, 0], 5),
        ([10, 9, 8, 0], 3),
        (1 / np.arange(1, 101), 10),  # the slope of 1/x is -1 there, once scaled
    ],
)
def test_knee_is_before_the_scores_that_do_not_matter(scores, n_before):
    scores = np.asarray(scores, dtype=float)
    assert knee(scores) == pytest.approx(n_before, abs=n_before // 10)
    # Neither unit nor origin of the scores matters.
    assert knee(3 * scores + 7) == knee(scores)


@pytest.mark.parametrize("scores", [[3], [3, 1], [2, 2, 2, 2], [0, 0, 0]])
def test_a_curve_without_a_knee_keeps_everything(scores):
    assert knee(np.array(scores, dtype=float)) == len(scores)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_a_knee_keeps_something_and_not_more_than_there_is(scores):
    scores = np.sort(scores)[::-1]
    assert 1 <= knee(scores) <= len(scores)
