from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from sklearn_sparse_nn.topology import cells
from sklearn_sparse_nn.topology.sampling import (
    _visit,
    sample_empty_cells,
    sample_outside,
    sorted_sample,
)


def _expect_distinct_and_ascending(sample, low, high, size):
    assert len(sample) == size
    assert (np.diff(sample) > 0).all()
    if size:
        assert low <= sample[0] and sample[-1] < high


def _expect_uniform_over_pairs(draw, numbers, n_draws):
    """Chi-square test that every pair of `numbers` is drawn equally often."""
    counts = dict.fromkeys(combinations(numbers, 2), 0)
    for _ in range(n_draws):
        counts[tuple(draw())] += 1
    expected = n_draws / len(counts)
    statistic = sum((count - expected) ** 2 / expected for count in counts.values())
    assert 1e-4 < chi2.sf(statistic, len(counts) - 1) < 1 - 1e-4


@settings(max_examples=200)
@given(data=st.data())
def test_sample_is_distinct_ascending_and_of_the_exact_size(data):
    population = data.draw(st.integers(0, 3000))
    size = data.draw(st.integers(0, population))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    sample = sorted_sample(population, size, rng)
    assert sample.dtype == np.int64
    _expect_distinct_and_ascending(sample, 0, population, size)


@pytest.mark.parametrize("population", [1, 2, 40, 5000])
def test_the_whole_population_is_a_sample(population):
    sample = sorted_sample(population, population, np.random.default_rng(0))
    np.testing.assert_array_equal(sample, np.arange(population))


@pytest.mark.parametrize("population", [0, 1, 10**15])
def test_a_sample_of_none_is_empty(population):
    assert len(sorted_sample(population, 0, np.random.default_rng(0))) == 0


@pytest.mark.parametrize("size", [1, 1000])
def test_a_huge_population_costs_no_memory(size):
    sample = sorted_sample(10**15, size, np.random.default_rng(0))
    _expect_distinct_and_ascending(sample, 0, 10**15, size)


@pytest.mark.parametrize("population", [12, 40])
def test_every_pair_is_drawn_equally_often(population):
    rng = np.random.default_rng(0)
    _expect_uniform_over_pairs(
        lambda: sorted_sample(population, 2, rng), range(population), 20_000
    )


def test_every_number_is_drawn_equally_often_in_large_samples():
    population, size, n_draws = 2000, 500, 2000
    rng = np.random.default_rng(0)
    counts = np.zeros(population)
    for _ in range(n_draws):
        counts[sorted_sample(population, size, rng)] += 1
    share = size / population
    # Without replacement, counts are a little less scattered than binomial ones.
    variance = n_draws * share * (1 - share) * population / (population - 1)
    statistic = np.sum((counts - n_draws * share) ** 2) / variance
    assert 1e-4 < chi2.sf(statistic, population - 1) < 1 - 1e-4


def test_more_jumps_follow_where_the_first_do_not_reach_the_end():
    class ShortJumps:
        def geometric(self, probability, size):
            return np.ones(size, dtype=np.int64)

    visited = _visit(1000, 0.01, ShortJumps())
    np.testing.assert_array_equal(visited, np.arange(1000))


