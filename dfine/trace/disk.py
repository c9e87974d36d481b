"""The trace of one picture on disk, as .npz or .json, with what is needed to know it again.

Both hold the same keys: `about` (schema, versions, the checkpoint and its digest, class names, picture size) and one
array a tensor. Layers are stacked: `layers.edges` is [L, Q, 4, N+1]. `temperature` [4] is there if one was fitted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from dfine.files import replacing
from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.trace.records import Trace
from dfine.trace.sampling import COARSEST

_WHOLE = ("w", "temperature")  # arrays without a batch axis


@dataclass(frozen=True)
class About:
    """Where a trace comes from: which model looked at which picture."""

    card: Card  # of the model
    picture_size: tuple[int, int]  # (width, height) in pixels
    picture: str = ""  # file name


def save_trace(path: str | Path, trace: Trace, about: About) -> Path:
    """Write the trace of one picture, all at once or not at all.

    Args:
        path: ends in .npz or .json; an existing file is replaced.
        trace: of a single picture, as `Result.trace` is.
        about: where it comes from.

    Raises:
        ValueError: another ending, or a trace of several pictures.
    """
    path = Path(path)
    if path.suffix not in (".npz", ".json"):
        raise ValueError(f"a trace is written as .npz or .json, not as {path.name!r}")
    arrays = _arrays(trace)
    head = {
        **about.card.provenance(),
        "torch": str(torch.__version__),
        "picture": about.picture,
        "size": list(about.picture_size),
        "names": list(about.card.names),
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
        ValueError: it is no trace, or was written with another schema.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no trace {path}")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                values = dict(file)
            head = json.loads(str(values.pop("about")))
        else:
            values = json.loads(path.read_text(encoding="utf-8"))
            head = values.pop("about")
        schema = head["schema"]
    except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
        raise ValueError(f"{path} is not a trace written by this project: {error}") from None
    if schema != SCHEMA:
        raise ValueError(f"{path} has schema {schema}, this version reads schema {SCHEMA}; write the trace again")
    trace = _trace(values, head["shapes"])
    input_size = tuple(COARSEST * side for side in trace.shapes[-1])
    temperature = None if trace.temperature is None else tuple(trace.temperature.tolist())
    card = Card(tuple(head["names"]), input_size, head["model"], head["digest"], temperature)
    return trace, About(card, tuple(head["size"]), head["picture"])


def _arrays(trace: Trace) -> dict[str, np.ndarray]:
    """The arrays of a trace of one picture, without the batch axis; `shapes` stands in the head."""
    count = len(trace.origin)
    if count != 1:
        raise ValueError(f"a file holds the trace of one picture, not of {count}; take trace.picture(i)")
    arrays = trace.to_arrays()
    del arrays["shapes"]
    return {name: array if name in _WHOLE else array[0] for name, array in arrays.items()}


def _trace(values: dict, shapes: list[list[int]]) -> Trace:
    """The inverse of `_arrays`."""
    arrays = {"shapes": np.array(shapes, dtype=np.int64)}
    for name, value in values.items():
        array = np.asarray(value, dtype=np.int64 if name == "origin" else np.float32)
        arrays[name] = array if name in _WHOLE else array[None]
    return Trace.from_arrays(arrays)
