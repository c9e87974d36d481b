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
    """Intersection over union of box i of `a` with box i of `b`: [..., 4] cxcywh each -> [...]; 0 for empty ones."""
    inter, union, _ = _overlap(to_xyxy(a), to_xyxy(b))
    return inter / union.clamp(min=torch.finfo(union.dtype).tiny)


def giou(a: Tensor, b: Tensor) -> Tensor:
    """Generalised IoU (Rezatofighi 2019) of box i of `a` with box i of `b`: IoU − (hull − union) / hull, in (−1, 1]."""
    inter, union, hull = _overlap(to_xyxy(a), to_xyxy(b))
    tiny = torch.finfo(union.dtype).tiny
    return inter / union.clamp(min=tiny) - (hull - union) / hull.clamp(min=tiny)


def _overlap(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Areas of intersection, union and hull of corner boxes."""
    area = lambda low, high: (high - low).clamp(min=0).prod(-1)  # noqa: E731
    inter = area(torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:]))
    union = area(a[..., :2], a[..., 2:]) + area(b[..., :2], b[..., 2:]) - inter
    hull = area(torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:]))
    return inter, union, hull
