"""What files look like from outside: whether any of them was touched, told without reading them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

LEFT_OUT = {"__pycache__"}


@dataclass(frozen=True)
class Stamp:
    """Some files and folders with everything in them, at one moment."""

    digest: str  # of all paths, sizes and times
    count: int  # of the files
    newest: int  # when the last of them, or of their folders, was changed: nanoseconds since 1970


def stamp(places: Iterable[str | Path]) -> Stamp:
    """The stamp of files and of folders with everything in them; what is not there counts as such.

    Of each file counts the path, the size, and when its content and its entry were changed, so that a copy that was
    given the old time back is another file. Of each folder counts only when its list of names was changed.
    """
    found, count, newest = sha256(), 0, 0
    for place in places:
        for path, status, is_file in _walked(str(place)):
            found.update(os.fsencode(path) + b"\0")
            if status is None:
                found.update(b"is not there\0")
                continue
            newest = max(newest, status.st_mtime_ns)
            times = (status.st_size, status.st_mtime_ns, status.st_ctime_ns) if is_file else ()
            found.update(repr(times).encode())
            count += is_file
    return Stamp(found.hexdigest(), count, newest)


def _walked(place: str, around: tuple[tuple[int, int], ...] = ()) -> Iterator[tuple[str, os.stat_result | None, bool]]:
    """A file, or a folder and everything in it, in the order of their names; links lead on, but not in circles."""
    try:
        status = os.stat(place)
    except OSError:
        yield place, None, False
        return
    is_folder = os.path.isdir(place)
    yield place, status, not is_folder
    here = (status.st_dev, status.st_ino)
    if not is_folder or here in around:
        return
    try:
        names = sorted(os.listdir(place))
    except OSError:
        yield place, None, False
        return
    for name in names:
        if name not in LEFT_OUT:
            yield from _walked(os.path.join(place, name), (*around, here))
