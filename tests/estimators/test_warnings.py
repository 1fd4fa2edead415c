"""Warnings come once, and point at the line of the user."""

import inspect
import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import SETClassifier
from tests.estimators.battery import all_networks, network_of, samples, those_with

supervised = those_with("early_stopping")


def caught(message, call):
    """Those of the warnings of a call whose message begins like a pattern."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        call()
    return [each for each in found if re.match(message, str(each.message))]


def assert_here(warning, call):
    """Check that a warning points into a function of this file."""
    lines, first = inspect.getsourcelines(call)
    assert warning.filename == __file__
    assert first <= warning.lineno < first + len(lines)


@supervised
@pytest.mark.parametrize("stopping, n", [(False, 300), (True, 270)])
def test_large_batches_are_warned_of_once_for_each_fit(estimator, stopping, n):
    X, y = samples()
    estimator.set_params(batch_size=299, early_stopping=stopping, max_iter=4)
    assert len(caught("Got `batch_size`", lambda: estimator.fit(X, y))) == stopping
    estimator.set_params(batch_size=301)

    def fit_twice():
        estimator.fit(X, y)
        estimator.fit(X, y)

    found = caught("Got `batch_size`=301 larger", fit_twice)
    assert len(found) == 2 and f"samples, {n}." in str(found[0].message)
    for warning in found:
        assert_here(warning, fit_twice)


@supervised
def test_small_chunks_are_warned_of_once(estimator):
    X, y = samples()
    classes = {"classes": [0, 1]} if hasattr(estimator, "predict_proba") else {}
    estimator.set_params(batch_size=100)

    def feed():
        for size in (50, 50, 30, 120, 7):
            estimator.partial_fit(X[:size], y[:size], **classes)

    found = caught("Got `batch_size`", feed)
    assert len(found) == 1 and "samples, 50." in str(found[0].message)
    assert_here(found[0], feed)


@supervised
def test_no_convergence_is_said_where_the_user_asked_for_it(estimator):
    X, y = samples()
    search = GridSearchCV(estimator, {"zeta": [0.1]}, cv=2, scoring=lambda *_: 0)
    pipeline = make_pipeline(StandardScaler(), estimator)
    for model, n_fits in ((estimator, 1), (pipeline, 1), (search, 3)):

        def fit(model=model):
            model.fit(X, y)

        found = caught("Stochastic Optimizer: Maximum iterations", fit)
        assert len(found) == n_fits
        for warning in found:
            assert warning.category is ConvergenceWarning
            assert_here(warning, fit)


@all_networks
def test_an_interrupt_is_said_where_the_user_asked_for_training(estimator, monkeypatch):
    X, y = samples()
    kind = type(network_of(estimator.fit(X, y)))

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kind, "train_epoch", interrupted)

    def fit():
        estimator.fit(X, y)

    (warning,) = caught("Training interrupted by user", fit)
    assert_here(warning, fit)


def test_outputs_without_connections_are_said_where_the_user_asked_for_them():
    X, _ = samples()
    clf = SETClassifier((60,), epsilon=0.05, max_iter=1, random_state=0)

    def fit():
        clf.fit(X, np.arange(len(X)) % 30)

    (warning,) = caught(r"\d+ of the 30 neurons of the output layer begin", fit)
    assert_here(warning, fit)
