"""A lent GPU where there is one; elsewhere functions stay as they are."""

from types import SimpleNamespace

from dfine.page import zerogpu


def double(value):
    return 2 * value


def test_without_a_lender_nothing_changes(monkeypatch):
    monkeypatch.setattr(zerogpu, "spaces", None)
    assert zerogpu.gpu(double) is double


def test_a_lender_is_told_how_long_it_takes(monkeypatch):
    asked = []

    def lend(duration):
        asked.append(duration)
        return lambda fn: lambda *given: ("lent", fn(*given))

    monkeypatch.setattr(zerogpu, "spaces", SimpleNamespace(GPU=lend))
    assert zerogpu.gpu(double)(4) == ("lent", 8) and zerogpu.gpu(double, 30)(1) == ("lent", 2)
    assert asked == [15, 30]
