import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_sparse_nn.engine.buffers import aligned_zeros, padded_width
from sklearn_sparse_nn.engine.columns import Columns
from sklearn_sparse_nn.engine.inputs import describe_inputs, read_batch
from sklearn_sparse_nn.engine.simd import LINE
from tests.damage import ALTERATIONS, put, shorten
from tests.engine.helpers import called
from tests.layouts import LAYOUTS, with_64_bit_indices

_read_batch = called(read_batch)


def _check(X, dense, samples, first=0, last=None, moments=((), ())):
    samples = np.asarray(samples, dtype=np.int64)
    n_features = X.shape[1]
    last = padded_width(len(samples)) if last is None else last
    stride = max(padded_width(len(samples)), last) + LINE
    buffer = aligned_zeros((n_features + 1) * stride)
    rows = buffer.reshape(-1, stride)
    rows[:] = 7
    present = np.ones((stride // LINE, n_features), dtype=bool)
    inputs, owner = describe_inputs(X, n_features, *moments)
    columns = Columns(first, last, stride, 0)
    _read_batch(inputs, samples, buffer, present.reshape(-1), columns)
    del owner
    expected = np.zeros((n_features, stride), dtype=np.float32)
    if len(moments[0]):
        dense = ((dense - moments[0]) * moments[1]).astype(np.float32)
    expected[:, : len(samples)] = dense[samples].T
    lines = expected.reshape(n_features, -1, LINE).any(axis=2).T
    if not len(moments[0]):
        here = slice(first // LINE, last // LINE)
        np.testing.assert_array_equal(present[here], lines[here])
    np.testing.assert_array_equal(rows[:-1, first:last], expected[:, first:last])
    assert (rows[:-1, :first] == 7).all() and (rows[:-1, last:] == 7).all()
    assert (rows[-1] == 7).all()


def _dense(n_samples=50, n_features=130):
    return np.random.default_rng(0).normal(size=(n_samples, n_features)).astype("f4")


def _moments(n_features):
    """Shifts and scales for each feature."""
    return np.random.default_rng(2).normal(size=(2, n_features))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_samples", [1, 16, 17, 40])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_samples_are_read_from_any_layout(layout, n_samples, dtype, tmp_path):
    dense = _dense().astype(dtype)
    dense[dense < 0.5] = 0
    X = LAYOUTS[layout](dense, tmp_path)
    samples = np.random.default_rng(1).integers(len(dense), size=n_samples)
    _check(X, dense, samples)


@pytest.mark.parametrize("n_features", [1, 63, 64, 65, 200])
def test_dense_features_are_read_across_blocks(n_features):
    dense = _dense(20, n_features)
    _check(dense, dense, np.arange(20))


@pytest.mark.parametrize(
    "first, last", [(0, 16), (16, 32), (16, 48), (32, 64), (16, 16)]
)
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_only_the_columns_asked_for_are_filled(make, first, last):
    dense = _dense(40, 70)
    _check(make(dense), dense, np.arange(37), first, last)


def test_unsorted_indices_and_duplicates_of_a_csr_are_summed():
    data = np.float32([1, 2, 4, 8, 16, 32])
    indices = np.int32([3, 0, 3, 3, 2, 2])
    X = sparse.csr_array((data, indices, np.int32([0, 4, 4, 6])), shape=(3, 5))
    dense = np.float32([[2, 0, 0, 13, 0], [0, 0, 0, 0, 0], [0, 0, 48, 0, 0]])
    _check(X, dense, [2, 0, 1, 0])
    assert len(X.data) == 6


def test_strided_arrays_of_a_csr_are_read():
    dense = np.float32([[1, 0, 2], [0, 3, 4]])
    plain = sparse.csr_array(dense)
    X = sparse.csr_array(plain)
    X.data, X.indices = np.repeat(X.data, 2)[::2], np.repeat(X.indices, 2)[::2]
    np.testing.assert_array_equal(X.toarray(), dense)
    _check(X, dense, [0, 1])


def test_a_csr_without_entries_is_zeros():
    _check(sparse.csr_array((4, 3), dtype=np.float32), np.zeros((4, 3)), [3, 1])


@settings(max_examples=40)
@given(data=st.data())
def test_a_random_csr_reads_as_its_dense_form(data):
    n_samples, n_features = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 80))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    density = data.draw(st.sampled_from([0, 0.1, 1]))
    X = sparse.random_array(
        (n_samples, n_features), density=density, random_state=rng, dtype=np.float32
    ).tocsr()
    samples = rng.integers(n_samples, size=data.draw(st.integers(0, 40)))
    last = padded_width(len(samples)) + LINE * data.draw(st.integers(0, 2))
    moments = _moments(n_features) if data.draw(st.booleans()) else ((), ())
    _check(X, X.toarray(), samples, 0, last, moments)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_samples", [1, 16, 17, 40])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_features_are_shifted_and_scaled_in_any_layout(
    layout, n_samples, dtype, tmp_path
):
    dense = _dense().astype(dtype)
    dense[dense < 0.5] = 0
    X = LAYOUTS[layout](dense, tmp_path)
    samples = np.random.default_rng(1).integers(len(dense), size=n_samples)
    _check(X, dense, samples, moments=_moments(dense.shape[1]))


