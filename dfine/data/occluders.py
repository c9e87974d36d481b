"""What training puts in front of objects: patches of many shapes and fills, none of which is anything to be found."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

SHAPES = ("rectangle", "ellipse", "polygon", "ragged")
FILLS = ("flat", "gradient", "noise", "stripes", "clouds", "cut", "blurred")
MOST = 0.4  # of an object's box that a piece cut from elsewhere may show
TRIES = 8


def shape(kind: str, height: int, width: int) -> Tensor:
    """Where a patch covers, [height, width] bool, drawn from torch's random state.

    Args:
        kind: one of `SHAPES`. A rectangle fills all of it, an ellipse is drawn somewhat square, a polygon has 3 to 8
            sides, and a ragged one is a rectangle with a border that wavers.
        height: in pixels, at least 1.
        width: in pixels, at least 1.
    """
    y = (torch.arange(height) * 2 + 1.0 - height) / height
    x = (torch.arange(width) * 2 + 1.0 - width) / width
    y, x = y[:, None].expand(height, width), x[None].expand(height, width)  # -1 … 1
    if kind == "ellipse":
        power = uniform(2, 5)
        return x.abs() ** power + y.abs() ** power <= 1
    if kind == "polygon":
        sides, turn = integer(3, 8), uniform(0, 2 * math.pi)
        inside = torch.ones(height, width, dtype=torch.bool)
        for i in range(sides):
            angle = turn + (i + uniform(-0.25, 0.25)) * 2 * math.pi / sides
            inside &= x * math.cos(angle) + y * math.sin(angle) <= uniform(0.7, 1.1)
        return inside
    if kind == "ragged":
        angle, bite = torch.atan2(y, x), torch.zeros(height, width)
        for waves in (integer(2, 5), integer(6, 14), integer(15, 40)):
            bite = bite + (1 + torch.sin(angle * waves + uniform(0, 2 * math.pi))) * uniform(0.01, 0.06)
        return torch.maximum(x.abs(), y.abs()) <= 1 - bite
    return torch.ones(height, width, dtype=torch.bool)


def fill(kind: str, picture: Tensor, boxes: Tensor, height: int, width: int) -> Tensor:
    """What a patch shows: uint8 [3, height, width], drawn from torch's random state.

    Args:
        kind: one of `FILLS`: a colour, a gradient of two, noise of two colours, stripes, soft clouds, a piece cut from
            another place of the picture (turned, and with its colours exchanged), or such a piece blurred.
        picture: uint8 [3, H, W] as it was before anything was painted over.
        boxes: of its objects, xyxy in pixels [n, 4]; a piece that would show more than 40 % of one is not taken.
        height: in pixels, at least 1.
        width: in pixels, at least 1.
    """
    if kind in ("cut", "blurred"):
        piece = _piece(picture, boxes, height, width)
        if piece is None:
            kind = "clouds"
        else:
            return piece if kind == "cut" else _soft(piece)
    one, other = colour(picture)[:, None, None], colour(picture)[:, None, None]
    y, x = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)[None]
    angle = uniform(0, 2 * math.pi)
    along = x * math.cos(angle) + y * math.sin(angle)  # [height, width] in -1.5 … 1.5
    if kind == "gradient":
        share = along / 2.9 + 0.5
    elif kind == "noise":
        share = torch.rand(height, width)
    elif kind == "stripes":
        share = (torch.sin(along * uniform(6, 40)) * uniform(1, 8)).clamp(-1, 1) / 2 + 0.5
    elif kind == "clouds":
        cells = torch.rand(1, 1, integer(2, 9), integer(2, 9))
        share = interpolate(cells, (height, width), mode="bicubic").clamp(0, 1)[0, 0]
    else:
        share = torch.zeros(height, width)
    grain = torch.randn(3, height, width) * uniform(0, 12) if uniform(0, 1) < 0.4 else 0.0
    return (one + (other - one) * share + grain).clamp(0, 255).round().to(torch.uint8)


def colour(picture: Tensor) -> Tensor:
    """A colour [3] in 0..255: any, a grey, one of the picture's, or its mean."""
    kind = integer(0, 3)
    if kind == 0:
        return torch.rand(3) * 255
    if kind == 1:
        return torch.full((3,), uniform(0, 255))
    if kind == 2:
        height, width = picture.shape[-2:]
        return picture[:, integer(0, height - 1), integer(0, width - 1)].float()
    return picture.float().mean((1, 2))


def uniform(low: float, high: float) -> float:
    """A number between `low` and `high` from torch's random state."""
    return low + (high - low) * torch.rand(()).item()


def integer(low: int, high: int) -> int:
    """A whole number from `low` to `high`, both included, from torch's random state."""
    return int(torch.randint(low, high + 1, ()))


def one_of(names: tuple[str, ...]) -> str:
    """One of the names, all equally likely."""
    return names[integer(0, len(names) - 1)]


def _piece(picture: Tensor, boxes: Tensor, height: int, width: int) -> Tensor | None:
    """A piece of the picture at a random scale that shows little of any object; None where none was found."""
    whole_height, whole_width = picture.shape[-2:]
    for _ in range(TRIES):
        scale = uniform(0.5, 1.5)
        h, w = min(whole_height, max(1, round(height * scale))), min(whole_width, max(1, round(width * scale)))
        top, left = integer(0, whole_height - h), integer(0, whole_width - w)
        if not len(boxes) or bool((_inside(boxes, (left, top, left + w, top + h)) <= MOST).all()):
            break
    else:
        return None
    piece = picture[:, top : top + h, left : left + w].flip([axis for axis in (1, 2) if integer(0, 1)])
    piece = piece[torch.randperm(3)].float()[None]
    return interpolate(piece, (height, width), mode="bilinear", align_corners=False)[0].round().to(torch.uint8)


def _inside(boxes: Tensor, window: tuple[int, int, int, int]) -> Tensor:
    """The share of each box [n, 4] that lies in a window, both xyxy: [n]."""
    limits = boxes.new_tensor(window)
    sides = (torch.minimum(boxes[:, 2:], limits[2:]) - torch.maximum(boxes[:, :2], limits[:2])).clamp(min=0)
    return sides.prod(1) / (boxes[:, 2:] - boxes[:, :2]).prod(1).clamp(min=1e-6)


def _soft(piece: Tensor) -> Tensor:
    """A piece blurred by about a tenth of its shorter side."""
    reach = max(1, min(piece.shape[-2:]) // 10)
    mean = piece.float()[None]
    for kernel, padding in 2 * (((2 * reach + 1, 1), (reach, 0)), ((1, 2 * reach + 1), (0, reach))):
        mean = avg_pool2d(mean, kernel, stride=1, padding=padding, count_include_pad=False)
    return mean[0].round().to(torch.uint8)
