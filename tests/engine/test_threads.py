import dis
import functools
import gc
import itertools
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import warnings
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit

from sklearn_sparse_nn.engine import threads
from sklearn_sparse_nn.engine.threads import (
    Member,
    ThreadTeam,
    barrier,
    put_all_back,
    shielded,
    take_next,
)

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
    member = Member(thread, n_threads, shared)
    for turn in range(n_turns):
        put_all_back(member)
        if not barrier(shared, n_threads, 2 * turn + 1):
            return
        piece = take_next(shared)
        while piece < n_pieces:
            takers[turn, piece, thread] += 1
            piece = take_next(shared)
        if not barrier(shared, n_threads, 2 * turn + 2):
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


PATIENCE = 30  # seconds until something counts as hanging


class _Meeting:
    """A function whose threads meet five times, and who is at work in it."""

    def __init__(self, n_threads):
        self.turns, self.n_late = _arrays(n_threads)
        self.at_work = [False] * n_threads
        self.shared_arrays = []

    def __call__(self, thread, n_threads, shared):
        self.shared_arrays.append(shared)
        self.at_work[thread] = True
        try:
            _meet(thread, n_threads, shared, 5, self.turns, self.n_late)
        finally:
            self.at_work[thread] = False

    def release(self):
        for shared in self.shared_arrays:
            shared[:] = 2**40


def _bounded(work, meeting=None):
    """Run `work` on another thread, where it must not hang.

    Returns the type of what it raises: the exception itself would keep the team alive.
    """
    outcome = []

    def run():
        try:
            work()
        except BaseException as error:
            outcome.append(type(error))

    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    runner.join(PATIENCE)
    hangs = runner.is_alive()
    if meeting is not None:
        # A thread that waits in compiled code forever would keep the processor busy.
        meeting.release()
        runner.join(PATIENCE)
    assert not hangs
    return outcome[0] if outcome else None


def _bounded_test(test):
    @functools.wraps(test)
    def bounded(**fixtures):
        errors = []

        def work():
            try:
                test(**fixtures)
            except BaseException as error:
                errors.append(error)

        _bounded(work)
        if errors:
            raise errors[0]

    return bounded


