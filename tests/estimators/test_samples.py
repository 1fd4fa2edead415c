"""X on its way to a network: frames, duplicates, dtypes, scales far from zero."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from sklearn_sparse_nn import (
    QuickSelectionSelector,
    SETAutoencoder,
    SETRBMTransformer,
)
from sklearn_sparse_nn.estimators._samples import (
    Moments,
    dtype_of,
    merged_moments,
    moments,
)

# Moments


@settings(max_examples=60)
@given(data=st.data())
def test_moments_in_chunks_are_those_of_all_samples(data):
    n_features = data.draw(st.integers(1, 6))
    sizes = data.draw(st.lists(st.integers(1, 9), min_size=1, max_size=5))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    X = rng.normal(data.draw(st.floats(-100, 100)), 3, size=(sum(sizes), n_features))
    X = X.astype(np.float32) * (rng.random(X.shape) < 0.7)
    total = Moments(0, *np.zeros((2, n_features)))
    for chunk in np.split(X, np.cumsum(sizes)[:-1]):
        make = data.draw(st.sampled_from([np.asarray, sparse.csr_array]))
        total = merged_moments(total, moments(make(chunk)))
    X = X.astype(np.float64)
    np.testing.assert_allclose(total.means, X.mean(axis=0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(total.standard_deviation(), X.std(axis=0), 1e-9, 1e-9)


@pytest.mark.parametrize("value", [0.1, 1 / 3, 1e-20, 1e7, -123456.789, 0.0, 1.7e9])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_moments_know_what_is_constant(value, dtype, make):
    total = Moments(0, *np.zeros((2, 2)))
    for size in (1, 7, 1000):
        chunk = make(np.full((size, 2), value, dtype=dtype))
        total = merged_moments(total, moments(chunk))
    assert (total.standard_deviation() == 0).all()
    np.testing.assert_allclose(total.means, dtype(value), rtol=1e-15)


@pytest.mark.parametrize("n_features", [1, 2, 3, 40])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_moments_of_dense_and_sparse_samples_have_the_same_bits(
    n_features, order, dtype, monkeypatch
):
    rng = np.random.default_rng(0)
    X = rng.normal(30, 1, size=(700, n_features)) * (
        rng.random((700, n_features)) < 0.4
    )
    X = X.astype(dtype, order=order)
    expected = moments(sparse.csr_array(X))
    for cells in (2**20, 10 * n_features, 1):
        monkeypatch.setattr("sklearn_sparse_nn.estimators._samples._CELLS", cells)
        for ours, theirs in zip(moments(X), expected):
            np.testing.assert_array_equal(ours, theirs)


MEANS = np.array([0, 1, 1e3, 1e3, 101_325, 300, -5e4, 1e6, 0])
DEVIATIONS = np.array([1, 0.1, 1, 1e-2, 1, 3e-3, 0.5, 10, 1e-6])
# What float32 cannot hold: seconds since 1970 within minutes, a tiny change of a ton.
MEANS_64 = np.append(MEANS, [1.76e9, 1e9, -1e12])
DEVIATIONS_64 = np.append(DEVIATIONS, [60, 1e-2, 3])


def _far_from_zero(n_samples, dtype):
    means, deviations = MEANS, DEVIATIONS
    if dtype == np.float64:
        means, deviations = MEANS_64, DEVIATIONS_64
    rng = np.random.default_rng(0)
    X = means + deviations * rng.normal(size=(n_samples, len(means)))
    return X.astype(dtype)


@pytest.mark.parametrize("n_samples", [1000, 100_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sparse.csr_array])
def test_features_far_from_zero_are_standardised_like_standard_scaler(
    n_samples, dtype, make
):
    X = _far_from_zero(n_samples, dtype)
    scaler = StandardScaler().fit(X.astype(np.float64))
    whole = SETAutoencoder(5, max_iter=1, batch_size=1000, random_state=0).fit(make(X))
    chunks = SETAutoencoder(5, batch_size=1000, random_state=0)
    for chunk in np.array_split(X, 4):
        chunks.partial_fit(make(chunk))
    for autoencoder in (whole, chunks):
        truth = X.astype(np.float64).std(axis=0)
        np.testing.assert_allclose(autoencoder.scale_, truth, rtol=1e-5)
        # Where StandardScaler takes the feature for constant, we do not.
        varies = np.isclose(scaler.scale_, truth, rtol=1e-3)
        assert varies[: len(MEANS)].all()
        error = (autoencoder.mean_ - X.mean(axis=0, dtype=np.longdouble)) / truth
        np.testing.assert_allclose(error.astype(float), 0, atol=1e-3)
        Z = autoencoder._network.read_inputs(X)
        np.testing.assert_allclose(Z.mean(axis=0, dtype=np.float64), 0, atol=1e-3)
        np.testing.assert_allclose(Z.std(axis=0, dtype=np.float64), 1, rtol=1e-4)


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
@pytest.mark.parametrize("frame", [np.asarray, pd.DataFrame, sparse.csr_array])
def test_the_network_sees_the_same_far_from_zero_as_near_it(dtype, frame):
    near = np.random.default_rng(0).integers(-500, 500, size=(300, 8)).astype(dtype)
    autoencoder = SETAutoencoder(20, max_iter=5, random_state=0)
    expected = autoencoder.fit(near).transform(near)
    shift = np.array([1_760_000_000, 0, -(2**40), 10**9, 0, 7, 2**30 + 1, 0]).astype(
        dtype
    )
    far = near + shift
    found = autoencoder.fit(frame(far)).transform(frame(far))
    np.testing.assert_allclose(np.asarray(found), expected, atol=1e-4)
    restored = autoencoder.reconstruct(far) - shift
    scale = near.std(axis=0)
    assert (np.mean((restored - near) ** 2, axis=0) < 4 * scale**2).all()


def test_a_selection_does_not_depend_on_where_zero_is():
    signal = np.random.default_rng(0).normal(size=(5000, 1))
    noise = np.random.default_rng(1).normal(size=(5000, 6))
    near = np.hstack([signal, signal, noise])
    selector = QuickSelectionSelector(
        2,
        hidden_layer_sizes=(50,),
        max_iter=5,
        diversity=0,
        importance="attribution",
        random_state=0,
    )
    for shift, dtype in ((3e3, np.float32), (1.76e9, np.float64)):
        far = near * np.array([0.012, 0.012] + [1] * 6)
        far[:, :2] += shift
        selector.fit(far.astype(dtype))
        assert selector.get_support(indices=True).tolist() == [0, 1]


def test_squares_that_overflow_are_refused():
    X = np.random.default_rng(0).random((50, 4)) * 1e200
    with pytest.raises(ValueError, match="too large"):
        SETAutoencoder(5, max_iter=1).fit(X)


# Frames and containers


def test_the_dtype_of_a_frame_is_that_of_no_array():
    assert dtype_of(np.zeros(2, np.float32)) == np.float32
    assert dtype_of(sparse.csr_array((2, 2))) == np.float64
    assert dtype_of(pd.DataFrame({"dtype": [1.0]})) is None
    assert dtype_of([1.0]) is None


def test_the_range_of_a_cell_is_that_of_its_sum():
    indices, indptr = np.zeros(4, dtype=np.int32), np.array([0, 2, 4])

    def cells(*values):
        values = np.array(values, dtype=np.float32)
        return sparse.csr_array((values, indices, indptr), shape=(2, 3))

    rbm = SETRBMTransformer(5, visible="bernoulli", n_iter=1, random_state=0)
    rbm.fit(cells(1.5, -0.5, 0.75, 0.25)).score_samples(cells(1.5, -0.5, 0.75, 0.25))
    with pytest.raises(ValueError, match=r"range \[0, 1\].*maximum is 1.2"):
        rbm.fit(cells(0.6, 0.6, 0.5, 0.5))
    large = np.finfo(np.float32).max
    with pytest.raises(ValueError, match="infinity"):
        SETAutoencoder(5, max_iter=1).fit(cells(large, large, 0, 0))
