import re
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.stats import chi2

from sklearn_sparse_nn.evolution import Pattern, Ranges, choosing
from sklearn_sparse_nn.evolution.choosing import highest, highest_cells
from tests.evolution.test_layer import layer_of

KINDS = ["distinct", "equal", "no numbers", "infinite", "all equal", "all no numbers"]


def _scores(kind, shape, seed=0):
    rng = np.random.default_rng(seed)
    scores = rng.permutation(np.prod(shape)).reshape(shape).astype(float)
    if kind == "equal":
        scores = rng.integers(0, 4, shape).astype(float)
    elif kind == "no numbers":
        scores[rng.random(shape) < 0.4] = np.nan
    elif kind == "infinite":
        scores[rng.random(shape) < 0.3] = np.inf
        scores[rng.random(shape) < 0.3] = -np.inf
    elif kind == "all equal":
        scores[...] = -3
    elif kind == "all no numbers":
        scores[...] = np.nan
    return scores


def _expect_the_highest(chosen, left):
    """Check that no score that was left is above one that was chosen."""
    # Below any number is NaN; what is infinite is brought closer.
    chosen, left = (
        np.where(np.isnan(scores), -1e300, np.clip(scores, -1e299, 1e299))
        for scores in (np.asarray(chosen, float), np.asarray(left, float))
    )
    assert max(left, default=-np.inf) <= min(chosen, default=np.inf)


@settings(max_examples=200)
@given(st.data())
def test_the_highest_scores_are_marked(data):
    size, seed = data.draw(st.integers(0, 40)), data.draw(st.integers(0, 2**32))
    scores = _scores(data.draw(st.sampled_from(KINDS)), size, seed)
    scores = scores.astype(data.draw(st.sampled_from([np.float32, np.float64])))
    n, before = data.draw(st.integers(0, size)), scores.copy()
    marked = highest(scores, n, np.random.default_rng(seed))
    assert marked.dtype == bool and marked.shape == (size,) and marked.sum() == n
    _expect_the_highest(scores[marked], scores[~marked])
    np.testing.assert_array_equal(scores, before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1, 7_000, 29_999, 30_000])
def test_the_highest_of_many_scores_are_marked(kind, n):
    # NumPy sorts small arrays where it should only select.
    scores = _scores(kind, 30_000)
    marked = highest(scores, n, np.random.default_rng(0))
    assert marked.sum() == n
    _expect_the_highest(scores[marked], scores[~marked])


def test_scores_may_be_whole_numbers():
    marked = highest(np.array([3, -5, 9, 0, 4]), 3, np.random.default_rng(0))
    assert marked.tolist() == [True, False, True, False, True]


def test_what_is_no_number_is_marked_last():
    scores = np.array([np.nan, 1, -np.inf, np.inf, np.nan])
    for n, expected in [(1, [3]), (2, [1, 3])]:
        marked = highest(scores, n, np.random.default_rng(0))
        assert np.flatnonzero(marked).tolist() == expected
    scores = np.array([np.nan, -7, np.nan, -1e30])
    marked = highest(scores, 2, np.random.default_rng(0))
    assert np.flatnonzero(marked).tolist() == [1, 3]


def _expect_equally_often(counts, n_drawn, n_draws):
    """Chi-square test that in each draw, `n_drawn` of all are as likely as others."""
    assert counts.sum() == n_drawn * n_draws
    n, share = len(counts), n_drawn / len(counts)
    # Without replacement, counts are a little less scattered than binomial ones.
    variance = n_draws * share * (1 - share) * n / (n - 1)
    statistic = np.sum((counts - n_draws * share) ** 2) / variance
    assert 1e-4 < chi2.sf(statistic, n - 1) < 1 - 1e-4


# What is equal, three others, and how many of those are higher.
all_ties = pytest.mark.parametrize(
    "tie, other, n_higher",
    [
        (2.0, 5.0, 3),
        (2.0, 1.0, 0),
        (0.0, np.nan, 0),
        (np.inf, 7.0, 0),
        (-np.inf, 0.0, 3),
        (np.nan, -7.0, 3),
    ],
)


