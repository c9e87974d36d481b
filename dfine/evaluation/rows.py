"""The detections of a data set as a table: a row each, its columns by name."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dfine.trace.detections import Detections

# `box` is x, y, width, height in pixels. Ids are whole numbers, since floats cannot tell those above 2^53 apart.
ROW = np.dtype([("image", np.int64), ("box", np.float64, 4), ("score", np.float64), ("category", np.int64)])


def as_rows(values: np.ndarray | Sequence) -> np.ndarray:
    """The same detections as a table [n] of `ROW`: from such a table, or from numbers [n, 7].

    The seven are image id, x, y, width, height, score and category id, as pycocotools has them.

    Raises:
        ValueError: the values are neither.
    """
    values = np.asarray(values)
    if values.dtype == ROW and values.ndim == 1:
        return values
    if values.dtype.names or values.ndim != 2 or values.shape[1] != 7:
        raise ValueError(f"rows have shape {list(values.shape)}, expected [any, 7]")
    rows = np.empty(len(values), ROW)
    rows["image"], rows["box"] = values[:, 0], values[:, 1:5]
    rows["score"], rows["category"] = values[:, 5], values[:, 6]
    return rows


def rows_of(found: Detections, image_id: int, categories: Sequence[int | None]) -> np.ndarray:
    """The detections of one picture as a table [n].

    Args:
        found: of the picture.
        image_id: goes into every row.
        categories: the data set's category id of every label that occurs.
    """
    xyxy = found.boxes.double().numpy().reshape(-1, 4)
    rows = np.empty(len(found), ROW)
    rows["image"] = image_id
    rows["box"] = np.concatenate((xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]), 1)
    rows["score"] = found.scores.double().numpy()
    rows["category"] = [categories[label] for label in found.labels.tolist()]
    return rows


def check_ids(rows: np.ndarray | Sequence, truth: dict, pictures: int) -> None:
    """Make sure that detections and answers mean the same pictures, as those of a data set of one's own may not.

    Args:
        rows: of all pictures.
        truth: a COCO-format dict.
        pictures: how many were looked at.

    Raises:
        ValueError: a picture's id is none of those in `truth`, or all pictures have one id.
    """
    ids = np.unique(as_rows(rows)["image"]).tolist() if len(rows) else []
    known = {image["id"] for image in truth["images"]}
    remedy = "`image_id` of a data set's targets is the `id` of the picture in its `ground_truth()`"
    if unknown := [one for one in ids if one not in known]:
        raise ValueError(f"there is no picture {unknown[0]} among the {len(known):,} of the answers; {remedy}")
    if len(ids) == 1 and pictures > 1:
        raise ValueError(f"all {pictures:,} pictures have the id {ids[0]}; {remedy}")
