"""The merge that carries a rewiring out, compiled: a layer changes as a whole or not.

Memory may run out wherever Python or NumPy works, and a layer changed by halves would
have weights beside the wrong inputs. So all memory is there before the merge begins,
and once all threads have come to its first barrier, nothing in it can fail.
"""

from typing import NamedTuple

import numpy as np

from sklearn_sparse_nn.engine.compilation import entry_point, inner
from sklearn_sparse_nn.engine.threads import barrier

# Steps of a merge. The first bit says that a new connection is taken and not an old
# one, the second that it is there afterwards.
_GO, _STAY, _BEGIN = np.uint8(0b00), np.uint8(0b10), np.uint8(0b11)


class MergePlan(NamedTuple):
    """Which connections of a layer are merged, and room to do so.

    Rows say where the connections of each neuron start, and at last where they end.
    They are unsigned, as numba looks whether a signed index counts from the end: moving
    the weights took twice as long.
    """

    rows: np.ndarray  # uint64, of the old connections
    new_rows: np.ndarray  # uint64, of the new ones alone
    merged_rows: np.ndarray  # uint64
    pruned: np.ndarray  # bool, which of the old connections go
    steps: np.ndarray  # uint8, one for each old and each new connection
    room: np.ndarray  # uint32, for all merged connections and one for each thread
    twice: np.ndarray  # int64, one new connection that is there already, or -1
    indptr: np.ndarray  # uint64, rows of the layer within its network
    n_arrays: int  # how many arrays are merged


@inner(inline="always")
def _find_steps(plan, first, last, inputs, new_inputs):
    """Write down how the connections of neurons `first` to `last` are merged."""
    one, m = np.uint64(1), plan.new_rows[first]
    for j in range(first, last):
        end = plan.new_rows[j + one]
        for k in range(plan.rows[j], plan.rows[j + one]):
            goes = plan.pruned[k]
            while m < end and new_inputs[m] <= inputs[k]:
                if new_inputs[m] == inputs[k] and not goes:
                    plan.twice[0] = m
                plan.steps[k + m] = _BEGIN
                m += one
            plan.steps[k + m] = _GO if goes else _STAY
        while m < end:
            plan.steps[plan.rows[j + one] + m] = _BEGIN
            m += one


@inner(inline="always")
def _merge_numbers(plan, first, last, old, new, n):
    """Merge what is beside the connections into the room, from place `n` on."""
    one, m, end = np.uint64(1), plan.new_rows[first], plan.rows[last]
    s = plan.rows[first] + m
    while s - m < end:
        step, number = np.uint64(plan.steps[s]), old[s - m]
        begins = step & one
        # No branch, as no processor would guess it. What goes is overwritten.
        plan.room[n] = number + (new[m] - number) * begins
        n += step >> one
        m += begins
        s += one
    for i in range(m, plan.new_rows[last]):
        plan.room[n] = new[i]
        n += one


@entry_point
def merge_connections(thread, n_threads, shared, plan, old, new, merged):
    """Change all that is beside the connections of a layer, and its rows; or nothing.

    Parameters
    ----------
    thread, n_threads, shared
        See `engine.threads`.
    plan : MergePlan
        If `twice` is set, nothing has changed.
    old, new, merged : tuple of ndarray of uint32
        What is beside the old connections; beside the new ones and one more, which is
        read in vain; and where what is beside the merged ones goes, which may be where
        the old is. Inputs come first.
    """
    n_neurons = len(plan.rows) - 1
    first = np.uint64(thread * n_neurons // n_threads)
    last = np.uint64((thread + 1) * n_neurons // n_threads)
    start, stop = plan.merged_rows[first], plan.merged_rows[last]
    # A connection that goes is written beyond a row's end, but in no other's room.
    shift, one = np.uint64(thread), np.uint64(1)
    _find_steps(plan, first, last, old[0], new[0])
    for turn in range(2 * plan.n_arrays):
        i = turn // 2
        if turn % 2 == 0:
            _merge_numbers(plan, first, last, old[i], new[i], start + shift)
        else:
            for n in range(start, stop):
                merged[i][n] = plan.room[n + shift]
        go_on = barrier(shared, n_threads, turn + 1)
        # After the first barrier, a thread can only fail when it is done.
        if turn == 0 and (not go_on or plan.twice[0] >= 0):
            return
    for j in range(first, last):
        plan.indptr[j + one] = plan.indptr[0] + plan.merged_rows[j + one]
