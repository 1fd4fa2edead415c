"""Our own threads: nogil kernels that meet at an atomic barrier.

Numba's `parallel=True` aborts the process when two Python threads enter it. Here the
caller is thread 0 and helpers from a `ThreadPoolExecutor` are the others; each runs the
same compiled function for many mini-batches and meets the others at `barrier`, a
spinning counter in shared memory that needs no Python.
"""

import ctypes
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from sklearn_sparse_nn.engine.compilation import inner

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


@inner(inline="always")
def take_next(shared, n_taken_before):
    """Take the next piece of work that no other thread has taken.

    Parameters
    ----------
    shared : ndarray of int64
        The array that `run` gives to every thread.
    n_taken_before : int
        Number of calls of all threads before the work at hand.

    Returns
    -------
    piece : int
        0, 1, 2, …: each goes to one thread.
    """
    return _atomic_add(shared, _TAKEN, 1) - n_taken_before


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


class ThreadTeam:
    """Threads that run one compiled function together.

    Parameters
    ----------
    n_threads : int
        Number of threads, the calling one included. With 1, no thread is started.
    """

    def __init__(self, n_threads):
        self.n_threads = n_threads

    def __enter__(self):
        self._helpers = (
            ThreadPoolExecutor(self.n_threads - 1) if self.n_threads > 1 else None
        )
        return self

    def __exit__(self, *exception):
        if self._helpers is not None:
            self._helpers.shutdown()

    def run(self, function, *args):
        """Call `function(thread, n_threads, shared, *args)` on every thread.

        When one of the calls raises, or the user interrupts, the others stop at their
        next `barrier`.
        """
        shared = np.zeros(_N_SLOTS, dtype=np.int64)
        if self.n_threads == 1:
            function(0, 1, shared, *args)
            return

        def call(thread):
            try:
                function(thread, self.n_threads, shared, *args)
            except BaseException:
                shared[_STOPPED] = 1
                raise

        futures = [
            self._helpers.submit(call, thread) for thread in range(1, self.n_threads)
        ]
        try:
            call(0)
        finally:
            wait(futures)
        for future in futures:
            future.result()
