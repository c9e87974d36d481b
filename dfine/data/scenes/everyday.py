"""Everyday things as they are drawn in icons and picture books: person, cat, bus, train and car, one function each.

None but the car is a class of scenes. `dfine.data.drawn` puts them into training, where a set of photographs has
classes of these names, so that a detector of photographs knows drawings of what it knows.
"""

from __future__ import annotations

from math import cos, pi, sin
from random import Random

import numpy as np

from dfine.data.scenes import objects, solids
from dfine.data.scenes.strokes import (
    ACCENT,
    DARK,
    DIM,
    GLASS,
    LIGHT,
    LIT,
    MAIN,
    SECOND,
    SKIN,
    Part,
    arc,
    polygon,
    rectangle,
    stroke,
)


def person(r: Random) -> list[Part]:
    """Standing, walking, or head and shoulders."""
    skin, hair, shirt, legs = (
        r.choice((SKIN, SKIN, LIGHT)),
        r.choice((DARK, DARK, ACCENT)),
        MAIN,
        r.choice((SECOND, DIM)),
    )
    if r.random() < 0.2:  # the figure of a sign: one colour
        skin = hair = legs = shirt
    if r.random() < 0.3:
        return _bust(r, skin, hair, shirt)
    head, shoulder, hip = r.uniform(0.17, 0.24), r.uniform(0.26, 0.36), r.uniform(0.17, 0.24)
    neck = -1 + 2 * head
    waist = neck + r.uniform(0.62, 0.72)
    stride, swing, thick = r.uniform(0.02, 0.4), r.uniform(0.0, 0.5), r.uniform(0.12, 0.17)
    parts = []
    for sign in (-1, 1):
        knee = (sign * (hip / 2 + stride / 2), (waist + 1) / 2)
        parts.append(
            (stroke(polygon((sign * hip / 2, waist - 0.1), knee, (sign * (hip / 2 + stride), 0.94)), thick), legs)
        )
        foot = sign * (hip / 2 + stride)
        parts.append((rectangle(foot - thick * 0.6, 0.92, foot + thick * 0.9, 1.0), DARK if skin != shirt else shirt))
    arms = [(sign, swing * (1 if r.random() < 0.8 else -2)) for sign in (-1, 1)]
    for sign, out in arms:
        at = sign * shoulder, neck + 0.14
        elbow = at[0] + sign * (0.06 + out * 0.3), at[1] + 0.3
        hand = at[0] + sign * (0.05 + out * 0.6), at[1] + (0.6 if out >= 0 else -0.2)
        parts.append((stroke(polygon(at, elbow, hand), thick * 0.75), shirt))
        parts.append((arc(*hand, thick * 0.45, thick * 0.45, n=10), skin))
    body = ((-shoulder, neck + 0.06), (shoulder, neck + 0.06), (hip, waist), (-hip, waist))
    if r.random() < 0.25:  # a dress
        body = (*body[:2], (hip + 0.16, waist + 0.3), (-hip - 0.16, waist + 0.3))
    parts += [(rectangle(-0.06, neck - 0.1, 0.06, neck + 0.1), skin), (polygon(*body), shirt)]
    return parts + _head(r, (0.0, -1 + head), head, skin, hair)


def _bust(r: Random, skin: int, hair: int, shirt: int) -> list[Part]:
    radius, wide = r.uniform(0.4, 0.5), r.uniform(0.75, 0.98)
    parts = [(arc(0, 1, wide, r.uniform(0.6, 0.75), pi, 2 * pi, 24), shirt), (rectangle(-0.14, 0.1, 0.14, 0.5), skin)]
    return parts + _head(r, (0.0, -0.95 + radius), radius, skin, hair)


