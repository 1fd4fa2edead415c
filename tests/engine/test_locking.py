import errno
import subprocess
import sys
import time

import pytest

from sklearn_sparse_nn.engine import locking
from sklearn_sparse_nn.engine.locking import FileLock

HOLD = """
import sys, time
from sklearn_sparse_nn.engine.locking import FileLock
lock = FileLock(sys.argv[1])
print(lock.acquire(10), flush=True)
time.sleep(600)
"""


def holder(path):
    """A process that holds the lock until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "True\n"
    return process


def test_a_lock_is_one_process_s_and_goes_with_it(tmp_path):
    path = tmp_path / "lock"
    process, lock = holder(path), FileLock(path)
    try:
        assert not lock.acquire(0.2)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert lock.acquire(10)
    lock.release()


def test_a_lock_is_waited_for(tmp_path):
    one, two = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert one.acquire(0)
    assert one.acquire(0)  # who holds it need not wait for itself
    start = time.monotonic()
    assert not two.acquire(0.3)
    assert time.monotonic() - start >= 0.3
    one.release()
    one.release()
    assert two.acquire(0)
    two.release()


def test_a_folder_without_room_for_a_lock_is_no_error(tmp_path):
    lock = FileLock(tmp_path / "missing" / "lock")
    assert not lock.acquire(10)
    lock.release()


@pytest.mark.skipif(not hasattr(locking, "fcntl"), reason="needs the locks of POSIX")
def test_a_file_system_without_locks_is_not_waited_for(tmp_path, monkeypatch):
    def refuse(*arguments):
        raise OSError(errno.ENOLCK, "no locks")

    monkeypatch.setattr(locking.fcntl, "flock", refuse)
    monkeypatch.setattr(locking.time, "sleep", pytest.fail)
    assert not FileLock(tmp_path / "lock").acquire(60)
