"""Boxes: two ways to write them, how much they overlap.

Inside the library a box is `cxcywh` (centre, size) in 0..1 of the picture; `xyxy` stands in a name wherever it is not.
"""

from __future__ import annotations

import torch
from torch import Tensor


def to_xyxy(boxes: Tensor) -> Tensor:
    """Corners of boxes given by centre and size, in the same unit: [..., 4] -> [..., 4].

    >>> to_xyxy(torch.tensor([0.5, 0.5, 0.25, 0.5]))
    tensor([0.3750, 0.2500, 0.6250, 0.7500])
    """
    cx, cy, w, h = boxes.unbind(-1)
    return torch.stack((cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2), -1)


def to_cxcywh(xyxy: Tensor) -> Tensor:
    """Centre and size of boxes given by corners, in the same unit: [..., 4] -> [..., 4]."""
    x1, y1, x2, y2 = xyxy.unbind(-1)
    return torch.stack(((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1), -1)


def to_pixels(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Corners in pixels of relative cxcywh boxes [..., 4], for a picture of `size` = (width, height)."""
    w, h = size
    return to_xyxy(boxes) * boxes.new_tensor((w, h, w, h))


def clipped(xyxy_pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Corners in pixels [..., 4], held inside a picture of `size` = (width, height)."""
    w, h = size
    return torch.minimum(xyxy_pixels.clamp(min=0), xyxy_pixels.new_tensor((w, h, w, h)))


def from_pixels(xyxy_pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """The inverse of `to_pixels`."""
    w, h = size
    return to_cxcywh(xyxy_pixels / xyxy_pixels.new_tensor((w, h, w, h)))


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union of box i of `a` with box i of `b`: [..., 4] cxcywh each -> [...]; 0 for empty ones.

    The leading axes broadcast: `iou(a[:, None], b)` compares each of `a` [n, 4] with each of `b` [m, 4] -> [n, m].
    """
    return iou_xyxy(to_xyxy(a), to_xyxy(b))


def iou_xyxy(a: Tensor, b: Tensor) -> Tensor:
    """`iou` of boxes given by corners, in any unit: [..., 4], [..., 4] -> [...]; 0 for empty ones.

    >>> iou_xyxy(torch.tensor([0.0, 0.0, 2.0, 2.0]), torch.tensor([[0.0, 0.0, 2.0, 1.0], [2.0, 2.0, 3.0, 3.0]]))
    tensor([0.5000, 0.0000])
    """
    inter, union, _ = _overlap(a, b)
    return inter / union.clamp(min=torch.finfo(union.dtype).tiny)


def share_inside(a: Tensor, b: Tensor) -> Tensor:
    """How much of `a` lies in `b`, boxes given by corners: [..., 4], [..., 4] -> [...] in 0..1; 0 if `a` is empty.

    COCO compares a detection with a crowd in this way.
    """
    whole = _area(a[..., :2], a[..., 2:])
    common = _area(torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:]))
    return common / whole.clamp(min=torch.finfo(whole.dtype).tiny)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU (Rezatofighi 2019) of box i of `a` with box i of `b`: IoU − (hull − union) / hull, in (−1, 1]."""
    inter, union, hull = _overlap(to_xyxy(a), to_xyxy(b))
    tiny = torch.finfo(union.dtype).tiny
    return inter / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)


def _overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Areas of intersection, union and hull of boxes given by corners: [..., 4], [..., 4] -> three times [...]."""
    inter = _area(torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:]))
    union = _area(a[..., :2], a[..., 2:]) + _area(b[..., :2], b[..., 2:]) - inter
    hull = _area(torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:]))
    return inter, union, hull


def _area(low: Tensor, high: Tensor) -> Tensor:
    """Area between a lower and an upper corner [..., 2] -> [...]; 0 where they are the wrong way round."""
    width, height = (high - low).clamp(min=0).unbind(-1)  # torch.prod has a slow gradient
    return width * height
