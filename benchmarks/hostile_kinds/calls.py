"""Values of calls of the page's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.hostile_kinds.base import ODD, Case
from dfine.page import shapes


def calls() -> Iterator[Case]:
    """Values of calls: a sentence, or nothing where they are fine; never an exception."""
    names = ("picture", "model", "threshold", "index", "query", "mass")
    odd = ODD | {
        "many values": [0] * 100,
        "a file of the server": {"path": "/etc/passwd"},
        "another's": {"path": "../x"},
    }
    odd |= {
        "a path of lists": {"path": ["a"]},
        "an address": {"url": "http://127.0.0.1:9/a.png"},
        "a long path": {"path": "/a" * 9_000},
    }
    for endpoint in sorted(shapes.PARAMETERS):
        for name, value in odd.items():
            yield Case("calls", f"/{endpoint}: {name}", _called(endpoint, value))
            for place in range(6):
                data = [None] * place + [value]
                yield Case("calls", f"/{endpoint}: {name} as value {place}", _called(endpoint, data))
                yield Case("calls", f"/{endpoint}: {name} as {names[place]}", _called(endpoint, {names[place]: value}))


def _called(endpoint: str, data: object) -> Callable[[Path], object]:
    def run(folder: Path) -> str | None:
        said = shapes.complaint(endpoint, data, folder)
        if said is not None:
            raise ValueError(said)
        return None

    return run
