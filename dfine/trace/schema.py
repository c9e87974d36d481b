"""What a file must hold to be a trace: names, kinds and shapes of its values, with limits, checked before any is used.

A file may come from anywhere. Whatever does not fit is refused in words (`ValueError`) that name the part, and nothing
is allocated because a file says so: a header of a few bytes may announce terabytes.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dfine.trace import levels
from dfine.trace.base import SCHEMA

# Far more than any detector of this kind has; a file that announces more is damaged or hostile.
LAYERS, QUERIES, CLASSES, VALUES, LEVELS, SIDE, PIXELS = 64, 100_000, 100_000, 1025, 8, 4096, 10**6
BYTES = 2**30  # of a file, and of what is packed in one
PARTS = 64  # arrays in a file
TEXT = 2**22  # characters of the description

# The arrays of a trace of one picture, by the letters of their axes; L is the number of layers, E of values per edge.
ARRAYS = {
    "proposals.logits": "QK",
    "proposals.boxes": "Q4",
    "initial.logits": "QK",
    "initial.boxes": "Q4",
    "layers.logits": "LQK",
    "layers.quality": "LQ1",
    "layers.edges": "LQ4E",
    "layers.boxes": "LQ4",
    "origin": "Q",
    "w": "E",
}
ANSWERED = ("engine", "precision")  # what a description says of who answered, where it does
OPTIONAL = {"temperature": "4", "levels": "GS"}  # G rows of levels with S columns (`dfine.trace.levels`)
_MOST = {"L": LAYERS, "Q": QUERIES, "K": CLASSES, "E": VALUES, "G": 65, "S": 257}
_CALLED = {"L": "layers", "Q": "queries", "K": "classes", "E": "values per edge", "G": "rows", "S": "columns"}


def read_npz(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    """The description and the arrays of an .npz file; every array's size is checked before it is read."""
    with zipfile.ZipFile(path) as file:
        members = file.infolist()
        if len(members) > PARTS or sum(m.file_size for m in members) > BYTES:
            raise ValueError(f"it announces {len(members)} arrays of {sum(m.file_size for m in members)} bytes")
        values = {m.filename.removesuffix(".npy"): _array(file, m) for m in members}
    if "about" not in values:
        raise ValueError("it has no description ('about')")
    about = values.pop("about")
    if about.dtype.kind != "U" or about.ndim:
        raise ValueError("its description is not text")
    return json.loads(str(about)), values


def _array(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    name = member.filename.removesuffix(".npy")
    with file.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
        if read is None:
            raise ValueError(f"{name!r} has a format that is not known here")
        shape, _, dtype = read(stream)
    if dtype.hasobject or dtype.names or math.prod(shape) * dtype.itemsize > member.file_size:
        raise ValueError(f"{name!r} announces {list(shape)} values of kind {dtype}, which it does not hold")
    with file.open(member) as stream:
        return np.lib.format.read_array(stream, allow_pickle=False)


def read_json(path: Path) -> tuple[dict, dict[str, object]]:
    """The description and the values of a .json file."""
    if path.stat().st_size > BYTES:
        raise ValueError(f"it has {path.stat().st_size} bytes")
    values = json.loads(path.read_text(encoding="utf-8-sig"))
    if not isinstance(values, dict) or "about" not in values:
        raise ValueError("it has no description ('about')")
    return values.pop("about"), values


def checked_head(head: object) -> dict:
    """The description of a trace, of which every value has its kind.

    Raises:
        ValueError: it does not fit. The message of another schema says to write the trace again.
    """
    if not isinstance(head, dict):
        raise ValueError("its description is not a table of values")
    if "schema" not in head:
        raise ValueError("its description has no 'schema'")
    schema = head["schema"]
    if type(schema) is not int or schema != SCHEMA:
        raise ValueError(
            f"it has schema {str(schema)[:40]}, and this version reads schema {SCHEMA}; write the trace again"
        )
    for key in ("picture", "model", "digest", *(key for key in ANSWERED if key in head)):
        if not isinstance(head.get(key), str) or len(head[key]) > TEXT:
            raise ValueError(f"its {key!r} is not text")
    names = head.get("names")
    if not isinstance(names, list) or not all(isinstance(n, str) for n in names) or not 0 < len(names) <= CLASSES:
        raise ValueError("its 'names' are not a list of texts")
    _whole_numbers("size", [head.get("size")], 2, PIXELS)
    shapes = head.get("shapes")
    if not isinstance(shapes, list) or not 0 < len(shapes) <= LEVELS:
        raise ValueError("its 'shapes' are not a list of (height, width) of the encoder's levels")
    _whole_numbers("shapes", shapes, 2, SIDE)
    return head


def _whole_numbers(key: str, lists: list, count: int, most: int) -> None:
    for values in lists:
        fits = isinstance(values, list) and len(values) == count
        if not fits or not all(type(v) is int and 1 <= v <= most for v in values):
            raise ValueError(f"its {key!r} holds {str(values)[:60]} in place of {count} whole numbers from 1 to {most}")


def checked_arrays(values: Mapping[str, object], head: dict) -> dict[str, np.ndarray]:
    """The arrays of a trace, each of which has its kind and the shape that fits all others; unknown ones are left out.

    Args:
        values: by name, as the file has them.
        head: its description, as `checked_head` gives it.

    Raises:
        ValueError: an array is missing, is not of finite numbers, or does not fit.
    """
    arrays, lengths = {}, {"K": len(head["names"])}
    for name, axes in (ARRAYS | {k: v for k, v in OPTIONAL.items() if k in values}).items():
        if name not in values:
            raise ValueError(f"it has no {name!r}")
        array = _numbers(name, values[name], whole=name == "origin")
        if array.ndim != len(axes):
            raise ValueError(f"{name!r} has shape {list(array.shape)}, expected {len(axes)} axes")
        for axis, length in zip(axes, array.shape):
            want = int(axis) if axis.isdigit() else lengths.setdefault(axis, length)
            if length != want:
                what = _CALLED.get(axis, "values on this axis")
                raise ValueError(f"{name!r} has shape {list(array.shape)}, which does not fit {want} {what}")
            if axis in _MOST and not 1 <= length <= _MOST[axis]:
                raise ValueError(f"{name!r} has {length} {_CALLED[axis]}; there must be 1 to {_MOST[axis]}")
        arrays[name] = array
    tokens = sum(height * width for height, width in head["shapes"])
    if arrays["origin"].min() < -1 or arrays["origin"].max() >= tokens:
        raise ValueError(f"'origin' names tokens that are not among the {tokens} of the encoder")
    if len(arrays["w"]) < 5 or (np.diff(arrays["w"]) <= 0).any():
        raise ValueError("'w' does not rise from bin to bin")
    if "temperature" in arrays and (arrays["temperature"] <= 0).any():
        raise ValueError("'temperature' is not positive")
    if "levels" in arrays and (fault := levels.fault(arrays["levels"].tolist())):
        raise ValueError(f"'levels' {fault}")
    return arrays


def _numbers(name: str, value: object, *, whole: bool) -> np.ndarray:
    """The array, in single precision or as whole numbers."""
    array = np.asarray(value)
    if array.dtype.kind not in ("iu" if whole else "fiu"):
        raise ValueError(f"{name!r} does not hold {'whole ' if whole else ''}numbers")
    array = array.astype(np.int64 if whole else np.float32)
    if not np.isfinite(array).all():
        raise ValueError(f"{name!r} holds numbers that are not finite")
    return array