@all_ties
def test_which_of_equal_scores_are_marked_is_random(tie, other, n_higher):
    rng, n_draws = np.random.default_rng(0), 3000
    scores, others = np.full(20, tie), [4, 9, 10]
    scores[others] = other
    counts = sum(highest(scores, n_higher + 5, rng).astype(int) for _ in range(n_draws))
    assert (counts[others] == n_higher // 3 * n_draws).all()
    _expect_equally_often(np.delete(counts, others), 5, n_draws)


class Scorer:
    """Scores of all cells of a layer, and which neurons were asked for."""

    def __init__(self, scores):
        self.scores = scores
        self.asked = []

    def __call__(self, neurons):
        self.asked.append(neurons)
        # A view: who writes into it changes the scores.
        return self.scores[neurons[0] : neurons[-1] + 1]


@st.composite
def scored_layers(draw):
    """A layer, scores of its cells, and which of these are to be had."""
    shape = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    seed = draw(st.integers(0, 2**32))
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < draw(st.sampled_from([0, 0.2, 0.8, 1]))
    layer, free = layer_of(mask), ~mask
    kind = draw(st.sampled_from(["everywhere", "ranges", "pattern"]))
    if kind != "everywhere":
        inside, reserved = np.indices(shape)[1] >= 3, rng.random(shape) < 0.2
        cells = np.flatnonzero(inside & reserved)
        layer.region = Ranges(layer, 3, reserved=cells)
        if kind == "pattern":
            inside = rng.random(shape) < 0.6
            cells = np.flatnonzero(inside & reserved)
            layer.region = Pattern(layer, sparse.coo_array(inside.T), cells)
        free &= inside & ~reserved
    return layer, _scores(draw(st.sampled_from(KINDS)), shape, seed), free


@settings(max_examples=300)
@given(scored_layers(), st.sampled_from([1, 7, 30, 2**20]), st.data())
def test_the_free_cells_of_the_highest_scores_are_found(layer_etc, block, data):
    layer, scores, free = layer_etc
    free, scorer = np.flatnonzero(free), Scorer(scores.copy())
    n = data.draw(st.integers(0, len(free)))
    with patch.object(choosing, "_CELLS", block):
        cells = highest_cells(layer, n, scorer)
    assert cells.dtype == np.int64 and len(cells) == n
    assert (np.diff(cells) > 0).all() and np.isin(cells, free).all()
    left = np.setdiff1d(free, cells)
    _expect_the_highest(scores.ravel()[cells], scores.ravel()[left])
    np.testing.assert_array_equal(scorer.scores, scores)


@pytest.mark.parametrize("block", [2**20, 7])
@pytest.mark.parametrize("in_region", [False, True])
def test_cells_of_connections_that_have_gone_are_free(monkeypatch, block, in_region):
    rng = np.random.default_rng(0)
    mask = rng.random((6, 7)) < 0.7
    layer, gone = layer_of(mask), rng.random(mask.sum()) < 0.5
    layer.region = Ranges(layer, 2) if in_region else None
    free = ~mask
    free[mask] = gone
    if in_region:
        free[:, :2] = False
    monkeypatch.setattr(choosing, "_CELLS", block)
    cells = highest_cells(layer, free.sum(), Scorer(np.zeros((6, 7))), gone)
    np.testing.assert_array_equal(cells, np.flatnonzero(free))


@pytest.mark.parametrize("block", [2**20, 1000])
@pytest.mark.parametrize("n", [0, 1, 5_000, 20_000, None])
@pytest.mark.parametrize("in_region", [False, True])
def test_distinct_scores_of_a_large_layer_are_sorted(monkeypatch, n, block, in_region):
    mask = np.random.default_rng(0).random((200, 300)) < 0.3
    layer, free = layer_of(mask), ~mask
    if in_region:
        layer.region = Ranges(layer, 20, 280)
        free &= (np.indices(mask.shape)[1] >= 20) & (np.indices(mask.shape)[1] < 280)
    scores, free = _scores("distinct", mask.shape), np.flatnonzero(free)
    n = len(free) if n is None else n
    expected = free[np.argsort(-scores.ravel()[free])[:n]]
    monkeypatch.setattr(choosing, "_CELLS", block)
    cells = highest_cells(layer, n, Scorer(scores))
    np.testing.assert_array_equal(cells, np.sort(expected))


@pytest.mark.parametrize(
    "block, sizes",
    [(1, [1] * 9), (29, [2, 2, 2, 2, 1]), (30, [3, 3, 3]), (59, [5, 4]), (999, [9])],
)
def test_neurons_are_asked_for_in_blocks_of_few_cells(monkeypatch, block, sizes):
    layer = layer_of(np.eye(9, 10, dtype=bool))
    scorer = Scorer(_scores("distinct", (9, 10)))
    monkeypatch.setattr(choosing, "_CELLS", block)
    highest_cells(layer, 4, scorer)
    assert [len(neurons) for neurons in scorer.asked] == sizes
    np.testing.assert_array_equal(np.concatenate(scorer.asked), np.arange(9))


@all_ties
@pytest.mark.parametrize("block", [1, 12, 10**6])
def test_which_of_equal_cells_are_found_is_random(
    monkeypatch, tie, other, n_higher, block
):
    # There are 20 empty cells, and one neuron has none.
    mask = np.zeros((6, 6), dtype=bool)
    mask[:, ::3] = True
    mask[3] = True
    layer, scores = layer_of(mask), np.full((6, 6), tie)
    free = np.flatnonzero(~mask)
    others = free[[0, 9, 19]]
    scores.ravel()[others] = other
    monkeypatch.setattr(choosing, "_CELLS", block)
    counts, n_draws = np.zeros(36), 3000
    for _ in range(n_draws):
        counts[highest_cells(layer, n_higher + 5, Scorer(scores))] += 1
    assert (counts[others] == n_higher // 3 * n_draws).all()
    _expect_equally_often(counts[np.setdiff1d(free, others)], 5, n_draws)


def test_equal_cells_of_a_large_layer_are_found_everywhere(monkeypatch):
    layer = layer_of(np.random.default_rng(0).random((400, 500)) < 0.5)
    monkeypatch.setattr(choosing, "_CELLS", 20_000)
    cells = highest_cells(layer, 20_000, Scorer(np.zeros((400, 500))))
    parts = np.array_split(np.setdiff1d(np.arange(200_000), layer.cells), 50)
    share = 20_000 / layer.n_empty_cells
    deviations = np.array([np.isin(p, cells).sum() - share * len(p) for p in parts])
    statistic = np.sum(deviations**2) / (len(parts[0]) * share * (1 - share))
    assert 1e-4 < chi2.sf(statistic, 49) < 1 - 1e-4


@pytest.mark.parametrize("block", [1, 10**6])
def test_a_full_layer_has_no_cell_to_find(monkeypatch, block):
    monkeypatch.setattr(choosing, "_CELLS", block)
    layer = layer_of(np.ones((4, 5), dtype=bool))
    cells = highest_cells(layer, 0, Scorer(np.zeros((4, 5))))
    assert cells.dtype == np.int64 and len(cells) == 0


def test_a_choice_repeats_with_the_random_stream_of_the_layer():
    def found(seed):
        layer = replace(
            layer_of(np.eye(9, 10, dtype=bool)), rng=np.random.default_rng(seed)
        )
        return highest_cells(layer, 20, Scorer(np.zeros((9, 10)))).tolist()

    assert found(0) == found(0) != found(1)


@pytest.mark.parametrize("shape", [(9, 9), (10, 9), (9, 11), (90,), (9, 10, 2), ()])
def test_scores_of_another_shape_are_refused(shape):
    layer = layer_of(np.eye(9, 10, dtype=bool))
    message = re.escape(
        f"of shape (9, 10) for these neurons, got float64 of shape {shape}"
    )
    with pytest.raises(ValueError, match=message):
        highest_cells(layer, 3, lambda neurons: np.zeros(shape))
