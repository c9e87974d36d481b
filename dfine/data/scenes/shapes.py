"""Things that a person could sketch by hand: 24 classes, each a function from random numbers to filled polygons.

Later parts cover earlier ones. No class turns into another one when it is rotated or mirrored. The plain signs are
drawn here, the other classes in `nature` and `objects`; the order of the table is that of the class numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from random import Random

import numpy as np

from dfine.data.scenes import nature, objects
from dfine.data.scenes.strokes import HOLE, LIGHT, MAIN, SECOND, Part, arc, polygon, rectangle


def star(r: Random) -> list[Part]:
    inner = r.uniform(0.38, 0.5)
    t = np.arange(10) * pi / 5 - pi / 2
    radius = np.where(np.arange(10) % 2 == 0, 1.0, inner)
    points = np.stack((radius * np.cos(t), radius * np.sin(t)), 1)
    parts = [(points, MAIN)]
    if r.random() < 0.35:
        parts.append((points * 0.55, SECOND))
    return parts


def heart(r: Random) -> list[Part]:
    t = np.linspace(0, 2 * pi, 40, endpoint=False)
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    points = np.stack((np.sin(t) ** 3 * r.uniform(0.92, 1.12), y), 1)
    parts = [(points, MAIN)]
    if r.random() < 0.35:
        parts.append((arc(-0.48, -0.38, 0.16, 0.2), LIGHT))
    return parts


def ring(r: Random) -> list[Part]:
    inner = r.uniform(0.56, 0.72)
    parts = [(arc(0, 0, 1, 1, n=40), MAIN)]
    if r.random() < 0.4:
        parts.append((arc(0, 0, (1 + inner) / 2, (1 + inner) / 2, n=36), SECOND))
        parts.append((arc(0, 0, inner + 0.09, inner + 0.09, n=36), MAIN))
    parts.append((arc(0, 0, inner, inner, n=36), HOLE))
    return parts


def arrow(r: Random) -> list[Part]:
    shaft, head, neck = r.uniform(0.13, 0.2), r.uniform(0.5, 0.65), r.uniform(0.05, 0.3)
    sweep = neck - r.choice((0.0, 0.0, 0.18))
    corners = ((-1, -shaft), (neck, -shaft), (sweep, -head), (1, 0), (sweep, head), (neck, shaft), (-1, shaft))
    parts = [(polygon(*corners), MAIN)]
    if r.random() < 0.35:
        parts.append((rectangle(-1, -shaft, -1 + r.uniform(0.25, 0.5), shaft), SECOND))
    return parts


SKETCHES = (
    star,
    heart,
    ring,
    arrow,
    objects.key,
    objects.cup,
    objects.house,
    nature.fish,
    nature.tree,
    objects.umbrella,
    nature.moon,
    nature.cloud,
    nature.flower,
    objects.car,
    objects.boat,
    nature.bird,
    objects.balloon,
    objects.lamp,
    objects.bell,
    objects.crown,
    nature.mushroom,
    objects.hammer,
    objects.glasses,
    objects.kite,
)
SHAPES: dict[str, Callable[[Random], list[Part]]] = {sketch.__name__: sketch for sketch in SKETCHES}
