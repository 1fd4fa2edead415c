"""What is left out must not matter, and must be left out: its rows hold NaN here."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_sparse_nn.engine import kernels, passes, presence
from sklearn_sparse_nn.engine.bands import new_bands
from sklearn_sparse_nn.engine.buffers import aligned_zeros
from sklearn_sparse_nn.engine.columns import Columns, Share
from sklearn_sparse_nn.engine.compilation import entry_point
from sklearn_sparse_nn.engine.layers import stack_layers
from sklearn_sparse_nn.engine.simd import LINE
from tests.engine.helpers import activation_of

WIDTH = 64


@entry_point
def _forward(columns, layers, x, out, slopes, activation):
    piece = kernels.all_connections(layers, 0, layers.sizes[1])
    kernels.forward(columns, piece, x, out, slopes, activation)


@entry_point
def _forward_present(share, layers, x, out, slopes, activation):
    passes.forward(share, layers, 0, x, out, slopes, activation)


@entry_point
def _weight_gradient_present(share, layers, block, x, deltas, gradient, bias):
    passes.weight_gradient(share, layers, block, x, deltas, gradient, bias)


def _random(rng, *shape):
    buffer = aligned_zeros(int(np.prod(shape)))
    buffer[:] = rng.normal(size=buffer.shape)
    return buffer, buffer.reshape(shape)


class Case:
    """A first layer, and inputs of which a share is present in each cache line."""

    def __init__(self, n_inputs, n_neurons, density, share, seed=0):
        rng = np.random.default_rng(seed)
        mask = rng.random((n_neurons, n_inputs)) < density
        indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
        connections = [
            (indptr, np.nonzero(mask)[1]),
            ([0, n_neurons], range(n_neurons)),
        ]
        self.layers = stack_layers([n_inputs, n_neurons, 1], [*connections])
        self.layers.weights[:] = rng.normal(size=len(self.layers.weights))
        self.layers.intercepts[:] = rng.normal(size=n_neurons + 1)
        self.present = rng.random((WIDTH // LINE, n_inputs)) < share
        self.x, rows = _random(rng, n_inputs, WIDTH)
        rows.reshape(n_inputs, -1, LINE)[~self.present.T] = 0
        self.deltas, _ = _random(rng, n_neurons, WIDTH)
        rooms = presence.new_collection(self.layers, 2)
        self.room = presence.collection_of.py_func(rooms, 1)
        self.bands = new_bands(self.layers, WIDTH)
        self.n_neurons, self.n_inputs = n_neurons, n_inputs

    def x_with_traps(self, last=WIDTH):
        """Rows that are absent from columns 0 to `last` hold NaN."""
        x, rows = _random(np.random.default_rng(), self.n_inputs, WIDTH)
        rows[:] = self.x.reshape(rows.shape)
        rows[~self.present[: last // LINE].any(axis=0)] = np.nan
        return x

    def share(self, first=0, last=WIDTH, ahead=0):
        columns, flags = Columns(first, last, WIDTH, ahead), self.present.reshape(-1)
        return Share(columns, flags, self.room, self.bands)

    def forward(self, x=None, first=0, last=WIDTH, ahead=0, train=True):
        out, slopes = (aligned_zeros(self.n_neurons * WIDTH) for _ in range(2))
        share, x = self.share(first, last, ahead), self.x if x is None else x
        relu = activation_of("relu", train)
        _forward_present(share, self.layers, x, out, slopes, relu)
        return out, slopes

    def gradients(self, x, start, stop, last=WIDTH, ahead=0):
        indptr, block = self.layers.indptr, (0, start, stop)
        gradient = np.ones(indptr[stop] - indptr[start], dtype=np.float32)
        bias, deltas = np.ones(stop - start, np.float32), self.deltas[start * WIDTH :]
        share, layers = self.share(0, last, ahead), self.layers
        _weight_gradient_present(share, layers, block, x, deltas, gradient, bias)
        return gradient, bias

    def expected_gradients(self, start, stop, last=WIDTH):
        rows = slice(self.layers.indptr[start], self.layers.indptr[stop])
        x = self.x.reshape(-1, WIDTH)[:, :last].astype(np.float64)
        deltas = self.deltas.reshape(-1, WIDTH)[:, :last].astype(np.float64)
        neurons = np.repeat(np.arange(self.n_neurons), np.diff(self.indptr))[rows]
        inputs = self.layers.indices[rows]
        products = np.einsum("kc,kc->k", deltas[neurons], x[inputs])
        return 1 + products, 1 + deltas[start:stop].sum(axis=1)

    @property
    def indptr(self):
        return self.layers.indptr[: self.n_neurons + 1]


SHAPES = {
    "some neurons at a time": (400, 60, 0.5),
    "more neurons than fit": (50, 3000, 0.01),
    "one neuron that fills all": (5000, 3, 1.0),
    "hardly a connection": (30, 20, 0.01),
    "no connection": (30, 20, 0.0),
}
SHARES = [0, 0.05, 0.2, 1]


@pytest.mark.parametrize("ahead", [0, 16])
@pytest.mark.parametrize("train", [False, True])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shape", SHAPES)
def test_forward_has_the_same_bits_as_the_plain_kernel(shape, share, train, ahead):
    case = Case(*SHAPES[shape], share)
    out, slopes = (aligned_zeros(case.n_neurons * WIDTH) for _ in range(2))
    columns, relu = case.share(ahead=ahead).columns, activation_of("relu", train)
    _forward(columns, case.layers, case.x, out, slopes, relu)
    for x in (case.x, case.x_with_traps()) if share <= 0.05 else (case.x,):
        some_out, some_slopes = case.forward(x, ahead=ahead, train=train)
        assert_array_equal(some_out, out)
        assert_array_equal(some_slopes, slopes)


@pytest.mark.parametrize("first, last", [(0, 16), (16, 64), (48, 48)])
def test_only_the_columns_asked_for_are_computed(first, last):
    case = Case(400, 30, 0.2, 0.05)
    out, _ = case.forward()
    some, _ = case.forward(first=first, last=last)
    out, some = out.reshape(-1, WIDTH), some.reshape(-1, WIDTH)
    assert_array_equal(some[:, first:last], out[:, first:last])
    assert not some[:, :first].any() and not some[:, last:].any()


def test_what_is_present_in_other_columns_does_not_count():
    case = Case(400, 30, 0.2, 1)
    case.present[:, :] = False
    case.present[3, :] = case.present[:, 7] = True
    case.x.reshape(-1, 4, LINE)[~case.present.T] = 0
    out, _ = case.forward(case.x_with_traps(48), first=0, last=48)
    assert not np.isnan(out).any()


@pytest.mark.parametrize("ahead", [0, 16])
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("shape", SHAPES)
def test_weight_gradient_meets_its_dense_twin(shape, share, ahead):
    case = Case(*SHAPES[shape], share)
    last = case.n_neurons
    for start, stop in [(0, last), (last // 3, last), (0, last // 2), (1, 1)]:
        expected = case.expected_gradients(start, stop)
        for x in (case.x, case.x_with_traps()) if share <= 0.05 else (case.x,):
            computed = case.gradients(x, start, stop, ahead=ahead)
            for some, all_ in zip(computed, expected):
                assert_allclose(some, all_, rtol=1e-4, atol=1e-4)


def test_absent_inputs_of_a_part_of_the_columns_are_left_out():
    case = Case(400, 30, 0.2, 0.05)
    computed = case.gradients(case.x_with_traps(48), 0, 30, last=48)
    for some, all_ in zip(computed, case.expected_gradients(0, 30, last=48)):
        assert_allclose(some, all_, rtol=1e-4, atol=1e-4)


@settings(max_examples=60)
@given(
    n_inputs=st.integers(1, 300),
    n_neurons=st.integers(1, 100),
    density=st.floats(0, 1),
    share=st.floats(0, 1),
    seed=st.integers(0, 1000),
)
def test_any_layer_with_any_inputs(n_inputs, n_neurons, density, share, seed):
    case = Case(n_inputs, n_neurons, density, share, seed)
    out, slopes = (aligned_zeros(n_neurons * WIDTH) for _ in range(2))
    relu = activation_of("relu", True)
    _forward(case.share().columns, case.layers, case.x, out, slopes, relu)
    assert_array_equal(case.forward(), (out, slopes))
    expected = case.expected_gradients(0, n_neurons)
    for some, all_ in zip(case.gradients(case.x, 0, n_neurons), expected):
        assert_allclose(some, all_, rtol=1e-3, atol=1e-3)
