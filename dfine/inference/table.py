"""What was found as a table, a row for each object: where every layer saw it, and how sure each edge is."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch

from dfine.boxes import to_pixels
from dfine.distribution import edge_positions
from dfine.files import replacing
from dfine.inference.predictor import Predictor, Result
from dfine.paths import at_home, shown
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
    found, trace = result.detections, result.trace
    boxes = [stage.boxes[0, found.query] for stage in (trace.initial, *trace.refinements)]
    layers = to_pixels(torch.stack(boxes, 1), found.size).tolist()  # [n, 1 + L, 4]
    reading = trace.edges_of(found.query, found.size)
    ends = [edge_positions(reading.initial, end, found.size) for end in reading.quantiles(LEVELS).unbind(-1)]
    quantiles = torch.stack(ends, -1).sort(-1).values.tolist()  # [n, 4, levels]
    head = {"file": shown(file), "width": found.size[0], "height": found.size[1]}
    places = [{"layers": path, "quantiles": edges} for path, edges in zip(layers, quantiles)]
    return [head | one | place for one, place in zip(found.to_list(), places)]


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

    path = at_home(path)
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
