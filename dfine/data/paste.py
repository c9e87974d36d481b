"""Copy objects of one training picture into another: more objects, in more places, for data sets of few pictures.

After Dwibedi et al., "Cut, Paste and Learn" (arXiv 1708.01642), and Ghiasi et al., "Simple Copy-Paste" (arXiv
2012.07177). Both cut along masks. Here there are only boxes, so an object brings a little of what surrounds it, and the
paste fades out within that: if it ended where the object does, a network would take the seam for the edge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from dfine import boxes as box
from dfine.data.occluders import integer, uniform
from dfine.data.resize import resize
from dfine.data.transforms import Pair

MOST = 3  # objects that are pasted into a picture, at most
MARGIN = (0.1, 0.3)  # surroundings that come along on every side, in the object's width or height
SOLID = 0.4  # share of the margin, next to the object, that does not fade
SCALE = (0.5, 1.5)  # of the object's own size in pixels
LARGEST = 0.7  # of the picture's width or height that a pasted object takes
SMALLEST = 8  # pixels in the shorter side of an object, before and after
HIDDEN = 0.3  # share of another object that a paste hides, at most; the same for one that comes along unasked
TRIES = 8  # places that are looked at


class CopyPaste:
    """Pastes objects of another picture into some of the pictures, half of them mirrored.

    An object that touches the border of its picture is not taken, since nobody knows how it goes on, nor one whose
    surroundings show another object. Where no place is free, less is pasted.

    Args:
        p: probability with which something is pasted into a picture.
    """

    def __init__(self, p: float):
        if not 0 <= p <= 1:
            raise ValueError(f"the share of pictures with pasted objects is between 0 and 1, not {p}")
        self.p = p

    def __call__(self, read: Callable[[int], Pair], index: int, count: int) -> Pair:
        """Item `index` with objects of another of `count` items, each read by `read`; torch's random state draws."""
        picture, target = read(index)
        if torch.rand(()).item() >= self.p:
            return picture, target
        source, found = read(integer(0, count - 1))
        originals = box.to_pixels(found.boxes, (source.shape[2], source.shape[1]))
        size = (picture.shape[2], picture.shape[1])
        corners, labels, picture = box.to_pixels(target.boxes, size), target.labels, picture.clone()
        taken = [i for i in torch.randperm(len(found)).tolist() if _whole(originals, i, source.shape)]
        for i in taken[: integer(1, MOST)]:
            placed = _pasted(picture, corners, source, originals, i)
            if placed is not None:
                corners = torch.cat((corners, placed[None]))
                labels = torch.cat((labels, found.labels[i : i + 1]))
        return picture, replace(target, labels=labels, boxes=box.from_pixels(corners, size))


def _whole(corners: Tensor, i: int, shape: torch.Size) -> bool:
    """Whether object `i` of corners [n, 4] is large enough and lies within its picture [3, H, W]."""
    x1, y1, x2, y2 = corners[i].tolist()
    inside = min(x1, y1, shape[2] - x2, shape[1] - y2) > 1
    return inside and min(x2 - x1, y2 - y1) >= SMALLEST


def _pasted(picture: Tensor, corners: Tensor, source: Tensor, originals: Tensor, i: int) -> Tensor | None:
    """Paste object `i` of `source` into `picture` [3, H, W], in place; its corners [4] there, or None without a place.

    Args:
        picture: changed.
        corners: of the objects that are in it, [m, 4] in pixels.
        source: the picture that the object comes from.
        originals: corners of all objects there, [n, 4] in pixels.
        i: which of them.
    """
    height, width = picture.shape[-2:]
    sides = originals[i, 2:] - originals[i, :2]
    reach = sides.repeat(2) * torch.tensor([uniform(*MARGIN) for _ in range(4)])
    whole = torch.tensor([0, 0, source.shape[2], source.shape[1]])
    low = (originals[i, :2] - reach[:2]).floor().clamp(min=0)
    high = torch.minimum((originals[i, 2:] + reach[2:]).ceil(), whole[2:])
    cut = torch.cat((low, high))
    others = torch.cat((originals[:i], originals[i + 1 :]))
    if bool((box.share_inside(others, cut) > HIDDEN).any()):
        return None
    scale = min(uniform(*SCALE), LARGEST * width / float(sides[0]), LARGEST * height / float(sides[1]))
    if scale * float(sides.min()) < SMALLEST:
        return None
    extent = ((high - low) * scale).round().clamp(min=1)
    factor = (extent / (high - low)).repeat(2)  # rounding to whole pixels has changed the scale a little
    inner = (originals[i] - low.repeat(2)) * factor
    mirrored = bool(integer(0, 1))
    if mirrored:
        inner = torch.stack((extent[0] - inner[2], inner[1], extent[0] - inner[0], inner[3]))
    for _ in range(TRIES):
        free = torch.tensor([width, height]) - inner[2:] + inner[:2]
        at = (torch.tensor([uniform(0, float(room)) for room in free]) - inner[:2]).round()
        placed = inner + at.repeat(2)
        if float(placed.min()) < 0 or placed[2] > width or placed[3] > height:
            continue  # by rounding
        if not bool((box.share_inside(corners, torch.cat((at, at + extent))) > HIDDEN).any()):
            break
    else:
        return None
    x1, y1, x2, y2 = (int(v) for v in cut)
    columns, rows = (int(v) for v in extent)
    patch = resize(source[:, y1:y2, x1:x2], (rows, columns))
    _blend(picture, patch.flip(2) if mirrored else patch, _fade(rows, columns, inner), (int(at[0]), int(at[1])))
    return placed


def _fade(rows: int, columns: int, inner: Tensor) -> Tensor:
    """How much of the patch is seen, [rows, columns] in 0..1: all of the object `inner` [4], nothing at the border."""
    ramps = []
    for length, start, end in ((rows, inner[1], inner[3]), (columns, inner[0], inner[2])):
        at = torch.arange(length) + 0.5
        margins = [(margin * (1 - SOLID)).clamp(min=0.5) for margin in (start, length - end)]
        ramps.append(torch.minimum(at / margins[0], (length - at) / margins[1]).clamp(0, 1))
    return torch.minimum(ramps[0][:, None], ramps[1][None])


def _blend(picture: Tensor, patch: Tensor, seen: Tensor, at: tuple[int, int]) -> None:
    """Lay `patch` [3, h, w] into `picture`, with its upper left corner `at` (x, y); what sticks out is cut off."""
    height, width = picture.shape[-2:]
    x, y = at
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + patch.shape[2], width), min(y + patch.shape[1], height)
    piece = (slice(top - y, bottom - y), slice(left - x, right - x))
    window = (slice(None), slice(top, bottom), slice(left, right))
    seen, patch = seen[piece], patch[(slice(None), *piece)].float()
    mixed = seen * patch + (1 - seen) * picture[window].float()
    picture[window] = mixed.round().to(torch.uint8)
