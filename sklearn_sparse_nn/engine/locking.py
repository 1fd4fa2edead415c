"""A lock that processes share: a file, which the system locks for one of them.

However the process ends that holds it, the lock goes with it.
"""

import os
import time

try:
    import fcntl
except ImportError:  # Windows
    import msvcrt

_PAUSE = 0.05


class FileLock:
    """A lock of all processes that know a file.

    Parameters
    ----------
    path : str
        The file. It is made, in a folder that is there, and stays.
    """

    def __init__(self, path):
        self._path, self._file = path, None

    def acquire(self, seconds):
        """Wait for the lock, but not longer than so many seconds.

        Returns
        -------
        is_held : bool
            False, too, where files cannot be locked.
        """
        if self._file is not None:
            return True
        try:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            return False
        try:
            if _lock_within(seconds, file):
                self._file, file = file, None
        except OSError:  # a file system without locks
            pass
        finally:
            if file is not None:
                os.close(file)
        return self._file is not None

    def release(self):
        """Give the lock back, if it is held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _lock_within(seconds, file):
    end = time.monotonic() + seconds
    while not _lock(file):
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
    return True


def _lock(file):
    """Whether no other process has the lock."""
    try:
        if os.name == "nt":
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # the latter on Windows
        return False
    return True
