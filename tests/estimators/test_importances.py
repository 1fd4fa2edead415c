"""Importances of features, as scikit-learn's selectors ask for them."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.feature_selection import RFE, SelectFromModel

from tests.estimators.battery import those_with

supervised = those_with("early_stopping")


def informative(n_samples=100, n_features=60):
    """Samples of which the first three features tell y, and the fourth is constant."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features)).astype(np.float32)
    y = (X[:, :3].sum(axis=1) > 0).astype(int)
    X[:, 3] = 1.0
    return X, y


@supervised
def test_importances_are_shares_of_the_strength(estimator):
    X, y = informative()
    estimator.fit(X, y)
    importances, strength = estimator.feature_importances_, estimator.feature_strength_
    assert importances.sum() == pytest.approx(1)
    strength[3] = 0
    np.testing.assert_allclose(importances, strength / strength.sum())


@supervised
@pytest.mark.parametrize("value", [0.0, 1.0, -3.0])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_constant_features_are_never_important(estimator, value, container):
    X, y = informative(12, 300)
    X[:, 100:] = value
    estimator.set_params(max_iter=1, batch_size="auto").fit(container(X), y)
    assert (estimator.feature_strength_[100:] > 0).any()
    assert not estimator.feature_importances_[100:].any()
    assert estimator.feature_importances_[:3].any()


@supervised
def test_features_that_vary_between_chunks_are_not_constant(estimator):
    X, y = informative()
    more = {"classes": [0, 1]} if is_classifier(estimator) else {}
    for value in (1.0, 2.0):
        X[:, 3] = value
        estimator.partial_fit(X, y, **more)
        assert (estimator.feature_importances_[3] > 0) == (value == 2.0)


@supervised
def test_selectors_need_no_arguments(estimator):
    X, y = informative(400, 30)
    estimator.set_params(max_iter=50, learning_rate_init=0.02)
    chosen = SelectFromModel(estimator, max_features=3, threshold=-np.inf).fit(X, y)
    assert set(np.flatnonzero(chosen.get_support())) == {0, 1, 2}
    eliminated = RFE(estimator, n_features_to_select=3, step=9).fit(X, y)
    assert set(np.flatnonzero(eliminated.support_)) == {0, 1, 2}
