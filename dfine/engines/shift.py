"""How far another engine's answers lie from those in float32: edges in pixels, and the widths of their intervals."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dfine.boxes import iou_xyxy, to_xyxy
from dfine.trace.edges import EdgeReading
from dfine.trace.records import Trace

SEEN = 0.3  # score from which an answer is an object
FEWEST = 5  # objects of a picture that are compared in any case: the best, whatever their scores
SAME = 0.5  # IoU from which two answers of a class are the same object
MOST_LOST = 0.5  # share of the objects; who loses more of them finds something else, however near the rest lies


@dataclass(frozen=True)
class Shift:
    """What was found, over all objects of some pictures. Without objects the numbers are 0."""

    edges: float  # pixels of the input that an edge moved, on average
    late: float  # the same at the 95th percentile
    widths: float  # how much wider the 80 % intervals are: 0.01 is one per cent
    objects: int  # that the reference found
    lost: int  # of these, those for which the other has no answer

    @property
    def finds_the_same(self) -> bool:
        """Whether most objects have an answer. Without one, `edges` is 0 as well, and so it is where all is NaN."""
        return self.lost <= MOST_LOST * self.objects

    def to_dict(self) -> dict:
        """As plain values, rounded."""
        numbers = {name: round(getattr(self, name), 4) for name in ("edges", "late", "widths")}
        return numbers | {"objects": self.objects, "lost": self.lost}


def shift(reference: Trace, other: Trace, size: tuple[int, int], fewest: int = FEWEST) -> Shift:
    """The answers of the last layer of `other` against those of `reference`, for the same pictures.

    An object is what the reference reports with a score of at least 0.3, and in any case the best of a picture. It is
    compared with the answer of its class that overlaps it most.

    Args:
        reference: in float32.
        other: of the same pictures, in the same order.
        size: (width, height) of the input in pixels.
        fewest: how many of the best count in any case.
    """
    edges, widths, objects, lost = [], [], 0, 0
    for picture in range(len(reference.origin)):
        mine, theirs = (_answers(trace, picture, size) for trace in (reference, other))
        order = mine.scores.argsort(descending=True)
        wanted = order[: max(min(fewest, len(order)), int((mine.scores >= SEEN).sum()))]
        overlap = iou_xyxy(mine.boxes[wanted][:, None], theirs.boxes) * (mine.labels[wanted][:, None] == theirs.labels)
        best, index = overlap.max(1)
        found = best >= SAME
        pair = wanted[found], index[found]
        edges.append((mine.boxes[pair[0]] - theirs.boxes[pair[1]]).abs().flatten())
        widths.append(torch.stack((mine.widths[pair[0]].flatten(), theirs.widths[pair[1]].flatten())))
        objects, lost = objects + len(wanted), lost + int((~found).sum())
    moved, (before, after) = torch.cat(edges), torch.cat(widths, 1)
    if not len(moved):
        return Shift(0.0, 0.0, 0.0, objects, lost)
    late = moved.sort().values[int(0.95 * (len(moved) - 1))]
    return Shift(moved.mean().item(), late.item(), (after.sum() / before.sum()).item() - 1, objects, lost)


@dataclass(frozen=True)
class _Answers:
    """The last layer's answers for one picture: [Q] or [Q, 4], boxes and widths in pixels."""

    boxes: Tensor  # xyxy
    labels: Tensor
    scores: Tensor
    widths: Tensor


def _answers(trace: Trace, picture: int, size: tuple[int, int]) -> _Answers:
    last = trace.last
    scores, labels = last.logits[picture].float().sigmoid().max(-1)
    boxes = to_xyxy(last.boxes[picture].float()) * torch.tensor((*size, *size), device=scores.device)
    fitted = trace.temperature, trace.levels
    reading = EdgeReading(last.edges[picture], trace.initial.boxes[picture], size, trace.w, *fitted)
    low, high = reading.intervals().unbind(-1)
    return _Answers(boxes.cpu(), labels.cpu(), scores.cpu(), (high - low).cpu())