@pytest.mark.parametrize("first, last", [(0, 16), (16, 48), (32, 48), (48, 64)])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_padding_is_neither_shifted_nor_scaled(make, first, last):
    dense = _dense(40, 70)
    _check(make(dense), dense, np.arange(37), first, last, _moments(70))


def test_moments_are_converted_to_float64():
    moments = [np.arange(4, dtype=np.float32), np.arange(4)]
    inputs, _ = describe_inputs(_dense(5, 4), 4, *moments)
    for array, moment in zip((inputs.shifts, inputs.scales), moments):
        assert array.dtype == np.float64
        np.testing.assert_array_equal(array, moment)


def test_the_owner_keeps_converted_indices_alive():
    X = with_64_bit_indices(_dense(5, 4))
    inputs, (_, indices) = describe_inputs(X, 4)
    assert indices.dtype == np.int32
    assert inputs.indices == indices.ctypes.data


@pytest.mark.parametrize("moments", [((), ()), _moments(70)])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_nothing_is_left_of_the_batch_before(make, moments):
    dense = _dense(40, 70)
    dense[np.random.default_rng(3).random(dense.shape) < 0.95] = 0
    inputs, owner = describe_inputs(make(dense), 70, *moments)
    buffer, present = aligned_zeros(70 * 48), np.zeros(3 * 70, dtype=bool)
    columns = Columns(0, 48, 48, 0)
    expected = np.zeros((70, 48), dtype=np.float32)
    if len(moments[0]):
        dense = ((dense - moments[0]) * moments[1]).astype(np.float32)
    for n_samples in (40, 3, 17, 32, 1, 48):
        samples = np.random.default_rng(n_samples).integers(40, size=n_samples)
        _read_batch(inputs, samples, buffer, present, columns)
        expected[:] = 0
        expected[:, :n_samples] = dense[samples].T
        np.testing.assert_array_equal(buffer.reshape(70, 48), expected)
    del owner


@pytest.mark.parametrize("value", [-1.0, 1e-45, np.inf, np.nan])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_inputs_of_any_size_are_present(make, value):
    X = make(np.float32([[0, value, 0]]))
    inputs, owner = describe_inputs(X, 3)
    buffer, present = aligned_zeros(3 * LINE), np.ones(3, dtype=bool)
    columns = Columns(0, LINE, LINE, 0)
    _read_batch(inputs, np.int64([0]), buffer, present, columns)
    del owner
    assert present.tolist() == [False, True, False]


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_what_float32_cannot_hold_is_shifted_before_it_is_cast(make):
    near = np.random.default_rng(0).normal(size=(20, 5))
    shifts, scales = np.array([1.7e9, -1e12, 0, 1e6, 3]), np.full(5, 2.0)
    _check(make(near + shifts), near + shifts, np.arange(20), moments=(shifts, scales))
    X = near + shifts
    inputs, owner = describe_inputs(make(X), 5, shifts, scales)
    buffer, present = aligned_zeros(5 * 32), np.zeros(2 * 5, dtype=bool)
    columns = Columns(0, 32, 32, 0)
    _read_batch(inputs, np.arange(20), buffer, present, columns)
    del owner
    np.testing.assert_allclose(buffer.reshape(5, 32)[:, :20].T, 2 * near, atol=1e-3)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: _dense(5, 3), "the network has 4 inputs"),
        (lambda: _dense(5, 5), "the network has 4 inputs"),
        (lambda: _dense(5, 4)[0], "the network has 4 inputs"),
        (lambda: _dense(5, 4).astype(bool), "must be float32 or float64, got bool"),
        (lambda: _dense(5, 4).astype(">f4"), "must be float32 or float64, got >f4"),
        (lambda: _dense(5, 4).astype(np.float16), "got float16"),
        (lambda: sparse.csr_array(_dense(5, 4) > 0), "got bool"),
    ],
)
def test_what_the_kernels_cannot_follow_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        describe_inputs(make(), 4)


@pytest.mark.parametrize(
    "field, change",
    [*ALTERATIONS.values(), ("indices", put(3, -1)), ("data", shorten)],
)
def test_a_csr_that_leads_out_of_its_arrays_is_refused(field, change):
    X = sparse.csr_array(_dense(5, 4))
    setattr(X, field, change(getattr(X, field)))
    with pytest.raises(ValueError, match="outside of its shape"):
        describe_inputs(X, 4)


def test_moments_of_another_length_are_refused():
    for moments in [(np.zeros(3), np.ones(4)), (np.zeros(4), np.ones(5))]:
        with pytest.raises(ValueError, match="4 numbers each"):
            describe_inputs(_dense(5, 4), 4, *moments)
