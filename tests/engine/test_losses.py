import numpy as np
import pytest
from numba import njit

from sklearn_sparse_nn.engine.losses import (
    OUTPUT_KINDS,
    Targets,
    activate_output,
    output_delta,
)
from tests import naive


@njit
def _output_deltas(kind, outputs, deltas, targets, losses):
    n_outputs, stride = outputs.shape
    for column in range(len(losses)):
        out, delta = outputs.ravel()[column:], deltas.ravel()[column:]
        losses[column] = output_delta(
            kind, out, delta, n_outputs, stride, targets, column
        )


def _run(output, scores, Y):
    """Losses and error terms, samples × outputs."""
    n_samples, n_outputs = scores.shape
    stride = n_samples + 5
    outputs, deltas = np.full((2, n_outputs, stride), 7, dtype=np.float32)
    outputs[:, :n_samples] = scores.T
    losses = np.zeros(n_samples, dtype=np.float32)
    labels, no_weights = Y.argmax(axis=1).astype(np.int32), np.zeros(0, np.float32)
    targets = Targets(labels, Y.astype(np.float32), no_weights)
    _output_deltas(OUTPUT_KINDS[output], outputs, deltas, targets, losses)
    assert (deltas[:, n_samples:] == 7).all()
    return losses, deltas[:, :n_samples].T


def _targets(output, n_samples, n_outputs, rng):
    if output == "softmax":
        return np.eye(n_outputs)[rng.integers(n_outputs, size=n_samples)]
    if output == "logistic":
        return rng.integers(2, size=(n_samples, n_outputs)).astype(float)
    return rng.normal(size=(n_samples, n_outputs))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0, 1e4])
@pytest.mark.parametrize("n_outputs", [1, 2, 10])
@pytest.mark.parametrize("output", OUTPUT_KINDS)
def test_losses_and_error_terms_equal_the_formula(output, n_outputs, scale):
    rng = np.random.default_rng(0)
    scores = (scale * rng.normal(size=(50, n_outputs))).astype(np.float32)
    Y = _targets(output, 50, n_outputs, rng).astype(np.float32)
    losses, deltas = _run(output, scores, Y)
    expected = naive.sample_losses(output, scores.astype(np.float64), Y)
    error = naive.predictions(output, scores.astype(np.float64)) - Y
    atol = 1e-6 * max(1, scale)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=atol)
    np.testing.assert_allclose(deltas, error, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("output", OUTPUT_KINDS)
def test_extreme_scores_stay_finite(output, sign):
    scores = sign * np.float32([[1e4, -1e4, 0], [1e4, 1e4, 1e4], [3e4, 1e-4, -3e4]])
    losses, deltas = _run(output, scores, np.eye(3))
    assert np.isfinite(losses).all() and np.isfinite(deltas).all()
    expected = naive.sample_losses(output, scores.astype(np.float64), np.eye(3))
    np.testing.assert_allclose(losses, expected, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("output", OUTPUT_KINDS)
def test_predictions_equal_the_formula(output, dtype):
    rng = np.random.default_rng(0)
    scores = np.concatenate([rng.normal(size=(9, 4)), 1e4 * rng.normal(size=(9, 4))])
    scores = scores.astype(dtype)
    predicted = activate_output(scores, output)
    expected = naive.predictions(output, scores.astype(np.float64))
    assert predicted.dtype == dtype
    np.testing.assert_allclose(predicted, expected, rtol=1e-5, atol=1e-7)
