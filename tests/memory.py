import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import pytest

_PEAK = """
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def peak_memory(script):
    """Bytes that a script takes at its peak, in a process of its own.

    `ru_maxrss` would not do: a process inherits it from the one that started it.
    """
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process is read from /proc")
    command = [sys.executable, "-c", textwrap.dedent(script) + _PEAK]
    root = Path(__file__).parents[1]  # for scripts that import from `tests`
    output = subprocess.check_output(command, cwd=root, text=True, timeout=300)
    return 1024 * int(output)


class Peak:
    """Most bytes at a time since it began, those that were there before left out."""

    def __enter__(self):
        tracemalloc.start()
        return self

    def bytes(self):
        return tracemalloc.get_traced_memory()[1]

    def __exit__(self, *exception):
        tracemalloc.stop()
