"""Losses of the regressor, and targets of any unit."""

import numpy as np
import pytest
from scipy.special import huber
from sklearn.base import clone
from sklearn.metrics import (
    d2_absolute_error_score,
    d2_pinball_score,
    d2_tweedie_score,
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
    r2_score,
)
from sklearn.utils._param_validation import InvalidParameterError

from sklearn_sparse_nn import SETRegressor
from sklearn_sparse_nn.engine.losses import REGRESSION_LOSSES
from tests.estimators.battery import samples, small

DELTA, QUANTILE = 0.5, 0.8
each_loss = pytest.mark.parametrize("loss", REGRESSION_LOSSES)


def _regressor(loss, **changes):
    """A small regressor for this loss."""
    if loss == "quantile":
        changes = {"quantile": QUANTILE} | changes
    return small(SETRegressor, loss=loss, huber_delta=DELTA, **changes)


def _counts(seed=0, n_samples=300, n_outputs=None):
    """Samples and counts, or several for each: all losses take them."""
    X, _ = samples(n_samples, seed=seed)
    rng = np.random.default_rng(seed)
    means = np.exp(2 * X[:, 0] + X[:, 1])
    size = n_samples if n_outputs is None else (n_outputs, n_samples)
    return X, rng.poisson(means, size=size).T.astype(float)


def _metric(loss, y, predicted, scale, **options):
    """The loss in units of the scale, by scikit-learn."""
    if loss == "squared_error":
        return mean_squared_error(y, predicted, **options) / 2 / scale**2
    if loss == "absolute_error":
        return mean_absolute_error(y, predicted, **options) / scale
    if loss == "quantile":
        return mean_pinball_loss(y, predicted, alpha=QUANTILE, **options) / scale
    if loss == "poisson":
        return mean_poisson_deviance(y, predicted, **options) / 2 / scale
    losses = huber(DELTA, (y - predicted) / scale)
    return np.average(losses, weights=options.get("sample_weight"))


@each_loss
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [None, 3])
def test_the_reported_loss_is_that_of_scikit_learn(loss, n_outputs, weighted):
    X, y = _counts(n_outputs=n_outputs)
    weights = np.random.default_rng(0).random(len(y)) if weighted else None
    options = {"sample_weight": weights} if weighted else {}
    # A step too small to change a weight: the loss is that of the fitted network.
    frozen = {"learning_rate_init": 1e-30, "alpha": 0, "max_iter": 1}
    regr = _regressor(loss, batch_size=300, **frozen).fit(X, y, sample_weight=weights)
    y, predicted = y.reshape(300, -1), regr.predict(X).reshape(300, -1)
    expected = [
        _metric(loss, y[:, o], predicted[:, o], regr.y_scale_[o], **options)
        for o in range(y.shape[1])
    ]
    assert regr.loss_ == pytest.approx(np.mean(expected), rel=1e-4)


@each_loss
@pytest.mark.parametrize("stopping", [False, True])
@pytest.mark.parametrize("unit", [1e-300, 1e-9, 1e-3, 1e6, 1e300])
def test_the_unit_of_the_targets_makes_no_difference(loss, unit, stopping):
    X, y = _counts()
    regr = _regressor(loss, early_stopping=stopping)
    expected = clone(regr).fit(X, y)
    regr.fit(X, y * unit)
    predicted = expected.predict(X)
    atol = 1e-5 * np.ptp(predicted)
    np.testing.assert_allclose(regr.predict(X) / unit, predicted, rtol=0, atol=atol)
    np.testing.assert_allclose(regr.loss_curve_, expected.loss_curve_, rtol=1e-4)
    np.testing.assert_allclose(regr.y_scale_ / unit, expected.y_scale_)
    if stopping:
        found = regr.validation_scores_
        np.testing.assert_allclose(found, expected.validation_scores_, atol=1e-4)


@each_loss
@pytest.mark.parametrize("unit", [1e-9, 1e6])
def test_the_unit_makes_no_difference_in_chunks(loss, unit):
    one, other = _regressor(loss), _regressor(loss)
    for seed in range(5):
        X, y = _counts(seed, 50)
        one.partial_fit(X, y)
        other.partial_fit(X, y * unit)
    predicted = one.predict(X)
    atol = 1e-4 * np.ptp(predicted)
    np.testing.assert_allclose(other.predict(X) / unit, predicted, rtol=0, atol=atol)


