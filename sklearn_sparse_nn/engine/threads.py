"""Our own threads: nogil kernels that meet at an atomic barrier.

Numba's `parallel=True` aborts the process when two Python threads enter it. Here the
caller is thread 0 and helpers are the others; each runs the same compiled function for
many mini-batches and meets the others at `barrier`, a spinning counter in shared memory
that needs no Python.

An interrupt by the user, or another exception, may come between any two bytecodes of
the caller, but never within compiled or C code. What must not be cut in two is one call
of such code.
"""

import ctypes
import os
import signal
import threading
import weakref
from _thread import allocate_lock, start_new_thread
from contextlib import contextmanager
from queue import SimpleQueue
from time import perf_counter, thread_time
from typing import NamedTuple

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.crowding import crowding
from sklearn_sparse_nn.engine.warning import warn_user

_YIELD = "sklearn_sparse_nn_yield"
if os.name == "nt":
    _yield = ctypes.windll.kernel32.SwitchToThread
else:
    _yield = ctypes.CDLL(None).sched_yield
# Compiled code, cached on disk too, finds the function of this process by name.
llvm.add_symbol(_YIELD, ctypes.cast(_yield, ctypes.c_void_p).value)

# Slots of the shared array, in cache lines of their own.
_ARRIVED, _TAKEN, _STOPPED, _N_SLOTS = 0, 16, 32, 48
_SPINS = 2000

# Functions that have run in this process. The first time, threads wait for a compiler.
_known = set()


def _element(context, builder, signature, args):
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.gep(array.data, [args[1]])


@intrinsic
def _atomic_add(typing_context, array, index, value):
    def code(context, builder, signature, args):
        address = _element(context, builder, signature, args)
        return builder.atomic_rmw("add", address, args[2], "seq_cst")

    return types.int64(array, types.intp, types.int64), code


@intrinsic
def _atomic_load(typing_context, array, index):
    def code(context, builder, signature, args):
        address = _element(context, builder, signature, args)
        return builder.load_atomic(address, "seq_cst", 8)

    return types.int64(array, types.intp), code


@intrinsic
def _yield_processor(typing_context):
    def code(context, builder, signature, args):
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.IntType(32), []), _YIELD
        )
        builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), code


class Member(NamedTuple):
    """One thread of a team: its number, how many there are, and where they meet."""

    thread: int
    n_threads: int
    shared: np.ndarray


@inner
def barrier(shared, n_threads, n_meetings):
    """Wait until all threads have come to their meeting number `n_meetings`.

    Parameters
    ----------
    shared : ndarray of int64
        The array that `run` gives to every thread.
    n_threads : int
        Number of threads that meet.
    n_meetings : int
        1 at the first barrier of a run, 2 at the second, and so on.

    Returns
    -------
    go_on : bool
        False when a thread has failed and the others should return.
    """
    if n_threads == 1:
        return True
    _atomic_add(shared, _ARRIVED, 1)
    spins = 0
    while _atomic_load(shared, _ARRIVED) < n_threads * n_meetings:
        if _atomic_load(shared, _STOPPED):
            return False
        spins += 1
        # The other thread may be waiting for this very processor.
        if spins > _SPINS:
            _yield_processor()
    return True


@inner
def take_next(shared):
    """Take the next piece of work that no other thread has taken: 0, 1, 2, …"""
    return _atomic_add(shared, _TAKEN, 1)


@inner
def put_all_back(member):
    """Begin at piece 0 again. No thread may take any between the barriers around it."""
    if member.thread == 0:
        member.shared[_TAKEN] = 0


@contextmanager
def shielded():
    """A context that an interrupt of the user does not cut in two: it comes after it.

    Python interrupts its main thread alone, so that elsewhere nothing is to be done.
    """
    interrupts = []
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or handler is None:
        yield
        return
    signal.signal(signal.SIGINT, lambda *interrupt: interrupts.append(interrupt))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if interrupts and callable(handler):
            handler(*interrupts[0])


@entry_point
def _wait_until_idle(working):
    """Wait for helpers at work, to the end: no interrupt gets into compiled code."""
    for i in range(len(working)):
        while _atomic_load(working, i):
            _yield_processor()


