import numpy as np
import pytest
from numba import njit

from sklearn_sparse_nn.engine.random import drop, random_key


@njit
def _drop(values, slopes, start, n, key, position, rate):
    drop(values, slopes, start, n, np.uint32(key), position, rate)


@njit
def _key(seed, a, b):
    return random_key(np.uint32(seed), a, b)


def _dropped(n, key, position=0, rate=0.5):
    values, slopes = np.ones((2, n), dtype=np.float32)
    _drop(values, slopes, 0, n, key, position, rate)
    return values == 0


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5, 0.9])
def test_share_dropped_is_the_rate(rate):
    n = 200_000
    share = _dropped(n, key=123, rate=rate).mean()
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / n)


@pytest.mark.parametrize("rate", [0.2, 0.5, 0.9])
def test_what_stays_is_scaled_so_that_the_mean_stays(rate):
    rng = np.random.default_rng(0)
    values, slopes = rng.normal(size=(2, 1000)).astype(np.float32)
    before = values.copy(), slopes.copy()
    _drop(values, slopes, 0, 1000, 5, 0, rate)
    kept = values != 0
    assert 0 < kept.sum() < 1000
    np.testing.assert_allclose(values[kept], before[0][kept] / (1 - rate), rtol=1e-6)
    np.testing.assert_allclose(slopes[kept], before[1][kept] / (1 - rate), rtol=1e-6)
    assert not slopes[~kept].any()


def test_rate_zero_drops_nothing():
    assert not _dropped(100_000, key=1, rate=0.0).any()


def test_drop_touches_its_range_only():
    values, slopes = np.ones((2, 100), dtype=np.float32)
    _drop(values, slopes, 30, 40, 9, 0, 0.5)
    for array in (values, slopes):
        assert (array[:30] == 1).all() and (array[70:] == 1).all()
        assert (array[30:70] != 1).all()


@pytest.mark.parametrize("cut", [1, 16, 77, 99])
def test_drop_depends_on_position_and_not_on_where_a_piece_begins(cut):
    whole = _dropped(100, key=42, position=1000)
    pieces = _dropped(cut, 42, 1000), _dropped(100 - cut, 42, 1000 + cut)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("other", [{"key": 43}, {"key": 42, "position": 1}])
def test_other_keys_and_positions_drop_independently(other):
    n = 100_000
    both = (_dropped(n, key=42, rate=0.3) & _dropped(n, **other, rate=0.3)).mean()
    assert abs(both - 0.09) < 5 * np.sqrt(0.09 / n)


def test_keys_of_all_seeds_and_updates_differ():
    keys = {_key(seed, a, b) for seed in range(20) for a in range(50) for b in range(5)}
    assert len(keys) == 20 * 50 * 5
