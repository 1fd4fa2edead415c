"""Importances of features, as scikit-learn's selectors ask for them."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.feature_selection import RFE, SelectFromModel

from tests.estimators.battery import (
    assert_same,
    fingerprint,
    those_with,
    train_part,
)

supervised = those_with("early_stopping")
each_importance = pytest.mark.parametrize("importance", ["strength", "attribution"])


def informative(n_samples=100, n_features=60):
    """Samples of which the first three features tell y, and the fourth is constant."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features)).astype(np.float32)
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    X[:, 3] = 1.0
    return X, y


def outputs(estimator, X):
    """Outputs of a network of ReLU neurons for dense samples, in float64."""
    *hidden, last = zip(estimator.coefs_, estimator.intercepts_)
    for coefs, intercepts in hidden:
        X = np.maximum(X @ coefs.toarray().astype(float) + intercepts, 0)
    return X @ last[0].toarray().astype(float) + last[1]


def attributed(estimator, X, deviations, weights=None):
    """Attribution of each feature, by finite differences."""
    X, step, found = X.astype(float), 1e-7, []
    for feature in range(X.shape[1]):
        move = step * (np.arange(X.shape[1]) == feature)
        change = outputs(estimator, X + move) - outputs(estimator, X - move)
        means = np.average(np.abs(change) / (2 * step), axis=0, weights=weights)
        found.append(means.sum())
    found = np.array(found) * deviations
    return found / found.sum()


@supervised
def test_importances_are_shares_of_the_strength(estimator):
    X, y = informative()
    estimator.set_params(importance="strength").fit(X, y)
    importances, strength = estimator.feature_importances_, estimator.feature_strength_
    assert importances.sum() == pytest.approx(1)
    strength[3] = 0
    np.testing.assert_allclose(importances, strength / strength.sum())


@supervised
@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_importances_are_shares_of_the_attribution(
    estimator, n_outputs, weighted, container
):
    X, y = informative()
    X *= np.linspace(0.5, 2, X.shape[1], dtype=np.float32)
    y = y if n_outputs == 1 else (y + (X[:, 0] > 0)) % 3
    if n_outputs == 3 and not is_classifier(estimator):
        y = np.column_stack([X[:, 0], y, X[:, 1]])
    weights = np.arange(100.0) % 4 if weighted else None
    estimator.set_params(importance="attribution", max_iter=10)
    estimator.fit(container(X), y, sample_weight=weights)
    assert estimator.n_outputs_ == n_outputs
    importances = estimator.feature_importances_
    assert importances.sum() == pytest.approx(1) and importances.min() >= 0
    counts = np.ones(100, bool) if weights is None else weights > 0
    deviations = X[counts].std(axis=0, dtype=float)
    deviations[3] = 0
    expected = attributed(estimator, X, deviations, weights)
    np.testing.assert_allclose(importances, expected, rtol=1e-3, atol=1e-6)


@supervised
def test_attribution_does_not_depend_on_the_units_of_features(estimator):
    X, y = informative()
    estimator.set_params(importance="attribution").fit(X, y)
    before = estimator.feature_importances_
    estimator._feature_moments = None
    first = estimator._network.layers
    units = np.linspace(0.5, 2, 60).astype(np.float32)
    here = slice(0, first.indptr[first.first[1]])
    first.weights[here] /= units[first.indices[here]]
    estimator._attribute(X * units, np.zeros(0), np.random.RandomState(0))
    np.testing.assert_allclose(estimator.feature_importances_, before, rtol=1e-3)


@supervised
def test_what_is_asked_for_does_not_change_the_network(estimator):
    X, y = informative()
    one = clone(estimator).set_params(importance="strength").fit(X, y)
    other = clone(estimator).set_params(importance="attribution").fit(X, y)
    for name in ("coefs_", "intercepts_"):
        for a, b in zip(getattr(one, name), getattr(other, name)):
            assert (a != b).sum() == 0
    assert (one.feature_importances_ != other.feature_importances_).any()
    # What counts is what `fit` was asked for.
    strength = one.feature_importances_
    one.set_params(importance="attribution")
    np.testing.assert_array_equal(one.feature_importances_, strength)


