from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.evolution import EvolvingLayer, NeuronBatch, TrainingClock
from sklearn_sparse_nn.evolution import layer as layer_module
from tests.memory import Peak


def layer_of(mask, weights=None, seed=0, **changes):
    """A layer of shape (n_neurons, n_inputs) with connections where the mask says."""
    rng = np.random.default_rng(seed)
    numbers = dict(
        indptr=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]),
        indices=np.nonzero(mask)[1].astype(np.uint32),
        weights=rng.normal(size=mask.sum()) if weights is None else weights,
        index=0,
        n_inputs=mask.shape[1],
        zeta=0.3,
        clock=TrainingClock(1, 10, 1000, 100),
        gain=1.0,
        rng=rng,
    )
    numbers["weights"] = numbers["weights"].astype(np.float32)
    return EvolvingLayer(**numbers | changes)


def _layer_and_batch(shape, n_samples=7, n_columns=None, seed=0, weight_sum=2.5):
    """A layer and the gradient of its cells, dense and in float64."""
    rng, (n_neurons, n_inputs) = np.random.default_rng(seed), shape
    n_columns = n_columns or n_samples
    batch = NeuronBatch(
        inputs=rng.normal(size=(n_inputs, n_columns)).astype(np.float32),
        activations=rng.normal(size=(n_neurons, n_samples)).astype(np.float32),
        errors=rng.normal(size=(n_neurons, n_columns)).astype(np.float32),
        weight_sum=weight_sum,
    )
    gradient = np.zeros(shape)
    for neuron, input in np.ndindex(shape):
        products = batch.errors[neuron].astype(float) * batch.inputs[input]
        gradient[neuron, input] = sum(products) / (weight_sum or 1)
    mask = rng.random(shape) < 0.4
    return layer_of(mask, batch=lambda: batch), gradient


@settings(max_examples=50)
@given(data=st.data())
def test_the_gradient_at_cells_is_that_of_their_neurons(data):
    shape = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    layer, expected = _layer_and_batch(
        shape, data.draw(st.integers(1, 20)), seed=data.draw(st.integers(0, 2**32))
    )
    numbers = st.integers(0, layer.n_cells - 1)
    # In any order, and also twice.
    cells = np.array(data.draw(st.lists(numbers, max_size=40)), dtype=np.int64)
    with patch.object(layer_module, "_GATHERED", data.draw(st.integers(1, 300))):
        found = layer.gradient_at(cells)
    assert found.dtype == np.float32 and found.shape == cells.shape
    np.testing.assert_allclose(found, expected.ravel()[cells], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("neurons", [[0], [4, 1, 1], range(5), np.uint32([3, 2])])
def test_the_gradient_of_neurons_is_the_mean_over_the_samples(neurons):
    layer, expected = _layer_and_batch((5, 8))
    found = layer.gradient(neurons)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[list(neurons)], rtol=1e-4, atol=1e-5)


def test_a_gradient_of_two_phases_takes_all_columns():
    layer, expected = _layer_and_batch((4, 6), n_samples=5, n_columns=10)
    found = layer.gradient_at(np.arange(24)).reshape(4, 6)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.gradient(range(4)), expected, rtol=1e-4, atol=1e-5)


def test_a_gradient_of_samples_without_weight_is_a_number():
    layer, expected = _layer_and_batch((4, 6), weight_sum=0.0)
    found = layer.gradient_at(np.arange(24)).reshape(4, 6)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer.gradient(range(4)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("gathered", [1, 6, 7, 50, 10**6])
def test_blocks_do_not_change_a_bit_of_the_gradient_at_cells(monkeypatch, gathered):
    layer, _ = _layer_and_batch((9, 30), n_samples=7)
    cells = np.random.default_rng(1).permutation(layer.n_cells)
    expected = layer.gradient_at(cells)
    monkeypatch.setattr(layer_module, "_GATHERED", gathered)
    np.testing.assert_array_equal(layer.gradient_at(cells), expected)


def test_few_numbers_are_gathered_at_a_time(monkeypatch):
    """Of 100 samples at 30,000 cells, 3 million numbers on either side."""
    layer, _ = _layer_and_batch((9, 30), n_samples=7)
    rows = np.ones((30, 100), dtype=np.float32)
    batch = NeuronBatch(rows, rows[:9], rows[:9], 100.0)
    layer = replace(layer, batch=lambda: batch)
    cells = np.arange(30_000) % layer.n_cells
    monkeypatch.setattr(layer_module, "_GATHERED", 10_000)
    with Peak() as peak:
        assert (layer.gradient_at(cells) == 1).all()
        # The gradient, and again divided; what is gathered, and its places.
        assert peak.bytes() < 2 * 4 * len(cells) + 2 * 4 * 10_000 + 50_000


@pytest.mark.parametrize("wrong", [-1, 270])
def test_cells_that_do_not_exist_have_no_gradient(wrong):
    layer, _ = _layer_and_batch((9, 30))
    with pytest.raises(IndexError, match="from 0 to 269"):
        layer.gradient_at(np.array([3, wrong, 5]))


@pytest.mark.parametrize(
    "epoch, max_epochs, share, progress",
    [
        (0, 10, 0.0, 0.0),
        (3, 10, 0.0, 0.3),
        (3, 10, 0.5, 0.35),
        (9, 10, 0.75, 0.975),
        (10, 10, 0.0, 1.0),
        (0, 1, 0.25, 0.25),
        (7, None, 0.5, 0.0),
        (0, 0, 0.0, 0.0),
    ],
)
def test_progress_is_the_share_of_the_fit_that_is_over(
    epoch, max_epochs, share, progress
):
    clock = TrainingClock(epoch, max_epochs, 1000, 10, share)
    assert clock.progress == pytest.approx(progress)
    assert isinstance(clock.progress, float)


@pytest.mark.parametrize("n_layers", [1, 2, 4])
def test_only_the_last_layer_is_that_of_the_output(n_layers):
    mask = np.eye(3, dtype=bool)
    layers = [layer_of(mask, index=i, n_layers=n_layers) for i in range(n_layers)]
    assert [layer.is_output for layer in layers] == [False] * (n_layers - 1) + [True]


@settings(max_examples=50)
@given(data=st.data())
def test_a_layer_knows_the_cells_of_some_neurons(data):
    shape = data.draw(st.integers(1, 12)), data.draw(st.integers(1, 12))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    mask = rng.random(shape) < data.draw(st.floats(0, 1))
    first = data.draw(st.integers(0, shape[0]))
    last = data.draw(st.integers(first, shape[0]))
    expected = np.flatnonzero(mask[first:last]) + first * shape[1]
    np.testing.assert_array_equal(layer_of(mask).cells_of(first, last), expected)


@pytest.mark.parametrize(
    "degrees, zeta, n",
    [
        ([5, 5, 5, 5], 0.3, 6),
        ([5, 5, 5, 5], 0.04, 0),
        ([0, 20, 0, 0], 0.5, 10),
        ([20, 20, 20, 16], 0.05, 3),
        ([20, 20, 20, 16], 1.0, 4),
        ([20, 20, 20, 20], 1.0, 0),
        ([0, 0, 0, 0], 1.0, 0),
    ],
)
def test_the_fraction_zeta_goes_as_far_as_there_is_room(degrees, zeta, n):
    mask = np.arange(20) < np.array(degrees)[:, np.newaxis]
    assert layer_of(mask, zeta=zeta).n_to_prune == n
