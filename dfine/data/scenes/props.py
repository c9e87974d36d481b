"""What a picture is composed of: objects in all their variety, slabs that hide them, backdrops and their clutter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import cos, exp, log, pi, radians, sin
from random import Random

import numpy as np

from dfine.data.scenes.painting import Texture, Thing
from dfine.data.scenes.palette import drawn_on_paper, hsv, palette
from dfine.data.scenes.shapes import SHAPES
from dfine.data.scenes.strokes import DARK, MAIN, Colour, Part

NAMES: tuple[str, ...] = tuple(SHAPES)


@dataclass(frozen=True)
class Actor:
    """A kind of thing that may appear in a picture."""

    name: str
    label: int  # its class; −1 for what is in the picture without being asked for
    sketch: Callable[[Random], list[Part]]


CAST: tuple[Actor, ...] = tuple(Actor(name, label, sketch) for label, (name, sketch) in enumerate(SHAPES.items()))


@dataclass(frozen=True)
class Backdrop:
    """What lies behind the things: two colours and how they mix, with clutter that is no thing of any class."""

    kind: str  # linear, radial, noise, pattern or horizon
    colours: tuple[Colour, Colour]
    angle: float
    texture: Texture
    grain: float  # strength of the fine noise
    seed: int
    clutter: tuple[Thing, ...]


def smaller(thing: Thing, factor: float) -> Thing:
    """The same thing, `factor` times as large."""
    parts = tuple((p * factor, colour, lined) for p, colour, lined in thing.parts)
    texture = replace(thing.texture, period=thing.texture.period * factor)
    return replace(thing, parts=parts, width=thing.width * factor, texture=texture, extent=())


def drawn_object(r: Random, actor: Actor, size: float, rotation: float, behind: Backdrop) -> Thing:
    """A thing of that kind whose longer side, upright, is `size`."""
    parts = actor.sketch(r)
    points = np.concatenate([p for p, _ in parts])
    low, high = points.min(0), points.max(0)
    factor = size / (high - low).max()
    angle = radians(r.uniform(-7, 7) + 180 * rotation * r.uniform(-1, 1))
    flip = -1.0 if r.random() < 0.5 else 1.0
    c, s = cos(angle), sin(angle)
    stretch = exp(r.uniform(-0.1, 0.1))
    turn = np.diag((factor * flip * stretch, factor / stretch)) @ np.array(((c, s), (-s, c)))
    middle = (low + high) / 2

    paints = palette(r, actor.name, behind.colours)
    style = r.random()
    outline, width = None, 0.0
    if style < 0.35:  # filled, with an outline
        outline, width = paints[DARK], size * r.uniform(0.025, 0.045)
    elif style < 0.5:  # a drawing on paper: coloured lines around pale surfaces
        outline, width = paints[MAIN], size * r.uniform(0.045, 0.065)
        drawn_on_paper(paints)
    kind = r.choice(("plain", "plain", "stripes", "dots", "checks"))
    texture = Texture(kind, r.uniform(0.05, 0.16), size * r.uniform(0.12, 0.25), r.uniform(0, pi))
    fine = 0.2 * (high - low).max()  # smaller details would drown in an outline
    placed = tuple(((p - middle) @ turn, paints[paint], bool(np.ptp(p, axis=0).max() > fine)) for p, paint in parts)
    thing = Thing(actor.label, placed, (0.0, 0.0), outline, width, texture, r.uniform(0.08, 0.28))
    x1, y1, x2, y2 = thing.extent
    centred = tuple((p - ((x1 + x2) / 2, (y1 + y2) / 2), colour, lined) for p, colour, lined in placed)
    return replace(thing, parts=centred, shadow=r.choice((0.0, r.uniform(0.15, 0.45))), extent=())


def slab(r: Random, size: float) -> Thing:
    """Something that hides: a bar, or a rough patch with corners at irregular distances."""
    if r.random() < 0.4:
        long, half = size * r.uniform(0.9, 1.6), size * r.uniform(0.12, 0.25)
        turn = r.uniform(0, pi)
        c, s = cos(turn), sin(turn)
        points = np.array(((-long, -half), (long, -half), (long, half), (-long, half))) @ np.array(((c, s), (-s, c)))
    else:
        points = _rough(r, size * 0.6)
    colour = hsv(r.random(), r.uniform(0.1, 0.6), r.uniform(0.25, 0.9))
    texture = Texture(r.choice(("plain", "stripes", "dots")), 0.12, size * 0.2, r.uniform(0, pi))
    return Thing(-1, ((points, colour, False),), texture=texture, shade=0.15, shadow=r.uniform(0.1, 0.4))


def _rough(r: Random, radius: float) -> np.ndarray:
    """An irregular polygon around (0, 0), [n, 2]."""
    n = r.randrange(6, 10)
    t = [(i + r.uniform(-0.3, 0.3)) * 2 * pi / n for i in range(n)]
    rho = [radius * r.uniform(0.6, 1.1) for _ in range(n)]
    return np.array([(d * cos(a), d * sin(a)) for d, a in zip(rho, t)])


def backdrop(r: Random, extent: tuple[float, float]) -> Backdrop:
    """A backdrop for a picture of `extent` shorter sides: smooth, patterned or cluttered."""
    hue, saturation, value = r.random(), r.uniform(0.03, 0.5), r.uniform(0.3, 0.97)
    near = (
        (hue + r.uniform(-0.08, 0.08)) % 1,
        min(1.0, max(0.0, saturation + r.uniform(-0.15, 0.15))),
        min(1.0, max(0.0, value + r.uniform(-0.22, 0.22))),
    )
    colours = hsv(hue, saturation, value), hsv(*near)
    kind = r.choice(("linear", "linear", "radial", "noise", "pattern", "horizon"))
    texture = Texture(
        r.choice(("stripes", "dots", "checks")), 0.5, exp(r.uniform(log(0.04), log(0.3))), r.uniform(0, pi)
    )
    busy = r.choice((0.0, 0.0, 0.5, 1.0)) * r.random()
    clutter = tuple(_clutter(r, extent, colours) for _ in range(round(busy * 28)))
    return Backdrop(kind, colours, r.uniform(0, 2 * pi), texture, r.uniform(0, 0.06), r.getrandbits(32), clutter)


def _clutter(r: Random, extent: tuple[float, float], colours: tuple[Colour, Colour]) -> Thing:
    """Muted scraps of the backdrop's own colours: strips, rough patches and slanted quadrangles."""
    base = np.array(r.choice(colours)) + r.uniform(-42, 42) + np.array([r.uniform(-16, 16) for _ in range(3)])
    colour = tuple(int(c) for c in np.clip(base, 0, 255))
    size, turn = exp(r.uniform(log(0.05), log(0.4))), r.uniform(0, pi)
    c, s = cos(turn), sin(turn)
    kind = r.random()
    if kind < 0.4:
        half = size * r.uniform(0.03, 0.12)
        points = np.array(((-size, -half), (size, -half), (size, half), (-size, half)))
    elif kind < 0.7:
        points = _rough(r, size * 0.5)
    else:
        lean = size * r.uniform(0.1, 0.5)
        points = np.array(
            ((-size, -size / 3), (size * 0.6, -size / 3), (size * 0.6 + lean, size / 3), (-size + lean, size / 3))
        )
    at = r.uniform(0, extent[0]), r.uniform(0, extent[1])
    return Thing(-1, ((points @ np.array(((c, s), (-s, c))), colour, False),), at, shade=r.uniform(0, 0.1))
