"""Of the weights of samples and classes, only the ratios count."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import AdaBoostClassifier

from sklearn_sparse_nn import SETClassifier, SETRegressor
from sklearn_sparse_nn.estimators._samples import relative_weights
from tests.estimators.battery import (
    outputs,
    samples,
    small,
    those_with,
)

supervised = those_with("predict")
SIZES = [1e-300, 1e-30, 1 / 300, 1.0, 1e30, 1e300]


@supervised
@pytest.mark.parametrize("size", SIZES)
def test_equal_weights_of_any_size_say_nothing(estimator, size):
    X, y = samples()
    expected = outputs(clone(estimator).fit(X, y), X)
    weighted = clone(estimator).fit(X, y, sample_weight=np.full(len(y), size))
    np.testing.assert_array_equal(outputs(weighted, X), expected)


@supervised
@pytest.mark.parametrize("stopping", [False, True])
@pytest.mark.parametrize("size", [2.0**-100, 2.0**100, 1e-30, 1e30])
def test_the_size_of_weights_says_nothing(estimator, stopping, size):
    X, y = samples()
    weights = np.random.default_rng(0).integers(0, 5, size=len(y))
    estimator.set_params(early_stopping=stopping)
    expected = clone(estimator).fit(X, y, sample_weight=weights)
    other = clone(estimator).fit(X, y, sample_weight=weights * size)
    np.testing.assert_allclose(outputs(other, X), outputs(expected, X), atol=1e-5)
    np.testing.assert_allclose(other.loss_curve_, expected.loss_curve_, rtol=1e-4)
    if stopping:
        np.testing.assert_allclose(
            other.validation_scores_, expected.validation_scores_, rtol=1e-4
        )


@supervised
@pytest.mark.parametrize("size", SIZES)
def test_the_size_of_weights_says_nothing_in_chunks(estimator, size):
    X, y = samples()
    one, other = clone(estimator), clone(estimator)
    more = {"classes": [0, 1]} if hasattr(estimator, "predict_proba") else {}
    weights = 1.0 + y
    for _ in range(3):
        one.partial_fit(X, y, sample_weight=weights, **more)
        other.partial_fit(X, y, sample_weight=weights * size, **more)
    np.testing.assert_allclose(outputs(one, X), outputs(other, X), atol=1e-5)


@pytest.mark.parametrize("size", SIZES)
def test_the_size_of_class_weights_says_nothing(size):
    X, y = samples()
    expected = small(SETClassifier, class_weight={0: 1.0, 1: 3.0}).fit(X, y)
    weights = {0: size, 1: 3.0 * size}
    found = small(SETClassifier, class_weight=weights).fit(X, y)
    np.testing.assert_allclose(outputs(found, X), outputs(expected, X), atol=1e-5)
    both = found.fit(X, y, sample_weight=np.full(len(y), 1 / size))
    np.testing.assert_allclose(outputs(both, X), outputs(expected, X), atol=1e-5)


def test_small_and_large_weights_do_not_cancel_before_they_meet():
    X, y = samples()
    weights = relative_weights(np.where(y, 1e-200, 1e200), {0: 1e-300, 1: 1e300}, X, y)
    assert np.isfinite(weights).all()
    assert weights.mean() == pytest.approx(1)
    # 1e-200 * 1e300 against 1e200 * 1e-300.
    assert weights[y == 1].min() > 1 and weights[y == 0].max() == 0


@pytest.mark.parametrize("n_labels", [3, 200, 2000])
def test_balanced_weights_over_many_labels(n_labels):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 10)).astype(np.float32)
    Y = (rng.random((200, n_labels)) < 0.5).astype(int)
    weights = relative_weights(None, "balanced", X, Y)
    assert np.isfinite(weights).all() and weights.mean() == pytest.approx(1)
    clf = SETClassifier((50,), class_weight="balanced", max_iter=30, random_state=0)
    clf.fit(X, Y)
    assert clf.loss_curve_[-1] < 0.95 * clf.loss_curve_[0]


def test_balanced_weights_are_those_of_scikit_learn():
    from sklearn.utils import compute_sample_weight

    X, y = samples()
    Y = np.column_stack([y, X[:, 1] > 0.8, X[:, 2] > 0.1]).astype(int)
    of_each = [{0: 1.0, 1: 2.0}, {0: 3.0, 1: 1.0}, {0: 1.0, 1: 0.5}]
    for class_weight, target in (("balanced", y), ("balanced", Y), (of_each, Y)):
        expected = compute_sample_weight(class_weight, target)
        found = relative_weights(None, class_weight, X, target)
        np.testing.assert_allclose(found, expected / expected.mean(), rtol=1e-5)


def test_weights_that_mean_nothing_are_refused():
    X, y = samples()
    clf = small(SETClassifier)
    for weights, message in [
        (np.zeros(len(y)), "non-zero|weigh nothing"),
        (np.where(y, 1.0, -1.0), "[Nn]egative"),
        (np.full(len(y), np.nan), "NaN"),
        (np.full(len(y), np.inf), "infinity"),
    ]:
        with pytest.raises(ValueError, match=message):
            clf.fit(X, y, sample_weight=weights)
    with pytest.raises(ValueError, match="weigh nothing"):
        clf.set_params(class_weight={0: 0.0, 1: 0.0}).fit(X, y)


def test_validation_samples_that_weigh_nothing_count_the_same():
    X, y = samples()
    regr = SETRegressor((30,), early_stopping=True, max_iter=3, random_state=0)
    _, validation = regr._split(y, np.random.RandomState(0))
    weights = np.ones(len(y))
    weights[validation] = 0
    regr.fit(X, y, sample_weight=weights)
    assert np.isfinite(regr.validation_scores_).all()


def test_boosting_is_as_good_as_the_network_alone():
    X, y = samples(400, 4)
    X = 4 * X - 2
    network = SETClassifier((60,), epsilon=5, max_iter=60, random_state=0)
    alone = network.fit(X, y).score(X, y)
    boosted = AdaBoostClassifier(clone(network), n_estimators=3, random_state=0)
    assert boosted.fit(X, y).score(X, y) > alone - 0.05
    assert alone > 0.85
