import numpy as np
import pytest
from numba import njit
from sklearn.metrics import (
    mean_absolute_error,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)

from sklearn_sparse_nn.engine.losses import (
    OUTPUT_LOSSES,
    REGRESSION_LOSSES,
    Loss,
    Targets,
    activate_output,
    output_delta,
)
from tests import naive


@njit
def _output_deltas(loss, outputs, deltas, targets, losses):
    n_outputs, stride = outputs.shape
    for column in range(len(losses)):
        out, delta = outputs.ravel()[column:], deltas.ravel()[column:]
        losses[column] = output_delta(
            loss, out, delta, n_outputs, stride, targets, column
        )


def _run(loss, scores, Y, parameter=0.0):
    """Losses and error terms, samples × outputs."""
    n_samples, n_outputs = scores.shape
    stride = n_samples + 5
    outputs, deltas = np.full((2, n_outputs, stride), 7, dtype=np.float32)
    outputs[:, :n_samples] = scores.T
    losses = np.zeros(n_samples, dtype=np.float32)
    labels, no_weights = Y.argmax(axis=1).astype(np.int32), np.zeros(0, np.float32)
    targets = Targets(labels, Y.astype(np.float32), no_weights)
    loss = Loss(loss, np.float32(parameter))
    _output_deltas(loss, outputs, deltas, targets, losses)
    assert (deltas[:, n_samples:] == 7).all()
    return losses, deltas[:, :n_samples].T


def _targets(output, n_samples, n_outputs, rng):
    if output == "softmax":
        return np.eye(n_outputs)[rng.integers(n_outputs, size=n_samples)]
    if output == "logistic":
        return rng.integers(2, size=(n_samples, n_outputs)).astype(float)
    if output == "exp":
        return rng.poisson(3, size=(n_samples, n_outputs)).astype(float)
    return rng.normal(size=(n_samples, n_outputs))


def _held(output, scores):
    """Scores whose exponentials float32 holds, if these are the predictions."""
    return np.minimum(scores, 80) if output == "exp" else scores


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("n_outputs", [1, 2, 10])
@pytest.mark.parametrize("output", OUTPUT_LOSSES)
def test_losses_and_error_terms_equal_the_formula(output, n_outputs, scale):
    rng = np.random.default_rng(0)
    scores = (scale * rng.normal(size=(50, n_outputs))).astype(np.float32)
    scores = _held(output, scores)
    Y = _targets(output, 50, n_outputs, rng).astype(np.float32)
    losses, deltas = _run(OUTPUT_LOSSES[output], scores, Y)
    expected = naive.sample_losses(output, scores.astype(np.float64), Y)
    error = naive.predictions(output, scores.astype(np.float64)) - Y
    atol = 1e-6 * max(1, scale)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=atol)
    np.testing.assert_allclose(deltas, error, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("output", OUTPUT_LOSSES)
def test_extreme_scores_stay_finite(output, sign):
    scores = sign * np.float32([[1e4, -1e4, 0], [1e4, 1e4, 1e4], [3e4, 1e-4, -3e4]])
    scores = _held(output, scores)
    losses, deltas = _run(OUTPUT_LOSSES[output], scores, np.eye(3))
    assert np.isfinite(losses).all() and np.isfinite(deltas).all()
    expected = naive.sample_losses(output, scores.astype(np.float64), np.eye(3))
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("output", OUTPUT_LOSSES)
def test_predictions_equal_the_formula(output, dtype):
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=(9, 4)), 1e4 * rng.normal(size=(9, 4))])
    scores = _held(output, scores).astype(dtype)
    predicted = activate_output(scores, output)
    expected = naive.predictions(output, scores.astype(np.float64))
    assert predicted.dtype == dtype
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-7)


PARAMETERS = {"huber": [0.1, 1.35, 50.0], "quantile": [0.01, 0.5, 0.9]}
METRICS = {
    "squared_error": lambda y, p, _: mean_squared_error(y, p) / 2,
    "absolute_error": lambda y, p, _: mean_absolute_error(y, p),
    "quantile": lambda y, p, quantile: mean_pinball_loss(y, p, alpha=quantile),
    "poisson": lambda y, p, _: mean_poisson_deviance(y.ravel(), np.exp(p).ravel()) / 2,
}


def _numbers(loss, n_outputs, scale):
    """Scores and targets of a loss, and some targets that are met exactly or 0."""
    rng = np.random.default_rng(n_outputs)
    scores = scale * rng.normal(size=(40, n_outputs))
    if loss == "poisson":
        scores = np.clip(scores, -80, 30)
        Y = rng.poisson(np.exp(np.minimum(scores, 10)), size=scores.shape)
        Y = np.where(rng.random(Y.shape) < 0.3, 0, Y * scale)
    else:
        Y = scores + scale * rng.normal(size=scores.shape)
    return scores.astype(np.float32), Y.astype(np.float32)


def _each(test):
    """Run a test for each loss of numbers, with each of its parameters."""
    cases = [(k, p) for k in REGRESSION_LOSSES for p in PARAMETERS.get(k, [0.0])]
    return pytest.mark.parametrize("loss, parameter", cases)(test)


@_each
@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("n_outputs", [1, 2, 10])
def test_losses_of_numbers_equal_the_formula(loss, parameter, n_outputs, scale):
    scores, Y = _numbers(loss, n_outputs, scale)
    losses, _ = _run(REGRESSION_LOSSES[loss], scores, Y, parameter)
    wide = scores.astype(np.float64), Y.astype(np.float64)
    expected = naive.regression_losses(loss, *wide, parameter).mean(axis=1)
    close = {"rtol": 2e-5, "atol": 1e-9 * np.abs(expected).max()}
    np.testing.assert_allclose(losses, expected, **close)
    if loss in METRICS:
        metric = METRICS[loss](Y, wide[0], parameter)
        np.testing.assert_allclose(losses.mean(), metric, rtol=1e-4)


@_each
@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_error_terms_of_numbers_equal_finite_differences(loss, parameter, scale):
    scores, Y = _numbers(loss, 3, scale)
    _, deltas = _run(REGRESSION_LOSSES[loss], scores, Y, parameter)
    wide, step = scores.astype(np.float64), 1e-6 * scale
    above, below = (
        naive.regression_losses(loss, wide + sign * step, Y, parameter)
        for sign in (1, -1)
    )
    expected = (above - below) / (2 * step)
    atol = 1e-5 * max(1, np.abs(expected).max())
    np.testing.assert_allclose(deltas, expected, rtol=1e-4, atol=atol)


@_each
def test_outputs_that_are_met_exactly_send_nothing_back(loss, parameter):
    Y = np.full((5, 2), 1.0)
    scores = np.zeros((5, 2)) if loss == "poisson" else Y
    losses, deltas = _run(REGRESSION_LOSSES[loss], scores, Y, parameter)
    assert not losses.any() and not deltas.any()


@_each
@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_losses_tell_of_outputs_that_are_not_finite(loss, parameter, score):
    scores, Y = np.full((5, 2), score), np.ones((5, 2))
    losses, _ = _run(REGRESSION_LOSSES[loss], scores, Y, parameter)
    assert not np.isfinite(losses).any()


def test_a_small_deviance_of_large_counts_is_not_rounded_away():
    Y = np.full((5, 1), 1e6)
    scores = np.log(Y * 1.001).astype(np.float32)
    losses, _ = _run(REGRESSION_LOSSES["poisson"], scores, Y)
    expected = naive.regression_losses("poisson", scores.astype(np.float64), Y).ravel()
    np.testing.assert_allclose(losses, expected, rtol=1e-2)
