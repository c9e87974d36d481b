"""What an evaluation says of each detection of the last layer, and of each true object; README.md lists it."""

from __future__ import annotations

from collections.abc import Iterator

import fiftyone as fo
import numpy as np
import torch

from dfine.boxes import iou_xyxy
from dfine.evaluation.tide import Errors
from dfine.explore.columns import corners
from dfine.explore.fiftyone_coco import Label

NEAR = 0.1  # IoU from which a box says something about an object
TOUCH = 0.3  # IoU from which something was found at an object
VERSION = 2  # of what is derived; another one is evaluated again

_KINDS = {
    "truth_id": fo.StringField,
    "truth_iou": fo.FloatField,
    "gain": fo.FloatField,
    "right_50": fo.IntField,
    "right_75": fo.IntField,
    "error": fo.StringField,
}


Running = tuple[Iterator[str], Iterator[str]]  # the kinds of the detections, the states of the objects, in stored order


def schema(field: str, truth: str) -> dict[str, type]:
    """The attributes that the App can filter by, as `extend_schema` of `dfine.explore.fiftyone_private` takes them."""
    objects = {f"{field}_error": fo.StringField, f"{field}_found": fo.IntField, f"{field}_best": fo.FloatField}
    return {
        f"{name}.detections.{attribute}": kind
        for name, kinds in ((field, _KINDS), (truth, objects))
        for attribute, kind in kinds.items()
    }


def forget(dataset: fo.Dataset, field: str, truth: str) -> None:
    """Take away what was derived; of detections only the names, since they are replaced themselves."""
    paths = [f"{truth}.detections.{field}_{what}" for what in ("error", "found", "best")]
    dataset.delete_sample_fields([p for p in paths if dataset.get_field(p) is not None])


def running(errors: Errors) -> Running:
    """What became of every detection and of every object that is no crowd, in the order in which they are stored."""
    return iter(errors.kinds), iter([state for _, state in sorted(errors.objects.items())])


def picture(
    row: dict, field: str, truth: str, stages: dict[str, tuple[list[Label], list[Label]]], errors: Running
) -> dict:
    """The values derived for one picture, by path.

    Args:
        row: of `dfine.explore.columns.chunks`, with the labels of both fields and the `boxes` of FIELD.
        field: FIELD.
        truth: the field of the answers.
        stages: evaluation key -> objects and detections, marked by `dfine.explore.fiftyone_coco.marks`; in order.
        errors: the kinds of the detections and the states of the objects, which move on by one picture.
    """
    kinds, states = errors
    key, (objects, found) = list(stages.items())[-1]
    values: dict = {}
    best = np.zeros(len(objects))
    if found:
        boxes = np.array(row[f"{field}.boxes"], dtype=np.float64)  # [n, 1 + L, 4]
        target = corners(row[f"{truth}.bounding_box"], (row["metadata.width"], row["metadata.height"]))  # [m, 4]
        columns = detections(boxes, target, objects, found, key)
        scores = np.array([label.confidence for label in found])
        best = np.where(overlaps(boxes[:, -1], target) >= TOUCH, scores[:, None], 0).max(0, initial=0)
        columns["error"] = [next(kinds) for _ in found]
        for name, column in columns.items():
            values |= {f"{field}.detections.{i}.{name}": value for i, value in enumerate(column)}
    for i, o in enumerate(objects):
        met = [s for s, (k, (marked, _)) in enumerate(stages.items()) if marked[i][k] == "tp"]
        crowd = bool(o.iscrowd)
        values[f"{truth}.detections.{i}.{field}_error"] = "" if crowd else next(states)
        values[f"{truth}.detections.{i}.{field}_found"] = met[0] if met and not crowd else None
        values[f"{truth}.detections.{i}.{field}_best"] = None if crowd else float(best[i])
    return values


def detections(
    boxes: np.ndarray, target: np.ndarray, objects: list[Label], found: list[Label], key: str
) -> dict[str, list]:
    """What is derived for n detections of the last layer and m objects, attribute by attribute.

    Args:
        boxes: [n, 1 + L, 4] corners in pixels of every stage.
        target: [m, 4] corners in pixels of the objects.
        objects: the objects, crowds among them.
        found: the detections, marked under `key`.
        key: of the last layer's evaluation.
    """
    overlap = overlaps(boxes, target)  # [n, 1 + L, m]
    overlap[..., [bool(o.iscrowd) for o in objects]] = -1.0
    place = {o.id: i for i, o in enumerate(objects) if not o.iscrowd}
    nearest = overlap[:, -1].argmax(1) if len(objects) else np.zeros(len(found), int)
    columns: dict[str, list] = {name: [] for name in ("truth_id", "truth_iou", "iou", "gain", "right_50", "right_75")}
    for i, label in enumerate(found):
        matched = place.get(label[f"{key}_id"])
        at = int(nearest[i]) if matched is None else matched
        near = matched is not None or (len(objects) > 0 and overlap[i, -1, at] >= NEAR)
        ious = [round(v, 4) for v in overlap[i, :, at].tolist()] if near else None
        same = near and objects[at].label == label.label
        columns["truth_id"].append(objects[at].id if near else "")
        columns["truth_iou"].append(ious[-1] if near else 0.0)
        columns["iou"].append(ious)
        columns["gain"].append(round(ious[-1] - ious[0], 4) if near else None)
        for level, name in ((0.5, "right_50"), (0.75, "right_75")):
            right = overlap[i, :, at] >= level if same else np.zeros(0, bool)
            columns[name].append(int(right.argmax()) if right.any() else None)
    return columns


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of every box of `a` [..., 4] with every one of `b` [m, 4], corners: [..., m]; 0 for empty boxes."""
    return iou_xyxy(torch.from_numpy(a)[..., None, :], torch.from_numpy(b)).numpy()
