"""Detections in the forms that other libraries expect; each library is imported only when it is asked for.

Every function takes a `dfine.trace.detections.Detections`, or anything with the same attributes.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from dfine.trace.categories import category_ids


def to_coco(found: Any, image_id: int, ids: Sequence[int] | None) -> list[dict[str, Any]]:
    """COCO result entries, boxes as x, y, width, height in pixels; `ids` holds the category id of every label."""
    ids = category_ids(found.names) if ids is None else ids
    if len(ids) < len(found.names):
        raise ValueError(f"there are {len(found.names)} classes, but category_ids= has {len(ids)}")
    return [
        {"image_id": image_id, "category_id": ids[d["label"]], "bbox": _xywh(d["box"]), "score": d["score"]}
        for d in found.to_list()
    ]


def to_supervision(found: Any) -> Any:
    """A `supervision.Detections`."""
    sv = _import("supervision")
    return sv.Detections(
        xyxy=found.boxes.numpy(),
        confidence=found.scores.numpy(),
        class_id=found.labels.numpy(),
        data={"class_name": np.array(found.class_names, dtype=str), "query": found.query.numpy()},
    )


def to_fiftyone(found: Any) -> Any:
    """A `fiftyone.Detections`, boxes as x, y, width, height in 0..1."""
    fo = _import("fiftyone")
    scale = np.array([*found.size, *found.size])
    return fo.Detections(
        detections=[
            fo.Detection(
                label=d["name"],
                bounding_box=(np.array(_xywh(d["box"])) / scale).tolist(),
                confidence=d["score"],
                query=d["query"],
            )
            for d in found.to_list()
        ]
    )


def to_pandas(found: Any) -> Any:
    """A `pandas.DataFrame` with one row a detection: label, name, score, x1, y1, x2, y2 (pixels), query."""
    pd = _import("pandas")
    columns = ["label", "name", "score", "x1", "y1", "x2", "y2", "query"]
    rows = [[d["label"], d["name"], d["score"], *d["box"], d["query"]] for d in found.to_list()]
    return pd.DataFrame(rows, columns=columns)


def _xywh(box: list[float]) -> list[float]:
    x1, y1, x2, y2 = box
    return [x1, y1, x2 - x1, y2 - y1]


def _import(package: str):
    try:
        return importlib.import_module(package)
    except ImportError:
        raise ImportError(f"this conversion needs the package {package}: pip install {package}") from None
