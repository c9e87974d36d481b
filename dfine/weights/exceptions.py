"""What can go wrong with a checkpoint, and how it is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dfine.data import texts


class CheckpointError(ValueError):
    """A checkpoint that cannot be found, fetched, understood or written; the message says what to do, in a sentence."""

    def __init__(self, message: str = ""):
        super().__init__(texts.brief(str(message)))


class OfflineError(CheckpointError):
    """A checkpoint that is not on this machine, and no network to fetch it over."""


@contextmanager
def refused(where: object = "") -> Iterator[None]:
    """What is wrong with a value (ValueError) as a `CheckpointError`, with the place where it stands before it."""
    try:
        yield
    except CheckpointError:
        raise
    except ValueError as error:
        raise CheckpointError(f"{where}: {error}" if where else str(error)) from None
