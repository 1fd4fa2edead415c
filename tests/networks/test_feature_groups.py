import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from sklearn_sparse_nn.estimators._samples import moments
from sklearn_sparse_nn.networks import feature_groups
from sklearn_sparse_nn.networks.feature_groups import group, rank


def _grouped(X, correlation=0.7, importances=None):
    importances = np.ones(X.shape[1]) if importances is None else importances
    return group(X, moments(X), np.asarray(importances, float), correlation)


def _groups(*data, **parameters):
    return _grouped(*data, **parameters)[0]


def _correlations(X):
    dense = X.toarray() if sparse.issparse(X) else X
    with np.errstate(invalid="ignore"):
        R = np.corrcoef(dense.astype(np.float64), rowvar=False)
    return np.nan_to_num(np.atleast_2d(R))


def _naive_groups(X, correlation):
    """The representative of each group, and the members, feature by feature."""
    R = _correlations(X)
    free, found = sorted(range(len(R)), key=lambda i: -sum(R[i] ** 2)), []
    while free:
        first = free[0]
        members = [i for i in free if i == first or abs(R[i, first]) >= correlation]
        found.append((first, members))
        free = [i for i in free if i not in members]
    return found


def _blocks(n, n_features, seed=0):
    """Features in groups of four that are more or less alike, some turned around."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.normal(size=(n, -(-n_features // 4))), 4, axis=1)
    noise = rng.uniform(0.1, 1.5, n_features) * rng.normal(size=(n, n_features))
    X = (shared[:, :n_features] + noise) * rng.uniform(0.5, 2, n_features)
    X *= rng.choice([-1, 1], n_features)
    return (3 + X).astype(np.float32)


@settings(max_examples=60)
@given(
    n=st.integers(3, 40),
    n_features=st.integers(1, 25),
    seed=st.integers(0, 999),
    correlation=st.floats(0.3, 0.95),
)
def test_groups_are_those_of_the_naive_twin(n, n_features, seed, correlation):
    X = _blocks(n, n_features, seed)
    R = np.abs(_correlations(X))
    totals = np.sort(np.sum(R**2, axis=0))
    # Not at the very edge, where rounding decides.
    if (np.abs(R - correlation) < 1e-4).any() or (np.diff(totals) < 1e-3).any():
        return
    representatives, likeness = _grouped(X, correlation)
    found = _naive_groups(X, correlation)
    assert len(found) == len(np.unique(representatives))
    for first, members in found:
        assert set(representatives[members].tolist()) == {first}
    everyone = np.arange(n_features)
    np.testing.assert_allclose(likeness, R[everyone, representatives], atol=1e-5)


@pytest.mark.parametrize("n_together", [1, 7, 64])
def test_groups_are_the_same_in_pieces(n_together, monkeypatch):
    X = _blocks(40, 60)
    expected = _groups(X)
    assert 10 < len(np.unique(expected)) < 50
    monkeypatch.setattr(feature_groups, "_N_CORRELATIONS", n_together * 60)
    np.testing.assert_array_equal(_groups(X), expected)


def test_groups_do_not_depend_on_importances():
    X, rng = _blocks(40, 60), np.random.default_rng(0)
    expected = _groups(X)
    for _ in range(3):
        found = _groups(X, importances=rng.random(60))
        np.testing.assert_array_equal(found, expected)


def test_groups_follow_their_features():
    X = _blocks(40, 60)
    order = np.random.default_rng(0).permutation(60)
    moved = _groups(X[:, order])
    np.testing.assert_array_equal(order[moved], _groups(X)[order])


def test_of_equal_features_the_first_is_taken():
    X = np.tile(_blocks(40, 1), 12)
    np.testing.assert_array_equal(_groups(X), np.zeros(12))
    pairs = np.repeat(np.random.default_rng(0).normal(size=(200, 9)), 2, axis=1)
    # They differ by rounding, and in scale.
    pairs *= np.random.default_rng(1).uniform(0.1, 10, size=18)
    np.testing.assert_array_equal(_groups(pairs), np.arange(18) // 2 * 2)


def test_constant_features_are_alone():
    X = _blocks(40, 12)
    X[:, ::3] = 5
    X[:, 0] = 0
    representatives = _groups(X, 1e-9)
    np.testing.assert_array_equal(representatives[::3], np.arange(12)[::3])
    assert not set(representatives[1::3]) & set(range(0, 12, 3))


def test_sparse_and_dense_samples_have_the_same_groups():
    X = np.maximum(_blocks(60, 40) - 3, 0)
    expected = _grouped(X)
    for other in (sparse.csr_array(X), np.asfortranarray(X), X.astype(np.float64)):
        for ours, theirs in zip(_grouped(other), expected, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_correlations_are_those_in_some_of_many_samples(monkeypatch):
    X = np.repeat(np.random.default_rng(0).normal(size=(3000, 5)), 2, axis=1)
    X[:, 1::2] *= 0.5
    monkeypatch.setattr(feature_groups, "_N_COMPARED", 300)
    np.testing.assert_array_equal(_groups(X), np.arange(10) // 2 * 2)
    # None of the samples that are compared tells these two apart.
    X[1::2, 0] += 9
    assert _groups(X).shape == (10,)


def test_features_that_vary_in_no_sample_that_is_compared(monkeypatch):
    monkeypatch.setattr(feature_groups, "_N_COMPARED", 10)
    X = _blocks(100, 5)
    X[:, 2] = 0
    X[50, 2] = 1
    assert _groups(X, 1e-9)[2] == 2


def test_of_too_many_features_the_most_important_are_compared(monkeypatch):
    X = np.tile(_blocks(16, 1), 10)
    monkeypatch.setattr(feature_groups, "_N_PRODUCTS", 16 * 4**2)
    importances = np.array([0, 9, 0, 8, 0, 7, 0, 6, 0, 0])
    expected = [0, 1, 2, 1, 4, 1, 6, 1, 8, 9]
    np.testing.assert_array_equal(_groups(X, 0.7, importances), expected)


@pytest.mark.parametrize("shape", [(1, 4), (4, 1), (1, 1), (2, 5)])
def test_groups_of_small_data(shape):
    representatives, likeness = _grouped(_blocks(*shape))
    np.testing.assert_array_equal(representatives[representatives], representatives)
    assert ((likeness >= 0) & (likeness <= 1)).all()


# Rank

EVERYTHING_VARIES = np.ones(6, dtype=bool)
GROUPS = np.array([1, 1, 1, 3, 3, 5]), np.array([0.8, 1.0, 0.9, 1.0, 0.7, 1.0])


def test_who_represents_a_group_is_as_important_as_its_best_member():
    importances = np.array([9.0, 1, 2, 3, 4, 6])
    order = rank(importances, EVERYTHING_VARIES, GROUPS, 0.9)
    # 9 and 6 and 4 for the groups; 9 (1 - .72), 4 (1 - .63) and 2 (1 - .81) follow.
    np.testing.assert_array_equal(order, [1, 5, 3, 0, 4, 2])
    np.testing.assert_array_equal(importances, [9, 1, 2, 3, 4, 6])


@settings(max_examples=30)
@given(importances=st.lists(st.floats(0, 10), min_size=1, max_size=20))
def test_without_diversity_the_rank_is_that_of_the_importances(importances):
    n = len(importances)
    groups = np.zeros(n, dtype=int), np.ones(n)
    order = rank(np.array(importances), np.ones(n, dtype=bool), groups, 0.0)
    # Of equals, the first.
    assert list(order) == sorted(range(n), key=lambda i: -importances[i])


@pytest.mark.parametrize("diversity", [0.0, 0.5, 1.0])
def test_what_does_not_vary_comes_last(diversity):
    varies = np.array([True, True, True, False, False, True])
    groups = np.array([1, 1, 1, 3, 4, 5]), GROUPS[1]
    order = rank(np.zeros(6), varies, groups, diversity)
    np.testing.assert_array_equal(order, [0, 1, 2, 5, 3, 4])


def test_more_diversity_puts_a_copy_farther_back():
    groups = np.array([0, 0, *range(2, 10)]), np.ones(10)
    importances, varies = np.linspace(2, 1, 10), np.ones(10, dtype=bool)
    places = [
        list(rank(importances, varies, groups, diversity)).index(1)
        for diversity in (0.0, 0.2, 0.4, 1.0)
    ]
    assert places == sorted(set(places)) and (places[0], places[-1]) == (1, 9)


def test_nearly_equal_importances_give_nearly_the_same_choice():
    X, rng = _blocks(60, 400), np.random.default_rng(0)
    groups, truth = _grouped(X), rng.exponential(size=400)
    chosen = [
        set(rank(truth + 1e-3 * noise, X.std(axis=0) > 0, groups, 0.9)[:50])
        for noise in rng.random((2, 400))
    ]
    assert len(chosen[0] & chosen[1]) >= 48
