"""Spoil a picture on purpose, to see what a detector makes of it: cover a part, blur, darken, and so on."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFilter

from dfine.config import EDGES

WORST_BLUR = 1 / 24  # radius of the strongest blur, in shorter sides of the picture
WORST_NOISE = 90.0  # standard deviation of the strongest noise, in grey levels of 255
LEAST_LIGHT = 0.04  # share of the light that is left in the darkest picture
LEAST_SIDE = 0.05  # share of each side that is left of the coarsest picture
WORST_ANGLE = 45.0  # degrees, anticlockwise
OUTSIDE = 0.15  # by how much of the box a cover reaches beyond it


def spoil(picture: Image.Image, kind: str, amount: float) -> Image.Image:
    """The picture, spoiled by one of `KINDS`; its size stays what it is, and so do boxes except in a turned picture.

    Args:
        picture: any picture; RGB is returned.
        kind: blur, darkness, noise, jpeg (artefacts of compression), detail (as if it had been smaller) or rotation.
        amount: 0 (nothing) to 1 (the worst). The same arguments give the same picture.

    Raises:
        ValueError: there is no such kind, or the amount is out of range.
    """
    if kind not in KINDS:
        raise ValueError(f"pictures are spoiled by {', '.join(KINDS)}, not by {kind!r}")
    _check_share("amount", amount)
    picture = picture.convert("RGB")
    return KINDS[kind](picture, amount) if amount else picture


def cover(picture: Image.Image, box: Sequence[float], edge: str, share: float) -> Image.Image:
    """The picture with one side of a box painted over, in the mean colour of the picture.

    Args:
        picture: any picture; RGB is returned.
        box: x1, y1, x2, y2 in pixels.
        edge: left, top, right or bottom: the side that is covered.
        share: of the box's width or height, 0 to 1, from that edge inward. The paint also reaches beyond the box, so
            that it does not show where the edge is.

    Raises:
        ValueError: there is no such edge, or the share is out of range.
    """
    if edge not in EDGES:
        raise ValueError(f"an edge is one of {', '.join(EDGES)}, not {edge!r}")
    _check_share("share", share)
    picture = picture.convert("RGB")
    if not share:
        return picture
    axis, far = EDGES.index(edge) % 2, EDGES.index(edge) >= 2
    size = [box[2] - box[0], box[3] - box[1]]
    patch = [
        box[0] - OUTSIDE * size[0],
        box[1] - OUTSIDE * size[1],
        box[2] + OUTSIDE * size[0],
        box[3] + OUTSIDE * size[1],
    ]
    patch[axis if far else axis + 2] = box[axis + 2] - share * size[axis] if far else box[axis] + share * size[axis]
    return _painted(picture, patch)


def cover_patch(picture: Image.Image, box: Sequence[float], share: float = 1.0) -> Image.Image:
    """The picture with a rectangle painted over, in the mean colour of the picture.

    Args:
        picture: any picture; RGB is returned.
        box: x1, y1, x2, y2 of the whole rectangle in pixels.
        share: of the rectangle's sides, 0 to 1; a smaller one lies in its middle.

    Raises:
        ValueError: the share is out of range.
    """
    _check_share("share", share)
    picture = picture.convert("RGB")
    if not share:
        return picture
    middle, half = [(box[k] + box[k + 2]) / 2 for k in (0, 1)], [(box[k + 2] - box[k]) / 2 * share for k in (0, 1)]
    return _painted(picture, [middle[k % 2] + half[k % 2] * (-1 if k < 2 else 1) for k in range(4)])


def _painted(picture: Image.Image, patch: Sequence[float]) -> Image.Image:
    """A copy with the part of a rectangle that lies in it painted over."""
    corners = [int(np.clip(round(v), 0, picture.size[i % 2])) for i, v in enumerate(patch)]
    mean = tuple(int(v) for v in np.asarray(picture).reshape(-1, 3).mean(0))
    covered = picture.copy()
    covered.paste(mean, tuple(corners))
    return covered


def _check_share(name: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"the {name} must be from 0 to 1, not {value}")


def _blur(picture: Image.Image, amount: float) -> Image.Image:
    return picture.filter(ImageFilter.GaussianBlur(amount * WORST_BLUR * min(picture.size)))


def _darkness(picture: Image.Image, amount: float) -> Image.Image:
    left = 1 - amount * (1 - LEAST_LIGHT)
    return picture.point([round(v * left) for v in range(256)] * 3)


def _noise(picture: Image.Image, amount: float) -> Image.Image:
    pixels = np.asarray(picture, dtype=np.float32)
    grain = np.random.default_rng(0).normal(0, amount * WORST_NOISE, pixels.shape)
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))


def _jpeg(picture: Image.Image, amount: float) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=max(1, round(95 * (1 - amount))))
    return Image.open(file).convert("RGB")


def _detail(picture: Image.Image, amount: float) -> Image.Image:
    left = 1 - amount * (1 - LEAST_SIDE)
    small = picture.resize([max(1, round(side * left)) for side in picture.size], Image.Resampling.BOX)
    return small.resize(picture.size, Image.Resampling.BILINEAR)


def _rotation(picture: Image.Image, amount: float) -> Image.Image:
    return picture.rotate(amount * WORST_ANGLE, Image.Resampling.BILINEAR, fillcolor=(114, 114, 114))


KINDS = {
    "blur": _blur,
    "darkness": _darkness,
    "noise": _noise,
    "jpeg": _jpeg,
    "detail": _detail,
    "rotation": _rotation,
}
