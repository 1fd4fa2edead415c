import numpy as np
import pytest
from numba import njit

from sklearn_sparse_nn.engine.random import draw_states, drop, random_key
from tests import naive


@njit
def _drop(values, slopes, start, n, key, position, rate):
    drop(values, slopes, start, n, np.uint32(key), position, rate)


@njit
def _draw_states(probabilities, start, n, key, position):
    draw_states(probabilities, start, n, np.uint32(key), position)


@njit
def _key(seed, a, b):
    return random_key(np.uint32(seed), a, b)


def _dropped(n, key, position=0, rate=0.5):
    values, slopes = np.ones((2, n), dtype=np.float32)
    _drop(values, slopes, 0, n, key, position, rate)
    return values == 0


def _drawn(probability, n, key, position=0):
    states = np.full(n, probability, dtype=np.float32)
    _draw_states(states, 0, n, key, position)
    return states


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


def test_keys_are_those_of_the_slow_twin():
    rng = np.random.default_rng(0)
    for seed, a, b in rng.integers(2**32, size=(200, 3)).tolist():
        assert _key(seed, a, b) == naive.random_key(seed, a, b)


@pytest.mark.parametrize("probability", [0.001, 0.2, 0.5, 0.97])
def test_mean_of_drawn_states_is_the_probability(probability):
    n = 200_000
    states = _drawn(probability, n, key=123)
    assert set(states) == {0, 1}
    error = np.sqrt(probability * (1 - probability) / n)
    assert abs(states.mean(dtype=float) - probability) < 5 * error


@pytest.mark.parametrize("probability", [0, 1])
def test_certain_states_are_not_left_to_chance(probability):
    assert (_drawn(probability, 10**6, key=3) == probability).all()


def test_even_the_largest_random_number_is_below_1():
    largest = 3589926852  # of all keys, that with which position 0 has it
    assert naive.scramble(largest) == 2**32 - 1
    assert _drawn(1, 1, largest) == 1
    assert _drawn(np.nextafter(np.float32(1), np.float32(0)), 1, largest) == 0


@pytest.mark.parametrize("position", [0, 12345, 2**32 - 50])
def test_drawn_states_are_those_of_the_slow_twin(position):
    probabilities = np.random.default_rng(0).random(1000, dtype=np.float32)
    states = probabilities.copy()
    _draw_states(states, 0, 1000, 7, position)
    positions = (position + np.arange(1000)) % 2**32
    np.testing.assert_array_equal(states, naive.uniform(7, positions) < probabilities)


def test_drawing_touches_its_range_only():
    states = np.full(100, 0.5, dtype=np.float32)
    _draw_states(states, 30, 40, 9, 0)
    assert (states[:30] == 0.5).all() and (states[70:] == 0.5).all()
    assert (states[30:70] != 0.5).all()


@pytest.mark.parametrize("cut", [1, 16, 77, 99])
def test_a_draw_depends_on_position_and_not_on_where_a_piece_begins(cut):
    whole = _drawn(0.5, 100, key=42, position=1000)
    pieces = _drawn(0.5, cut, 42, 1000), _drawn(0.5, 100 - cut, 42, 1000 + cut)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("other", [{"key": 43}, {"key": 42, "position": 1}])
def test_other_keys_and_positions_draw_independently(other):
    n = 100_000
    both = (_drawn(0.3, n, key=42) * _drawn(0.3, n, **other)).mean(dtype=float)
    assert abs(both - 0.09) < 5 * np.sqrt(0.09 / n)
