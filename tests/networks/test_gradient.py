"""The gradient by the connections is that of a dense twin in float64."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import log_softmax
from sklearn.base import clone

from sklearn_sparse_nn import SETAutoencoder, SETClassifier, SETRegressor
from sklearn_sparse_nn.engine.layers import layer_matrix, n_layers
from tests.estimators.battery import samples

SMALL = {"epsilon": 2, "max_iter": 2, "activation": "tanh", "random_state": 0}


def outputs(matrices, intercepts, Z):
    for matrix, intercept in zip(matrices[:-1], intercepts):
        Z = np.tanh(Z @ matrix + intercept)
    return Z @ matrices[-1] + intercepts[-1]


def differences(loss, matrices, step=1e-5):
    """The gradient of a loss by each number of the matrices, by central differences."""
    gradients = []
    for matrix in matrices:
        gradient = np.zeros_like(matrix)
        for cell in np.ndindex(matrix.shape):
            value = matrix[cell]
            matrix[cell] = value + step
            above = loss(matrices)
            matrix[cell] = value - step
            gradient[cell] = (above - loss(matrices)) / (2 * step)
            matrix[cell] = value
        gradients.append(gradient)
    return gradients


def assert_gradient(estimator, X, y, loss):
    dense = [each.toarray().astype(float) for each in estimator.coefs_]
    expected = differences(loss, dense)
    layers = estimator._network.layers
    weights = layers.weights.copy()
    layers.weights[:] = estimator._gradient(X, y)
    found = [layer_matrix(layers, layer) for layer in range(n_layers(layers))]
    layers.weights[:] = weights
    for each, twin, coefs in zip(found, expected, estimator.coefs_):
        there = sparse.csr_array(coefs.astype(bool)).toarray()
        np.testing.assert_allclose(each.toarray(), twin * there, atol=2e-6)
        assert np.abs(twin * there).max() > 1e-3


@pytest.mark.parametrize("class_weight", [None, {0: 1, 1: 3}])
def test_of_a_classifier(class_weight):
    X, y = samples(45, 6)
    y = y + (X[:, 1] > 0.7)
    weights = np.ones(len(y)) if class_weight is None else np.where(y == 1, 3, 1)
    clf = SETClassifier((7, 5), dropout=0.5, alpha=0.5, **SMALL).fit(X, y)
    clf.set_params(class_weight=None if class_weight is None else {0: 1, 1: 3, 2: 1})

    def loss(matrices):
        logs = log_softmax(outputs(matrices, clf.intercepts_, X.astype(float)), axis=1)
        return -np.average(logs[np.arange(len(y)), y], weights=weights)

    assert_gradient(clf, X, y, loss)


def test_of_a_regressor_it_is_that_of_the_standardised_targets():
    X, _ = samples(45, 6)
    Y = np.stack([100 * X[:, 0], X[:, 1] + 5], axis=1)
    reg = SETRegressor((7,), **SMALL).fit(X, Y)
    scaled = reg._network.standardise(Y)

    def loss(matrices):
        made = outputs(matrices, reg.intercepts_, X.astype(float))
        # Gradients are not averaged over the outputs, as in scikit-learn.
        return ((made - scaled) ** 2).sum() / 2 / len(X)

    assert_gradient(reg, X, Y, loss)


def test_of_an_autoencoder_it_is_that_without_noise():
    X, _ = samples(45, 6)
    auto = SETAutoencoder((5,), noise_factor=0.5, **SMALL).fit(X)
    Z = auto._network.read_inputs(X).astype(float)

    def loss(matrices):
        return ((outputs(matrices, auto.intercepts_, Z) - Z) ** 2).sum() / 2 / len(X)

    assert_gradient(auto, X, None, loss)


@pytest.mark.parametrize(
    "estimator", [SETClassifier((60,), **SMALL), SETAutoencoder((60,), **SMALL)]
)
def test_many_samples_come_in_blocks_of_any_container_and_threads(estimator):
    X, y = samples(2500)
    fitted = clone(estimator).fit(X, y)
    expected = fitted._gradient(X, y)
    parts = [(1000, fitted._gradient(X[:1000], y[:1000]))]
    parts.append((1500, fitted._gradient(X[1000:], y[1000:])))
    mean = sum(n * part for n, part in parts) / 2500
    np.testing.assert_allclose(expected, mean, atol=1e-7)
    np.testing.assert_array_equal(fitted._gradient(sparse.csr_array(X), y), expected)
    fitted.set_params(n_jobs=2)
    np.testing.assert_array_equal(fitted._gradient(X, y), expected)


def test_it_leaves_the_estimator_as_it_is():
    X, y = samples()
    reg = SETRegressor((20,), **SMALL).fit(X, y)
    before = {k: v for k, v in vars(reg).items()}
    weights = reg._network.layers.weights.copy()
    reg._gradient(X[:9], y[:9])
    assert all(vars(reg)[name] is value for name, value in before.items())
    assert set(vars(reg)) == set(before)
    np.testing.assert_array_equal(reg._network.layers.weights, weights)
