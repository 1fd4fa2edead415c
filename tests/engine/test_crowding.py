import numpy as np
import pytest
from numba import njit

from sklearn_sparse_nn.engine import threads
from sklearn_sparse_nn.engine.crowding import Crowding
from sklearn_sparse_nn.engine.threads import ThreadTeam

CALL = 0.01  # seconds


class Machine:
    """Calls of equal work, and how long they take together and alone."""

    def __init__(self):
        self.now = 0.0
        self.crowding = Crowding(lambda: self.now)

    def run(self, n_calls, together, alone, missed):
        """Return how many of the calls ran alone."""
        n_alone = 0
        for _ in range(n_calls):
            is_alone = self.crowding.alone
            seconds = alone if is_alone else together
            self.now += seconds
            self.crowding.note(1, seconds, 0.0 if is_alone else missed * seconds)
            n_alone += is_alone
        return n_alone


@pytest.mark.parametrize("missed", [0.0, 0.1, 0.2])
def test_a_team_of_a_quiet_machine_stays_together(missed):
    # However slow it is: one thread would not even be tried.
    assert Machine().run(10_000, together=CALL, alone=CALL / 5, missed=missed) == 0


@pytest.mark.parametrize("times", [1.5, 3, 10])
def test_a_team_in_a_crowd_does_not_take_much_longer_than_one_thread(times):
    machine, n = Machine(), 10_000
    n_alone = machine.run(n, together=times * CALL, alone=CALL, missed=0.5)
    assert n_alone > 0.9 * n
    assert machine.now < 1.3 * n * CALL


def test_a_team_that_gets_more_done_in_a_crowd_stays_together():
    machine, n = Machine(), 10_000
    n_alone = machine.run(n, together=CALL, alone=1.5 * CALL, missed=0.5)
    assert 0 < n_alone < 0.1 * n
    assert machine.now < 1.1 * n * CALL


def test_a_team_whose_luck_changes_is_left_at_once():
    machine = Machine()
    machine.run(100, together=CALL, alone=1.5 * CALL, missed=0.5)
    assert not machine.crowding.alone
    n_alone = machine.run(100, together=10 * CALL, alone=1.5 * CALL, missed=0.5)
    assert n_alone > 90


def test_a_team_comes_together_again_when_the_others_have_gone():
    machine = Machine()
    machine.run(1000, together=10 * CALL, alone=CALL, missed=0.5)
    assert machine.run(10_000, together=CALL / 2, alone=CALL, missed=0.0) < 500
    assert not machine.crowding.alone


def test_calls_of_any_length_count():
    machine = Machine()
    n_alone = machine.run(100, together=30.0, alone=3.0, missed=0.5)
    assert n_alone > 90
    assert machine.now < 1.3 * 100 * 3.0


@njit(nogil=True)
def _note(thread, n_threads, shared, seen):
    seen[thread] = n_threads


def test_a_team_in_a_crowd_is_one_thread(monkeypatch):
    crowding, seen = Crowding(), np.zeros(2, dtype=np.int64)
    monkeypatch.setattr(threads, "crowding", crowding)
    with ThreadTeam(2) as team:
        team.run(_note, seen)
        assert seen.tolist() == [2, 2]
        crowding.alone = True
        seen[:] = 0
        team.run(_note, seen)
        assert seen.tolist() == [1, 0]


class Recorder(Crowding):
    def __init__(self):
        super().__init__()
        self.noted = []

    def note(self, *values):
        self.noted.append(values)


@njit(nogil=True)
def _spin(thread, n_threads, shared, n_turns):
    total = 0.0
    for i in range(n_turns):
        total += np.sqrt(i)
    return total


def test_what_a_team_does_is_noted_but_what_it_compiles_is_not(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(threads, "crowding", recorder)
    with ThreadTeam(2) as team:
        team.run(_spin, 10, work=3)  # compiles
        assert not recorder.noted
        team.run(_spin, 10)  # nobody knows how much that is
        assert not recorder.noted
        team.run(_spin, 1_000_000, work=7)
        recorder.alone = True
        team.run(_spin, 1_000_000, work=8)
    (work, seconds, missed), (work_alone, _, missed_alone) = recorder.noted
    assert (work, work_alone, missed_alone) == (7, 8, 0.0)
    assert -0.01 <= missed <= seconds  # two clocks


def test_one_thread_notes_nothing(monkeypatch):
    recorder = Recorder()
    monkeypatch.setattr(threads, "crowding", recorder)
    with ThreadTeam(1) as team:
        for _ in range(3):
            team.run(_spin, 10, work=3)
    assert not recorder.noted
