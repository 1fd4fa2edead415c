"""Where targets are: against NumPy, and for numbers at the limits of float64."""

import numpy as np
import pytest
from scipy import stats

from sklearn_sparse_nn.networks.targets import Location, locate, merge

SIZES = [1e-305, 1e-150, 1.0, 1e150, 1e305]
both = pytest.mark.parametrize("robust", [False, True])


def _samples(n=200, n_outputs=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n_outputs)) * [1, 5, 0.1] + [0, 3, -1e3]


@pytest.mark.parametrize("size", SIZES)
def test_means_and_standard_deviations_of_any_size(size):
    y = _samples()
    n_samples, centers, spreads = locate(y * size, None, robust=False)
    assert n_samples == len(y)
    np.testing.assert_allclose(centers / size, y.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(spreads / size, y.std(axis=0), rtol=1e-9)


@pytest.mark.parametrize("size", SIZES)
def test_medians_and_spreads_of_any_size(size):
    y = _samples(2001)
    _, centers, spreads = locate(y * size, None, robust=True)
    np.testing.assert_allclose(centers / size, np.median(y, axis=0), rtol=1e-9)
    np.testing.assert_allclose(spreads / size, [1, 5, 0.1], rtol=0.1)


@both
def test_a_power_of_two_changes_no_bit(robust):
    y = _samples()
    _, centers, spreads = locate(y, None, robust)
    for exponent in (-900, 900):
        _, *found = locate(np.ldexp(y, exponent), None, robust)
        np.testing.assert_array_equal(found[0], np.ldexp(centers, exponent))
        np.testing.assert_array_equal(found[1], np.ldexp(spreads, exponent))


def test_robust_locations_heed_no_outliers():
    y = _samples(1000)
    _, centers, spreads = locate(y, None, robust=True)
    y[:40] = 1e200
    y[40:80] = -1e200
    _, *found = locate(y, None, robust=True)
    np.testing.assert_allclose(found[0], centers, atol=0.1 * spreads.max())
    np.testing.assert_allclose(found[1], spreads, rtol=0.4)


def test_quantiles_are_those_of_a_normal_distribution():
    y = stats.norm(7, 2).ppf(np.linspace(0, 1, 10_001)[1:-1]).reshape(-1, 1)
    _, center, spread = locate(y, None, robust=True)
    assert center == pytest.approx(7, abs=1e-3) and spread == pytest.approx(2, rel=1e-3)


def test_where_quantiles_are_equal_all_targets_count():
    y = np.zeros((100, 1))
    y[:5] = 8.0
    _, center, spread = locate(y, None, robust=True)
    assert center == 0 and spread == pytest.approx(y.std())


@both
@pytest.mark.parametrize("value", [0.0, 0.1, -1 / 3, 1e300, -5e-324, 1.7e308])
def test_equal_targets_are_recognised(value, robust):
    weights = np.random.default_rng(0).random(77)
    for y in (np.full((77, 2), value), np.full((1, 2), value)):
        for here in (None, weights[: len(y)]):
            _, centers, spreads = locate(y, here, robust)
            assert (centers == value).all() and not spreads.any()


@both
def test_weights_act_like_repetitions(robust):
    y, weights = _samples(), np.random.default_rng(0).integers(4, size=200)
    _, *weighted = locate(y, weights, robust)
    _, *repeated = locate(np.repeat(y, weights, axis=0), None, robust)
    np.testing.assert_allclose(weighted, repeated, rtol=1e-12)
    _, *scaled = locate(y, weights * 2.0**-100, robust)
    np.testing.assert_array_equal(scaled, weighted)


@both
def test_what_weighs_nothing_does_not_count(robust):
    y, weights = _samples(), np.ones(200)
    weights[:20] = 0
    expected = locate(y[20:], None, robust)
    y[:20] = 1e307
    for here, there in zip(locate(y, weights, robust)[1:], expected[1:]):
        np.testing.assert_array_equal(here, there)
    # Where no sample counts, none counts more than the others.
    none = locate(y, np.zeros(200), robust)
    for here, there in zip(none, locate(y, None, robust)):
        np.testing.assert_array_equal(here, there)


@pytest.mark.parametrize("size", SIZES)
def test_merged_chunks_are_where_all_samples_are(size):
    y = _samples() * size
    whole, merged = locate(y, None, robust=False), locate(y[:50], None, robust=False)
    for start, stop in ((50, 51), (51, 130), (130, 200)):
        merged = merge(merged, locate(y[start:stop], None, robust=False))
    assert merged.n_samples == 200
    np.testing.assert_allclose(merged.centers, whole.centers, rtol=1e-12)
    np.testing.assert_allclose(merged.spreads, whole.spreads, rtol=1e-9)


def test_equal_chunks_stay_equal_and_others_do_not():
    chunk = locate(np.full((7, 1), 0.1), None, robust=False)
    same, other = (
        merge(chunk, chunk),
        merge(chunk, Location(7, np.ones(1), np.zeros(1))),
    )
    assert same.centers == 0.1 and same.spreads == 0
    assert other.spreads == pytest.approx(0.45)
