"""One object under ever worse conditions: what happens to its score, to its edges, and to how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from dfine.boxes import iou_xyxy
from dfine.inference.predictor import Predictor
from dfine.trace.history import History

SAME = 0.3  # IoU from which a detection of the class counts as the object
LOWEST = 0.05  # the lowest score of a detection that is looked for


@dataclass(frozen=True)
class Sweep:
    """One object in S pictures that are worse and worse. Where it was not found, numbers are NaN.

    Attributes:
        amounts: how spoiled each picture is [S].
        scores: of the object [S].
        spreads: length in pixels of each edge's 80 % interval [S, 4].
        errors: by how many pixels each edge lies outside (positive) or inside its true place [S, 4].
        intervals: where each edge's 80 % interval begins and ends, in pixels [S, 4, 2].
    """

    amounts: Tensor
    scores: Tensor
    spreads: Tensor
    errors: Tensor
    intervals: Tensor

    @property
    def found(self) -> Tensor:
        """In which pictures the object was found [S]."""
        return ~self.scores.isnan()


def sweep(
    model: Predictor,
    spoiled: Callable[[float], Image.Image],
    amounts: Sequence[float],
    box: Sequence[float],
    name: str,
) -> Sweep:
    """Look for one object in pictures that are ever more spoiled.

    Args:
        model: looks.
        spoiled: gives the picture for an amount, see `dfine.data.spoil`.
        amounts: of spoiling, in the order in which they are wanted.
        box: where the object truly is, x1, y1, x2, y2 in pixels.
        name: its class. The object is the detection of this class that overlaps `box` best, by an IoU of at least 0.3.

    Raises:
        ValueError: the model has no class of that name.
    """
    if name not in model.names:
        raise ValueError(f"the model does not know {name!r}; its classes are {', '.join(filter(None, model.names))}")
    truth = torch.as_tensor(box, dtype=torch.float32)
    scores, errors, intervals = [], [], []
    for amount in amounts:
        history = find(model, spoiled(amount), truth, name)
        missing = torch.full((4, 2), torch.nan)
        scores.append(torch.tensor(torch.nan) if history is None else history.scores[-1])
        errors.append(missing[:, 0] if history is None else _outward(history.xyxy_pixels[-1] - truth))
        intervals.append(missing if history is None else history.intervals()[-1])
    reach = torch.stack(intervals) if intervals else torch.empty(0, 4, 2)
    off = torch.stack(errors) if errors else torch.empty(0, 4)
    spreads = reach.diff(dim=-1)[..., 0]
    return Sweep(torch.tensor(amounts, dtype=torch.float32), torch.tensor(scores), spreads, off, reach)


def find(model: Predictor, picture: Image.Image, box: Tensor, name: str) -> History | None:
    """The detection of a class that overlaps a box [4] (xyxy pixels) best, by an IoU of at least 0.3; None for none."""
    result = model(picture, LOWEST)
    found = result.detections
    mine = torch.tensor([n == name for n in found.class_names], dtype=torch.bool)
    if not mine.any():
        return None
    overlap = torch.where(mine, iou_xyxy(found.boxes.float(), box.expand(len(found), 4)), torch.tensor(-1.0))
    best = int(overlap.argmax())
    return result.history(best) if overlap[best] >= SAME else None


def _outward(moved: Tensor) -> Tensor:
    """Moves of x1, y1, x2, y2 [4] as moves outward."""
    return moved * torch.tensor([-1.0, -1.0, 1.0, 1.0])
