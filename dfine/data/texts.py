"""Texts of a data set: plain text, JSON and YAML, as many systems write them, and none that a few bytes blow up."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MARKS = {  # that Windows puts before a text; the longer ones first
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WORD = 500  # letters of a word that a sentence repeats
DEPTH, NODES = 40, 500_000  # lists in lists, and values with all repetitions written out: more than any YAML here needs


def text(path: Path) -> str:
    """The text of a file: UTF-8, or what the byte order mark before it says. Raises ValueError if it is none."""
    data = path.read_bytes()
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text (UTF-8)") from None


def lines(path: Path) -> list[str]:
    """The lines of a text file that are not empty, without spaces around them."""
    return list(numbered(path).values())


def numbered(path: Path) -> dict[int, str]:
    """The same lines by their numbers from 0, for which empty ones count too."""
    return {i: line.strip() for i, line in enumerate(text(path).splitlines()) if line.strip()}


def content(path: Path) -> Any:
    """What a JSON file says. Raises ValueError if it is not JSON, or holds brackets or numbers without end."""
    written = text(path)
    try:
        return json.loads(written)
    except RecursionError:
        raise ValueError(f"{path} is not a JSON file: it has brackets in brackets without end") from None
    except ValueError as error:
        raise ValueError(f"{path} is not a JSON file: {error}") from None


def yaml_content(path: Path, *, typed: bool = False) -> Any:
    """What a YAML file says.

    Args:
        path: of the file.
        typed: whether numbers, yes and no are more than text. Names of classes may be called no, on or 1.0.

    Raises:
        ValueError: it is not YAML, or nests or repeats what it says beyond all use.
    """
    import yaml

    written = text(path)
    kinds = ("CSafeLoader", "SafeLoader") if typed else ("CBaseLoader", "BaseLoader")
    loader = next(getattr(yaml, kind) for kind in kinds if hasattr(yaml, kind))
    try:
        _check(yaml.parse(written, loader))
        return yaml.load(written, loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from None


def _check(events: Iterable) -> None:
    """Raise ValueError where a text of YAML stands for more than anybody can use.

    A list may be repeated by its name, and a list of such names again: a few lines stand for gigabytes.
    """
    from yaml import events as kinds

    sizes: dict[str, int] = {}  # anchor -> values, with all repetitions written out
    parts: list[tuple[str | None, int]] = []  # lists and tables that are open
    for event in events:
        if isinstance(event, kinds.CollectionStartEvent):
            parts.append((event.anchor, 1))
            if len(parts) > DEPTH:
                raise ValueError(f"it nests lists more than {DEPTH} deep")
            continue
        if isinstance(event, kinds.CollectionEndEvent):
            anchor, size = parts.pop()
        elif isinstance(event, kinds.AliasEvent):
            if event.anchor not in sizes:
                raise ValueError(f"it repeats {event.anchor!r} inside of itself, or nothing is called so")
            anchor, size = None, sizes[event.anchor]
        elif isinstance(event, kinds.ScalarEvent):
            anchor, size = event.anchor, 1
        else:
            continue
        if anchor:
            sizes[anchor] = size
        if parts:
            parts[-1] = parts[-1][0], parts[-1][1] + size
        if size > NODES:
            raise ValueError(f"it stands for more than {NODES:,} values")


def brief(sentence: str) -> str:
    """A sentence with its overlong words cut: it may repeat what a file says, which has any length."""
    return re.sub(rf"\S{{{WORD + 1},}}", lambda word: f"{word[0][:WORD]}…", sentence)
