"""What all tests need."""

import signal

import pytest


@pytest.fixture(scope="session", autouse=True)
def interrupts_raise():
    """Let interrupts raise, which they do not in a job in the background of a shell."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
