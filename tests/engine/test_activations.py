from functools import cache

import numpy as np
import pytest
from numba import njit

from sklearn_sparse_nn.engine.activations import (
    ACTIVATIONS,
    activation_of_width,
    hidden_activations,
)
from sklearn_sparse_nn.engine.buffers import aligned_zeros
from sklearn_sparse_nn.engine.simd import LINE, TILES, vector_operations
from tests import naive
from tests.engine.helpers import activation_of

_WIDTHS = (*TILES, 1)


@cache
def _activate_all(lanes):
    activate, load = activation_of_width(lanes), vector_operations(lanes).load

    @njit
    def activate_all(z, out, slopes, activation):
        for i in range(0, len(z), lanes):
            activate(load(z, i), out, slopes, i, activation)

    return activate_all


def _run(name, values, layer=0, train=True, lanes=LINE):
    padded = -(-len(values) // lanes) * lanes
    z, out, slopes = (aligned_zeros(padded) for _ in range(3))
    z[: len(values)] = values
    slopes[:] = 7
    _activate_all(lanes)(z, out, slopes, activation_of(name, train, layer))
    return tuple(a[: len(values)] for a in (z, out, slopes))


@pytest.mark.parametrize("layer", [0, 1, 2])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_slopes_equal_the_formula(name, layer):
    grid = np.concatenate([np.linspace(-30, 30, 6001), np.geomspace(1e-30, 1e3, 500)])
    z, values, slopes = _run(name, grid, layer)
    expected, expected_slopes = naive.activate(name, z.astype(np.float64), layer)
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(slopes, expected_slopes, rtol=1e-6, atol=1e-6)


def test_tanh_keeps_its_relative_accuracy_near_zero():
    z, values, _ = _run("tanh", np.geomspace(1e-30, 1, 1000))
    np.testing.assert_allclose(values, np.tanh(z.astype(np.float64)), rtol=2e-6)


@pytest.mark.parametrize("name", ["tanh", "logistic"])
@pytest.mark.parametrize("z", [1e4, 1e30, np.inf])
def test_bounded_activations_saturate(name, z):
    _, values, slopes = _run(name, [-z, z])
    low = -1 if name == "tanh" else 0
    np.testing.assert_allclose(values, [low, 1], atol=1e-6)
    np.testing.assert_allclose(slopes, 0, atol=1e-6)


def _floats():
    """Numbers from all over float32, and closely where tanh nears its bounds."""
    bits = np.arange(0, 2**32, 5003, dtype=np.uint32).view(np.float32)
    most, least = np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal
    special = np.float32([0, least, 1e-40, most, np.inf])
    near = np.linspace(-20, 20, 500_001, dtype=np.float32)
    return np.concatenate([bits[~np.isnan(bits)], near, special, -special])


@pytest.mark.parametrize("lanes", _WIDTHS)
@pytest.mark.parametrize(
    "name, low, steepest", [("tanh", -1, 1), ("logistic", 0, 0.25)]
)
def test_bounds_hold_for_all_numbers(name, low, steepest, lanes):
    _, values, slopes = _run(name, _floats(), lanes=lanes)
    assert values.min() >= low and values.max() <= 1
    assert slopes.min() >= 0 and slopes.max() <= steepest


@pytest.mark.parametrize("lanes", _WIDTHS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_not_a_number_is_not_hidden(name, lanes):
    _, values, slopes = _run(name, [1, np.nan, -np.nan, 2], lanes=lanes)
    np.testing.assert_array_equal(np.isnan(values), [False, True, True, False])
    if name in ("tanh", "logistic"):
        np.testing.assert_array_equal(np.isnan(slopes), np.isnan(values))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_left_alone_when_not_training(name):
    _, values, slopes = _run(name, [-1.0, 2.0], train=False)
    expected, _ = naive.activate(name, np.array([-1.0, 2.0]))
    np.testing.assert_allclose(values, expected, atol=1e-6)
    assert (slopes == 7).all()


@pytest.mark.parametrize("slope", [0.6, 0.25, 0, -0.6, 2])
def test_all_relu_turns_its_slope_from_layer_to_layer(slope):
    kinds, left_slopes = hidden_activations("all_relu", 5, slope)
    np.testing.assert_array_equal(kinds, hidden_activations("relu", 5)[0])
    expected = np.float32([-slope, slope, -slope, slope, 1])
    np.testing.assert_array_equal(left_slopes, expected)


def test_slope_of_all_relu_is_that_of_its_paper():
    _, left_slopes = hidden_activations("all_relu", 3)
    np.testing.assert_array_equal(left_slopes, np.float32([-0.6, 0.6, 1]))


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"all_relu"}))
def test_slope_of_all_relu_is_only_for_all_relu(name):
    for ours, plain in zip(hidden_activations(name, 4, 3), hidden_activations(name, 4)):
        np.testing.assert_array_equal(ours, plain)


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("n_layers", [1, 2, 5])
def test_output_layer_is_linear(name, n_layers):
    kinds, left_slopes = hidden_activations(name, n_layers)
    linear = hidden_activations("identity", n_layers)
    assert len(kinds) == len(left_slopes) == n_layers
    assert (kinds[-1], left_slopes[-1]) == (linear[0][-1], 1)
