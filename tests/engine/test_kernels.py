from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.engine import kernels
from sklearn_sparse_nn.engine.activations import ACTIVATIONS
from sklearn_sparse_nn.engine.buffers import aligned_zeros, padded_width
from sklearn_sparse_nn.engine.columns import Columns
from sklearn_sparse_nn.engine.layers import stack_layers
from sklearn_sparse_nn.engine.simd import LINE
from tests import naive
from tests.engine.helpers import activation_of, called

N_SAMPLES = [1, 16, 17, 64, 65, 200]
SHAPES = {
    "sparse": (23, 17, 0.2),
    "one feature": (1, 9, 1.0),
    "one neuron": (40, 1, 0.5),
    "one connection": (30, 20, 0.001),
    "no connection": (5, 4, 0.0),
    "fully dense": (13, 11, 1.0),
}
UNTOUCHED = np.float32(7)

_forward, _forward_sample = called(kernels.forward), called(kernels.forward_sample)
_input_gradient = called(kernels.input_gradient)
_weight_gradient = called(kernels.weight_gradient)
_take_errors = called(kernels.take_errors)
_activate_errors = called(kernels.activate_errors)


class Case:
    """A layer between two others that must not matter, and random samples."""

    def __init__(self, n_inputs, n_neurons, density, n_samples, seed=0, ahead=0):
        self.rng = rng = np.random.default_rng(seed)
        sizes = [3, n_inputs, n_neurons, 2]
        connections, weights, intercepts = [], [], []
        for n, m in pairwise(sizes):
            mask = rng.random((m, n)) < density
            if density and not mask.any():
                mask[rng.integers(m), rng.integers(n)] = True
            if density < 1 and m > 2:
                mask[[0, m // 2, -1]] = False  # neurons without connections
            indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
            connections.append((indptr, np.nonzero(mask)[1]))
            weights.append(rng.normal(size=mask.sum()))
            intercepts.append(rng.normal(size=m))
        self.layers = stack_layers(sizes, connections)
        self.layers.weights[:] = np.concatenate(weights)
        self.layers.intercepts[:] = np.concatenate(intercepts)
        network = naive.Network.of(self.layers)
        self.W, self.b = network.weights[1], network.intercepts[1]
        self.mask = network.masks[1]
        self.ahead = ahead
        self.width = padded_width(n_samples)
        self.stride = self.width + LINE

    def rows(self, n_rows, fill=None):
        """An aligned feature-major buffer, and a view of its rows."""
        buffer = aligned_zeros(n_rows * self.stride)
        rows = buffer.reshape(n_rows, self.stride)
        rows[:] = self.rng.normal(size=rows.shape) if fill is None else fill
        return buffer, rows

    def columns(self, first, last):
        return Columns(first, last, self.stride, self.ahead)

    def piece(self, start, stop):
        """All connections of neurons `start` to `stop` of the layer."""
        first = self.layers.first[1]
        return kernels.all_connections.py_func(self.layers, first + start, first + stop)

    def check_forward(self, first, last, start, stop, name="relu"):
        x, x_rows = self.rows(self.W.shape[0])
        out, out_rows = self.rows(stop - start, UNTOUCHED)
        slopes, slope_rows = self.rows(stop - start, UNTOUCHED)
        columns, activation = self.columns(first, last), activation_of(name, True)
        _forward(columns, self.piece(start, stop), x, out, slopes, activation)
        z = self.W.T @ x_rows.astype(np.float64) + self.b[:, None]
        value, slope = naive.activate(name, z[start:stop])
        expect_columns(out_rows, value, first, last)
        expect_columns(slope_rows, slope, first, last)

    def check_input_gradient(self, first, last, start, stop):
        deltas, delta_rows = self.rows(stop - start)
        errors, error_rows = self.rows(self.W.shape[0])
        before = error_rows.astype(np.float64)
        columns, piece = self.columns(first, last), self.piece(start, stop)
        _input_gradient(columns, piece, deltas, errors)
        after = before + self.W[:, start:stop] @ delta_rows
        np.testing.assert_array_equal(error_rows[:, last:], before[:, last:])
        np.testing.assert_array_equal(error_rows[:, :first], before[:, :first])
        expect_close(error_rows[:, first:last], after[:, first:last])

    def check_weight_gradient(self, first, last, start, stop):
        x, x_rows = self.rows(self.W.shape[0])
        deltas, delta_rows = self.rows(stop - start)
        mask = self.mask[:, start:stop]
        gradient = np.ones(mask.sum() + 3, dtype=np.float32)
        bias = np.ones(stop - start + 3, dtype=np.float32)
        columns, piece = self.columns(first, last), self.piece(start, stop)
        _weight_gradient(columns, piece, x, deltas, gradient, bias)
        seen = slice(first, last)
        expected = delta_rows[:, seen].astype(np.float64) @ x_rows[:, seen].T
        expect_close(gradient[:-3], 1 + expected[mask.T])
        expect_close(bias[:-3], 1 + delta_rows[:, seen].sum(axis=1, dtype=np.float64))
        assert (gradient[-3:] == 1).all() and (bias[-3:] == 1).all()


def expect_close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=2e-5)


def expect_columns(rows, expected, first, last):
    expect_close(rows[:, first:last], expected[:, first:last])
    assert (rows[:, :first] == UNTOUCHED).all()
    assert (rows[:, last:] == UNTOUCHED).all()


@pytest.mark.parametrize("n_samples", N_SAMPLES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kernel", ["forward", "input_gradient", "weight_gradient"])
@pytest.mark.parametrize("ahead", [0, 16])
def test_kernel_equals_its_dense_twin(kernel, shape, n_samples, ahead):
    case = Case(*SHAPES[shape], n_samples, ahead=ahead)
    getattr(case, f"check_{kernel}")(0, case.width, 0, case.W.shape[1])


@pytest.mark.parametrize("kernel", ["forward", "input_gradient", "weight_gradient"])
@settings(max_examples=40)
@given(data=st.data())
def test_kernel_equals_its_dense_twin_on_any_part(kernel, data):
    n_inputs, n_neurons = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 30))
    density = data.draw(st.sampled_from([0.0, 0.05, 0.3, 1.0]))
    n_samples = data.draw(st.integers(1, 210))
    seed = data.draw(st.integers(0, 99))
    ahead = data.draw(st.sampled_from([0, 1, 48]))
    case = Case(n_inputs, n_neurons, density, n_samples, seed, ahead)
    n_lines = case.width // LINE
    first, last = sorted(data.draw(st.integers(0, n_lines)) * LINE for _ in range(2))
    start, stop = sorted(data.draw(st.integers(0, n_neurons)) for _ in range(2))
    getattr(case, f"check_{kernel}")(first, last, start, stop)


