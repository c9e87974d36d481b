"""From polygons to pixels: a thing's mask, and the thing painted on a picture with its shading, shadow and blur.

Lengths are in shorter sides of the picture, so that a composition does not depend on its size in pixels; `scale` is the
number of pixels in one shorter side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, cos, floor, sin
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from dfine.data.scenes.strokes import Colour


@dataclass(frozen=True)
class Texture:
    """A pattern that lightens and darkens a surface: plain, stripes, dots or checks."""

    kind: str = "plain"
    strength: float = 0.0  # largest share by which the pattern changes the brightness
    period: float = 0.1
    angle: float = 0.0

    def __call__(self, u: np.ndarray, v: np.ndarray) -> np.ndarray | float:
        """Brightness in −1..1 at the points (u, v), which broadcast; soft edges, so that it may be scaled down."""
        a, b = cos(self.angle), sin(self.angle)
        along, across = (a * u + b * v) * (2 * np.pi / self.period), (a * v - b * u) * (2 * np.pi / self.period)
        if self.kind == "stripes":
            return np.clip(3 * np.sin(along), -1, 1)
        if self.kind == "dots":
            return np.clip(4 * (np.cos(along) + np.cos(across) - 1), -1, 1)
        if self.kind == "checks":
            return np.clip(6 * np.sin(along) * np.sin(across), -1, 1)
        return 0.0


@dataclass(frozen=True)
class Thing:
    """Something to paint. `label` is −1 for what is no object: clutter, and what hides objects."""

    label: int
    parts: tuple[tuple[np.ndarray, Colour | None, bool], ...]  # polygon around (0, 0); None cuts a hole; outlined?
    at: tuple[float, float] = (0.0, 0.0)
    outline: Colour | None = None
    width: float = 0.0  # of the outline, half of it outside the polygon
    texture: Texture = Texture()
    shade: float = 0.0  # how much lighter the lit side is than the middle
    shadow: float = 0.0  # how dark the shadow is
    depth: float = 1.0  # 0 is the far background, 1 the foreground

    extent: tuple[float, float, float, float] = ()  # x1, y1, x2, y2 around everything painted, before it is put at `at`

    def __post_init__(self):
        if not self.extent:
            object.__setattr__(self, "extent", self._extent())

    def _extent(self) -> tuple[float, float, float, float]:
        half = self.width / 2 if self.outline else 0.0
        seen = [(p, lined and half > 0) for p, colour, lined in self.parts if colour is not None]
        plain = [p for p, lined in seen if not lined]
        grown = [q for p, lined in seen if lined for q in (p - half, p + half)]
        points = np.concatenate(plain + grown)
        return (*points.min(0).tolist(), *points.max(0).tolist())

    @property
    def box(self) -> tuple[float, float, float, float]:
        """The whole thing's box, x1, y1, x2, y2, also where it leaves the picture."""
        (x, y), (x1, y1, x2, y2) = self.at, self.extent
        return x1 + x, y1 + y, x2 + x, y2 + y

    def put(self, x: float, y: float) -> Thing:
        """The same thing somewhere else."""
        return replace(self, at=(x, y))


class Patch(NamedTuple):
    """A part of the picture's plane: values, and the place of their upper left corner in pixels of the picture."""

    values: np.ndarray  # [h, w] or [h, w, channels]
    left: int
    top: int


def _bounds(thing: Thing, scale: float) -> tuple[int, int, int, int]:
    """Whole pixels around the thing, with one to spare."""
    x1, y1, x2, y2 = thing.box
    return floor(x1 * scale) - 1, floor(y1 * scale) - 1, ceil(x2 * scale) + 1, ceil(y2 * scale) + 1


def _rasterise(thing: Thing, scale: float, fine: int, mode: str) -> tuple[Image.Image, int, int]:
    """The thing on a patch of its own, `fine` times as fine as the picture, and the patch's left and top in pixels.

    Mode RGBa gives its colours (not yet multiplied, but alpha is 0 or 255 here), mode L its mask in 0 and 255.
    """
    left, top, right, bottom = _bounds(thing, scale)
    image = Image.new(mode, ((right - left) * fine, (bottom - top) * fine))
    draw = ImageDraw.Draw(image)
    origin = np.array((thing.at[0] * scale - left, thing.at[1] * scale - top)) * fine
    line = max(1, round(thing.width * scale * fine))

    for points, colour, lined in thing.parts:
        corners = np.floor(points * (scale * fine) + origin)
        path = corners.ravel().tolist()
        if mode == "L":
            draw.polygon(path, fill=0 if colour is None else 255)
        else:
            draw.polygon(path, fill=(0, 0, 0, 0) if colour is None else (*colour, 255))
        if thing.outline and lined:
            _outline(draw, corners, line, 255 if mode == "L" else (*thing.outline, 255))
    return image, left, top


