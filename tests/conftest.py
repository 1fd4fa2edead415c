"""What all tests need."""

import signal

import pytest
from hypothesis import settings

from sklearn_sparse_nn.engine import threads
from sklearn_sparse_nn.engine.crowding import Crowding

# How long an example takes says nothing where others keep the machine busy.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session", autouse=True)
def interrupts_raise():
    """Let interrupts raise, which they do not in a job in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


class _NotCrowded(Crowding):
    """A machine where no other process takes a processor from a team."""

    def note(self, *args):
        pass


@pytest.fixture(scope="session", autouse=True)
def never_alone():
    """Other tests keep the machine busy: no reason for a team to be one thread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "crowding", _NotCrowded())
        yield
