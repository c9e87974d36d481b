"""What was found as a table, a row for each object: where every layer saw it, and how sure each edge is."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from dfine import distribution
from dfine.files import replacing, shown
from dfine.inference.predictor import Predictor, Result
from dfine.trace.card import Card

LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)  # shares of an edge's distribution whose ends the table has
PLAIN = {
    "file": str,
    "width": np.int32,  # of the picture, in pixels
    "height": np.int32,
    "name": str,
    "label": np.int32,
    "score": np.float32,
    "query": np.int32,
}
# Lists in pixels: `box` is left, top, right, bottom; `layers` the same for the initial box and after every layer;
# `quantiles` has for the edges left, top, right, bottom the places below which each of `LEVELS` lies.
LISTS = {"box": 1, "layers": 2, "quantiles": 2}  # how deep


def rows(file: str, result: Result) -> list[dict[str, Any]]:
    """A row for each detection of a picture, as plain values under the names of `PLAIN` and `LISTS`.

    Bytes of a file's name that are not UTF-8 become escapes, because a table has no place for them.
    """
    width, height = result.detections.size
    table = []
    for i, one in enumerate(result.detections.to_list()):
        history = result.history(i)
        spread = history.reading.quantiles(LEVELS)[-1].unbind(-1)  # [4] each
        places = [distribution.edge_positions(history.initial, offset, history.size).tolist() for offset in spread]
        edges = {"layers": history.xyxy_pixels.tolist(), "quantiles": [sorted(edge) for edge in zip(*places)]}
        table.append({"file": shown(file), "width": width, "height": height} | one | edges)
    return table


def error_row(file: str, error: str) -> dict[str, Any]:
    """The row of a picture that could not be read, and why: of no size, label and query -1, score 0, places NaN.

    Its lists are not empty, because of empty ones alone Arrow cannot tell what they are lists of.
    """
    nothing = {"width": 0, "height": 0, "name": "", "label": -1, "score": 0.0, "query": -1}
    nowhere = [math.nan] * 4
    places = {"box": nowhere, "layers": [nowhere], "quantiles": [[math.nan] * len(LEVELS)] * 4}
    return {"file": shown(file)} | nothing | places | {"error": shown(error)}


def columns(table: Sequence[dict[str, Any]]) -> dict[str, np.ndarray]:
    """Rows as columns of equal length; lists stay lists, because models differ in their number of layers."""
    found = {name: np.array([row[name] for row in table], kind) for name, kind in PLAIN.items()}
    for name in LISTS:
        found[name] = np.empty(len(table), object)
        found[name][:] = [row[name] for row in table]
    return found


def write_parquet(
    path: str | Path,
    table: Sequence[dict[str, Any]],
    model: Predictor | Card,
    *,
    threshold: float | str | None = None,
    complete: bool = True,
) -> None:
    """Write rows as a Parquet file, all at once or not at all.

    Its metadata says under `dfine` what model it was, of a predictor also its engine and precision, the lowest score
    that was reported, where that is given, and where these are not all rows, that they are not `complete`.

    Raises:
        ImportError: pyarrow is missing.
    """
    arrow = needed_arrow()
    number = arrow.float32()
    kinds = {str: arrow.string(), np.int32: arrow.int32(), np.float32: number}
    fields = [(name, kinds[kind]) for name, kind in PLAIN.items()]
    fields += [(name, arrow.list_(number if deep == 1 else arrow.list_(number))) for name, deep in LISTS.items()]
    about = model.provenance() | ({} if threshold is None else {"threshold": threshold}) | {"levels": LEVELS}
    about |= {} if complete else {"complete": False}
    schema = arrow.schema(fields, metadata={"dfine": json.dumps(about)})
    made = arrow.Table.from_pylist(list(table), schema=schema)
    from pyarrow import parquet

    path = Path(os.path.expanduser(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        parquet.write_table(made, temporary, compression="zstd")


def needed_arrow() -> ModuleType:
    """The package pyarrow. Raises ImportError, saying what to install, where it is missing."""
    try:
        import pyarrow
    except ImportError:
        raise ImportError("Parquet files need pyarrow: pip install pyarrow") from None
    return pyarrow
