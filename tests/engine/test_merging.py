import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklearn_sparse_nn.engine.merging import MergePlan, merge_connections
from sklearn_sparse_nn.engine.threads import ThreadTeam
from tests import naive

# Written to where nothing should be written.
TRAP = 2**32 - 7


def _rows(cells, n_inputs, n_neurons):
    return np.searchsorted(cells, np.arange(n_neurons + 1) * n_inputs)


def _between_traps(numbers):
    """A place for the numbers that has traps around it, and is filled with them."""
    array = np.full(len(numbers) + 2, TRAP, dtype=np.uint32)
    array[1:-1] = numbers
    return array


class Case:
    """A random layer, and what is pruned and grown in it."""

    def __init__(self, n_inputs, n_neurons, density, n_pruned, n_grown, seed=0):
        """`density`, `n_pruned` and `n_grown` are fractions."""
        rng = np.random.default_rng(seed)
        every = np.arange(n_inputs * n_neurons)
        self.n_inputs, self.n_neurons = n_inputs, n_neurons
        self.cells = every[rng.random(len(every)) < density]
        self.pruned = rng.random(len(self.cells)) < n_pruned
        self.kept = self.cells[~self.pruned]
        empty = np.setdiff1d(every, self.kept)
        self.new_cells = empty[rng.random(len(empty)) < n_grown]
        self.old, self.new = (
            [(cells % n_inputs).astype(np.uint32), *self._numbers(rng, len(cells))]
            for cells in (self.cells, self.new_cells)
        )

    def _numbers(self, rng, n):
        return rng.integers(2**32, size=(3, n), dtype=np.uint32)

    def plan(self, n_threads, n_arrays, start):
        """The plan of the merge; the layer begins at connection `start`."""
        rows, new_rows, kept_rows = (
            _rows(cells, self.n_inputs, self.n_neurons).astype(np.uint64)
            for cells in (self.cells, self.new_cells, self.kept)
        )
        merged_rows = kept_rows + new_rows
        return MergePlan(
            rows,
            new_rows,
            merged_rows,
            self.pruned,
            steps=np.full(len(self.cells) + len(self.new_cells), 77, dtype=np.uint8),
            room=np.full(int(merged_rows[-1]) + n_threads + 1, TRAP, dtype=np.uint32),
            twice=np.full(1, -1),
            indptr=rows + np.uint64(start),
            n_arrays=n_arrays,
        )

    def run(self, n_threads, n_arrays=4, in_place=False, function=merge_connections):
        """Merge; returns the plan and the places, traps included, of the arrays."""
        plan = self.plan(n_threads, n_arrays, start=1000)
        n_merged = len(self.kept) + len(self.new_cells)
        old = [_between_traps(numbers) for numbers in self.old]
        places = old
        if not in_place:
            places = [_between_traps(np.full(n_merged, TRAP)) for _ in old]
        new = tuple(np.append(numbers, np.uint32(TRAP)) for numbers in self.new)
        old, merged = (tuple(a[1:-1] for a in arrays) for arrays in (old, places))
        with ThreadTeam(n_threads) as team:
            team.run(function, plan, old, new, merged)
        return plan, places

    def expect_twin(self, plan, places, n_arrays=4):
        table = [
            [tuple(row) for row in np.transpose(numbers).tolist()]
            for numbers in (self.old, self.new)
        ]
        cells, rows = naive.rewired(
            self.cells, table[0], self.pruned, self.new_cells, table[1]
        )
        expected = np.array(rows, dtype=np.uint32).reshape(-1, 4).T
        for i, place in enumerate(places):
            inside = expected[i] if i < n_arrays else np.full(len(cells), TRAP)
            assert_array_equal(place, _between_traps(inside))
        assert_array_equal(
            plan.indptr, 1000 + _rows(cells, self.n_inputs, self.n_neurons)
        )
        assert plan.twice[0] == -1
        assert plan.room[-1] == TRAP


SHAPES = [(1, 1), (1, 30), (30, 1), (7, 5), (40, 60)]
N_THREADS = [1, 2, 3, 7]