@pytest.mark.parametrize("name", ["relu", "tanh"])
@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=20)
@given(data=st.data())
def test_forward_sample_equals_its_dense_twin_on_any_part(shape, name, data):
    case = Case(*SHAPES[shape], n_samples=1)
    n_inputs, n_neurons = case.W.shape
    start, stop = sorted(data.draw(st.integers(0, n_neurons)) for _ in range(2))
    x = case.rng.normal(size=n_inputs).astype(np.float32)
    out = np.full(stop - start + 1, UNTOUCHED)
    _forward_sample(case.piece(start, stop), x, out, activation_of(name))
    z = x.astype(np.float64) @ case.W + case.b
    expect_close(out[:-1], naive.activate(name, z[start:stop])[0])
    assert out[-1] == UNTOUCHED


@pytest.mark.parametrize("name", ["all_relu", "leaky_relu", "tanh", "logistic"])
def test_forward_activates_tiles_of_every_width(name):
    case = Case(*SHAPES["sparse"], n_samples=64 + 32 + 16)
    case.check_forward(0, case.width, 0, case.W.shape[1], name)


@pytest.mark.parametrize("n_samples", N_SAMPLES)
@pytest.mark.parametrize("n_neurons", [1, 12])
def test_take_errors_multiplies_and_clears(n_neurons, n_samples):
    case = Case(*SHAPES["sparse"], n_samples)
    last = padded_width(-(-n_samples // 2))
    slopes, slope_rows = case.rows(n_neurons)
    errors, error_rows = case.rows(n_neurons + 1)
    slopes_before, errors_before = slope_rows.copy(), error_rows.copy()
    _take_errors(case.columns(0, last), n_neurons, slopes, errors)
    np.testing.assert_array_equal(
        slope_rows[:, :last], slopes_before[:, :last] * errors_before[:-1, :last]
    )
    np.testing.assert_array_equal(slope_rows[:, last:], slopes_before[:, last:])
    assert not error_rows[:-1, :last].any()
    np.testing.assert_array_equal(error_rows[:, last:], errors_before[:, last:])
    np.testing.assert_array_equal(error_rows[-1], errors_before[-1])


@pytest.mark.parametrize("n_samples", N_SAMPLES)
@pytest.mark.parametrize("n_neurons", [1, 12])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activate_errors_activates_and_clears(name, n_neurons, n_samples):
    case = Case(*SHAPES["sparse"], n_samples)
    last = padded_width(-(-n_samples // 2))
    intercepts = case.rng.normal(size=n_neurons).astype(np.float32)
    out, out_rows = case.rows(n_neurons + 1, UNTOUCHED)
    errors, error_rows = case.rows(n_neurons + 1)
    before = error_rows.copy()
    columns, activation = case.columns(0, last), activation_of(name)
    _activate_errors(columns, intercepts, out, errors, activation)
    z = before[:-1].astype(np.float64) + intercepts[:, None]
    expect_columns(out_rows[:-1], naive.activate(name, z)[0], 0, last)
    assert (out_rows[-1] == UNTOUCHED).all()
    assert not error_rows[:-1, :last].any()
    np.testing.assert_array_equal(error_rows[:, last:], before[:, last:])
    np.testing.assert_array_equal(error_rows[-1], before[-1])


def test_activate_errors_works_on_any_columns():
    case = Case(*SHAPES["sparse"], n_samples=200)
    out, out_rows = case.rows(5, UNTOUCHED)
    errors, error_rows = case.rows(5)
    before = error_rows.copy()
    intercepts = case.rng.normal(size=5).astype(np.float32)
    first, last = 3 * LINE, 10 * LINE
    columns, activation = case.columns(first, last), activation_of("logistic")
    _activate_errors(columns, intercepts, out, errors, activation)
    z = before.astype(np.float64) + intercepts[:, None]
    expect_columns(out_rows, naive.activate("logistic", z)[0], first, last)
    assert not error_rows[:, first:last].any()
    np.testing.assert_array_equal(error_rows[:, :first], before[:, :first])
    np.testing.assert_array_equal(error_rows[:, last:], before[:, last:])
