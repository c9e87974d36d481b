"""What a model is, in one record that everything holds: checkpoint, predictor, exported file, report and download."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from dfine.config import EDGES
from dfine.trace import levels
from dfine.trace.base import SCHEMA, checked_size
from dfine.version import VERSION


@dataclass(frozen=True)
class Card:
    """What a model is. Whoever has to say where something comes from holds this record and copies nothing out of it."""

    names: tuple[str, ...] = field(repr=False)  # the class of each column; "" for a column that is never reported
    input_size: tuple[int, int]  # (height, width) that every picture is resized to
    source: str = ""  # what was loaded
    digest: str = ""  # SHA-256 of the file of weights
    temperature: tuple[float, ...] | None = None  # fitted per edge (left, top, right, bottom)
    # Scores with the best F1 on validation pictures: of all classes together, and of each column where it was measured.
    threshold: float | None = None
    class_thresholds: tuple[float | None, ...] = field(default=(), repr=False)
    words: str | None = field(default=None, repr=False)  # the model card in Markdown
    levels: tuple[tuple[float, ...], ...] | None = field(default=None, repr=False)  # fitted: `dfine.trace.levels`
    notes: tuple[str, ...] = field(default=(), repr=False)  # what was assumed when it was loaded, in sentences

    @property
    def calibrated(self) -> bool:
        """Whether a temperature or a table of levels was fitted, which every interval follows."""
        return self.temperature is not None or self.levels is not None

    def provenance(self) -> dict[str, Any]:
        """The head of every file that is written about an answer, as plain values: what made it, and which versions."""
        return {"schema": SCHEMA, "dfine": VERSION, "model": self.source, "digest": self.digest}

    def without_folders(self) -> Card:
        """The same card for readers elsewhere: of a source that is a path on this machine, only the last part."""
        path = Path(self.source)
        return replace(self, source=path.name) if self.source and path.exists() else self

    def to_dict(self) -> dict[str, Any]:
        """The card as plain values under its fields' names, for a file. What it does not have is left out."""
        values = {one.name: _plain(getattr(self, one.name)) for one in fields(self)}
        return {name: value for name, value in values.items() if name in _REQUIRED or value not in (None, "", [])}

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Card:
        """The card in what a file says, each value checked; keys of other things are left alone.

        Raises:
            ValueError: a value is missing or of another kind; the message names it.
        """
        return cls(**{name: checked(name, values.get(name)) for name, checked in _CHECKED.items()})


def checked_names(names: object) -> tuple[str, ...]:
    """Class names; () where there are none. Raises ValueError where they are no list of texts."""
    return _names("names", names)


def _plain(value: object) -> object:
    """Tuples as lists, as JSON has them."""
    return [_plain(one) for one in value] if isinstance(value, (tuple, list)) else value


def _names(name: str, value: object) -> tuple[str, ...]:
    names = _texts(name, value)
    if any("\ud800" <= letter <= "\udfff" for one in names for letter in one):
        raise ValueError(f"{name} holds half a letter (a lone surrogate), which is not text")
    return names


def _texts(name: str, value: object) -> tuple[str, ...]:
    if value is not None and not (isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)):
        raise ValueError(f"{name} is {str(value)[:60]}; it must be a list of strings")
    return tuple(value or ())


def _text(name: str, value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be text, not {str(value)[:60]}")
    return value or ""  # paths may hold bytes that are no text, as lone surrogates


def _words(name: str, value: object) -> str | None:
    return _text(name, value) or None


def _size(name: str, value: object) -> tuple[int, int]:
    return checked_size(value, name)


def _temperature(name: str, value: object) -> tuple[float, ...] | None:
    if value is None:
        return None
    numbers = isinstance(value, (list, tuple)) and all(_number(v) and 0 < v < math.inf for v in value)
    if not numbers or len(value) != len(EDGES):
        raise ValueError(f"{name} is {len(EDGES)} positive numbers, one per edge, not {str(value)[:60]}")
    return tuple(float(v) for v in value)


def _levels(name: str, value: object) -> tuple[tuple[float, ...], ...] | None:
    if value is None:
        return None
    if fault := levels.fault(value):
        raise ValueError(f"the table of {name} {fault}")
    return tuple(tuple(float(v) for v in row) for row in value)


def _score(name: str, value: object) -> float | None:
    if value is not None and not (_number(value) and 0 <= value <= 1):
        raise ValueError(f"{name} holds {str(value)[:60]}, which is no score in 0..1")
    return value


def _scores(name: str, value: object) -> tuple[float | None, ...]:
    if value is not None and not isinstance(value, (list, tuple)):
        raise ValueError(f"{name} is {str(value)[:60]}, not a list of scores in 0..1")
    return tuple(_score(name, one) for one in value or ())


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_REQUIRED = ("names", "input_size")
_CHECKED = {
    "names": _names,
    "input_size": _size,
    "source": _text,
    "digest": _text,
    "temperature": _temperature,
    "threshold": _score,
    "class_thresholds": _scores,
    "words": _words,
    "levels": _levels,
    "notes": _texts,
}
