"""Work done ahead by a thread: in order, never far ahead, ended when nobody reads on."""

import threading

import pytest

from dfine.video.ahead import ahead


def test_ahead_of_nothing():
    assert list(ahead([])) == []


def test_ahead_keeps_order_and_raises_what_went_wrong():
    def items():
        yield from range(20)
        raise OSError("the end")

    seen = []
    with pytest.raises(OSError, match="the end"):
        for item in ahead(items(), 3):
            seen.append(item)
    assert seen == list(range(20))


def test_ahead_is_never_further_than_its_depth():
    made, used = [], 0
    for _ in ahead((made.append(i) for i in range(50)), 4):
        used += 1
        assert len(made) <= used + 4 + 1, "those waiting, and the one that finds no room"
    assert used == 50


def test_leaving_early_ends_the_thread_and_closes_what_it_reads():
    closed = threading.Event()

    def items():
        try:
            yield from range(1000)
        finally:
            closed.set()

    before = set(threading.enumerate())
    walk = ahead(items(), 2)
    assert next(walk) == 0
    walk.close()
    assert closed.is_set()
    assert set(threading.enumerate()) <= before


def test_the_newest_item_is_taken_where_nobody_may_wait():
    go, made = threading.Event(), threading.Event()

    def items():
        yield 0
        go.wait(60)
        yield from range(1, 100)
        made.set()

    walk = ahead(items(), 1, newest=True)
    assert next(walk) == 0
    go.set()
    assert made.wait(60)
    assert list(walk) == [99]