def _come_true(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(1e-4)
    return True


def _all_ended(before):
    return _come_true(lambda: sys._current_frames().keys() <= before)


class _Interrupter:
    """A trace function that raises at one of the bytecodes of `engine/threads.py`.

    With `only_signals`, bytecodes count before which Python looks for signals.
    """

    def __init__(self, moment, exception=KeyboardInterrupt, only_signals=False):
        self.n_left, self.exception, self.only_signals = moment, exception, only_signals
        self.previous = {}

    def __call__(self, frame, event, arg):
        if frame.f_code.co_filename != threads.__file__:
            return None
        frame.f_trace_opcodes = True
        if event == "call" or (event == "opcode" and self._counts(frame)):
            self.n_left -= 1
            if self.has_raised:
                raise self.exception("on purpose")
        return self

    @property
    def has_raised(self):
        return self.n_left < 0

    def _counts(self, frame):
        name = dis.opname[frame.f_code.co_code[frame.f_lasti]]
        previous = self.previous.get(frame, "")
        self.previous[frame] = name
        return (
            not self.only_signals
            or previous.startswith("CALL")
            or name.startswith("JUMP_BACKWARD")
        )

    def begin(self, here=False):
        """Trace what is called from now on; with `here`, also what has called this."""
        self.previous_trace = sys.gettrace()
        sys.settrace(self)
        frame = sys._getframe() if here else None
        while frame is not None:
            if frame.f_code.co_filename == threads.__file__:
                frame.f_trace, frame.f_trace_opcodes = self, True
            frame = frame.f_back

    def end(self):
        sys.settrace(self.previous_trace)
        self.previous.clear()


def _live(n_threads, meeting):
    with ThreadTeam(n_threads) as team:
        team.run(meeting)
        team.run(meeting)


def _live_interrupted(n_threads, interrupter):
    """Live with an interrupt. Nobody may be at work after it, and a new team works."""
    meeting, again = _Meeting(n_threads), _Meeting(n_threads)

    def work():
        interrupter.begin()
        try:
            _live(n_threads, meeting)
        finally:
            interrupter.end()

    error = _bounded(work, meeting)
    assert not any(meeting.at_work)
    assert _bounded(lambda: _live(n_threads, again), again) is None
    assert (again.turns == 5).all() and not again.n_late.any()
    return error


@pytest.mark.filterwarnings("ignore:Only")
# Handlers of signals may raise what also says that a thread cannot start.
@pytest.mark.parametrize("exception", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("n_threads", [2, 3])
def test_an_interrupt_at_any_bytecode_leaves_no_helper(n_threads, exception):
    _live(n_threads, _Meeting(n_threads))
    before = set(sys._current_frames())
    for moment in itertools.count():
        interrupter = _Interrupter(moment, exception)
        error = _live_interrupted(n_threads, interrupter)
        assert error in (None, exception)
        assert _all_ended(before)
        if not interrupter.has_raised:
            break
    assert moment > 250


@_bounded_test
def test_an_interrupt_at_the_start_leaves_no_helper_though_it_is_kept(monkeypatch):
    start, before = threads.start_new_thread, set(sys._current_frames())

    def start_and_interrupt(*args):
        n_threads = len(sys._current_frames())
        start(*args)
        assert _come_true(lambda: len(sys._current_frames()) > n_threads)
        if n_threads > len(before):
            raise KeyboardInterrupt

    monkeypatch.setattr(threads, "start_new_thread", start_and_interrupt)
    with pytest.raises(KeyboardInterrupt) as kept, ThreadTeam(4):
        pass
    assert _all_ended(before)
    assert kept.traceback  # which leads to the team


class _FailingMeeting(_Meeting):
    """The caller raises while the helpers are on their way to the first meeting."""

    def __init__(self, n_threads, interrupter):
        super().__init__(n_threads)
        self.interrupter = interrupter

    def __call__(self, thread, n_threads, shared):
        if thread > 0:
            self.at_work[thread] = True
            time.sleep(0.02)
            super().__call__(thread, n_threads, shared)
            return
        assert _come_true(lambda: all(self.at_work[1:]))
        self.interrupter.begin(here=True)
        raise ValueError("the first one")


@pytest.mark.parametrize("n_threads", [2, 3])
def test_a_second_interrupt_leaves_no_helper(n_threads):
    before = set(sys._current_frames())
    for moment in itertools.count():
        interrupter = _Interrupter(moment, only_signals=True)
        meeting = _FailingMeeting(n_threads, interrupter)
        still_at_work = []

        def work(interrupter=interrupter, meeting=meeting, seen=still_at_work):
            team = ThreadTeam(n_threads)
            try:
                with team:
                    try:
                        team.run(meeting)
                    finally:
                        seen.extend(meeting.at_work)
            finally:
                interrupter.end()

        error = _bounded(work, meeting)
        assert still_at_work == [False] * n_threads
        assert error is (KeyboardInterrupt if interrupter.has_raised else ValueError)
        assert _all_ended(before)
        if not interrupter.has_raised:
            break
    assert moment > 5


@_bounded_test
def test_a_helper_that_comes_too_late_does_not_begin(monkeypatch):
    start, may_begin, callers = threads.start_new_thread, threading.Event(), []

    def start_late(function, args):
        start(lambda: may_begin.wait() and function(*args), ())

    def fail(thread, n_threads, shared):
        callers.append(thread)
        raise ValueError("on purpose")

    monkeypatch.setattr(threads, "start_new_thread", start_late)
    with ThreadTeam(3) as team:
        with pytest.raises(ValueError, match="on purpose"):
            team.run(fail)
        may_begin.set()
    assert callers == [0]


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers of POSIX")
@pytest.mark.parametrize("n_signals", [1, 4])
def test_signals_at_any_time_leave_no_helper(n_signals):
    script = f"""
        import random, signal, sys, time
        from numba import njit
        from sklearn_sparse_nn.engine import threads

        @njit(nogil=True)
        def meet(thread, n_threads, shared):
            for turn in range(5):
                if not threads.barrier(shared, n_threads, turn + 1):
                    return

        class Interrupt(BaseException):
            pass

        def in_team(frame):
            while frame is not None and frame.f_code.co_filename != threads.__file__:
                frame = frame.f_back
            return frame is not None

        def set_alarm(latest):
            signal.setitimer(signal.ITIMER_REAL, draw.uniform(2e-5, latest))

        def interrupt(number, frame):
            global n_left, n_raised
            if n_left:
                set_alarm(2e-4)
                if in_team(frame):
                    n_left, n_raised = n_left - 1, n_raised + 1
                    raise Interrupt

        def life(n_threads):
            with threads.ThreadTeam(n_threads) as team:
                team.run(meet)
                team.run(meet)

        n_left = n_raised = 0
        draw = random.Random(0)
        life(3)
        start = time.perf_counter()
        for _ in range(20):
            life(3)
        duration = (time.perf_counter() - start) / 20
        before = set(sys._current_frames())
        signal.signal(signal.SIGALRM, interrupt)
        for attempt in range(400):
            n_left = {n_signals}
            set_alarm(duration)
            try:
                while n_left == {n_signals}:
                    life(2 + attempt % 2)
            except Interrupt:
                pass
            n_left = 0
        end = time.monotonic() + {PATIENCE}
        while sys._current_frames().keys() - before and time.monotonic() < end:
            time.sleep(1e-3)
        life(3)
        print(n_raised, len(sys._current_frames().keys() - before))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    output = subprocess.check_output(command, text=True, timeout=4 * PATIENCE)
    n_raised, n_helpers_left = map(int, output.split())
    assert n_raised >= 400
    assert n_helpers_left == 0


@pytest.mark.parametrize("error", [RuntimeError, MemoryError])
@pytest.mark.parametrize("n_started", [0, 1, 2])
def test_threads_that_cannot_start_are_done_without(n_started, error, monkeypatch):
    start, n_left, meeting = threads.start_new_thread, [n_started], _Meeting(4)

    def start_some(*args):
        n_left[0] -= 1
        if n_left[0] < 0:
            raise error("can't start new thread")
        start(*args)

    monkeypatch.setattr(threads, "start_new_thread", start_some)
    before = set(sys._current_frames())
    with warnings.catch_warnings(record=True) as caught:
        assert _bounded(lambda: _live(4, meeting), meeting) is None
    message = f"Only {n_started + 1} of 4 threads could be started. The result is the"
    (warning,) = caught
    assert warning.category is RuntimeWarning and message in str(warning.message)
    assert warning.filename == __file__
    assert meeting.turns.tolist() == [5] * (n_started + 1) + [0] * (3 - n_started)
    assert not meeting.n_late.any()
    assert _all_ended(before)


@_bounded_test
def test_a_team_says_how_many_threads_it_has(monkeypatch):
    def fail(*args):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "start_new_thread", fail)
    numbers = []
    with pytest.warns(RuntimeWarning, match="Only 1 of 3"), ThreadTeam(3) as team:
        team.run(lambda thread, n_threads, shared: numbers.append(n_threads))
    assert numbers == [team.n_threads] == [1]


@pytest.mark.skipif(sys.platform != "linux", reason="needs the limits of Linux")
def test_a_system_without_threads_is_done_without():
    script = """
        import os, resource, sys, warnings
        from sklearn_sparse_nn.engine import threads

        with threads.ThreadTeam(2) as team:
            pass
        if os.getuid() == 0:  # who is not limited
            try:
                os.setuid(54321)
            except OSError:
                sys.exit("root cannot become somebody else")
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        numbers = []
        with warnings.catch_warnings(record=True) as caught:
            with threads.ThreadTeam(3) as team:
                team.run(lambda *args: numbers.append(args[:2]))
        print(numbers, caught[0].message)
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=4 * PATIENCE)
    if "somebody else" in done.stderr:
        pytest.skip(done.stderr)
    assert done.stdout.startswith("[(0, 1)] Only 1 of 3 threads")


@_bounded_test
def test_a_team_that_nobody_leaves_ends_its_helpers():
    before = set(sys._current_frames())
    team = ThreadTeam(3).__enter__()
    team.run(_Meeting(3))
    assert len(sys._current_frames().keys() - before) == 2
    del team
    assert _all_ended(before)


@pytest.mark.parametrize("enter", [False, True])
@_bounded_test
def test_a_team_without_helpers_runs_on_the_calling_thread(enter):
    team, numbers = ThreadTeam(3), []
    if enter:
        with team:
            pass
    team.run(lambda thread, n_threads, shared: numbers.append((thread, n_threads)))
    assert numbers == [(0, 1)]


@_bounded_test
def test_a_team_can_be_entered_again():
    team, before = ThreadTeam(3), set(sys._current_frames())
    for meeting in (_Meeting(3), _Meeting(3)):
        with team:
            team.run(meeting)
        assert (meeting.turns == 5).all()
    team.__enter__()
    with team:
        team.run(again := _Meeting(3))
    assert (again.turns == 5).all()
    assert _all_ended(before)


def test_teams_may_be_nested():
    outer, inner = _Meeting(3), [_Meeting(2) for _ in range(3)]

    def nested(thread, n_threads, shared):
        _live(2, inner[thread])
        outer(thread, n_threads, shared)

    assert _bounded(lambda: _live(3, nested), outer) is None
    for meeting in [outer, *inner]:
        assert (meeting.turns == 5).all() and not meeting.n_late.any()


@pytest.mark.parametrize("failing", [0, 1, None])
@_bounded_test
def test_a_waiting_helper_keeps_nothing_in_memory(failing):
    class Thing:
        pass

    def work(thread, n_threads, shared, thing):
        if thread == failing:
            raise ValueError("on purpose")

    gc.disable()
    try:
        with ThreadTeam(2) as team:
            thing = Thing()
            watcher = weakref.ref(thing)
            try:
                team.run(work, thing)
            except ValueError:
                assert failing is not None
            del thing
            assert _come_true(lambda: watcher() is None)
    finally:
        gc.enable()


@_bounded_test
def test_the_first_of_several_exceptions_is_raised():
    def fail(thread, n_threads, shared):
        if thread > 0:
            raise ValueError(f"thread {thread}")
        _come_true(lambda: shared[threads._STOPPED])

    with ThreadTeam(2) as team, pytest.raises(ValueError, match="thread 1"):
        team.run(fail)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@_bounded_test
def test_a_forked_child_has_no_helpers_and_does_not_wait_for_them():
    numbers = []
    with ThreadTeam(3) as team:
        child = os.fork()
        team.run(lambda thread, n_threads, shared: numbers.append(thread))
    if child == 0:
        os._exit(0 if numbers == [0] else 1)
    status = []

    def has_ended():
        process, result = os.waitpid(child, os.WNOHANG)
        status.append(result)
        return process == child

    ended = _come_true(has_ended)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert ended and status[-1] == 0
    assert sorted(numbers) == [0, 1, 2]
