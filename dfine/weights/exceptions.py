"""What can go wrong with a checkpoint, and how it is said."""

from __future__ import annotations

from collections.abc import Sequence


class CheckpointError(ValueError):
    """A checkpoint that cannot be found, fetched, understood or written; the message says what to do, in a sentence."""


class OfflineError(CheckpointError):
    """A checkpoint that is not on this machine, and no network to fetch it over."""


def some(names: Sequence[str], count: int = 5) -> str:
    """The first few of many names, and how many more there are."""
    more = f" and {len(names) - count} more" if len(names) > count else ""
    return ", ".join(names[:count]) + more
