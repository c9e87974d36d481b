"""What hostile cases of all kinds share: the odd values, and runs that write a file and read it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ODD = {
    "nothing": None,
    "yes": True,
    "minus one": -1,
    "zero": 0,
    "10^12": 10**12,
    "10^400": 10**400,
    "half": 0.5,
    "1e308": 1e308,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "no text": "",
    "a long text": "x" * 100_000,
    "half a letter": "\ud800",
    "a path": "../../etc/passwd",
    "a null byte": "a\0b",
    "an empty list": [],
    "an empty table": {},
    "lists in lists": [[[[]]]],
    "a table in a list": [{"a": [1]}],
}


class Case(NamedTuple):
    """One input.

    Attributes:
        kind: what is read.
        name: what is wrong with it.
        run: reads it in an empty folder.
        refused: whether it must be refused.
    """

    kind: str
    name: str
    run: Callable[[Path], object]
    refused: bool = False


def written(name: str, data: bytes, reads: Callable[[Path], object]) -> Callable[[Path], object]:
    """A run that writes a file and reads it."""

    def run(folder: Path) -> object:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return reads(path)

    return run


def as_json(value: object) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def changed(value: dict) -> Iterator[tuple[str, dict]]:
    """A structure with each value in turn, however deep, replaced by each odd one, and left out."""
    for path in list(_paths(value)):
        for name, odd in ODD.items():
            yield f"{'.'.join(map(str, path))}: {name}", _with(value, path, odd)
        yield f"{'.'.join(map(str, path))}: missing", _with(value, path)


def _paths(value: object, before: tuple = ()) -> Iterator[tuple]:
    keys = value if isinstance(value, dict) else range(min(1, len(value))) if isinstance(value, list) else ()
    for key in keys:
        yield (*before, key)
        yield from _paths(value[key], (*before, key))


def _with(value: dict, path: tuple, *odd: object) -> dict:
    value = copy.deepcopy(value)
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if odd:
        inner[path[-1]] = odd[0]
    else:
        del inner[path[-1]]
    return value