def _head(r: Random, at: tuple[float, float], radius: float, skin: int, hair: int) -> list[Part]:
    x, y = at
    parts = []
    if r.random() < 0.35:  # long hair
        parts.append((arc(x, y + radius * 0.35, radius * 1.2, radius * 1.3, n=20), hair))
    parts.append((arc(x, y, radius * 0.88, radius, n=24), skin))
    parts.append((arc(x, y - radius * 0.12, radius * 0.95, radius * 0.95, 1.05 * pi, 1.95 * pi, 18), hair))
    if skin != hair and r.random() < 0.75:
        parts += [(arc(x + s * radius * 0.35, y, radius * 0.1, radius * 0.12, n=8), DARK) for s in (-1, 1)]
        mouth = arc(x, y + radius * 0.25, radius * 0.4, radius * 0.3, 0.15 * pi, 0.85 * pi, 9)
        parts.append((stroke(mouth, radius * 0.12), DARK))
    return parts


def cat(r: Random) -> list[Part]:
    """Its face, or the whole of it, sitting or walking."""
    kind = r.random()
    if kind < 0.3:
        return _muzzle(r, (0.0, 0.08), 0.85)
    if kind < 0.65:
        wide, head = r.uniform(0.42, 0.56), r.uniform(0.4, 0.48)
        tail = np.stack((np.linspace(0.3, 0.95, 9), 0.85 - 0.8 * np.linspace(0, 1, 9) ** 2), 1)
        parts = [(stroke(tail, 0.14), r.choice((MAIN, DIM))), (arc(0, 0.42, wide, 0.58, n=28), MAIN)]
        parts += [(arc(s * 0.17, 0.9, 0.14, 0.1, n=12), r.choice((LIT, MAIN))) for s in (-1, 1)]
        return parts + _muzzle(r, (0.0, -0.42), head)
    long, tall = r.uniform(0.62, 0.75), r.uniform(0.22, 0.3)
    t = np.linspace(0, 1, 9)
    tail = np.stack((-long - 0.3 * np.sin(t * pi * 0.8), 0.05 - 0.75 * t), 1)
    parts = [(stroke(tail, 0.11), MAIN)]
    for x in (-long + 0.12, -long + 0.34, long - 0.34, long - 0.12):
        lean = r.uniform(-0.12, 0.12)
        parts.append((stroke(polygon((x, 0.2), (x + lean, 0.72)), 0.13), r.choice((MAIN, DIM))))
    parts.append((arc(0, 0.12, long, tall, n=28), MAIN))
    for x in (-0.3, -0.05, 0.2)[: r.choice((0, 0, 3))]:
        parts.append((rectangle(x - 0.04, 0.13 - tall, x + 0.04, 0.1), DIM))
    return parts + _muzzle(r, (long, -0.2), r.uniform(0.28, 0.34))


def _muzzle(r: Random, at: tuple[float, float], radius: float) -> list[Part]:
    """A cat's head: two ears, eyes, nose, whiskers."""
    x, y = at
    ear, parts = r.uniform(0.75, 1.0), []
    for s in (-1, 1):
        tip = (x + s * radius * 0.85, y - radius * (0.55 + ear * 0.65))
        base = (x + s * radius * 0.98, y - radius * 0.1), (x + s * radius * 0.15, y - radius * 0.78)
        parts.append((polygon(base[0], tip, base[1]), MAIN))
        inner = [tuple((np.array(p) - tip) * 0.55 + tip + (-s * radius * 0.04, radius * 0.14)) for p in base]
        parts.append((polygon(inner[0], tip, inner[1]), r.choice((ACCENT, DIM))))
    parts.append((arc(x, y, radius * 1.08, radius * 0.9, n=28), MAIN))
    if r.random() < 0.5:
        parts.append((arc(x, y + radius * 0.4, radius * 0.5, radius * 0.34, n=18), LIT))
    eye = r.choice((SECOND, LIGHT, DARK))
    for s in (-1, 1):
        parts.append((arc(x + s * radius * 0.42, y - radius * 0.1, radius * 0.18, radius * 0.2, n=12), eye))
        parts.append((arc(x + s * radius * 0.42, y - radius * 0.1, radius * 0.07, radius * 0.17, n=10), DARK))
    nose = ((-0.12, 0.2), (0.12, 0.2), (0.0, 0.36))
    parts.append((polygon(*((x + a * radius, y + b * radius) for a, b in nose)), r.choice((ACCENT, DARK))))
    if r.random() < 0.6:
        for s in (-1, 1):
            for rise in (-0.12, 0.08):
                ends = (x + s * radius * 0.4, y + radius * 0.38), (x + s * radius * 1.3, y + radius * (0.38 + rise * 2))
                parts.append((stroke(polygon(*ends), radius * 0.045), DARK))
    return parts