@supervised
def test_attribution_in_chunks_knows_all_chunks(estimator):
    X, y = informative(200)
    X[100:] *= 3
    estimator.set_params(importance="attribution")
    train_part(estimator, X[:100], y[:100])
    train_part(estimator, X[100:], y[100:])
    deviations = X.std(axis=0, dtype=float)
    expected = attributed(estimator, X[100:], deviations)
    found = estimator.feature_importances_
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


@supervised
def test_attribution_after_a_warm_start_is_that_of_the_last_network(estimator):
    X, y = informative()
    estimator.set_params(importance="attribution", warm_start=True)
    before = estimator.fit(X, y).feature_importances_
    after = estimator.fit(X, y).feature_importances_
    assert (before != after).any()
    deviations = X.std(axis=0, dtype=float)
    deviations[3] = 0
    expected = attributed(estimator, X, deviations)
    np.testing.assert_allclose(after, expected, rtol=1e-3, atol=1e-6)
    estimator.set_params(importance="strength").fit(X, y)
    strength = np.where(deviations > 0, estimator.feature_strength_, 0)
    np.testing.assert_allclose(
        estimator.feature_importances_, strength / strength.sum()
    )


@supervised
def test_attribution_is_the_same_for_any_way_of_training(estimator):
    X, y = informative(300)
    estimator.set_params(importance="attribution")
    one = clone(estimator).fit(X, y)
    for other, samples in ((2, X), (1, sparse.csr_array(X))):
        other = clone(estimator).set_params(n_jobs=other).fit(samples, y)
        np.testing.assert_array_equal(
            other.feature_importances_, one.feature_importances_
        )
    loaded = pickle.loads(pickle.dumps(one))
    assert_same(loaded, one, X)
    before = fingerprint(one)
    one.feature_importances_[:] = 0
    assert fingerprint(one) == before


@supervised
def test_attribution_with_early_stopping_is_that_of_the_best_network(estimator):
    X, y = informative(200)
    estimator.set_params(
        importance="attribution", early_stopping=True, max_iter=20, random_state=0
    ).fit(X, y)
    deviations = X.std(axis=0, dtype=float)
    deviations[3] = 0
    expected = attributed(estimator, X, deviations)
    np.testing.assert_allclose(
        estimator.feature_importances_, expected, rtol=1e-3, atol=1e-6
    )


@supervised
def test_damaged_importances_are_refused(estimator):
    X, y = informative()
    estimator.set_params(importance="attribution").fit(X, y)
    estimator._attribution = estimator._attribution[:-1]
    with pytest.raises(ValueError, match="damaged"):
        pickle.loads(pickle.dumps(estimator))


@supervised
@each_importance
@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_constant_features_are_never_important(estimator, value, container, importance):
    X, y = informative(12, 300)
    X[:, 100:] = value
    estimator.set_params(max_iter=1, batch_size="auto", importance=importance)
    estimator.fit(container(X), y)
    assert (estimator.feature_strength_[100:] > 0).any()
    assert not estimator.feature_importances_[100:].any()
    assert estimator.feature_importances_[:3].any()


@supervised
@each_importance
def test_features_that_vary_between_chunks_are_not_constant(estimator, importance):
    X, y = informative()
    estimator.set_params(importance=importance)
    for value in (1.0, 2.0):
        X[:, 3] = value
        train_part(estimator, X, y)
        assert (estimator.feature_importances_[3] > 0) == (value == 2.0)


@supervised
@each_importance
def test_selectors_need_no_arguments(estimator, importance):
    X, y = informative(400, 30)
    estimator.set_params(max_iter=50, learning_rate_init=0.02, importance=importance)
    chosen = SelectFromModel(estimator, max_features=3, threshold=-np.inf).fit(X, y)
    assert set(np.flatnonzero(chosen.get_support())) == {0, 1, 2}
    eliminated = RFE(estimator, n_features_to_select=3, step=9).fit(X, y)
    assert set(np.flatnonzero(eliminated.support_)) == {0, 1, 2}
