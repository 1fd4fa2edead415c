import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from sklearn_sparse_nn.engine.threads import ThreadTeam, barrier, shielded, take_next

N_TURNS = 200


@njit(nogil=True)
def _meet(thread, n_threads, shared, n_turns, turns, n_late):
    """At each turn, count the threads that have not come though the barrier is open."""
    for turn in range(n_turns):
        turns[thread] = turn + 1
        if not barrier(shared, n_threads, 2 * turn + 1):
            return
        for other in range(n_threads):
            n_late[thread] += turns[other] != turn + 1
        if not barrier(shared, n_threads, 2 * turn + 2):
            return


@njit(nogil=True)
def _share(thread, n_threads, shared, n_turns, n_pieces, takers):
    n_taken = 0
    for turn in range(n_turns):
        piece = take_next(shared, n_taken)
        while piece < n_pieces:
            takers[turn, piece, thread] += 1
            piece = take_next(shared, n_taken)
        n_taken += n_pieces + n_threads
        if not barrier(shared, n_threads, turn + 1):
            return


def _arrays(n):
    return np.zeros(n, dtype=np.int64), np.zeros(n, dtype=np.int64)


@pytest.mark.parametrize("n_threads", [1, 2, 3, 5])
def test_all_threads_meet_at_every_barrier(n_threads):
    turns, n_late = _arrays(n_threads)
    with ThreadTeam(n_threads) as team:
        team.run(_meet, N_TURNS, turns, n_late)
    assert (turns == N_TURNS).all()
    assert not n_late.any()


@pytest.mark.parametrize("n_threads", [1, 2, 3])
@pytest.mark.parametrize("n_pieces", [0, 1, 7])
def test_each_piece_of_work_is_taken_once(n_threads, n_pieces):
    takers = np.zeros((N_TURNS, n_pieces, n_threads), dtype=np.int64)
    with ThreadTeam(n_threads) as team:
        team.run(_share, N_TURNS, n_pieces, takers)
    assert (takers.sum(axis=2) == 1).all()


def test_a_team_runs_again_and_again():
    with ThreadTeam(2) as team:
        for _ in range(20):
            turns, n_late = _arrays(2)
            team.run(_meet, 5, turns, n_late)
            assert (turns == 5).all() and not n_late.any()


def test_one_thread_is_the_calling_one():
    callers = []
    with ThreadTeam(1) as team:
        team.run(lambda *args: callers.append(threading.get_ident()))
    assert callers == [threading.get_ident()]


@pytest.mark.parametrize("exception", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("n_threads, failing", [(1, 0), (2, 0), (2, 1), (3, 2)])
def test_an_exception_is_raised_and_stops_the_others(n_threads, failing, exception):
    shared_arrays, outcome = [], []
    turns, n_late = _arrays(n_threads)

    def fail_or_meet(thread, n_threads, shared):
        shared_arrays.append(shared)
        if thread == failing:
            raise exception("on purpose")
        _meet(thread, n_threads, shared, 1, turns, n_late)

    def run():
        try:
            with ThreadTeam(n_threads) as team:
                team.run(fail_or_meet)
        except exception as error:
            outcome.append(error)

    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    runner.join(timeout=5)
    hangs = runner.is_alive()
    # A thread that waits in compiled code forever would keep the processor busy.
    shared_arrays[0][:] = 2**40
    runner.join(timeout=5)
    assert not hangs
    assert [type(error) for error in outcome] == [exception]


def test_a_team_works_after_an_exception():
    def fail(thread, n_threads, shared):
        raise ValueError(f"thread {thread}")

    turns, n_late = _arrays(2)
    with ThreadTeam(2) as team:
        with pytest.raises(ValueError, match="thread"):
            team.run(fail)
        team.run(_meet, 5, turns, n_late)
    assert (turns == 5).all()


def test_teams_of_several_python_threads_do_not_disturb_each_other():
    results = [_arrays(2) for _ in range(4)]

    def run(turns, n_late):
        with ThreadTeam(2) as team:
            team.run(_meet, 50, turns, n_late)

    threads = [threading.Thread(target=run, args=arrays) for arrays in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for turns, n_late in results:
        assert (turns == 50).all() and not n_late.any()


def test_an_interrupt_waits_until_the_shield_is_gone():
    steps = []
    with pytest.raises(KeyboardInterrupt):
        with shielded():
            signal.raise_signal(signal.SIGINT)
            steps.append("inside")
        steps.append("after")
    assert steps == ["inside"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_exception_passes_the_shield():
    with pytest.raises(ValueError, match="here"), shielded():
        raise ValueError("here")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_ignored_interrupt_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with shielded():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_other_threads_need_no_shield():
    def work():
        with shielded():
            return 3

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == 3