def bus(r: Random) -> list[Part]:
    """From the side, from the front, or from an upper corner."""
    glass, hub, view = r.choice((GLASS, GLASS, LIGHT, DARK)), r.choice((LIGHT, SECOND)), r.random()
    if view < 0.5:
        return solids.bus(r, glass, hub)
    if view < 0.72:
        return _face(r, glass, tyres=True)
    high, radius = r.uniform(0.42, 0.62), r.uniform(0.13, 0.18)
    parts = [(rectangle(-1, -high, 1, high), MAIN)]
    if r.random() < 0.4:
        parts.append((rectangle(-1, 0.1, 1, 0.22), r.choice((SECOND, LIGHT))))
    low = -high * 0.05
    count = r.randrange(3, 7)
    for i in range(count):
        x = -0.92 + 1.55 * i / count
        parts.append((rectangle(x, -high * 0.75, x + 1.3 / count, low), glass))
    parts.append((rectangle(0.7, -high * 0.75, 0.96, r.choice((low, high * 0.75))), glass))
    for x in (r.uniform(-0.66, -0.5), r.uniform(0.45, 0.6)):
        parts += [(arc(x, high, radius, radius, n=18), DARK), (arc(x, high, radius / 2, radius / 2, n=12), hub)]
    return parts


def train(r: Random) -> list[Part]:
    """From the front, from an upper corner, or from the side: a modern one, or a steam engine."""
    glass, view = r.choice((GLASS, GLASS, LIGHT, DARK)), r.random()
    if view < 0.35:
        return solids.train(r, glass)
    if view < 0.6:
        return _face(r, glass, tyres=False)
    if view < 0.8:
        high, nose = r.uniform(0.24, 0.34), r.uniform(0.25, 0.5)
        body = (
            (-1, -high),
            (1 - nose, -high),
            (1 - nose * 0.4, -high * 0.5),
            (1, high * 0.6),
            (0.97, high),
            (-1, high),
        )
        parts = [(rectangle(-0.95, high, 0.92, high + 0.08), DARK), (polygon(*body), MAIN)]
        parts.append((rectangle(-1, high * 0.35, 0.97, high * 0.6), r.choice((SECOND, LIGHT))))
        parts.append((polygon((1 - nose, -high * 0.8), (1 - nose * 0.5, -high * 0.45), (1 - nose, -high * 0.1)), glass))
        count = r.randrange(4, 9)
        step = (1.85 - nose) / count
        parts += [
            (rectangle(-0.94 + i * step, -high * 0.65, -0.94 + (i + 0.7) * step, 0.0), glass) for i in range(count)
        ]
        return parts
    boiler, wheel = r.uniform(0.2, 0.28), r.uniform(0.17, 0.24)
    parts = [(rectangle(0.45, -0.6, 0.62, -0.1), r.choice((DARK, SECOND)))]
    parts.append((rectangle(0.38, -0.72, 0.69, -0.58), r.choice((DARK, SECOND))))
    parts.append((rectangle(-0.3, 0.15 - 2 * boiler, 0.8, 0.2), MAIN))
    parts.append((arc(0.8, 0.175 - boiler, 0.12, boiler, n=18), DIM))
    parts += [(rectangle(-0.95, -0.6, -0.28, 0.35), SECOND), (rectangle(-1, -0.7, -0.2, -0.56), DARK)]
    parts += [(rectangle(-0.8, -0.45, -0.42, -0.12), glass), (rectangle(-0.95, 0.18, 0.88, 0.36), DIM)]
    parts.append((polygon((0.8, 0.36), (1.0, 0.6), (0.72, 0.6)), ACCENT))
    for x in (-0.62, -0.14, 0.34):
        parts += [(arc(x, 0.4, wheel, wheel, n=20), DARK), (arc(x, 0.4, wheel * 0.55, wheel * 0.55, n=12), ACCENT)]
    return parts


