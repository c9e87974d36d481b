"""One picture judged: whether each detection is right, and if not, what is wrong with it (TIDE, arXiv 2008.08115).

A detection that COCO's matching leaves without an object is, whether or not another detection has found that object,

    Loc    on an object of its class, but too loosely: background ≤ IoU < foreground
    Cls    on an object of another class: IoU ≥ foreground
    Dupe   on an object of its class that a better detection has found
    Bkg    on nothing: IoU ≤ background with every object
    Both   too loosely on an object of another class

in this order, the first that holds, as in the authors' package, tidecv. Unlike there, a detection in a crowd of its
class, or beyond the 100 best of its class, is no error: COCO ignores it.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from dfine.boxes import iou_xyxy, share_inside

MOST = 100  # detections of one class in one picture that COCO looks at


def judge(
    rows: np.ndarray,
    boxes: tuple[np.ndarray, np.ndarray],
    classes: tuple[np.ndarray, np.ndarray],
    foreground: float,
    background: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What every detection of one picture is.

    Args:
        rows: [d] of `dfine.evaluation.rows.ROW`; the best first.
        boxes: of the objects [g, 4] and of the crowds [c, 4], x, y, width, height.
        classes: category ids of the objects [g] and of the crowds [c].
        foreground: IoU from which an object is found.
        background: IoU up to which there is nothing.

    Returns:
        The kind of each detection [d]; the position of the object that it found or errs about [d], −1 for none; and
        whether correcting it (a Loc or a Cls) would find that object [d]: the best on an object that nothing found.
    """
    (objects, crowds), (labels, crowd_labels) = boxes, classes
    found_boxes, category = _corners(rows["box"])[:, None], rows["category"]
    overlap = iou_xyxy(found_boxes, _corners(objects)).numpy()  # [d, g]
    same = category[:, None] == labels
    ranked = _rank(category) < MOST
    found = _match(np.where(same, overlap, 0.0), ranked, foreground)
    correct = found >= 0
    within = share_inside(found_boxes, _corners(crowds)).numpy()  # [d, c]
    in_crowd = (within >= foreground) & (category[:, None] == crowd_labels)
    ignored = ~correct & (in_crowd.any(1) | ~ranked)
    if not len(objects):
        return np.where(ignored, "ignored", "Bkg"), np.full(len(rows), -1), np.zeros(len(rows), bool)

    used = np.isin(np.arange(len(objects)), found)
    own, other, taken = (np.where(m, overlap, 0.0) for m in (same, ~same, same & used))
    tests = [
        (ignored, "ignored", None),
        (correct, "correct", found),
        ((own.max(1) >= background) & (own.max(1) < foreground) & (own.max(1) > 0), "Loc", own.argmax(1)),
        (other.max(1) >= foreground, "Cls", other.argmax(1)),
        (taken.max(1) >= foreground, "Dupe", taken.argmax(1)),
        (overlap.max(1) <= background, "Bkg", None),
    ]
    nothing = np.full(len(rows), -1)
    holds = [t for t, _, _ in tests]
    kind = np.select(holds, [np.full(len(rows), k) for _, k, _ in tests], "Both")
    target = np.select(holds, [nothing if j is None else j for _, _, j in tests], overlap.argmax(1))

    able = np.isin(kind, ("Cls", "Loc")) & ~used[target]
    fixes = np.zeros(len(rows), bool)
    fixes[np.flatnonzero(able)[np.unique(target[able], return_index=True)[1]]] = True  # the best on each object
    return kind, target, fixes


def _match(overlap: np.ndarray, ranked: np.ndarray, foreground: float) -> np.ndarray:
    """COCO's matching: the best detection first takes the free object that it overlaps most: [d], −1: none."""
    found = np.full(len(overlap), -1)
    if not overlap.size:
        return found
    free = overlap.copy()
    for i in np.flatnonzero((overlap.max(1) >= foreground) & ranked):
        j = int(free[i].argmax())
        if free[i, j] >= foreground:
            found[i] = j
            free[:, j] = 0.0
    return found


def _rank(labels: np.ndarray) -> np.ndarray:
    """How many better detections of its class every detection has: [d], the best first."""
    order = np.argsort(labels, kind="stable")
    ordered = labels[order]
    rank = np.empty(len(labels), int)
    rank[order] = np.arange(len(labels)) - np.searchsorted(ordered, ordered)
    return rank


def _corners(boxes: np.ndarray) -> Tensor:
    """Corners of boxes x, y, width, height: [n, 4] -> [n, 4]."""
    return torch.from_numpy(np.concatenate((boxes[:, :2], boxes[:, :2] + boxes[:, 2:]), 1))