@pytest.mark.parametrize("loss", sorted(set(REGRESSION_LOSSES) - {"poisson"}))
@pytest.mark.parametrize("distance", [-1e3, 1e9])
def test_targets_far_from_zero_are_as_near_as_others(loss, distance):
    X, y = _counts()
    expected = _regressor(loss).fit(X, y).predict(X)
    predicted = _regressor(loss).fit(X, y + distance).predict(X)
    assert predicted.dtype == np.float64 and X.dtype == np.float32
    np.testing.assert_allclose(predicted - distance, expected, rtol=0, atol=1e-4)


@each_loss
def test_each_output_has_a_unit_of_its_own(loss):
    X, Y = _counts(n_outputs=3)
    units = np.array([1e-20, 1.0, 1e30])
    expected = _regressor(loss).fit(X, Y)
    regr = _regressor(loss).fit(X, Y * units)
    np.testing.assert_allclose(regr.predict(X) / units, expected.predict(X), rtol=1e-4)
    assert regr.y_center_.shape == regr.y_scale_.shape == (3,)


@each_loss
@pytest.mark.parametrize("value", [1e-9, 0.1, 1e6, 1e300])
@pytest.mark.parametrize("stopping", [False, True])
def test_equal_targets_are_predicted(loss, value, stopping):
    X, Y = _counts(n_outputs=2)
    regr = _regressor(loss, early_stopping=stopping)
    assert (regr.fit(X, np.full(len(X), value)).predict(X) == value).all()
    Y[:, 0] = value
    predicted = regr.fit(X, Y).predict(X)
    assert (predicted[:, 0] == value).all() and np.ptp(predicted[:, 1]) > 0


@each_loss
def test_without_features_the_best_constant_is_predicted(loss):
    _, y = _counts(n_samples=401)
    X = np.zeros((401, 1), np.float32)
    regr = _regressor(loss, learning_rate_init=0.002, max_iter=300).fit(X, y)
    (constant,) = set(regr.predict(X))
    grid = np.linspace(y.min() + 0.01, y.max(), 2000)
    scale = regr.y_scale_[0]
    costs = [_metric(loss, y, np.full(401, c), scale) for c in grid]
    found = _metric(loss, y, np.full(401, constant), scale)
    assert found == pytest.approx(min(costs), rel=0.01)
    if loss not in ("absolute_error", "huber"):  # whose best constants are near
        mean = y.mean() if loss in ("squared_error", "poisson") else np.quantile(y, 0.8)
        assert constant == pytest.approx(mean, rel=0.1)


@each_loss
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_early_stopping_watches_a_score_of_scikit_learn(loss, n_outputs, weighted):
    X, y = _counts(n_outputs=n_outputs)
    weights = np.random.default_rng(0).random(len(y)) if weighted else None
    regr = _regressor(loss, early_stopping=True, max_iter=5, validation_fraction=0.3)
    regr.set_params(learning_rate="constant").fit(X, y, sample_weight=weights)
    train, rest = regr._split(y, np.random.RandomState(0))
    options = {"sample_weight": weights[rest]} if weighted else {}
    if loss == "quantile":
        options["alpha"] = QUANTILE
    y, predicted = y.reshape(300, -1), regr.predict(X[rest]).reshape(len(rest), -1)
    score = {
        "squared_error": r2_score,
        "quantile": d2_pinball_score,
        "poisson": lambda *args, **options: d2_tweedie_score(*args, power=1, **options),
    }.get(loss, d2_absolute_error_score)
    scores = [score(y[rest, o], predicted[:, o], **options) for o in range(y.shape[1])]
    assert regr.best_validation_score_ == max(regr.validation_scores_)
    assert regr.best_validation_score_ == pytest.approx(np.mean(scores), abs=1e-6)
    if not weighted and loss in ("squared_error", "poisson"):
        # What is set aside for validation is not looked at.
        np.testing.assert_allclose(regr.y_center_, y[train].mean(axis=0))


@each_loss
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_the_validation_loss_is_what_training_minimises(loss, n_outputs):
    X, y = _counts(n_outputs=n_outputs)
    weights = np.arange(len(y)) % 4
    # A step too small to change anything.
    changes = {"alpha": 0, "learning_rate_init": 1e-30, "batch_size": len(y)}
    regr = _regressor(loss, early_stopping=True, max_iter=2, **changes)
    regr.set_params(evolution="static").fit(
        X, y, weights, X_val=X, y_val=y, sample_weight_val=weights
    )
    np.testing.assert_allclose(regr.validation_loss_curve_, regr.loss_curve_, 1e-5)