def car(r: Random) -> list[Part]:
    """From the side, as scenes draw it, from an upper corner, or from the front."""
    glass, view = r.choice((GLASS, GLASS, LIGHT, DARK)), r.random()
    if view < 0.4:
        return solids.car(r, glass, r.choice((LIGHT, SECOND)))
    if view < 0.75:
        return objects.car(r)
    roof, wide = r.uniform(0.5, 0.62), r.uniform(0.82, 1.0)
    parts = [(rectangle(s * wide * 0.78 - 0.13, 0.3, s * wide * 0.78 + 0.13, 0.68), DARK) for s in (-1, 1)]
    cabin = ((-wide * 0.8, -0.1), (-roof, -0.68), (roof, -0.68), (wide * 0.8, -0.1))
    parts.append((polygon(*cabin), MAIN))
    parts.append((polygon(*((x * 0.86, -0.1 + (y + 0.1) * 0.84) for x, y in cabin)), glass))
    shoulder = wide * 0.85
    bonnet = ((-wide, 0.0), (-shoulder, -0.14), (shoulder, -0.14), (wide, 0.0), (wide, 0.45), (-wide, 0.45))
    parts.append((polygon(*bonnet), MAIN))
    parts += [(arc(s * wide * 0.72, 0.1, 0.14, 0.12, n=14), r.choice((LIGHT, SECOND))) for s in (-1, 1)]
    parts += [(rectangle(-0.35, 0.05, 0.35, 0.2), DIM), (rectangle(-wide, 0.34, wide, 0.45), r.choice((DIM, DARK)))]
    return parts


def _face(r: Random, glass: int, tyres: bool) -> list[Part]:
    """A bus (with tyres) or a train (on rails) from the front."""
    wide, bottom, round_ = r.uniform(0.62, 0.75), r.uniform(0.68, 0.78), r.uniform(0.05, 0.35)
    parts = []
    if tyres:
        parts += [(rectangle(s * wide * 0.72 - 0.14, 0.5, s * wide * 0.72 + 0.14, 1.0), DARK) for s in (-1, 1)]
        if r.random() < 0.5:  # mirrors
            parts += [
                (rectangle(s * (wide + 0.08) - 0.06, -0.5, s * (wide + 0.08) + 0.06, -0.12), DARK) for s in (-1, 1)
            ]
    else:
        round_ += 0.15
        parts += [(stroke(polygon((s * 0.35, bottom), (s * 0.7, 1.0)), 0.08), DARK) for s in (-1, 1)]
        parts += [(rectangle(-y, y - 0.03, y, y + 0.03), r.choice((DARK, DIM))) for y in (0.86, 0.96)]
    t = np.linspace(pi, 2 * pi, 13)
    power = 0.5  # a rounded roof: a superellipse
    top = [(wide * np.sign(cos(a)) * abs(cos(a)) ** power, -1 + round_ - round_ * abs(sin(a)) ** power) for a in t]
    parts.append((polygon(*top, (wide, bottom), (-wide, bottom)), MAIN))
    edge = -0.95 + round_ + r.uniform(0.05, 0.2)
    low = edge + r.uniform(0.45, 0.7)
    panes = r.choice((1, 1, 2))
    for i in range(panes):
        x = -wide * 0.86 + i * wide * 1.72 / panes
        parts.append((rectangle(x + 0.02, edge, x + wide * 1.72 / panes - 0.02, low), glass))
    if r.random() < 0.5:
        parts.append((rectangle(-wide, low + 0.08, wide, low + 0.22), r.choice((SECOND, LIGHT))))
    lamp = r.uniform(0.07, 0.11)
    parts += [(arc(s * wide * 0.7, bottom - 0.2, lamp, lamp, n=12), r.choice((LIGHT, SECOND))) for s in (-1, 1)]
    parts.append((rectangle(-wide, bottom - 0.08, wide, bottom), DIM))
    if not tyres and r.random() < 0.4:
        parts.append((arc(0.0, edge - 0.1, lamp, lamp, n=12), LIGHT))
    return parts


EVERYDAY = {sketch.__name__: sketch for sketch in (person, car, cat, bus, train)}
