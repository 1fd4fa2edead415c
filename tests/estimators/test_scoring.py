"""What early stopping watches."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.callback import ScoringMonitor
from sklearn.metrics import get_scorer, log_loss, make_scorer
from sklearn.model_selection import train_test_split

from sklearn_sparse_nn import SETClassifier, SETRegressor
from tests.estimators.battery import assert_same, outputs, samples, small, those_with

supervised = those_with("scoring")
SCORERS = {
    SETClassifier: ["neg_log_loss", "roc_auc", "balanced_accuracy", "neg_brier_score"],
    SETRegressor: ["neg_mean_absolute_error", "explained_variance", "r2"],
}
NAMES = [(kind, name) for kind, names in SCORERS.items() for name in names]


def parts(**changes):
    """Training data, validation data as names of `fit`, and as scorers take them."""
    X, y = samples(400, **changes)
    X, X_val, y, y_val = train_test_split(X, y, random_state=0)
    return (X, y), {"X_val": X_val, "y_val": y_val}, (X_val, y_val)


def stopping(kind, **changes):
    constant = {"learning_rate": "constant"}  # the same whatever `max_iter` is
    return small(kind, early_stopping=True, max_iter=8, **constant, **changes)


@pytest.mark.parametrize("kind, name", NAMES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_named_scorers_score_the_network_of_each_epoch(kind, name, dtype):
    train, given, _ = parts()
    given["X_val"] = given["X_val"].astype(dtype)
    estimator = stopping(kind, scoring=name).fit(*train, **given)
    scorer = get_scorer(name)
    for epoch, score in enumerate(estimator.validation_scores_):
        until = stopping(kind, scoring=name).set_params(max_iter=epoch + 1)
        until.set_params(early_stopping=False).fit(*train)
        assert score == scorer(until, *given.values())
    best = estimator.best_validation_score_
    assert (
        best == max(estimator.validation_scores_) == scorer(estimator, *given.values())
    )


def _twin(estimator, X, y, weights=None):
    """The loss without the L2 term, from what the estimator predicts."""
    if hasattr(estimator, "predict_proba"):
        p = estimator.predict_proba(X)
        if y.ndim == 1:
            losses = -np.log(p[np.arange(len(y)), y])
        else:
            losses = -np.sum(np.where(y, np.log(p), np.log(1 - p)), axis=1)
    else:
        errors = (estimator.predict(X) - y).reshape(len(y), -1) / estimator.y_scale_
        losses = np.mean(errors**2, axis=1) / 2
    return np.average(losses, weights=weights)


TARGETS = {
    "two classes": (SETClassifier, lambda X, y: y),
    "three classes": (SETClassifier, lambda X, y: y + (X[:, 1] > 0.5)),
    "labels": (SETClassifier, lambda X, y: (X[:, :3] > 0.5).astype(int)),
    "a number": (SETRegressor, lambda X, y: X[:, 0]),
    "numbers": (SETRegressor, lambda X, y: X[:, :3]),
}


@pytest.mark.parametrize("case", TARGETS)
@pytest.mark.parametrize("weighted", [False, True])
def test_the_validation_loss_is_that_of_training_without_the_l2_term(case, weighted):
    kind, targets = TARGETS[case]
    X, y = samples(400)
    y = targets(X, y)
    X, X_val, y, y_val = train_test_split(X.astype(float), y, random_state=0)
    weights = np.arange(100) % 4 if weighted else None
    estimator = stopping(kind, scoring="loss")
    estimator.fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    best = -_twin(estimator, X_val, y_val, weights)
    assert estimator.best_validation_score_ == pytest.approx(best, rel=1e-5)
    losses = estimator.validation_loss_curve_
    np.testing.assert_array_equal(estimator.validation_scores_, np.negative(losses))
    # What training minimises: its own loss, of a step too small to change it.
    still = stopping(kind, alpha=0, learning_rate_init=1e-30, batch_size=100)
    still.fit(
        X_val, y_val, weights, X_val=X_val, y_val=y_val, sample_weight_val=weights
    )
    np.testing.assert_allclose(still.validation_loss_curve_, still.loss_curve_, 1e-5)


@supervised
@pytest.mark.parametrize("scoring", [None, "loss", lambda model, X, y: X[0, 0]])
def test_the_validation_loss_is_kept_whatever_is_watched(estimator, scoring):
    train, given, _ = parts()
    estimator.set_params(early_stopping=True, max_iter=4)
    expected = clone(estimator).fit(*train, **given).validation_loss_curve_
    estimator.set_params(scoring=scoring).fit(*train, **given)
    assert estimator.validation_loss_curve_ == expected and len(expected) == 4
    estimator.set_params(early_stopping=False).fit(*train)
    assert estimator.validation_loss_curve_ is None
    assert estimator.validation_scores_ is None


@supervised
def test_a_scorer_may_call_whatever_the_estimator_has(estimator):
    train, given, (X_val, y_val) = parts()
    seen = []

    def scorer(model, X, y):
        np.testing.assert_array_equal(X, X_val)
        np.testing.assert_array_equal(y, y_val)
        assert model.density_.shape == (model.n_layers_ - 1,)
        model.n_iter_ = -1  # is not that of the estimator
        seen.append(outputs(model, X))
        return -len(seen)

    estimator.set_params(early_stopping=True, scoring=scorer, max_iter=6)
    estimator.set_params(learning_rate="constant").fit(*train, **given)
    assert len(seen) == estimator.n_iter_ == 6
    # The first was the best.
    np.testing.assert_array_equal(outputs(estimator, X_val), seen[0])
    assert not np.array_equal(seen[0], seen[1])


@supervised
@pytest.mark.parametrize(
    "scoring", ["loss", "neg_max_error", lambda m, X, y: m.predict(X).sum()]
)
def test_any_number_of_threads_gives_the_same_bits(estimator, scoring):
    train, given, (X_val, _) = parts()
    if scoring == "neg_max_error" and hasattr(estimator, "classes_"):
        scoring = "neg_log_loss"
    estimator.set_params(early_stopping=True, max_iter=6, scoring=scoring)
    one, two = clone(estimator), clone(estimator).set_params(n_jobs=2)
    assert_same(two.fit(*train, **given), one.fit(*train, **given), X_val)


@supervised
def test_scorers_get_weights_if_there_are_any(estimator):
    train, given, (X_val, y_val) = parts()
    weights = 1.0 + np.arange(100) % 3

    def scorer(model, X, y, sample_weight=None):
        assert sample_weight is not None
        return model.score(X, y, sample_weight)

    estimator.set_params(early_stopping=True, scoring=scorer)
    estimator.fit(*train, **given, sample_weight_val=weights)
    score = estimator.score(X_val, y_val, weights)
    assert estimator.best_validation_score_ == pytest.approx(score, abs=1e-6)


def test_scorers_meet_data_that_were_set_aside_and_names_of_features():
    X, y = samples(400)
    frame = pd.DataFrame(X).add_prefix("gene")
    clf = stopping(
        SETClassifier,
        scoring=make_scorer(
            log_loss, greater_is_better=False, response_method="predict_proba"
        ),
    ).fit(frame, y)
    assert list(clf.feature_names_in_) == list(frame.columns)
    np.testing.assert_allclose(
        clf.validation_scores_, np.negative(clf.validation_loss_curve_), rtol=1e-5
    )


@supervised
def test_scorers_and_callbacks_do_not_disturb_each_other(estimator):
    train, given, (X_val, _) = parts()
    estimator.set_params(early_stopping=True, max_iter=4, scoring="neg_max_error")
    if hasattr(estimator, "predict_proba"):
        estimator.set_params(scoring="roc_auc")
    expected = clone(estimator).fit(*train, **given)
    monitor = ScoringMonitor(scoring={"sum": lambda m, X, y: m.predict(X).sum()})
    estimator.set_callbacks(monitor).fit(*train, **given)
    assert_same(estimator, expected, X_val)
    assert len(monitor.get_logs().data) == 5


@supervised
def test_a_score_that_is_not_a_number_is_no_improvement(estimator):
    train, given, _ = parts()
    scores = iter([np.nan, 0.1, np.nan, 0.2, 0.1])
    estimator.set_params(early_stopping=True, max_iter=5)
    estimator.set_params(scoring=lambda *_: next(scores)).fit(*train, **given)
    assert estimator.best_validation_score_ == 0.2


@supervised
@pytest.mark.parametrize("scoring", ["acuracy", log_loss])
def test_what_is_no_scorer_is_refused(estimator, scoring):
    train, given, _ = parts()
    estimator.set_params(early_stopping=True, scoring=scoring)
    with pytest.raises(
        ValueError, match=r"not a valid scoring|looks like it is a metric"
    ):
        estimator.fit(*train, **given)
    assert not hasattr(estimator, "_network")
