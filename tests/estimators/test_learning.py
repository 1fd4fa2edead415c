"""What training makes of every estimator."""

import numpy as np
from sklearn.base import clone

from tests.estimators.battery import (
    all_estimators,
    assert_same,
    network_of,
    samples,
    set_epochs,
    those_with,
)


@all_estimators
def test_random_state_decides(estimator):
    X, y = samples()
    first = clone(estimator).fit(X, y)
    weights = network_of(first).layers.weights
    assert_same(clone(estimator).fit(X, y), first, X)
    other = clone(estimator).set_params(random_state=1).fit(X, y)
    assert (network_of(other).layers.weights != weights).any()
    estimator.set_params(random_state=np.random.RandomState(0)).fit(X, y)
    np.testing.assert_array_equal(network_of(estimator).layers.weights, weights)
    estimator.fit(X, y)
    assert (network_of(estimator).layers.weights != weights).any()


@all_estimators
def test_more_alpha_makes_smaller_weights(estimator):
    X, y = samples()
    norms = []
    for alpha in (0, 10):
        set_epochs(estimator, 30).set_params(alpha=alpha).fit(X, y)
        norms.append((network_of(estimator).layers.weights ** 2).sum())
    assert norms[1] < norms[0] / 2


@those_with("hidden_layer_sizes")
def test_an_integer_is_one_hidden_layer(estimator):
    X, y = samples()
    expected = clone(estimator).set_params(hidden_layer_sizes=(60,)).fit(X, y)
    for hidden in (60, np.int64(60), [60], np.array([60])):
        estimator.set_params(hidden_layer_sizes=hidden).fit(X, y)
        assert_same(estimator, expected, X)
