"""Paths as people give them, and as they are printed and written."""

from __future__ import annotations

import codecs
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/")  # a path joins its slashes; one letter is a drive of Windows


def at_home(path: str | os.PathLike) -> Path:
    """A path with the home folder in the place of a leading `~`, which no shell has replaced where a program gave it.

    What is called like nobody's home folder stays: a file may begin with a `~`.
    """
    return Path(os.path.expanduser(path))


def around(pictures: Iterable[str | os.PathLike]) -> Path:
    """The folder around all pictures; of none, the one that a program runs in.

    Raises:
        ValueError: there is none: they lie on several drives of Windows, or some paths are relative and others not.
    """
    folders = sorted({os.path.dirname(path) for path in pictures})
    try:
        return Path(os.path.commonpath(folders)) if folders else Path()
    except ValueError:
        apart = {(os.path.splitdrive(folder)[0], os.path.isabs(folder)): folder for folder in folders}
        raise ValueError(
            f"no folder is around all pictures: they lie in {' and in '.join(apart.values())}; bring them together"
        ) from None


def shown(path: str | Path) -> str:
    """A path as text that can be printed and written: bytes of its name that are not UTF-8 become escapes."""
    return str(path).encode("utf-8", "backslashreplace").decode("utf-8")


def as_json(content: object, *, indent: int | None = None, out: TextIO | None = None) -> str:
    """Plain values as JSON text that UTF-8 can hold, or that a stream `out` can: pipes of Windows have other encodings.

    Names of files may hold bytes that are not UTF-8. They become JSON's own escapes, from which `json.loads` and
    `os.fsencode` give the same bytes again; for a stream that is not UTF-8 so does all that is not ASCII.
    """
    other = out is not None and codecs.lookup(out.encoding or "utf-8").name != "utf-8"
    return shown(json.dumps(content, ensure_ascii=other, indent=indent))
