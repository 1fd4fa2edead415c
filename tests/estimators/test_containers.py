"""X in any container, layout and dtype."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_selection import SelectorMixin

from tests.estimators.battery import (
    all_estimators,
    all_variants,
    assert_same,
    fingerprint,
    methods,
    network_of,
    outputs,
    samples,
    those_with,
    train_part,
)
from tests.layouts import DENSE, LAYOUTS

CONTAINERS = LAYOUTS | {
    "csr_matrix": lambda X, folder: sparse.csr_matrix(X),
    "csc_matrix": lambda X, folder: sparse.csc_matrix(X),
    "coo_array": lambda X, folder: sparse.coo_array(X),
    "float64": lambda X, folder: X.astype(np.float64),
    "big-endian": lambda X, folder: X.astype(">f8"),
    "list": lambda X, folder: X.tolist(),
}


@pytest.fixture
def seen(estimator, monkeypatch):
    """The X that networks of this kind are given in each epoch, from here on."""
    kind, seen = type(network_of(clone(estimator).fit(*samples()))), []
    trains = kind.train_epoch

    def train_and_look(self, X, *rest):
        seen.append(X)
        return trains(self, X, *rest)

    monkeypatch.setattr(kind, "train_epoch", train_and_look)
    return seen


def half_zeros():
    X, y = samples()
    return np.where(X > 0.5, X, np.float32(0)), y


@all_estimators
@pytest.mark.parametrize("container", CONTAINERS)
def test_any_container_gives_the_same_bits(estimator, container, tmp_path):
    X, y = half_zeros()
    expected = clone(estimator).fit(X, y)
    held = CONTAINERS[container](X, tmp_path)
    assert_same(estimator.fit(held, y), expected, X)
    # From float64, probabilities are computed in float64.
    np.testing.assert_allclose(outputs(estimator, held), outputs(expected, X), 1e-5)
    assert_same(train_part(estimator, held, y), train_part(expected, X, y), X)


@all_variants
def test_sparse_and_dense_samples_give_the_same_bits(estimator):
    X, y = half_zeros()
    expected, held = clone(estimator).fit(X, y), sparse.csr_array(X)
    assert_same(estimator.set_params(n_jobs=2).fit(held, y), expected, X)
    np.testing.assert_array_equal(outputs(estimator, held), outputs(expected, X))


@all_estimators
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, list])
def test_outputs_are_float32_where_X_is_and_else_float64(estimator, dtype):
    X, y = samples()
    X = (X > 0.6).astype(float)
    X = X.tolist() if dtype is list else X.astype(dtype)
    made = methods(estimator.fit(X, y))
    # Predictions are labels, or numbers as precise as y may be.
    made.pop("predict", None)
    for method in made.values():
        found = method(X).dtype
        assert found == (np.float32 if dtype == np.float32 else np.float64) or (
            isinstance(estimator, SelectorMixin) and found == dtype
        )


@those_with("transform")
def test_fit_transform_is_fit_and_transform(estimator):
    X, y = samples()
    made = clone(estimator).fit_transform(X, y)
    assert made.dtype == X.dtype
    np.testing.assert_array_equal(made, estimator.fit(X, y).transform(X))


@all_estimators
@pytest.mark.parametrize("dtype", [float, ">f8", np.float16, int, object, "csr", list])
def test_one_sample_of_any_kind_is_read_like_all(estimator, dtype):
    X, y = samples()
    X = np.rint(X)
    estimator.fit(X, y)
    for read in methods(estimator).values():
        for i, expected in enumerate(read(X)[:3]):
            sample = X[i : i + 1]
            if dtype == "csr":
                sample = sparse.csr_array(sample)
            else:
                sample = sample.tolist() if dtype is list else sample.astype(dtype)
            made = read(sample)
            made = made.toarray() if sparse.issparse(made) else made
            np.testing.assert_allclose(made[0].astype(float), expected, 1e-6)


@all_estimators
def test_samples_are_read_where_they_lie(estimator, seen, tmp_path):
    X, y = samples()
    for layout in DENSE.values():
        held = layout(X, tmp_path)
        estimator.fit(held, y)
        assert np.shares_memory(seen[-1], held)


@all_estimators
def test_only_float32_is_read_feature_after_feature(estimator, seen):
    X, y = samples()
    double = np.asfortranarray(X, dtype=np.float64)
    for held in (double, pd.DataFrame(double)):
        estimator.fit(held, y)
        assert seen[-1].flags.c_contiguous


@all_estimators
@pytest.mark.parametrize("dtype", [bool, np.int64, np.float32, np.float64])
def test_sparse_frames_of_any_dtype(estimator, dtype):
    if dtype is bool and pd.__version__ < "3":
        pytest.skip("with older versions of pandas, scikit-learn cannot read these")
    X, y = samples()
    X = (X > 0.6).astype(dtype)
    frame = pd.DataFrame(X).add_prefix("f")
    frame = frame.astype(pd.SparseDtype(dtype, dtype(0)))
    expected = outputs(estimator.fit(X, y), X)
    found = outputs(estimator.fit(frame, y), frame)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def _one_entry_for_each(X):
    """X in halves, and an explicit zero for each row, in any order."""
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(X)
    values = X[rows, columns].astype(np.float32)
    rows = np.concatenate([rows, rows, np.arange(len(X))])
    columns = np.concatenate([columns, columns, np.zeros(len(X), dtype=int)])
    values = np.concatenate([1.5 * values, -0.5 * values, np.zeros(len(X), np.float32)])
    order = rng.permutation(len(rows))
    order = order[np.argsort(rows[order], kind="stable")]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=len(X)))])
    return sparse.csr_array((values[order], columns[order], indptr), shape=X.shape)


@all_estimators
@pytest.mark.parametrize("topology", ["erdos_renyi", "xbm"])
def test_several_entries_of_a_cell_are_added(estimator, topology):
    X, y = samples()
    X = np.where(X > 0.6, np.float32(0.5), np.float32(0))
    several = _one_entry_for_each(X)
    data, indices = several.data.copy(), several.indices.copy()
    np.testing.assert_array_equal(several.toarray(), X)
    estimator.set_params(topology=topology)
    expected = outputs(estimator.fit(X, y), X)
    found = outputs(estimator.fit(several, y), several)
    np.testing.assert_array_equal(found, expected)
    network = fingerprint(network_of(train_part(estimator, several, y)))
    assert network == fingerprint(network_of(train_part(estimator.fit(X, y), X, y)))
    np.testing.assert_array_equal(several.data, data)
    np.testing.assert_array_equal(several.indices, indices)
