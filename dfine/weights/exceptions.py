"""What can go wrong with a checkpoint, and how it is said."""

from __future__ import annotations

from collections.abc import Iterable


class CheckpointError(ValueError):
    """A checkpoint that cannot be found, fetched, understood or written; the message says what to do, in a sentence."""


class OfflineError(CheckpointError):
    """A checkpoint that is not on this machine, and no network to fetch it over."""


def some(names: Iterable[str], count: int = 5) -> str:
    """The first few of many names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