@pytest.mark.parametrize("n_threads", N_THREADS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    "density, n_pruned, n_grown",
    [
        (0.4, 0.3, 0.2),
        (0.05, 0.5, 0.05),  # neurons without connections
        (1.0, 0.0, 0.0),  # nothing changes in a dense layer
        (1.0, 1.0, 1.0),  # all of it changes
        (0.5, 0.0, 1.0),  # it becomes dense
        (0.5, 1.0, 0.0),  # it becomes empty
        (0.0, 0.0, 0.5),  # it was empty
        (0.0, 0.0, 0.0),
    ],
)
def test_merged_connections_equal_the_dense_twin(
    shape, density, n_pruned, n_grown, n_threads
):
    case = Case(*shape, density, n_pruned, n_grown)
    case.expect_twin(*case.run(n_threads))


@settings(max_examples=50)
@given(data=st.data())
def test_any_merge_equals_the_dense_twin(data):
    fraction = st.floats(0, 1)
    case = Case(
        *(data.draw(st.integers(1, 20)) for _ in range(2)),
        *(data.draw(fraction) for _ in range(3)),
        data.draw(st.integers(0, 99)),
    )
    case.expect_twin(*case.run(data.draw(st.sampled_from(N_THREADS))))


def _as_many(seed=0):
    """A case in which as many connections are grown as pruned."""
    case = Case(40, 60, 0.3, 0.3, 0.5, seed)
    n = case.pruned.sum()
    some = np.random.default_rng(seed).permutation(len(case.new_cells))[:n]
    some.sort()
    assert len(some) == n > 0
    case.new_cells = case.new_cells[some]
    case.new = [numbers[some] for numbers in case.new]
    return case


@pytest.mark.parametrize("n_threads", N_THREADS)
@pytest.mark.parametrize("seed", range(3))
def test_connections_may_be_merged_where_they_are(n_threads, seed):
    case = _as_many(seed)
    case.expect_twin(*case.run(n_threads, in_place=True))


def test_arrays_beyond_the_number_of_arrays_stay_as_they_are():
    case = Case(40, 60, 0.3, 0.3, 0.2)
    case.old[3], case.new[3] = (numbers[:0] for numbers in (case.old[3], case.new[3]))
    plan, places = case.run(2, n_arrays=3)
    case.old[3], case.new[3] = case.old[2], case.new[2]
    case.expect_twin(plan, places, n_arrays=3)


@pytest.mark.parametrize("n_threads", N_THREADS)
@pytest.mark.parametrize("which", [0, 100, -1])
def test_nothing_changes_where_a_connection_would_be_twice(n_threads, which):
    case = _as_many()
    cell = case.kept[which]
    place = min(np.searchsorted(case.new_cells, cell), len(case.new_cells) - 1)
    case.new_cells[place], case.new[0][place] = cell, cell % case.n_inputs
    plan, places = case.run(n_threads, in_place=True)
    assert plan.twice[0] == place
    _expect_no_change(case, plan, places)


def _expect_no_change(case, plan, places):
    for place, numbers in zip(places, case.old):
        assert_array_equal(place, _between_traps(numbers))
    assert_array_equal(plan.indptr, plan.rows + np.uint64(1000))


@pytest.mark.parametrize("n_threads, failing", [(2, 0), (2, 1), (3, 2)])
def test_nothing_changes_when_a_thread_does_not_come(n_threads, failing):
    case, arguments = _as_many(), []

    def merge_or_fail(thread, n_threads, shared, *args):
        arguments[:] = args
        if thread == failing:
            raise MemoryError
        merge_connections(thread, n_threads, shared, *args)

    with pytest.raises(MemoryError):
        case.run(n_threads, in_place=True, function=merge_or_fail)
    plan, old, _, _ = arguments
    _expect_no_change(case, plan, [place.base for place in old])


@pytest.mark.parametrize("n_threads, failing", [(1, 0), (2, 0), (2, 1), (3, 2)])
def test_all_has_changed_when_a_thread_fails_after_the_merge(n_threads, failing):
    case, arguments = _as_many(), []

    def merge_and_fail(thread, n_threads, shared, *args):
        arguments[:] = args
        merge_connections(thread, n_threads, shared, *args)
        if thread == failing:
            raise MemoryError

    with pytest.raises(MemoryError):
        case.run(n_threads, in_place=True, function=merge_and_fail)
    plan, _, _, merged = arguments
    case.expect_twin(plan, [place.base for place in merged])


def test_all_merges_are_compiled_at_once():
    _as_many().run(2, 3, in_place=False)
    n_compiled = len(merge_connections.signatures)
    _as_many().run(2, 4, in_place=True)
    assert len(merge_connections.signatures) == n_compiled
