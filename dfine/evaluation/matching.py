"""Run a model over pictures with answers, and keep the edges of what it found: what a calibration is fitted to."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.utils.data import Dataset

from dfine import distribution
from dfine.boxes import iou_xyxy, to_pixels
from dfine.data import labels
from dfine.data.loader import Batching, loader
from dfine.evaluation.matches import Matches
from dfine.evaluation.tide import SIZES
from dfine.inference.predictor import Predictor
from dfine.trace.postprocess import detections

LOWEST = 0.05  # score of a detection that is looked at
VISIBILITY = {"95 % or more": 0.95, "80 to 95 %": 0.8, "50 to 80 %": 0.5, "under 50 %": 0.0}  # from the share


def matched(model: Predictor, dataset: Dataset, *, iou: float = 0.5, batch: int = 16, workers: int = 0) -> Matches:
    """The detections of the last layer whose object is of their class and overlaps by at least `iou`.

    The surest detection chooses first, and takes the object that it overlaps best; every object is taken once.

    Args:
        model: is asked.
        dataset: with `names` and `ground_truth()`, as for `evaluate`.
        iou: lowest IoU in 0..1.
        batch: pictures per forward pass.
        workers: processes that read pictures.

    Returns:
        Edge logits and true offsets, with the groups "class", "size" (small, medium, large, as in COCO) and, of scenes,
        "case" (the names of the dials above 0, or "clean") and "visibility" (how much of the object can be seen).
    """
    same, known = labels.same(dataset.names, model.names), list(model.names)
    column = torch.tensor([known.index(same[name]) if name in same else -1 for name in dataset.names])
    told = _told(dataset)
    edges, offsets, images = [], [], []
    groups: dict[str, list] = {"class": [], "size": []} | {name: [] for name in told}
    for pixels, targets in loader(dataset, Batching(batch, model.input_size, workers=workers)):
        trace = model.trace(pixels.to(model.device).float() / 255)
        found = detections(trace, model.names, [target.size for target in targets])
        for i, (target, answers) in enumerate(zip(targets, found)):
            boxes = to_pixels(target.boxes, target.size)
            pairs = _pairs(answers[answers.scores >= LOWEST], column[target.labels], boxes, iou)
            query = torch.tensor([q for q, _ in pairs], dtype=torch.int64)
            objects = torch.tensor([j for _, j in pairs], dtype=torch.int64)
            said = torch.stack([layer.edges[i].float().cpu()[query] for layer in trace.refinements], 1)
            edges.append(said)
            offsets.append(distribution.encode(trace.initial.boxes[i].float().cpu()[query], target.boxes[objects]))
            images += [target.image_id] * len(pairs)
            areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
            groups["class"] += [dataset.names[k] for k in target.labels[objects].tolist()]
            groups["size"] += [size_of(float(areas[j])) for j in objects.tolist()]
            for name, values in told.items():
                groups[name] += [values[target.image_id][j] for j in objects.tolist()]
    w = model.engine.w.float().cpu()
    none = torch.zeros(0, model.layers, 4, len(w)), torch.zeros(0, 4)
    return Matches(torch.cat([none[0], *edges]), torch.cat([none[1], *offsets]), w, images, groups)


def size_of(area: float) -> str:
    """Small, medium or large, by the area in square pixels."""
    return next(name for name, (low, high) in SIZES.items() if low <= area < high)


def visibility(share: object) -> tuple[str, ...]:
    """The part of the objects that one belongs to which can be seen that far; none where that is no share in 0..1."""
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
        return ()
    return (next(name for name, low in VISIBILITY.items() if share >= low),)


def _told(dataset: Dataset) -> dict[str, dict[int, list]]:
    """What the answers of drawn scenes tell besides: group -> image id -> a value for every object, in their order."""
    truth = dataset.ground_truth()
    dials = {image["id"]: image["dials"] for image in truth["images"] if image.get("dials")}
    if not dials:
        return {}
    told: dict[str, dict[int, list]] = {"case": {}, "visibility": {}}
    for one in truth["annotations"]:
        image = one["image_id"]
        if one.get("iscrowd"):  # which is no object to be found
            continue
        hard = tuple(name for name, value in dials.get(image, {}).items() if value)
        told["case"].setdefault(image, []).append(hard or (("clean",) if image in dials else ()))
        told["visibility"].setdefault(image, []).append(visibility(one.get("visible")))
    return told


def _pairs(found, wanted: Tensor, boxes: Tensor, iou: float) -> list[tuple[int, int]]:
    """(query, object) of one picture: detections, the columns [n] and boxes [n, 4] xyxy of its objects."""
    if not len(boxes) or not len(found):
        return []
    overlap = iou_xyxy(found.boxes[:, None], boxes[None])
    overlap = torch.where(found.labels[:, None] == wanted[None], overlap, torch.tensor(-1.0))
    pairs, taken = [], torch.zeros(len(boxes), dtype=torch.bool)
    for row, query in zip(overlap, found.query.tolist()):  # best first
        free = torch.where(taken, torch.tensor(-1.0), row)
        best = int(free.argmax())
        if free[best] >= iou:
            taken[best] = True
            pairs.append((query, best))
    return pairs
