"""Whether a team of threads is worth it while others keep the processors busy.

Threads that meet at barriers wait for whichever of them has to wait for its processor.
Beside two busy processes on two processors, two threads take from 0.7 to 10 times as
long as one: it depends on how often they meet, and on luck. So it is tried. A thread
that waits at a barrier spins: on a processor of its own it is at work all the time, and
what it misses, others have had. Only then one thread works alone for a moment, and
whichever of the two got more done goes on.
"""

from time import perf_counter

# Seconds that are looked at before anything is concluded, and the share of them that
# the thread that got least may miss. Clocks of processors tick each 16 ms on Windows.
_WINDOW, _TOLERATED = 0.1, 0.25
# How many times as long as both sides of a trial took its outcome is trusted.
_TRUST = 20


class Crowding:
    """How much the teams of this process get done, together and alone.

    Parameters
    ----------
    clock : callable
        The time in seconds.

    Attributes
    ----------
    alone : bool
        Whether one thread is to work alone for now.
    """

    def __init__(self, clock=perf_counter):
        self._clock, self._trusted_until = clock, -float("inf")
        self.alone = self._on_trial = False
        self._rate_alone = self._rate_together = self._seconds_together = 0.0
        self._begin_window()

    def _begin_window(self):
        self._work = self._seconds = self._missed = 0.0

    def note(self, work, seconds, missed):
        """Note what a team, or one thread in its place, has done.

        Parameters
        ----------
        work : float
            How much, in any unit.
        seconds : float
            How long it took.
        missed : float
            For how much of it the thread that got least was not at work.
        """
        if self.alone and not self._on_trial:
            self.alone = self._clock() < self._trusted_until
            return
        self._work += work
        self._seconds += seconds
        self._missed += missed
        if self._seconds >= _WINDOW:
            self._conclude()
            self._begin_window()

    def _conclude(self):
        rate, now = self._work / self._seconds, self._clock()
        if self._on_trial:
            self._rate_alone, self._on_trial = rate, False
            seconds = self._seconds_together + self._seconds
            self._trusted_until = now + _TRUST * seconds
            self.alone = rate > self._rate_together
        elif self._missed > _TOLERATED * self._seconds:
            # Luck changes: each window is compared with the last trial.
            self._rate_together, self._seconds_together = rate, self._seconds
            self._on_trial = now >= self._trusted_until
            self.alone = self._on_trial or self._rate_alone > rate


crowding = Crowding()
