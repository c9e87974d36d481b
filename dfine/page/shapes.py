"""What callers of the public endpoints send, checked before it is used: a sentence for every wrong shape."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

DEEP = "it nests lists more deeply than any call here"
PICTURE = 'send the picture to /gradio_api/upload first, and give {"path": …} with the path that it answers'

Check = Callable[[object, Path], str | None]  # (value, folder of uploads) -> what is wrong with it


def _picture(value: object, uploads: Path) -> str | None:
    if value is None:
        return "a picture is needed; send a file"
    path = value.get("path") if isinstance(value, dict) else None
    if not _may_be_path(path):
        return f"the picture is {_shown(value)}; {PICTURE}"
    there = file_in(uploads, path)
    return None if there else f"there is no uploaded picture {_shown(Path(path).name)}; {PICTURE}"


def file_in(folder: Path, path: object) -> Path | None:
    """A file that lies in a folder, by a path that anybody may have sent; None for anything else.

    What does not begin with the folder is not even looked at: on Windows a path may name another machine, which would
    then be told who asks.
    """
    if not _may_be_path(path):
        return None
    try:
        home, place = folder.resolve(), Path(os.path.abspath(path))
        if not any(place.is_relative_to(begins) for begins in (home, os.path.abspath(folder))):
            return None
        place = place.resolve()
        return place if place.is_relative_to(home) and place.is_file() else None
    except (OSError, RuntimeError, ValueError):  # too long, or a link to itself
        return None


def _may_be_path(value: object) -> bool:
    return isinstance(value, str) and bool(value) and "\0" not in value and len(value) <= 4096


def _text(value: object, _: Path) -> str | None:
    short = value is None or (isinstance(value, str) and len(value) <= 500)
    return None if short else f"the model is {_shown(value)}, not the name of one; /models lists them"


def _number(name: str, low: float, high: float, whole: bool = False) -> Check:
    kind = "a whole number" if whole else "a number"

    def check(value: object, _: Path) -> str | None:
        if value is None:
            return None
        number = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(_small(value))
        if number and low <= value <= high and not (whole and value != int(value)):
            return None
        return f"{name} is {_shown(value)}, not {kind} from {low:g} to {high:g}"

    return check


def _small(value: float) -> float:
    """The number, or infinity where it is a whole number that no float can be."""
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _shown(value: object) -> str:
    said = repr(value) if isinstance(value, (str, int, float, bool)) and len(str(value)[:61]) <= 60 else ""
    return said or {dict: "a table of values", list: "a list", str: "a long text", int: "a long number"}.get(
        type(value), type(value).__name__
    )


MODEL, INDEX = _text, _number("index", 0, 1e6, whole=True)
PARAMETERS: Mapping[str, Mapping[str, Check]] = {  # of each public endpoint, in order
    "detect": {"picture": _picture, "model": MODEL, "threshold": _number("threshold", 0, 1)},
    "inspect": {
        "picture": _picture,
        "model": MODEL,
        "index": INDEX,
        "query": _number("query", 0, 1e6, whole=True),
        "mass": _number("mass", 0, 1),
    },
    "models": {},
}


def complaint(endpoint: str, data: object, uploads: Path) -> str | None:
    """What is wrong with the values that an endpoint is called with; None where nothing is.

    Args:
        endpoint: the name of a public one.
        data: a list of values in the order of the parameters, or a table of them by name.
        uploads: the folder that uploaded files lie in.
    """
    checks = PARAMETERS[endpoint]
    if isinstance(data, dict):
        unknown = next((name for name in data if name not in checks), None)
        if unknown is not None:
            return f"/{endpoint} takes {_listed(checks)}, not {_shown(unknown)}"
        values = {name: data.get(name) for name in checks}
    elif isinstance(data, list) and len(data) <= len(checks):
        values = dict(zip(checks, [*data, *[None] * (len(checks) - len(data))]))
    else:
        many = f"{len(data)} values" if isinstance(data, list) else "no list of values"
        return f"/{endpoint} takes {_listed(checks)}; it was sent {many}"
    return next((said for name, check in checks.items() if (said := check(values[name], uploads))), None)


def _listed(checks: Mapping[str, Check]) -> str:
    return ", ".join(checks) or "no values"
