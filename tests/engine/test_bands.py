from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sklearn_sparse_nn.engine import bands, buffers, kernels, passes, presence
from sklearn_sparse_nn.engine.activations import LOGISTIC, Activation
from sklearn_sparse_nn.engine.buffers import aligned_zeros
from sklearn_sparse_nn.engine.columns import Columns, Share
from sklearn_sparse_nn.engine.compilation import entry_point
from sklearn_sparse_nn.engine.layers import stack_layers

WIDTH = 16


class Buffers(NamedTuple):
    x: np.ndarray
    out: np.ndarray
    slopes: np.ndarray
    deltas: np.ndarray
    errors: np.ndarray
    gradient: np.ndarray
    bias: np.ndarray


@entry_point
def _passes(share, layers, block, buffers):
    x, out, slopes, deltas, errors, gradient, bias = buffers
    activation = Activation(LOGISTIC, np.float32(0), True)
    passes.forward(share, layers, block[0], x, out, slopes, activation)
    passes.input_gradient(share, layers, block[0], deltas, errors)
    passes.weight_gradient(share, layers, block, x, deltas, gradient, bias)


def _layers(sizes, density, seed):
    """Random layers, each with a share of all connections."""
    rng, connections = np.random.default_rng(seed), []
    for n_inputs, n_neurons in pairwise(sizes):
        mask = rng.random((n_neurons, n_inputs)) < density
        indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
        connections.append((indptr, np.nonzero(mask)[1]))
    layers = stack_layers(sizes, connections)
    layers.weights[:] = rng.normal(size=len(layers.weights))
    layers.intercepts[:] = rng.normal(size=len(layers.intercepts))
    return layers


def _results(layers, layer, start, stop):
    """Outputs, slopes, errors, and gradients of some of the neurons, as bytes."""

    def random(n_rows):
        buffer = aligned_zeros(n_rows * WIDTH)
        buffer[:] = np.random.default_rng(n_rows).normal(size=len(buffer))
        return buffer

    n_inputs, n_neurons = (int(n) for n in layers.sizes[layer : layer + 2])
    out, slopes = (aligned_zeros(n_neurons * WIDTH) for _ in range(2))
    deltas, errors, x = random(n_neurons), random(n_inputs), random(n_inputs)
    n_connections = layers.indptr[stop] - layers.indptr[start]
    gradient, bias = np.ones(n_connections, np.float32), np.ones(stop - start)
    bias = bias.astype(np.float32)
    buffers = Buffers(x, out, slopes, deltas, errors, gradient, bias)
    present = np.ones(layers.sizes[0], dtype=bool)
    room = presence.collection_of.py_func(presence.new_collection(layers, 1), 0)
    columns, cut = Columns(0, WIDTH, WIDTH, 0), bands.new_bands(layers, WIDTH)
    _passes(Share(columns, present, room, cut), layers, (layer, start, stop), buffers)
    return [array.tobytes() for array in (out, slopes, errors, gradient, bias)]


@pytest.fixture
def narrow(monkeypatch):
    """Every layer in bands of a few inputs."""
    monkeypatch.setattr(buffers, "_LAST_CACHE", 8 * WIDTH * 8)
    monkeypatch.setattr(bands, "_LEAST_CONNECTIONS", 0)


@settings(max_examples=60)
@given(data=st.data())
def test_bands_change_no_bit(data):
    sizes = data.draw(st.lists(st.integers(1, 40), min_size=2, max_size=4))
    layers = _layers(sizes, data.draw(st.floats(0, 1)), data.draw(st.integers(0, 99)))
    layer = data.draw(st.integers(0, len(sizes) - 2))
    first, last = (int(n) for n in layers.first[layer : layer + 2])
    start = data.draw(st.integers(first, last - 1))
    stop = data.draw(st.integers(start + 1, last))
    whole = _results(layers, layer, start, stop)
    assert (bands.new_bands(layers, WIDTH).n_bands == 1).all()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(buffers, "_LAST_CACHE", 8 * WIDTH * 8)
        patch.setattr(bands, "_LEAST_CONNECTIONS", 0)
        assert (bands.new_bands(layers, WIDTH).n_bands > 1).any() == (
            max(sizes[:-1]) > 8
        )
        assert _results(layers, layer, start, stop) == whole


def test_a_band_has_the_connections_of_its_inputs(narrow):
    layers = _layers([30, 7, 20, 3], 0.6, 0)
    cut = bands.new_bands(layers, WIDTH)
    assert cut.n_bands.tolist() == [15, 1, 10]  # of two inputs; seven fit
    for layer, n_bands in enumerate(cut.n_bands):
        if n_bands == 1:
            continue
        n = layers.sizes[layer + 1]
        cuts = cut.cuts[cut.first[layer] :][: (n_bands + 1) * n].reshape(-1, n)
        rows = slice(layers.first[layer], layers.first[layer + 1])
        np.testing.assert_array_equal(cuts[0], layers.indptr[:-1][rows])
        np.testing.assert_array_equal(cuts[-1], layers.indptr[1:][rows])
        for band, (begins, ends) in enumerate(pairwise(cuts)):
            for begin, end in zip(begins, ends):
                inputs = layers.indices[begin:end]
                assert (inputs // 2 == band).all()


@pytest.mark.parametrize("density, expected", [(1.0, [16, 1]), (0.1, [1, 1])])
def test_bands_are_for_many_connections_and_far_rows(density, expected, monkeypatch):
    monkeypatch.setattr(buffers, "_LAST_CACHE", 8 * WIDTH * 1024)
    sizes = [4096, 3, 2]
    layers = _layers(sizes, density, 0)
    assert bands.new_bands(layers, WIDTH).n_bands.tolist() == expected
    layers = _layers([1024, 3, 2], 1.0, 0)
    assert bands.new_bands(layers, WIDTH).n_bands.tolist() == [1, 1]


def test_all_connections_are_one_piece():
    layers = _layers([5, 4], 1.0, 0)
    piece = kernels.all_connections.py_func(layers, 1, 3)
    assert piece.begins.tolist() == [5, 10] and piece.ends.tolist() == [10, 15]
    assert piece.opens and piece.origin == 5
    assert piece.intercepts.tolist() == layers.intercepts[1:3].tolist()
