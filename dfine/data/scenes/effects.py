"""What happens to a drawn picture as a whole: backdrop, defocus, camera motion, low light."""

from __future__ import annotations

from math import cos, sin

import numpy as np
from PIL import Image, ImageFilter

from dfine.data.scenes.composition import Composition
from dfine.data.scenes.painting import paint
from dfine.data.scenes.props import Backdrop


def render(composition: Composition, size: tuple[int, int]) -> np.ndarray:
    """Paint a composition: uint8 [H, W, 3], for `size` = (width, height) in pixels."""
    dials, scale = composition.dials, min(size)
    canvas = _backdrop(composition.backdrop, size, scale)
    for thing in composition.backdrop.clutter:
        paint(canvas, thing, scale, composition.light)

    out = 0.035 * dials["depth_of_field"] * scale  # defocus in pixels across the whole depth
    if out * composition.focus > 0.3:
        canvas = _soften(canvas, 0.6 * out * composition.focus)
    for thing in composition.things:
        paint(canvas, thing, scale, composition.light, out * abs(thing.depth - composition.focus))

    if dials["motion_blur"] > 0:
        canvas = _smear(canvas, 0.075 * dials["motion_blur"] * scale, composition.heading)
    if dials["low_light"] > 0:
        canvas = _darken(canvas, dials["low_light"], composition)
    return np.clip(canvas + 0.5, 0, 255).astype(np.uint8)


def _backdrop(backdrop: Backdrop, size: tuple[int, int], scale: int) -> np.ndarray:
    """Two colours mixed by a gradient, soft noise, a pattern or a horizon: float32 [H, W, 3] in 0..255."""
    width, height = size
    u = ((np.arange(width, dtype=np.float32) + 0.5) / scale)[None]
    v = ((np.arange(height, dtype=np.float32) + 0.5) / scale)[:, None]
    c, s = cos(backdrop.angle), sin(backdrop.angle)
    rng = np.random.default_rng(backdrop.seed)
    soft = _noise(rng, 6, size)

    if backdrop.kind == "radial":
        mix = np.hypot(u - width / scale / 2, v - height / scale / 2) * 1.4
    elif backdrop.kind == "noise":
        mix = 0.6 * soft + 0.4 * _noise(rng, 14, size)
    elif backdrop.kind == "pattern":
        mix = 0.5 + 0.5 * backdrop.texture(u, v)
    elif backdrop.kind == "horizon":
        mix = np.clip((v - height / scale * (0.5 + 0.2 * s) + 0.1 * c * (u - 0.5)) * 40, 0, 1)
    else:
        mix = 0.5 + (c * (u - width / scale / 2) + s * (v - height / scale / 2)) * 0.9
    mix = np.clip(mix + 0.15 * (soft - 0.5), 0, 1)[..., None]

    first, second = (np.array(colour, dtype=np.float32) for colour in backdrop.colours)
    canvas = first + (second - first) * mix
    grain = (_noise(rng, 96, size) - 0.5) * (2 * 255 * backdrop.grain)
    return canvas + grain[..., None]


def _noise(rng: np.random.Generator, cells: int, size: tuple[int, int]) -> np.ndarray:
    """Smooth noise in about 0..1 with `cells` cells across: float32 [H, W]; the same at every size."""
    grid = Image.fromarray(rng.random((cells, cells), dtype=np.float32))
    return np.asarray(grid.resize(size, Image.Resampling.BICUBIC))


def _soften(canvas: np.ndarray, sigma: float) -> np.ndarray:
    image = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(sigma))).astype(np.float32)


def _smear(canvas: np.ndarray, length: float, heading: float) -> np.ndarray:
    """The mean along a line of about `length` pixels.

    A short line is summed pixel by pixel; then each step joins two copies of what it has, end to end, which doubles it.
    """
    count, doublings = max(2, round(length)), 0
    while count > 7:
        count, doublings = (count + 1) // 2, doublings + 1
    along = np.array((cos(heading), sin(heading)))
    margin = count * 2**doublings // 2 + doublings + 2
    canvas = np.pad(canvas, ((margin, margin), (margin, margin), (0, 0)), mode="edge")

    canvas = _mean_of_shifts(canvas, [_whole((t - count // 2) * along) for t in range(count)])
    for step in range(doublings):
        x, y = _whole(count * 2**step * along)
        canvas = _mean_of_shifts(canvas, [(-(x // 2), -(y // 2)), (x - x // 2, y - y // 2)])
    return canvas[margin:-margin, margin:-margin]


def _whole(vector: np.ndarray) -> tuple[int, int]:
    return round(float(vector[0])), round(float(vector[1]))


def _mean_of_shifts(canvas: np.ndarray, offsets: list[tuple[int, int]]) -> np.ndarray:
    """The mean of copies moved by whole pixels (x, y); the border that not all of them cover is lost (zero)."""
    m = max(max(abs(x), abs(y)) for x, y in offsets)
    height, width = canvas.shape[:2]
    out = np.zeros_like(canvas)
    inner = out[m : height - m, m : width - m]
    for x, y in offsets:
        inner += canvas[m + y : height - m + y, m + x : width - m + x]
    out *= 1 / len(offsets)
    return out


def _darken(canvas: np.ndarray, dial: float, composition: Composition) -> np.ndarray:
    """Less light, least of it in the corners, a blue cast, and the noise of a sensor that has to make do."""
    height, width = canvas.shape[:2]
    rng = np.random.default_rng(composition.seed)
    x, y = rng.uniform(0.25, 0.75, 2)
    u = (np.arange(width, dtype=np.float32) / width - x)[None]
    v = (np.arange(height, dtype=np.float32) / height - y)[:, None]
    gain = (1 - 0.8 * dial) * (1 - 0.5 * dial * np.clip(u * u + v * v, 0, 1))
    cast = 1 - dial * np.array((0.12, 0.06, -0.06), dtype=np.float32)
    noise = rng.standard_normal(canvas.shape, dtype=np.float32)
    return canvas * (gain[..., None] * cast) + noise * (7 * dial)
