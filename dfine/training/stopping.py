"""A run is asked to stop by a signal: it ends after a whole step, whatever becomes of the loader's workers."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator

CHILD = getattr(signal, "SIGCHLD", None)  # a child process has ended; Windows has no such signal


class Interrupted(SystemExit):
    """Training was asked to stop, and has saved its state."""


@contextlib.contextmanager
def on_signals(handler: Callable) -> Iterator[None]:
    """Call `handler` on SIGTERM and SIGINT (Ctrl-C), where signals can be caught: in the main thread."""
    with _handled(dict.fromkeys((signal.SIGTERM, signal.SIGINT), handler)):
        yield


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Let nothing break in because a child process has ended; what is raised about that is raised behind the block.

    A signal to the whole process group ends the loader's workers, too, and torch says so wherever the main thread is.
    """
    told = signal.getsignal(CHILD) if CHILD else None
    if not callable(told):
        yield
        return
    ended: list[tuple] = []
    with _handled({CHILD: lambda *about: ended.append(about)}):
        yield
    if ended:
        told(*ended[-1])


@contextlib.contextmanager
def _handled(handlers: dict[int, Callable]) -> Iterator[None]:
    """Handle signals so in the block; not outside of the main thread, where nobody can."""
    try:
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
