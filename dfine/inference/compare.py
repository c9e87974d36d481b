"""Two looks at a picture, object by object: which were found again, how their edges moved, how sure they are now."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from dfine.boxes import iou_xyxy, to_pixels
from dfine.config import EDGES
from dfine.inference.predictor import Result
from dfine.trace.base import Comparable
from dfine.trace.detections import Detections

LEAST = 0.3  # IoU from which two boxes may show the same object
OTHER_CLASS = 0.5  # what a pair of two classes counts beside one of the same class
OUTWARD = (-1.0, -1.0, 1.0, 1.0)  # signs that turn moves of x1, y1, x2, y2 into moves outward


@dataclass(frozen=True)
class Pair(Comparable):
    """One object in both looks; everything in pixels of the first picture.

    Attributes:
        before: its number among the detections of the first look.
        after: its number among those of the second.
        iou: of the two boxes.
        names: its class in either look.
        scores: in either look.
        moved: by how much each edge moved outward [4].
        spreads: length of each edge's 80 % interval in either look [2, 4].
    """

    before: int
    after: int
    iou: float
    names: tuple[str, str]
    scores: tuple[float, float]
    moved: Tensor
    spreads: Tensor

    @property
    def renamed(self) -> bool:
        """Whether the two looks disagree about its class."""
        return self.names[0] != self.names[1]


@dataclass(frozen=True)
class Comparison:
    """What two looks have in common. `str` of it is a report.

    Attributes:
        pairs: objects of both looks, in the order of the first.
        lost: `name score` of each object that only the first look has, by its number there.
        gained: of each that only the second has, by its number there.
    """

    pairs: tuple[Pair, ...]
    lost: dict[int, str]
    gained: dict[int, str]

    def to_list(self) -> list[dict[str, object]]:
        """The pairs as plain values."""
        return [
            dict(
                before=pair.before,
                after=pair.after,
                iou=pair.iou,
                names=list(pair.names),
                scores=list(pair.scores),
                moved=pair.moved.tolist(),
                spreads=pair.spreads.tolist(),
            )
            for pair in self.pairs
        ]

    def __str__(self) -> str:
        count = len(self.pairs) + len(self.lost)
        lines = [f"{len(self.pairs)} of {count} objects were found again, {len(self.gained)} are new"]
        for pair in self.pairs:
            name = " → ".join(dict.fromkeys(pair.names))
            lines.append(f"{name}: score {pair.scores[0]:.2f} → {pair.scores[1]:.2f}, IoU {pair.iou:.2f}")
            for edge, moved, (before, now) in zip(EDGES, pair.moved.tolist(), pair.spreads.T.tolist()):
                lines.append(f"  {edge:7}{moved:+8.1f} px outward, 80 % interval {before:.1f} → {now:.1f} px")
        lines += [f"only before: {said}" for said in self.lost.values()]
        lines += [f"only after: {said}" for said in self.gained.values()]
        return "\n".join(lines)


def compare(before: Result, after: Result) -> Comparison:
    """What became of every object between two looks: by two models, at two pictures, or before and after spoiling.

    The pictures may differ in size; the second one is thought of as resized to the first.
    """
    pairs = match(before.detections, after.detections)
    names = [result.detections.class_names for result in (before, after)]
    scores = [result.detections.scores.tolist() for result in (before, after)]
    (boxes, spreads), (boxes_after, spreads_after) = _edges(before), _edges(after)
    scale = _scale(before.detections, after.detections)
    signs = torch.tensor(OUTWARD)
    made = tuple(
        Pair(
            i,
            j,
            iou,
            (names[0][i], names[1][j]),
            (scores[0][i], scores[1][j]),
            (boxes_after[j] * scale - boxes[i]) * signs,
            torch.stack((spreads[i], spreads_after[j] * scale)),
        )
        for i, j, iou in pairs
    )
    left = [sorted(set(range(len(names[k]))) - {pair[k] for pair in pairs}) for k in range(2)]
    lost, gained = ({i: f"{names[k][i]} {scores[k][i]:.2f}" for i in left[k]} for k in range(2))
    return Comparison(made, lost, gained)


def match(before: Detections, after: Detections, least: float = LEAST) -> list[tuple[int, int, float]]:
    """Which detections show the same object: (number before, number after, IoU), in the order of the first.

    Of all assignments it is the one with the largest sum of IoU times the lower of the two scores, where a pair of
    different classes counts half; so a sure object is not given to an unsure double of another. Pairs that overlap by
    less than `least` are left out.
    """
    if not len(before) or not len(after):
        return []
    overlap = iou_xyxy(before.boxes.float()[:, None], after.boxes.float() * _scale(before, after))
    surest = torch.minimum(before.scores.float()[:, None], after.scores.float())
    same = torch.tensor([[a == b for b in after.class_names] for a in before.class_names])
    worth = overlap * surest * torch.where(same, 1.0, OTHER_CLASS)
    rows, columns = linear_sum_assignment(torch.where(overlap >= least, worth, 0.0).double().numpy(), maximize=True)
    pairs = zip(rows.tolist(), columns.tolist())
    return [(i, j, float(overlap[i, j])) for i, j in pairs if overlap[i, j] >= least]


def _scale(before: Detections, after: Detections) -> Tensor:
    """Factors [4] from pixels of the second picture to those of the first."""
    return torch.tensor(before.size * 2, dtype=torch.float32) / torch.tensor(after.size * 2, dtype=torch.float32)


def _edges(result: Result) -> tuple[Tensor, Tensor]:
    """Boxes as the last layer has them [n, 4], not clipped, and lengths of their intervals [n, 4], in pixels."""
    found, trace = result.detections, result.trace
    spreads = trace.edges_of(found.query, found.size).intervals().diff(dim=-1)[..., 0]
    return to_pixels(trace.last.boxes[0, found.query], found.size), spreads
