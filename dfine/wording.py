"""How many there are of something, in the words of a sentence."""

from __future__ import annotations

from collections.abc import Iterable


def counted(count: int, what: str, plural: str = "s") -> str:
    """How many there are of something: `1 class`, `24 classes`."""
    return f"{count:,} {what}{'' if count == 1 else plural}"


def some(names: Iterable[str], most: int = 5) -> str:
    """The first few of many names, and how many more there are."""
    names = list(names)
    return ", ".join(names[:most]) + more(len(names), most)


def more(count: int, most: int) -> str:
    """What follows the first `most` of `count` things in a sentence: " and 3 more", or "" where those are all."""
    return f" and {count - most:,} more" if count > most else ""
