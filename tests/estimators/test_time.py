"""How long training takes, and how fast: by updates, not by epochs."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_sparse_nn import SETClassifier
from sklearn_sparse_nn.estimators._time import Fall, auto_batch_size
from tests.estimators.battery import samples, those_with

supervised = those_with("early_stopping")
N_SAMPLES = [1, 5, 16, 17, 60, 300, 1000, 3199, 3200, 10**6]


@pytest.mark.parametrize("n_samples", N_SAMPLES)
def test_auto_mini_batches_follow_the_number_of_samples(n_samples):
    size = auto_batch_size(n_samples)
    assert 1 <= size <= n_samples
    assert size <= 200 and (size >= 16 or size == n_samples)
    assert -(-n_samples // size) >= 16 or size <= 16


class Rates:
    """Notes the learning rate of each epoch."""

    def __init__(self, estimator):
        self.rates, train = [], estimator._train_epoch

        def note(*args):
            self.rates.append(estimator._rate)
            return train(*args)

        estimator._train_epoch = note


@supervised
def test_the_learning_rate_falls_to_zero(estimator):
    estimator.set_params(
        learning_rate="linear", learning_rate_init=0.01, max_iter=8, tol=0
    )
    rates = Rates(estimator)
    estimator.fit(*samples())
    np.testing.assert_allclose(rates.rates, 0.01 * (1 - np.arange(8) / 8))


@supervised
@pytest.mark.parametrize("early", [False, True])
def test_without_improvement_it_falls_sooner(estimator, early):
    estimator.set_params(
        learning_rate="linear",
        learning_rate_init=0.01,
        early_stopping=early,
        batch_size=5,
        n_iter_no_change=3,
        max_iter=50,
        tol=1e9,  # nothing is ever an improvement, after the first epoch
    )
    rates = Rates(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        estimator.fit(*samples(200))
    # One epoch that is better than none, three in vain, and one more than patience has.
    slowly = 0.01 * (1 - np.arange(6) / 50)
    expected = [*slowly[:5], *slowly[5] * (1 - np.arange(3) / 3)]
    np.testing.assert_allclose(rates.rates, expected)
    assert estimator.n_iter_ == len(expected)


def test_a_fall_that_ends_sooner_anyhow_stays():
    fall = Fall(1.0, 0, 10)
    assert fall.end_earlier(8, 2) is fall
    assert fall.end_earlier(5, 2) == Fall(0.5, 5, 7)
    assert fall.end_earlier(5, np.inf) is fall


@supervised
def test_partial_fit_does_not_know_the_end(estimator):
    X, y = samples()
    estimator.set_params(learning_rate="linear", max_iter=3)
    estimator.fit(X, y)
    rates = Rates(estimator)
    for _ in range(5):
        estimator.partial_fit(X, y)
    assert rates.rates == 5 * [estimator.learning_rate_init]


@pytest.mark.parametrize("batch_size, n_iter", [(5, 3), (20, 6), (100, 22)])
def test_patience_is_counted_in_updates(batch_size, n_iter):
    X, y = samples(100)
    clf = SETClassifier(
        (20,),
        solver="sgd",
        learning_rate="constant",
        batch_size=batch_size,
        n_iter_no_change=1,
        tol=1e9,
        random_state=0,
    ).fit(X, y)
    # One epoch is better than none; then 20 updates are too few, and one more is not.
    assert clf.n_iter_ == n_iter


@supervised
@pytest.mark.parametrize("max_iter, warns", [(1, True), (5, True), (300, False)])
def test_a_warning_says_that_more_training_would_help(estimator, max_iter, warns):
    estimator.set_params(learning_rate="linear", max_iter=max_iter, tol=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(*samples(200))
    assert any(w.category is ConvergenceWarning for w in caught) == warns


@pytest.mark.parametrize("factor, warns", [(1, False), (1e4, True), (1e-6, True)])
def test_features_out_of_scale_are_noticed(factor, warns):
    X, y = samples()
    clf = SETClassifier((10,), max_iter=1, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        clf.fit(factor * X, y)
    assert any("StandardScaler" in str(w.message) for w in caught) == warns


def test_features_of_zeros_are_no_reason_to_warn():
    X, y = samples()
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        SETClassifier((10,), max_iter=1, random_state=0).fit(0 * X, y)


def test_early_stopping_keeps_the_best_of_equal_scores():
    X, y = samples(60)
    X[:, 0] = y  # soon, all few validation samples are right
    clf = SETClassifier((30,), early_stopping=True, random_state=0).fit(X, y)
    scores, losses = map(np.array, (clf.validation_scores_, clf.validation_loss_curve_))
    equal = scores == clf.best_validation_score_
    assert np.count_nonzero(equal) > 1
    assert clf._best_validation_loss == losses[equal].min() < losses[equal][0]