class _Job:
    """One call of `ThreadTeam.run`, and how far the helpers are with it."""

    def __init__(self, function, n_threads, args):
        self.function, self.n_threads, self.args = function, n_threads, args
        self.shared = np.zeros(_N_SLOTS, dtype=np.int64)
        self.working = np.zeros(n_threads, dtype=np.int64)
        self.errors = [None] * n_threads
        self.missed = [0.0] * n_threads
        self.unfinished = [allocate_lock() for _ in range(1, n_threads)]
        for lock in self.unfinished:
            lock.acquire()

    def call(self, thread):
        start, work = perf_counter(), thread_time()
        self.function(thread, self.n_threads, self.shared, *self.args)
        self.missed[thread] = perf_counter() - start - (thread_time() - work)

    def help(self, thread):
        """Call the function on a helper, unless the caller has given up."""
        self.working[thread] = 1
        try:
            # Not before `working` is set: the caller looks at it after it has stopped
            # the job, and then no helper may begin unseen.
            if not self.shared[_STOPPED]:
                self.call(thread)
        except BaseException as error:
            self.shared[_STOPPED] = 1
            self.errors[thread] = error
        finally:
            self.working[thread] = 0
            self.unfinished[thread - 1].release()


class _Helper(NamedTuple):
    jobs: SimpleQueue
    present: object  # a lock, free when the helper is gone


def _help(thread, helper, end):
    """Run jobs on a helper until it is given something else.

    `end` is a weak reference to the team. It has to live as long as the helper.
    """
    try:
        while isinstance(job := helper.jobs.get(), _Job):
            job.help(thread)
            # What the job holds should not stay in memory until the next one comes.
            del job
    finally:
        helper.present.release()


class ThreadTeam:
    """Threads that run one compiled function together.

    It is a context: the helpers start when it is entered and end when it is left. When
    an exception prevents even that, they end when the team is collected.

    Parameters
    ----------
    n_threads : int
        Number of threads, the calling one included. With 1, no thread is started.

    Attributes
    ----------
    n_threads : int
        Number of threads. Less than asked for, after a warning, if the system has no
        more to give.
    """

    def __init__(self, n_threads):
        self.n_threads = n_threads
        self._helpers = []

    def __enter__(self):
        if self.n_threads > 1:
            try:
                self._start_helpers()
            except BaseException:
                self._dismiss_helpers()
                raise
        return self

    def __exit__(self, *exception):
        helpers = self._present_helpers()
        self._dismiss_helpers()
        for helper in helpers:
            helper.present.acquire()

    def _start_helpers(self):
        self._dismiss_helpers()
        # Compiled by now: the first call, with much Python, could be interrupted.
        _wait_until_idle(np.zeros(1, dtype=np.int64))
        self._process = os.getpid()
        for thread in range(1, self.n_threads):
            helper = _Helper(SimpleQueue(), allocate_lock())
            helper.present.acquire()
            # The collection of the team calls `put`, which is made for this use.
            end = weakref.ref(self, helper.jobs.put)
            self._helpers.append(helper)
            try:
                # An interrupt of `threading.Thread.start` may leave locks behind that
                # block the new thread for ever.
                start_new_thread(_help, (thread, helper, end))
            except (RuntimeError, MemoryError):
                self._helpers.pop()
                self._go_on_with(thread)
                return

    def _go_on_with(self, n_threads):
        asked, self.n_threads = self.n_threads, n_threads
        warn_user(
            f"Only {n_threads} of {asked} threads could be started. The result is the "
            "same, but takes longer.",
            RuntimeWarning,
        )

    def _dismiss_helpers(self):
        for helper in self._helpers:
            helper.jobs.put(None)
        self._helpers = []

    def _present_helpers(self):
        """The helpers. A child process that has been forked has none."""
        return self._helpers if self._helpers and self._process == os.getpid() else []

    def run(self, function, *args, work=0):
        """Call `function(thread, n_threads, shared, *args)` on every thread.

        Where `crowding` says so, only the calling thread works, as if it were the only
        one. It learns from how long it takes to do a known amount of `work`, in any
        unit; 0 if it is not known.

        When one of the calls raises, or the user interrupts, the others stop at their
        next `barrier`. None of them is still at work when this returns or raises.
        """
        helpers = self._present_helpers()
        start, missed = perf_counter(), 0.0
        if helpers and not crowding.alone:
            missed = self._run_together(helpers, function, args)
        else:
            function(0, 1, np.zeros(_N_SLOTS, dtype=np.int64), *args)
        if helpers and work:
            if function in _known:
                crowding.note(work, perf_counter() - start, missed)
            _known.add(function)

    def _run_together(self, helpers, function, args):
        """Return for how long the thread that got least was not at work."""
        job = _Job(function, len(helpers) + 1, args)
        try:
            for helper in helpers:
                helper.jobs.put(job)
            job.call(0)
            for lock in job.unfinished:
                lock.acquire()
        except BaseException:
            # Python looks for further signals after the next call, not before it.
            job.shared[_STOPPED] = 1
            _wait_until_idle(job.working)
            raise
        errors = [error for error in job.errors if error is not None]
        # A traceback leads to the job: an error that stays in it would be a cycle.
        job.errors.clear()
        if errors:
            raise errors.pop(0)
        return max(job.missed)