@pytest.mark.parametrize(
    "population, size",
    [(10**6, 30_000), (10**6, 500_000), (10**6, 970_000), (10**12, 30_000)],
)
def test_large_samples_are_drawn_from_everywhere(population, size):
    rng = np.random.default_rng(0)
    counts, n_draws, share = np.zeros(100), 5, size / population
    for _ in range(n_draws):
        sample = sorted_sample(population, size, rng)
        assert sample.dtype == np.int64
        _expect_distinct_and_ascending(sample, 0, population, size)
        counts += np.bincount(sample // (population // 100), minlength=100)
    expected = n_draws * size / 100
    statistic = np.sum((counts - expected) ** 2) / (expected * (1 - share))
    assert 1e-4 < chi2.sf(statistic, 99) < 1 - 1e-4


def _structure(mask):
    """CSR structure of a layer of shape (n_neurons, n_inputs), and its width."""
    indptr = np.concatenate([[0], np.cumsum(mask.sum(axis=1))])
    return indptr, np.nonzero(mask)[1].astype(np.uint32), mask.shape[1]


@settings(max_examples=200)
@given(data=st.data())
def test_empty_cells_are_empty_distinct_and_ascending(data):
    shape = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    mask = rng.random(shape) < data.draw(st.floats(0, 1))
    size = data.draw(st.integers(0, int((~mask).sum())))
    sample = sample_empty_cells(*_structure(mask), size, rng)
    _expect_distinct_and_ascending(sample, 0, mask.size, size)
    assert not mask.ravel()[sample].any()


def _mask(shape, occupied):
    mask = np.zeros(shape, dtype=bool)
    mask.ravel()[occupied] = True
    return mask


@pytest.mark.parametrize("shape", [(1, 10), (2, 5), (5, 2), (10, 1)])
def test_all_empty_cells_can_be_drawn(shape):
    structure = _structure(_mask(shape, [0, 3, 4, 9]))
    sample = sample_empty_cells(*structure, 6, np.random.default_rng(0))
    np.testing.assert_array_equal(sample, [1, 2, 5, 6, 7, 8])


def test_every_pair_of_empty_cells_is_drawn_equally_often():
    rng = np.random.default_rng(0)
    mask = _mask((8, 5), [0, 1, 5, 6, 7, 20, 39])
    _expect_uniform_over_pairs(
        lambda: sample_empty_cells(*_structure(mask), 2, rng),
        np.flatnonzero(~mask),
        20_000,
    )


@pytest.mark.parametrize("block", [1, 2, 7])
def test_empty_cells_in_blocks_are_the_same(monkeypatch, block):
    mask = np.random.default_rng(0).random((12, 6)) < 0.4
    mask[[0, 4, 5, 11]] = False
    draw = [sample_empty_cells(*_structure(mask), 25, np.random.default_rng(1))]
    monkeypatch.setattr(cells, "_BLOCK", block)
    draw.append(sample_empty_cells(*_structure(mask), 25, np.random.default_rng(1)))
    np.testing.assert_array_equal(*draw)
    assert not mask.ravel()[draw[1]].any()


@pytest.mark.parametrize("block", [cells._BLOCK, 5003])
@pytest.mark.parametrize("size", [1, 15_000, 200_000, None])
def test_empty_cells_of_a_large_layer_are_those_of_the_ranks_drawn(
    monkeypatch, size, block
):
    mask = np.random.default_rng(0).random((900, 1000)) < 0.5
    mask[[0, 400, 899]], mask[[1, 401, 898]] = False, True
    empty = np.flatnonzero(~mask)
    size = size or len(empty)
    monkeypatch.setattr(cells, "_BLOCK", block)
    assert mask.sum() > 3 * block
    sample = sample_empty_cells(*_structure(mask), size, np.random.default_rng(1))
    ranks = sorted_sample(len(empty), size, np.random.default_rng(1))
    np.testing.assert_array_equal(sample, empty[ranks])


@settings(max_examples=200)
@given(data=st.data())
def test_what_is_drawn_outside_is_distinct_ascending_and_not_taken(data):
    population = data.draw(st.integers(0, 500))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    is_taken = rng.random(population) < data.draw(st.floats(0, 1))
    size = data.draw(st.integers(0, int((~is_taken).sum())))
    sample = sample_outside(population, np.flatnonzero(is_taken), size, rng)
    assert sample.dtype == np.int64
    _expect_distinct_and_ascending(sample, 0, population, size)
    assert not is_taken[sample].any()


@pytest.mark.parametrize(
    "taken", [[], [0], [9], [4, 5], [0, 1, 2, 9], [1, 3, 5, 7, 9], list(range(10))]
)
def test_all_that_is_not_taken_can_be_drawn(taken):
    free = np.setdiff1d(np.arange(10), taken)
    taken = np.array(taken, dtype=np.int64)
    sample = sample_outside(10, taken, len(free), np.random.default_rng(0))
    np.testing.assert_array_equal(sample, free)


@pytest.mark.parametrize("taken", [[], [0, 1, 5, 6, 7, 20, 39], range(0, 40, 2)])
def test_every_pair_that_is_not_taken_is_drawn_equally_often(taken):
    rng, taken = np.random.default_rng(0), np.array(taken, dtype=np.int64)
    _expect_uniform_over_pairs(
        lambda: sample_outside(40, taken, 2, rng),
        np.setdiff1d(np.arange(40), taken),
        20_000,
    )


@pytest.mark.parametrize("size", [1, 15_000, 200_000, None])
def test_what_is_drawn_outside_of_many_is_of_the_ranks_drawn(size):
    is_taken = np.random.default_rng(0).random(900_000) < 0.5
    is_taken[:1000], is_taken[1000:2000], is_taken[-1000:] = False, True, True
    free = np.flatnonzero(~is_taken)
    size, taken = size or len(free), np.flatnonzero(is_taken)
    sample = sample_outside(900_000, taken, size, np.random.default_rng(1))
    ranks = sorted_sample(len(free), size, np.random.default_rng(1))
    np.testing.assert_array_equal(sample, free[ranks])


def test_a_huge_population_outside_of_few_costs_no_memory():
    taken = np.array([0, 7, 10**14, 10**15 - 1])
    sample = sample_outside(10**15, taken, 1000, np.random.default_rng(0))
    _expect_distinct_and_ascending(sample, 1, 10**15 - 1, 1000)
