"""Which network early stopping leaves behind."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import make_classification
from sklearn.model_selection import train_test_split

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.estimators._convergence import Watched


def _fitted(flipped=False, weights=None, n_val=12, **parameters):
    """A classifier, what it thought of the validation data in each epoch, and now."""
    X, y = make_classification(300, 20, n_informative=8, flip_y=0.2, random_state=0)
    X, X_val, y, y_val = train_test_split(X, y, test_size=n_val, random_state=0)
    seen = []

    def scorer(model, X, y, sample_weight=None):
        seen.append(model.predict_proba(X))
        return np.average(seen[-1].argmax(axis=1) == y, weights=sample_weight)

    y_val = 1 - y_val if flipped else y_val
    given = {"X_val": X_val, "y_val": y_val, "sample_weight_val": weights}
    clf = SETClassifier((50,), early_stopping=True, scoring=scorer, random_state=0)
    clf.set_params(max_iter=30, **parameters).fit(X, y, **given)
    return clf, y_val, np.array(seen), clf.predict_proba(X_val)


def _losses(probabilities, y):
    return -np.log(probabilities[np.arange(len(y)), y])


def _best_epoch(clf):
    return np.lexsort((clf.validation_loss_curve_, np.negative(clf.validation_scores_)))


@pytest.mark.parametrize("weighted", [False, True])
def test_the_last_network_stays_where_a_better_score_is_chance(weighted):
    weights = np.arange(12) % 3 + 1 if weighted else None
    clf, y, seen, now = _fitted(weights=weights)
    best = _best_epoch(clf)[0]
    assert clf.validation_scores_[best] > clf.validation_scores_[-1]
    differences = _losses(seen[-1], y) - _losses(seen[best], y)
    assert abs(np.average(differences, weights=weights)) < differences.std() / 2
    np.testing.assert_array_equal(now, seen[-1])


@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_network_returns_where_the_last_is_clearly_worse(weighted):
    weights = np.arange(100) % 3 + 1 if weighted else None
    clf, _, seen, now = _fitted(flipped=True, weights=weights, n_val=100)
    best = _best_epoch(clf)[0]
    assert best < clf.n_iter_ - 1
    np.testing.assert_array_equal(now, seen[best])
    assert clf.best_validation_score_ == clf.validation_scores_[best]


def test_before_the_learning_rate_has_fallen_the_best_network_returns():
    def stop(model, X, y):
        stop.n_calls += 1
        if stop.n_calls == 6:
            raise KeyboardInterrupt
        stop.seen.append(model.predict_proba(X))
        return -stop.n_calls

    stop.n_calls, stop.seen = 0, []
    X, y = make_classification(300, 20, random_state=0)
    clf = SETClassifier((50,), early_stopping=True, scoring=stop, random_state=0)
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(X[:200], y[:200], X_val=X[200:], y_val=y[200:])
    np.testing.assert_array_equal(clf.predict_proba(X[200:]), stop.seen[0])


def test_with_a_constant_learning_rate_the_best_network_returns():
    clf, _, seen, now = _fitted(learning_rate="constant")
    best = _best_epoch(clf)[0]
    assert best < clf.n_iter_ - 1
    np.testing.assert_array_equal(now, seen[best])


@given(
    losses=st.lists(
        st.tuples(st.floats(0, 10), st.floats(0, 10), st.integers(0, 3)),
        min_size=2,
        max_size=20,
    ),
    weighted=st.booleans(),
)
def test_clearly_worse_is_two_standard_errors(losses, weighted):
    last, best, weights = np.array(losses).T
    if not weighted or not weights.any():
        weights = np.ones_like(last)
    share = weights / weights.sum()
    mean = sum(s * (a - b) for s, a, b in zip(share, last, best))
    variance = sum((s * (a - b - mean)) ** 2 for s, a, b in zip(share, last, best))
    if abs(mean - 2 * np.sqrt(variance)) < 1e-6:
        return
    found = Watched(last, weights.astype(np.float32)).is_clearly_worse_than(best)
    assert found == (mean > 2 * np.sqrt(variance))
