import numpy as np
import pytest

from sklearn_sparse_nn.topology import cells
from sklearn_sparse_nn.topology.weights import (
    activation_gain,
    draw_weights,
    random_weights,
)
from tests import naive


@pytest.mark.parametrize("fan_in", [1, 7, 1000])
@pytest.mark.parametrize("gain", [1.0, np.sqrt(2)])
def test_variance_is_squared_gain_over_fan_in(fan_in, gain):
    n = 200_000
    weights = random_weights(np.full(n, fan_in), gain, np.random.default_rng(0))
    variance = gain**2 / fan_in
    assert weights.dtype == np.float32 and len(weights) == n
    assert abs(weights.var(dtype=np.float64) / variance - 1) < 0.02
    assert abs(weights.mean(dtype=np.float64)) < 5 * np.sqrt(variance / n)
    assert np.abs(weights).max() <= np.sqrt(3 * variance) * (1 + 1e-6)


def test_each_weight_has_the_variance_of_its_own_neuron():
    fan_in = np.tile([2, 50], 100_000)
    weights = random_weights(fan_in, 1.0, np.random.default_rng(0))
    for d in (2, 50):
        assert abs(weights[fan_in == d].var(dtype=np.float64) * d - 1) < 0.02


def test_no_connections_no_weights():
    weights = random_weights(np.zeros(0, dtype=int), 1.0, np.random.default_rng(0))
    assert weights.shape == (0,)


@pytest.mark.parametrize("block", [1, 2, 7, 64, 10**6])
@pytest.mark.parametrize("largest", [1, 2, 9, 100])
def test_weights_in_blocks_are_those_drawn_at_once(monkeypatch, block, largest):
    monkeypatch.setattr(cells, "_BLOCK", block)
    degrees = np.random.default_rng(1).integers(0, largest, 101, endpoint=True)
    at_once, in_blocks = (np.random.default_rng(0) for _ in "ab")
    expected = random_weights(np.repeat(degrees, degrees), 1.3, at_once)
    weights = np.zeros_like(expected)
    draw_weights(weights, np.cumsum([0, *degrees]), 1.3, in_blocks)
    np.testing.assert_array_equal(weights, expected)
    # Half of a 64-bit draw may wait for the next number: it is not lost either.
    assert in_blocks.bit_generator.state == at_once.bit_generator.state


def _kept(values):
    """How much of the variance of the next layer's sums is left."""
    return np.mean(values**2)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "identity"])
def test_gain_makes_up_for_what_the_activation_takes_away(name):
    z = np.random.default_rng(0).normal(size=400_000)
    values, _ = naive.activate(name, z)
    assert abs(activation_gain(name) ** 2 * _kept(values) - 1) < 0.01


@pytest.mark.parametrize("slope", [-1.5, -0.6, 0, 0.1, 0.6, 1, 3])
def test_gain_makes_up_for_what_all_relu_takes_away(slope):
    z = np.random.default_rng(0).normal(size=400_000)
    for left in (-slope, slope):
        values = np.where(z > 0, z, left * z)
        assert abs(activation_gain("all_relu", slope) ** 2 * _kept(values) - 1) < 0.01


@pytest.mark.parametrize(
    "name, slope", [("relu", 0), ("leaky_relu", 0.01), ("all_relu", 0.6)]
)
def test_gain_is_exact(name, slope):
    assert activation_gain(name) == pytest.approx(np.sqrt(2 / (1 + slope**2)), 1e-15)
