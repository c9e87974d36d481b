"""Cover sides of objects in training, so that an edge that cannot be seen learns to say so.

A detector that has only met whole objects takes the border of whatever stands before one for its edge, and is sure of
it. Here the strip at one side of some objects is painted over, and the labels stay where the edges truly are. The same
patches also stand beside objects, inside of them and elsewhere, where they hide no edge, so that a patch says nothing
by itself.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from dfine import boxes as box
from dfine.data import occluders
from dfine.data.occluders import integer, one_of, uniform
from dfine.data.transforms import Pair, Sometimes
from dfine.trace.records import Target

DEPTH = (0.1, 0.6)  # of the object's width or height that a patch hides from one side
OUTSIDE = (0.05, 0.5)  # by how much of it the patch reaches beyond the object there
ALONG = (0.6, 1.7)  # length of the patch along the edge, in lengths of the edge
TWO_SIDES = 0.2  # share of covered objects of which a second side is covered too
COVERED = 0.5  # share of the objects of a picture that are covered, one at least
RECTANGLES, FLAT = 0.4, 0.25  # share of patches that are of that shape, and of that fill whatever the draw
BESIDE = 3  # patches, at most, that hide no edge
HIDDEN = 0.8  # an object of which more is painted over is not asked for
SMALLEST = 8  # pixels in the shorter side of an object that is covered


class Cover(Sometimes):
    """Paints over sides of some objects, with patches of `dfine.data.occluders`, and puts others where no edge is.

    An object of which more than 80 % is painted over, by whatever patches, is dropped from the answers: nobody could
    find it. All others keep their true boxes.
    """

    def change(self, picture: Tensor, target: Target) -> Pair:
        height, width = picture.shape[-2:]
        boxes = box.to_pixels(target.boxes, (width, height))
        painted, hidden = picture.clone(), torch.zeros(height, width, dtype=torch.bool)
        places = [*_over(boxes), *_beside(boxes, (width, height))]
        for i in torch.randperm(len(places)).tolist():
            _paint(painted, hidden, picture, boxes, places[i])
        seen = [i for i, corners in enumerate(boxes) if _share(hidden, corners) <= HIDDEN]
        kept = torch.tensor(seen, dtype=torch.int64)
        return painted, replace(target, labels=target.labels[kept], boxes=target.boxes[kept])


def strip(corners: list[float], side: int, depth: float, outside: float, along: float, shift: float) -> list[float]:
    """The place of a patch at one side of a box, both xyxy.

    Args:
        corners: of the box.
        side: 0 to 3: left, top, right, bottom.
        depth: how far it reaches into the box, in its width or height.
        outside: how far it reaches out of it, in the same.
        along: its length along the edge, in lengths of the edge.
        shift: of its middle along the edge, in lengths of the edge.
    """
    axis, far = side % 2, side >= 2
    size = corners[axis + 2] - corners[axis], corners[3 - axis] - corners[1 - axis]
    place = list(corners)
    into = corners[side] + depth * size[0] * (-1 if far else 1)
    out = corners[side] + outside * size[0] * (1 if far else -1)
    place[axis], place[axis + 2] = (into, out) if far else (out, into)
    middle = (corners[1 - axis] + corners[3 - axis]) / 2 + shift * size[1]
    place[1 - axis], place[3 - axis] = middle - along * size[1] / 2, middle + along * size[1] / 2
    return place


def _over(boxes: Tensor) -> list[list[float]]:
    """Places over sides of some of the boxes, xyxy."""
    large = [i for i, sides in enumerate(boxes[:, 2:] - boxes[:, :2]) if float(sides.min()) >= SMALLEST]
    if not large:
        return []
    chosen = [i for i in large if uniform(0, 1) < COVERED] or [large[integer(0, len(large) - 1)]]
    places = []
    for i in chosen:
        first = integer(0, 3)
        second = [(first + integer(1, 3)) % 4] if uniform(0, 1) < TWO_SIDES else []
        for side in (first, *second):
            along = uniform(*ALONG)
            shift = uniform(-0.5, 0.5) * max(0.0, abs(1.2 - along))
            places.append(strip(boxes[i].tolist(), side, uniform(*DEPTH), uniform(*OUTSIDE), along, shift))
    return places


def _beside(boxes: Tensor, size: tuple[int, int]) -> list[list[float]]:
    """Places that hide no edge, xyxy: just outside of a box, inside of one, or anywhere free, in a picture (w, h)."""
    places = []
    for _ in range(integer(0, BESIDE)):
        kind, i = integer(0, 2), integer(0, max(0, len(boxes) - 1))
        if kind == 2 or not len(boxes):
            sides = [uniform(0.08, 0.4) * side for side in size]
            at = [uniform(0, whole - side) for whole, side in zip(size, sides)]
            place = [*at, at[0] + sides[0], at[1] + sides[1]]
        elif kind == 1:
            x1, y1, x2, y2 = boxes[i].tolist()
            left, right = sorted((uniform(0.1, 0.9), uniform(0.1, 0.9)))
            top, bottom = sorted((uniform(0.1, 0.9), uniform(0.1, 0.9)))
            place = [x1 + left * (x2 - x1), y1 + top * (y2 - y1), x1 + right * (x2 - x1), y1 + bottom * (y2 - y1)]
        else:
            gap = uniform(0.0, 0.15)
            place = strip(boxes[i].tolist(), integer(0, 3), -gap, gap + uniform(0.15, 0.6), uniform(0.4, 1.7), 0.0)
        if not _cuts(place, boxes):
            places.append(place)
    return places


def _cuts(place: list[float], boxes: Tensor) -> bool:
    """Whether a place meets an edge of any box: overlaps it without lying wholly inside."""
    if not len(boxes):
        return False
    spot = boxes.new_tensor(place)
    meets = ((boxes[:, :2] < spot[2:]) & (boxes[:, 2:] > spot[:2])).all(1)
    within = ((boxes[:, :2] < spot[:2]) & (boxes[:, 2:] > spot[2:])).all(1)
    return bool((meets & ~within).any())


def _paint(painted: Tensor, hidden: Tensor, picture: Tensor, boxes: Tensor, place: list[float]) -> None:
    """Paint a patch of a random kind at a place xyxy into `painted` [3, H, W], and note it in `hidden` [H, W]."""
    x1, y1, x2, y2 = (round(v) for v in place)
    height, width = hidden.shape
    left, top, right, bottom = max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)
    if left >= right or top >= bottom:
        return
    form = "rectangle" if uniform(0, 1) < RECTANGLES else one_of(occluders.SHAPES[1:])
    content = "flat" if uniform(0, 1) < FLAT else one_of(occluders.FILLS)
    mask = occluders.shape(form, y2 - y1, x2 - x1)[top - y1 : bottom - y1, left - x1 : right - x1]
    patch = occluders.fill(content, picture, boxes, bottom - top, right - left)
    window = (slice(top, bottom), slice(left, right))
    painted[(slice(None), *window)] = torch.where(mask, patch, painted[(slice(None), *window)])
    hidden[window] |= mask


def _share(hidden: Tensor, corners: Tensor) -> float:
    """The share of the pixels of a box [4] xyxy that are hidden."""
    x1, y1, x2, y2 = (int(v) for v in corners.round().tolist())
    inside = hidden[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
    return float(inside.float().mean()) if inside.numel() else 0.0
