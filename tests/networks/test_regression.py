"""The perceptron for numbers of any unit: what it predicts, what it keeps."""

import pickle

import numpy as np
import pytest

from sklearn_sparse_nn.engine.layers import layer_matrix
from sklearn_sparse_nn.engine.losses import REGRESSION_LOSSES
from sklearn_sparse_nn.engine.threads import ThreadTeam
from sklearn_sparse_nn.networks.mlp import Targets, TrainingParameters
from sklearn_sparse_nn.networks.network import Start
from sklearn_sparse_nn.networks.regression import RegressionMLP
from sklearn_sparse_nn.topology import ErdosRenyi
from tests import naive

SIZES = [5, 12, 3]
PARAMETERS = {"huber": 0.7, "quantile": 0.2}
each_loss = pytest.mark.parametrize("loss", REGRESSION_LOSSES)


def _network(loss):
    network = RegressionMLP(SIZES, Start(ErdosRenyi(), 1.2, seed=2), "tanh", loss)
    network.loss_parameter = PARAMETERS.get(loss, 0.0)
    intercepts = network.layers.intercepts
    intercepts[:] = np.random.default_rng(1).normal(size=len(intercepts))
    return network


def _samples(n=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, SIZES[0])).astype(np.float32)
    return X, rng.gamma(2, [1, 1e6, 1e-6], size=(n, SIZES[-1]))


def _decide(network, X):
    with ThreadTeam(1) as team:
        return network.decision(X, np.arange(len(X)), team)


def _predict(network, X):
    return network.predictions(_decide(network, X))


@each_loss
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e4])
def test_other_targets_change_no_prediction(loss, size):
    network, (X, y) = _network(loss), _samples()
    network.see(y, None)
    before, centers = _predict(network, X), network.centers
    for seed in range(1, 4):
        _, more = _samples(20, seed)
        network.see(size * more, np.arange(20))
    assert (np.abs(network.centers / centers - 1) > 0.001).all()
    # In units of then and of now, outputs are rounded to float32.
    for o in range(SIZES[-1]):
        atol = 1e-5 * max(np.ptp(before[:, o]), network.spreads[o])
        np.testing.assert_allclose(_predict(network, X)[:, o], before[:, o], atol=atol)


@each_loss
def test_the_same_targets_again_change_no_bit_of_the_layers(loss):
    network, (_, y) = _network(loss), _samples()
    network.see(y, None)
    before = network.layers.weights.copy(), network.layers.intercepts.copy()
    for _ in range(5):
        network.see(y, None)
    np.testing.assert_array_equal(network.layers.weights, before[0])
    np.testing.assert_array_equal(network.layers.intercepts, before[1])


@each_loss
def test_targets_are_standardised_and_back(loss):
    network, (_, y) = _network(loss), _samples()
    network.see(y, None)
    standard = network.standardise(y)
    outputs = np.log(standard) if loss == "poisson" else standard
    np.testing.assert_allclose(network.predictions(outputs), y, rtol=1e-9)
    if loss == "squared_error":
        np.testing.assert_allclose(standard.mean(axis=0), 0, atol=1e-12)
        np.testing.assert_allclose(standard.std(axis=0), 1)
    elif loss == "poisson":
        np.testing.assert_allclose(standard.mean(axis=0), 1)
    else:
        assert (np.count_nonzero(standard < 0, axis=0) <= 30).all()
        assert (np.count_nonzero(standard > 0, axis=0) <= 30).all()


@each_loss
def test_equal_targets_are_predicted_exactly_until_there_are_others(loss):
    network, (X, y) = _network(loss), _samples()
    weights = network.layers.weights.copy()
    y[:, 1] = 0.1
    network.see(y, None)
    predicted = _predict(network, X)
    assert (predicted[:, 1] == 0.1).all()
    assert (np.ptp(predicted, axis=0) > 0).tolist() == [True, False, True]
    y[:, 1] = 0.2
    network.see(y, None)
    predicted = _predict(network, X)
    assert np.ptp(predicted[:, 1]) > 0 and np.isfinite(predicted).all()
    np.testing.assert_array_equal(network.layers.weights, weights)


def test_predictions_of_counts_are_positive_for_any_output():
    network, (_, y) = _network("poisson"), _samples()
    network.see(y, None)
    assert (network.predictions(np.full((1, 3), np.float32(-1e30))) > 0).all()
    assert np.isinf(network.predictions(np.full((1, 3), np.float32(1e30)))).all()


@each_loss
@pytest.mark.parametrize("weighted", [False, True])
def test_one_step_goes_down_the_gradient(loss, weighted):
    network, (X, y) = _network(loss), _samples()
    network.see(y, None)
    Y = network.standardise(y).astype(np.float32)
    weights = np.random.default_rng(0).exponential(size=len(y)).astype(np.float32)
    weights = weights if weighted else np.ones_like(weights)
    given = weights if weighted else np.zeros(0, np.float32)
    targets = Targets(np.zeros(0, np.int32), Y, given)
    scores = _decide(network, X).astype(np.float64)
    wide = scores.copy()
    before = naive.Network.of(network.layers)
    parameters = TrainingParameters("sgd", 1.0, 1000, momentum=0.0)
    network.reset_optimiser("sgd")
    with ThreadTeam(1) as team:
        cost = network.train_epoch(X, targets, np.arange(len(X)), parameters, team)

    def losses():
        return naive.regression_losses(loss, wide, Y, network.loss_parameter)

    expected = np.average(losses().mean(axis=1), weights=weights)
    assert cost == pytest.approx(expected, rel=1e-4)
    delta = naive.central_differences(lambda: losses().sum(), wide)
    delta *= weights[:, None] / weights.sum()
    hidden = naive.forward(before, "tanh", X)[0][1]
    step = before.weights[1] - layer_matrix(network.layers, 1).toarray()
    gradient = hidden.T @ delta * before.masks[1]
    np.testing.assert_allclose(step, gradient, rtol=1e-3, atol=1e-5)
    moved = before.intercepts[1] - network.layers.intercepts[-3:]
    np.testing.assert_allclose(moved, delta.sum(axis=0), rtol=1e-3, atol=1e-5)


@each_loss
def test_a_copy_and_a_file_keep_where_the_targets_were(loss):
    network, (X, y) = _network(loss), _samples()
    network.see(y, None)
    expected = _predict(network, X)
    copies = network.copy(), pickle.loads(pickle.dumps(network))
    network.see(1e3 * y + 1, None)
    for each in copies:
        np.testing.assert_array_equal(_predict(each, X), expected)
        assert each.loss == loss and each.n_targets == 60
