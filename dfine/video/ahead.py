"""Work done ahead by a thread, in memory that does not grow."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T], depth: int = 4, *, newest: bool = False) -> Iterator[T]:
    """The items, made by a thread that is at most `depth` of them ahead.

    With `newest` the thread never waits: it drops the oldest item instead, so that a slow reader of a camera gets the
    newest frame.
    """
    room, stop, end = queue.Queue(depth), threading.Event(), object()

    def put(item, wait: bool) -> None:
        while not stop.is_set():
            try:
                return room.put(item, block=wait, timeout=0.1)
            except queue.Full:
                if not wait:
                    _let_go(room)

    def work() -> None:
        last, source = end, iter(items)
        try:
            for item in source:
                put(item, not newest)
                if stop.is_set():
                    break
        except BaseException as error:  # raised again where the items are used
            last = error
        finally:
            # A generator closes here what it has open; its own end may come too late.
            getattr(source, "close", lambda: None)()
        put(last, True)

    thread = threading.Thread(target=work, name="decode", daemon=True)
    thread.start()
    try:
        while (item := room.get()) is not end:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def _let_go(room: queue.Queue) -> None:
    try:
        room.get_nowait()
    except queue.Empty:
        pass
