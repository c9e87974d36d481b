"""Stored detections that found an object, with where its edges truly are: what calibration is measured on."""

from __future__ import annotations

import fiftyone as fo
import numpy as np
import torch

from dfine import distribution
from dfine.boxes import from_pixels
from dfine.evaluation.calibration import Matches
from dfine.evaluation.matching import size_of, visibility
from dfine.explore import fields
from dfine.explore.columns import Collection, chunks, corners, dials_of, looked_at
from dfine.explore.record import unpack

VISIBLE = "visible"  # the share of an object that can be seen, as drawn scenes store it
_READ = ("label", "confidence", "record", "truth_id", "truth_iou")


def matches(
    dataset: fo.Dataset | Collection, field: str = fields.FIELD, iou: float = 0.5, *, objects: bool = False
) -> Matches:
    """The detections of the last layer whose object is of their class and overlaps by at least `iou`.

    Everything is read from the stored fields; the network is not run. Of several detections on one object the surest is
    taken. True boxes are clipped to the picture, as in training.

    Args:
        dataset: evaluated; or a view of it.
        field: FIELD.
        iou: lowest IoU in 0..1.
        objects: whether to add the group "object": the ids of the answers' labels.

    Returns:
        Edge logits and true offsets, with the groups "class", "size" (small, medium, large, as in COCO) and, of scenes,
        "case" (the names of the dials above 0, or "clean"). Where an answer tells how much of it can be seen, as those
        of scenes do, there is "visibility", too.

    Raises:
        ValueError: nothing was explored in `field`, or it was not evaluated.
    """
    info = fields.about(dataset, field)
    if "evaluation" not in info:
        raise ValueError(f"the exploration {field!r} of {dataset.name!r} has not been evaluated: it has no answers")
    truth, layers, bins = info["truth"], info["layers"], len(info["w"])
    dials = dials_of(dataset)
    edges, offsets, images = [], [], []
    groups: dict[str, list] = {"class": [], "size": [], "visibility": []} | ({"case": []} if dials else {})
    groups |= {"object": []} if objects else {}
    plain = ["id", "metadata.width", "metadata.height", *dials]
    lists = {truth: ("id", "label", "bounding_box", VISIBLE), field: _READ}
    for part in chunks(looked_at(dataset, field), plain, lists):
        for row in part:
            size = row["metadata.width"], row["metadata.height"]
            found = _found(row, field, truth, iou)
            if not found:
                continue
            parts = unpack(np.stack([row[f"{field}.record"][i] for i, _ in found]), layers, bins)
            boxes = corners([row[f"{truth}.bounding_box"][j] for _, j in found], size).clip(0, [*size, *size])
            true = from_pixels(torch.from_numpy(boxes).float(), size)
            edges.append(torch.from_numpy(parts["edges"].copy()))
            offsets.append(distribution.encode(torch.from_numpy(parts["initial"].copy()), true))
            images += [row["id"]] * len(found)
            groups["class"] += [row[f"{field}.label"][i] for i, _ in found]
            groups["size"] += [size_of(float((box[2:] - box[:2]).prod())) for box in boxes]
            if objects:
                groups["object"] += [row[f"{truth}.id"][j] for _, j in found]
            groups["visibility"] += [visibility(row[f"{truth}.{VISIBLE}"][j]) for _, j in found]
            if dials:
                hard = tuple(d for d in dials if row[d])
                case = () if row[dials[0]] is None else hard or ("clean",)  # a photograph among scenes is neither
                groups["case"] += [case] * len(found)
    if not any(groups["visibility"]):  # FiftyOne's schema does not tell: an import declares no attributes of answers
        del groups["visibility"]
    w = torch.tensor(info["w"], dtype=torch.float32)
    empty = torch.zeros(0, layers, 4, bins), torch.zeros(0, 4)
    return Matches(torch.cat([empty[0], *edges]), torch.cat([empty[1], *offsets]), w, images, groups)


def _found(row: dict, field: str, truth: str, iou: float) -> list[tuple[int, int]]:
    """(place of the detection, place of its object) of one picture, the surest first; every object once."""
    place = {id: j for j, id in enumerate(row[f"{truth}.id"])}
    column = {name: row[f"{field}.{name}"] for name in ("label", "truth_id", "truth_iou", "confidence")}
    found: dict[int, int] = {}
    for i in sorted(range(len(column["label"])), key=lambda i: -column["confidence"][i]):
        j = place.get(column["truth_id"][i])
        same = j is not None and column["label"][i] == row[f"{truth}.label"][j]
        if same and column["truth_iou"][i] >= iou:
            found.setdefault(j, i)
    return [(i, j) for j, i in found.items()]
