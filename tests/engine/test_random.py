import numpy as np
import pytest
from numba import njit
from scipy.stats import kstest

from sklearn_sparse_nn.engine.random import (
    add_noise,
    draw_normal,
    draw_states,
    drop,
    mask,
    random_key,
)
from tests import naive


@njit
def _drop(values, slopes, start, n, key, position, rate):
    drop(values, slopes, start, n, np.uint32(key), position, rate)


@njit
def _draw_states(probabilities, start, n, key, position):
    draw_states(probabilities, start, n, np.uint32(key), position)


@njit
def _mask(values, start, n, key, position, rate):
    mask(values, start, n, np.uint32(key), position, rate)


@njit
def _add_noise(values, start, n, key, position, deviation):
    add_noise(values, start, n, np.uint32(key), position, deviation)


@njit
def _draw_normal(means, start, n, key, position):
    draw_normal(means, start, n, np.uint32(key), position)


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


def _masked(n, key, position=0, rate=0.5):
    values = np.ones(n, dtype=np.float32)
    _mask(values, 0, n, key, position, rate)
    return values == 0


def _noise(n, key, position=0, deviation=1.0):
    values = np.zeros(n, dtype=np.float32)
    _add_noise(values, 0, n, key, position, deviation)
    return values


def _normal(n, key, position=0):
    numbers = np.zeros(n, dtype=np.float32)
    _draw_normal(numbers, 0, n, key, position)
    return numbers


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


@pytest.mark.parametrize("rate", [0.01, 0.2, 0.5, 0.9, 0.999])
def test_share_masked_is_the_rate(rate):
    n = 200_000
    share = _masked(n, key=123, rate=rate).mean()
    assert abs(share - rate) < 5 * np.sqrt(rate * (1 - rate) / n)


def test_rate_zero_masks_nothing():
    assert not _masked(100_000, key=1, rate=0.0).any()


@pytest.mark.parametrize("position", [0, 12345, 2**32 - 50])
@pytest.mark.parametrize("rate", [0.2, 0.7])
def test_masked_values_are_those_of_the_slow_twin_and_the_others_stay(rate, position):
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    positions = (position + np.arange(1000)) % 2**32
    expected = np.where(naive.masked(7, positions, rate), 0, values)
    _mask(values, 0, 1000, 7, position, rate)
    np.testing.assert_array_equal(values, expected)


def test_masking_touches_its_range_only():
    values = np.ones(100, dtype=np.float32)
    _mask(values, 30, 40, 9, 0, 0.5)
    assert (values[:30] == 1).all() and (values[70:] == 1).all()
    assert 0 < values[30:70].sum() < 40


def test_mean_and_deviation_of_noise():
    n, deviation = 10**6, 0.3
    noise = _noise(n, key=123, deviation=deviation).astype(np.float64)
    assert abs(noise.mean()) < 5 * deviation / np.sqrt(n)
    # The variance of a sample variance: (kurtosis - 1) / n, here some 1.85 / n.
    assert abs(noise.var() / deviation**2 - 1) < 5 * np.sqrt(1.85 / n)


def test_noise_is_distributed_as_the_sum_of_eight_bytes():
    n = 10**6
    byte, total = np.full(256, 1 / 256), np.ones(1)
    for _ in range(8):
        total = np.convolve(total, byte)
    step = 1 / np.sqrt(8 * (256**2 - 1) / 12)
    sums = np.rint(_noise(n, key=5) / step + 8 * 127.5).astype(int)
    shares = np.bincount(sums, minlength=len(total)) / n
    distance = np.abs(np.cumsum(shares) - np.cumsum(total)).max()
    assert distance < 2 / np.sqrt(n)  # Kolmogorov's test at a level of 0.1 %


def test_noise_is_nearly_normal():
    noise = np.abs(_noise(10**6, key=6))
    for deviations, share in [(0.5, 0.3829), (1, 0.6827), (2, 0.9545), (3, 0.9973)]:
        assert (noise < deviations).mean() == pytest.approx(share, abs=0.01)
    assert 4 < noise.max() < 7


@pytest.mark.parametrize("position", [0, 12345, 2**32 - 50])
def test_noise_is_that_of_the_slow_twin(position):
    values = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    positions = (position + np.arange(1000)) % 2**32
    expected = values + 0.7 * naive.normal(7, positions)
    _add_noise(values, 0, 1000, 7, position, 0.7)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-6)


def test_noise_of_deviation_zero_changes_nothing():
    assert not _noise(1000, key=1, deviation=0.0).any()


def test_noise_touches_its_range_only():
    values = np.ones(100, dtype=np.float32)
    _add_noise(values, 30, 40, 9, 0, 0.5)
    assert (values[:30] == 1).all() and (values[70:] == 1).all()
    assert (values[30:70] != 1).all()


@pytest.mark.parametrize("draw", [_masked, _noise, _normal])
@pytest.mark.parametrize("cut", [1, 16, 77, 99])
def test_noise_depends_on_position_and_not_on_where_a_piece_begins(cut, draw):
    whole = draw(100, key=42, position=1000)
    pieces = draw(cut, 42, 1000), draw(100 - cut, 42, 1000 + cut)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize("draw", [_masked, _noise, _normal])
@pytest.mark.parametrize("other", [{"key": 43}, {"key": 42, "position": 1}])
def test_other_keys_and_positions_make_independent_noise(other, draw):
    n = 100_000
    both = np.corrcoef(draw(n, key=42), draw(n, **other))
    assert abs(both[0, 1]) < 5 / np.sqrt(n)


@pytest.mark.parametrize("key", [4, 7919])
def test_drawn_numbers_are_normal(key):
    n = 10**6
    numbers = _normal(n, key).astype(np.float64)
    assert kstest(numbers, "norm").pvalue > 1e-3
    for power, expected in [(1, 0), (2, 1), (3, 0), (4, 3), (6, 15)]:
        error = np.sqrt((numbers ** (2 * power)).mean() / n)
        # What the polynomial leaves over is 0.1 % of the moments of the tails.
        assert abs((numbers**power).mean() - expected) < 4 * error + 1e-3 * expected
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 4 / np.sqrt(n)
    assert 4.3 < abs(numbers).max() < 6.1


@pytest.mark.parametrize("position", [0, 12345, 2**32 - 50])
def test_drawn_numbers_are_those_of_the_slow_twin(position):
    means = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    positions = (position + np.arange(1000)) % 2**32
    expected = means + naive.nearly_normal(7, positions)
    _draw_normal(means, 0, 1000, 7, position)
    np.testing.assert_allclose(means, expected, rtol=1e-5, atol=1e-6)


def test_drawing_numbers_touches_its_range_only():
    values = np.ones(100, dtype=np.float32)
    _draw_normal(values, 30, 40, 9, 0)
    assert (values[:30] == 1).all() and (values[70:] == 1).all()
    assert (values[30:70] != 1).all()