def test_counts_of_zero_alone_can_be_set_aside():
    X, y = _counts()
    regr = _regressor("poisson", early_stopping=True)
    _, validation = regr._split(y, np.random.RandomState(0))
    y[validation] = 0
    assert set(regr.fit(X, y).validation_scores_) == {0.0}


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_predictions_next_to_zero_have_a_finite_score(unit):
    X, y = _counts()
    regr = _regressor("poisson").fit(X, y * unit)
    vanishing = regr._predict_scores(np.full((len(y), 1), -1e4, np.float32))
    score = regr._validation_score(y * unit, vanishing, None)
    assert np.isfinite(score) and score < 0


@each_loss
def test_weights_of_samples_count_for_center_and_scale(loss):
    X, y = _counts()
    weights = np.random.default_rng(0).integers(3, size=len(y))
    weighted = _regressor(loss).fit(X, y, sample_weight=weights)
    repeated = _regressor(loss).fit(
        np.repeat(X, weights, axis=0), np.repeat(y, weights)
    )
    np.testing.assert_allclose(weighted.y_center_, repeated.y_center_)
    np.testing.assert_allclose(weighted.y_scale_, repeated.y_scale_)
    y[weights == 0] = 1e6
    other = _regressor(loss).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(other.predict(X), weighted.predict(X))


def test_center_and_scale_are_those_of_the_documentation():
    X, y = _counts(n_samples=2000)
    by_loss = {
        loss: _regressor(loss, max_iter=1).fit(X, y) for loss in REGRESSION_LOSSES
    }
    low, median, high = np.quantile(y, [0.1, 0.5, 0.9], method="inverted_cdf")
    for loss, regr in by_loss.items():
        heedful = loss in ("squared_error", "poisson")
        assert regr.y_center_ == pytest.approx(y.mean() if heedful else median)
        scales = {"squared_error": y.std(), "poisson": y.mean()}
        expected = scales.get(loss, (high - low) / 2.563)
        assert regr.y_scale_ == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile"])
def test_outliers_do_not_spoil_a_robust_loss(loss):
    X, y = _counts()
    y += np.random.default_rng(0).normal(size=len(y))
    changes = {"quantile": 0.5} if loss == "quantile" else {}
    regr = _regressor(loss, max_iter=60, **changes)
    good = r2_score(y, clone(regr).fit(X, y).predict(X))
    spoilt = y.copy()
    spoilt[::30] *= 1e6
    assert good > 0.5
    assert r2_score(y, clone(regr).fit(X, spoilt).predict(X)) > 0.8 * good
    assert (
        r2_score(y, regr.set_params(loss="squared_error").fit(X, spoilt).predict(X)) < 0
    )


def test_a_small_bound_makes_hubers_loss_the_absolute_error():
    X, y = _counts()
    regr = _regressor("huber")
    expected = _regressor("absolute_error", learning_rate_init=0.001, solver="sgd")
    expected.set_params(alpha=0, momentum=0).fit(X, y)
    regr.set_params(alpha=0, momentum=0, solver="sgd")
    # Its slope beyond the bound is the bound.
    regr.set_params(huber_delta=1e-4, learning_rate_init=10).fit(X, y)
    np.testing.assert_allclose(regr.predict(X), expected.predict(X), atol=0.02)
    assert expected.loss_curve_[-1] < expected.loss_curve_[0]


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_what_is_no_count_is_refused(method):
    X, y = _counts()
    message = r"loss='poisson' requires non-negative y and sum\(y\) > 0"
    for wrong in (y - 1, 0 * y, np.column_stack([y, 0 * y])):
        with pytest.raises(ValueError, match=message):
            getattr(_regressor("poisson"), method)(X, wrong)
    with pytest.raises(ValueError, match=message):
        getattr(_regressor("poisson"), method)(X, y, sample_weight=y == 0)


def test_a_chunk_of_zeros_may_follow_others():
    X, y = _counts()
    regr = _regressor("poisson").partial_fit(X, y).partial_fit(X, 0 * y)
    assert regr.y_center_ == pytest.approx(y.mean() / 2)
    assert (regr.predict(X) > 0).all()


def test_counts_are_predicted_positive_or_not_at_all():
    X, y = _counts()
    regr = _regressor("poisson", max_iter=20).fit(X, y)
    assert regr.out_activation_ == "exp"
    assert (regr.predict(X) > 0).all()
    extreme = np.float32([[-1e6], [1e6]]) * np.ones(25, np.float32)
    for sample in extreme:
        try:
            assert (regr.predict(sample.reshape(1, -1)) > 0).all()
        except ValueError as error:
            assert "overflow float64" in str(error)


