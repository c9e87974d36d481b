"""Signals: who is asked to stop, and that nothing breaks into a step."""

import os
import signal
import subprocess
import threading

import pytest

from dfine.training.stopping import on_signals, undisturbed


def test_signals_go_to_the_handler_inside_and_to_the_earlier_one_again_behind():
    before, seen = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)], []
    with on_signals(lambda number, _frame: seen.append(number)):
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert seen == [signal.SIGTERM, signal.SIGINT]
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)] == before


@pytest.fixture
def raised():
    """A handler as torch's, which raises when a child process has ended; what it was called for."""
    calls = []

    def handler(*about):
        calls.append(about)
        raise RuntimeError("a worker has ended")

    before = signal.signal(signal.SIGCHLD, handler)
    yield calls
    signal.signal(signal.SIGCHLD, before)


def test_a_process_that_ends_is_told_of_behind_the_block(raised):
    done = []
    with pytest.raises(RuntimeError, match="a worker has ended"):
        with undisturbed():
            subprocess.run(["true"], check=True)
            done.append("whole")
    assert done == ["whole"] and len(raised) == 1
    with undisturbed():
        pass
    assert len(raised) == 1
    with pytest.raises(RuntimeError, match="a worker has ended"):
        subprocess.run(["true"], check=True)


def test_an_error_inside_comes_first(raised):
    with pytest.raises(KeyError):
        with undisturbed():
            subprocess.run(["true"], check=True)
            raise KeyError
    assert raised == []


def test_other_threads_catch_nothing(raised):
    done = []

    def work():
        with on_signals(print), undisturbed():
            done.append("whole")

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == ["whole"]