def _outline(draw: ImageDraw.ImageDraw, corners: np.ndarray, width: int, ink) -> None:
    """A closed line around a polygon, rounded wherever a turn would leave a gap that can be seen."""
    closed = np.concatenate((corners, corners[:1]))
    draw.line(closed.ravel().tolist(), ink, width)
    if width < 3:
        return
    steps = closed[1:] - closed[:-1]
    moves = steps.any(1)
    corners, ahead = corners[moves], steps[moves]
    behind = np.concatenate((ahead[-1:], ahead[:-1]))
    turn = np.abs(np.arctan2(ahead[:, 0] * behind[:, 1] - ahead[:, 1] * behind[:, 0], (ahead * behind).sum(1)))
    r = (width - 1) / 2
    for x, y in corners[turn * r > 0.8].tolist():
        draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)


def mask(thing: Thing, scale: float) -> Patch:
    """Which pixels the thing covers, also outside the picture: bool [h, w]."""
    image, left, top = _rasterise(thing, scale, 1, "L")
    return Patch(np.asarray(image) > 0, left, top)


def alpha(thing: Thing, scale: float) -> Patch:
    """The share of each pixel that the painted thing covers: float32 [h, w]."""
    colours, left, top = _coloured(thing, scale)
    return Patch(colours[..., 3] / 255, left, top)


def _coloured(thing: Thing, scale: float) -> Patch:
    """Colours multiplied by alpha, and alpha, in 0..255: float32 [h, w, 4]."""
    x1, y1, x2, y2 = thing.extent
    pixels = max(x2 - x1, y2 - y1) * scale
    fine = 4 if pixels < 120 else 3 if pixels < 220 else 2
    image, left, top = _rasterise(thing, scale, fine, "RGBa")
    return Patch(np.asarray(image.reduce(fine)).astype(np.float32), left, top)


def paint(canvas: np.ndarray, thing: Thing, scale: float, light: tuple[float, float], blur: float = 0.0) -> None:
    """Paint the thing on the canvas, float32 [H, W, 3] in 0..255, in place.

    Args:
        canvas: what lies behind it.
        thing: what to paint.
        scale: pixels in one shorter side.
        light: unit vector towards the light.
        blur: standard deviation in pixels of its defocus.
    """
    patch = _coloured(thing, scale)
    if not _touches(canvas, patch, margin=ceil(3 * blur + 0.1 * scale)):
        return
    _shade(patch, thing, scale, light)
    if blur > 0.3:
        pad = ceil(3 * blur)
        padded = np.pad(patch.values, ((pad, pad), (pad, pad), (0, 0)))
        image = Image.fromarray(padded.astype(np.uint8)).filter(ImageFilter.GaussianBlur(blur))
        patch = Patch(np.asarray(image).astype(np.float32), patch.left - pad, patch.top - pad)
    if thing.shadow > 0:
        _cast(canvas, patch._replace(values=patch.values[..., 3]), thing, scale, light)

    view, part = _overlap(canvas, patch)
    view *= 1 - part[..., 3:] / 255
    view += part[..., :3]


def _shade(patch: Patch, thing: Thing, scale: float, light: tuple[float, float]) -> None:
    """Light one side, darken the other, and lay the texture over it; in place."""
    colours, left, top = patch
    height, width = colours.shape[:2]
    u = ((np.arange(width, dtype=np.float32) + 0.5 + left) / scale - thing.at[0])[None]
    v = ((np.arange(height, dtype=np.float32) + 0.5 + top) / scale - thing.at[1])[:, None]
    x1, y1, x2, y2 = thing.extent
    gain = 1 + (u * light[0] + v * light[1]) * (2 * thing.shade / max(x2 - x1, y2 - y1))
    if thing.texture.kind != "plain":
        gain += thing.texture.strength * thing.texture(u, v)
    np.minimum(colours[..., :3] * gain[..., None], colours[..., 3:], out=colours[..., :3])


def _cast(canvas: np.ndarray, cover: Patch, thing: Thing, scale: float, light: tuple[float, float]) -> None:
    """Darken the canvas by the soft shadow of a cover in 0..255, away from the light; it belongs to no box."""
    x1, y1, x2, y2 = thing.extent
    size = max(x2 - x1, y2 - y1)
    soft = max(0.5, 0.03 * size * scale)
    pad = ceil(2.5 * soft)
    image = Image.fromarray(np.pad(cover.values.astype(np.uint8), pad)).filter(ImageFilter.GaussianBlur(soft))
    dark = np.asarray(image, dtype=np.float32) * (-thing.shadow / 255) + 1
    reach = 0.06 * size * scale
    shadow = Patch(dark, round(cover.left - pad - light[0] * reach), round(cover.top - pad - light[1] * reach))
    if _touches(canvas, shadow):
        view, part = _overlap(canvas, shadow)
        view *= part[..., None]


def _touches(canvas: np.ndarray, patch: Patch, margin: int = 0) -> bool:
    values, left, top = patch
    height, width = canvas.shape[:2]
    h, w = values.shape[:2]
    return left - margin < width and top - margin < height and left + w + margin > 0 and top + h + margin > 0


def _overlap(canvas: np.ndarray, patch: Patch) -> tuple[np.ndarray, np.ndarray]:
    """Views of the canvas and of the patch where they lie on each other."""
    values, left, top = patch
    height, width = canvas.shape[:2]
    h, w = values.shape[:2]
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + w, width), min(top + h, height)
    x2, y2 = max(x2, x1), max(y2, y1)
    return canvas[y1:y2, x1:x2], values[y1 - top : y2 - top, x1 - left : x2 - left]
