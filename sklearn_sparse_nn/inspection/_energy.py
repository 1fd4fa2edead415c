"""Energy that the processors take, where the machine tells it."""

import threading
import time
from pathlib import Path
from typing import Self

# Where Linux shows the counters of the processors (RAPL), in microjoules.
_ROOT = Path("/sys/class/powercap")
# Seconds between two looks: a counter begins again after some minutes at full load.
_PAUSE = 20


class EnergyMeter:
    """Measure seconds, and the energy that the processors take meanwhile.

    Use it as a context. Energy is that of all processors of the machine, for whatever
    runs on them; neither memory nor anything else counts. It comes from the RAPL
    counters, as Linux shows them for processors of Intel and AMD. Often only root may
    read them, and virtual machines have none.

    Attributes
    ----------
    seconds : float
        How long the context took.
    joules : float or None
        Energy of the processors. None where the machine does not tell.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_sparse_nn import SETClassifier
    >>> from sklearn_sparse_nn.inspection import EnergyMeter
    >>> X, y = load_digits(return_X_y=True)
    >>> with EnergyMeter() as meter:
    ...     clf = SETClassifier((100,), max_iter=5).fit(X / 16, y)
    >>> meter.seconds > 0
    True
    >>> meter.joules is None or meter.joules > 0
    True
    """

    seconds: float
    joules: float | None

    def __enter__(self) -> Self:
        self.seconds = self.joules = None  # type: ignore[assignment]
        self._counters = _counters()
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._look_again, daemon=True)
        if self._counters:
            self._watch.start()
        self._start = time.perf_counter()
        return self

    def __exit__(self, *exception: object) -> None:
        self.seconds = time.perf_counter() - self._start
        self._over.set()
        if self._counters:
            self._watch.join()
            self._look()
            sums = [each.joules for each in self._counters]
            self.joules = None if None in sums else sum(sums)

    def _look_again(self):
        while not self._over.wait(_PAUSE):
            self._look()

    def _look(self):
        for counter in self._counters:
            counter.look()


class _Counter:
    """The counter of one processor, which begins again at its end."""

    def __init__(self, folder):
        self._file = folder / "energy_uj"
        self._end = int((folder / "max_energy_range_uj").read_text())
        self._last, self._sum = self._read(), 0

    def _read(self):
        return int(self._file.read_text())

    def look(self):
        """Add what has come since the last look."""
        try:
            now = self._read()
        except (OSError, ValueError):  # it has become unreadable
            self._sum = None
            return
        if self._sum is not None:
            self._sum += (now - self._last) % (self._end + 1)
            self._last = now

    @property
    def joules(self):
        """Energy so far, or None."""
        return None if self._sum is None else self._sum / 1e6


def _counters():
    """The counters of all processors; none if one cannot be read."""
    try:
        folders = [
            folder
            for folder in sorted(_ROOT.glob("*-rapl:*"))
            if (folder / "name").read_text().startswith("package")
        ]
        return [_Counter(folder) for folder in folders]
    except (OSError, ValueError):
        return []