def test_a_quantile_has_to_be_named():
    X, y = _counts()
    for method in ("fit", "partial_fit"):
        with pytest.raises(InvalidParameterError, match="'quantile' parameter of SETR"):
            getattr(_regressor("quantile", quantile=None), method)(X, y)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles_are_above_their_share_of_the_targets(quantile):
    X, y = _counts(n_samples=1000)
    y += np.random.default_rng(0).normal(size=len(y))
    regr = _regressor("quantile", quantile=quantile, max_iter=60).fit(X, y)
    assert np.mean(y < regr.predict(X)) == pytest.approx(quantile, abs=0.05)


def test_a_loss_is_not_changed_on_the_way():
    X, y = _counts()
    regr = _regressor("squared_error", warm_start=True).fit(X, y)
    expected = regr.predict(X)
    for loss in ("huber", "poisson"):
        regr.set_params(loss=loss)
        np.testing.assert_array_equal(regr.predict(X), expected)
        for train in (regr.fit, regr.partial_fit):
            with pytest.raises(ValueError, match="was begun with loss='squared_error'"):
                train(X, y)
        assert regr.out_activation_ == "identity"


def test_a_quantile_may_change_on_the_way():
    X, y = _counts()
    regr = _regressor("quantile", warm_start=True, max_iter=30).fit(X, y)
    before = np.mean(y < regr.predict(X))
    for _ in range(3):
        regr.set_params(quantile=0.1).fit(X, y)
    assert np.mean(y < regr.predict(X)) < before - 0.4


@each_loss
def test_chunks_of_other_targets_change_no_prediction_by_themselves(loss):
    X, y = _counts()
    still = {"solver": "sgd", "learning_rate_init": 1e-30, "alpha": 0}
    regr = _regressor(loss, evolution="static").fit(X, y)
    before, center = regr.predict(X), regr.y_center_
    regr.set_params(**still).partial_fit(X, 3 * y + 1)
    assert regr.y_center_ > center
    np.testing.assert_allclose(regr.predict(X), before, rtol=1e-4, atol=1e-5)


def test_center_and_scale_are_those_of_all_chunks():
    X, y = _counts()
    regr = _regressor("squared_error", batch_size=1)
    for start in (0, 1, 2, 100):
        chunk = slice(start, {0: 1, 1: 2, 2: 100}.get(start))
        regr.partial_fit(X[chunk], y[chunk])
    np.testing.assert_allclose(regr.y_center_, y.mean())
    np.testing.assert_allclose(regr.y_scale_, y.std())


@each_loss
def test_a_stream_of_single_samples_is_learned(loss):
    X, y = _counts()
    regr = _regressor(loss, batch_size=1, learning_rate_init=0.003)
    for _ in range(2):
        for i in range(300):
            regr.partial_fit(X[i : i + 1], y[i : i + 1] * 1e6)
    predicted = regr.predict(X)
    assert np.corrcoef(predicted, y)[0, 1] > 0.5
    assert 0.3 < predicted.mean() / y.mean() / 1e6 < 3


@each_loss
def test_warm_starts_on_the_same_targets_keep_center_and_scale(loss):
    X, y = _counts()
    regr = _regressor(loss, warm_start=True).fit(X, y)
    center, scale = regr.y_center_, regr.y_scale_
    for _ in range(3):
        regr.fit(X, y)
    np.testing.assert_array_equal(regr.y_center_, center)
    np.testing.assert_allclose(regr.y_scale_, scale, rtol=1e-15)


def test_targets_beyond_float64_are_refused():
    X, y = _counts()
    ends = np.where(y > y.mean(), 1.7e308, -1.7e308)
    with pytest.raises(ValueError, match=r"y has values up to 1.7e\+308, too far"):
        small(SETRegressor).fit(X, ends)
    small(SETRegressor).fit(X, ends / 4)
    if np.finfo(np.longdouble).max > np.finfo(np.float64).max:
        beyond = y.astype(np.longdouble) * np.longdouble("1e4000")
        with pytest.raises(
            ValueError, match="Input y contains infinity or a value too"
        ):
            small(SETRegressor).fit(X, beyond)


def test_an_outlier_of_hardly_any_weight_is_refused():
    X, y = _counts()
    y[0], weights = 1e40, np.where(np.arange(len(y)), 1, 1e-300)
    with pytest.raises(ValueError, match=r"y has values up to 1e\+40, too far"):
        small(SETRegressor).fit(X, y, sample_weight=weights)
