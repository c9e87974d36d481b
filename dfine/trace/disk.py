"""The trace of one picture on disk, as .npz or .json, together with what it was made from.

Both hold the same keys: `about` (schema, versions, the model's card, the picture's name and size) and one array a
tensor (`dfine.trace.schema.ARRAYS`). Layers are stacked: `layers.edges` is [L, Q, 4, N+1].
"""

from __future__ import annotations

import json
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dfine.files import replacing
from dfine.paths import at_home, shown
from dfine.trace import levels
from dfine.trace.base import COARSEST
from dfine.trace.card import Card
from dfine.trace.records import Trace
from dfine.trace.schema import ANSWERED, checked_arrays, checked_head, read_json, read_npz

_ELSEWHERE = ("source", "temperature", "levels")  # of a card: the first is called `model`, the others are arrays
_WHOLE = ("w", "temperature", "levels")  # arrays without a batch axis
# What reading a damaged or foreign file can raise, in json, zipfile, zlib and numpy.
_DAMAGED = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    IndexError,
    OSError,
    EOFError,
    OverflowError,
    MemoryError,
    RecursionError,
    RuntimeError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    SyntaxError,
)


@dataclass(frozen=True)
class About:
    """Where a trace comes from: which model looked at which picture."""

    card: Card  # of the model
    picture_size: tuple[int, int]  # (width, height) in pixels
    picture: str = ""  # file name
    engine: str = ""  # what ran the model, in words; "" where nobody has said
    precision: str = ""  # in which

    def provenance(self) -> dict[str, Any]:
        """The head of every file about the picture, as plain values: what its card says, and which engine answered."""
        told = {name: getattr(self, name) for name in ANSWERED}
        return self.card.provenance() | {name: value for name, value in told.items() if value}


def save_trace(path: str | Path, trace: Trace, about: About) -> Path:
    """Write the trace of one picture, all at once or not at all.

    Args:
        path: ends in .npz or .json; an existing file is replaced.
        trace: of a single picture, as `Result.trace` is.
        about: where it comes from.

    Raises:
        ValueError: another ending, or a trace of several pictures.
    """
    path = at_home(path)
    if path.suffix not in (".npz", ".json"):
        raise ValueError(f"a trace is written as .npz or .json, not as {shown(path.name)!r}")
    arrays = _arrays(trace)
    card = {name: value for name, value in about.card.to_dict().items() if name not in _ELSEWHERE}
    head = {
        **about.provenance(),
        **card,
        "torch": str(torch.__version__),
        "picture": about.picture,
        "size": list(about.picture_size),
        "shapes": [list(s) for s in trace.shapes],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        if path.suffix == ".npz":
            with temporary.open("wb") as file:
                np.savez_compressed(file, about=json.dumps(head), **arrays)
        else:
            values = {key: value.tolist() for key, value in arrays.items()}
            temporary.write_text(json.dumps({"about": head} | values), encoding="utf-8")
    return path


def load_trace(path: str | Path) -> tuple[Trace, About]:
    """What `save_trace` wrote, tensors with their batch axis of length 1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not a trace, is damaged, or was written with another schema.
    """
    path = at_home(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no trace {shown(path)}")
    try:
        head, values = read_npz(path) if path.suffix == ".npz" else read_json(path)
        head = checked_head(head)
        trace = _trace(checked_arrays(values, head), head["shapes"])
        card = _card(head, trace)
    except _DAMAGED as error:
        raise ValueError(f"{shown(path)} is not a trace that can be read here: {_reason(error)}") from None
    return trace, About(card, tuple(head["size"]), head["picture"], *(head.get(name, "") for name in ANSWERED))


def _card(head: dict, trace: Trace) -> Card:
    """The model's card, with the calibration that the trace has. Files of earlier versions have no more than that."""
    size = [COARSEST * side for side in trace.shapes[-1]]
    temperature = None if trace.temperature is None else trace.temperature.tolist()
    fitted = {"temperature": temperature, "levels": levels.rows(trace.levels)}
    return Card.from_dict({"input_size": size} | head | {"source": head["model"]} | fitted)


def _reason(error: Exception) -> str:
    """What is wrong with a file, in a few words."""
    if type(error) is ValueError and len(str(error)) < 300:
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"the file is damaged or cut off, or not JSON ({error.msg.lower()} in line {error.lineno})"
    if isinstance(error, UnicodeDecodeError):
        return "it is not text in UTF-8"
    return f"the file is damaged or cut off, or of another kind ({type(error).__name__})"


def _arrays(trace: Trace) -> dict[str, np.ndarray]:
    """The arrays of a trace of one picture, without the batch axis; `shapes` stands in the head."""
    count = len(trace.origin)
    if count != 1:
        raise ValueError(f"a file holds the trace of one picture, not of {count}; take trace.picture(i)")
    arrays = trace.to_arrays()
    del arrays["shapes"]
    return {name: array if name in _WHOLE else array[0] for name, array in arrays.items()}


def _trace(values: dict[str, np.ndarray], shapes: list[list[int]]) -> Trace:
    """The inverse of `_arrays`."""
    arrays = {name: array if name in _WHOLE else array[None] for name, array in values.items()}
    return Trace.from_arrays(arrays | {"shapes": np.array(shapes, dtype=np.int64)})
