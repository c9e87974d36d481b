"""Shapes from nature, one function a class: see `dfine.data.scenes.shapes`."""

from __future__ import annotations

from math import cos, pi, sin, sqrt
from random import Random

import numpy as np

from dfine.data.scenes.strokes import ACCENT, DARK, LIGHT, MAIN, SECOND, Part, arc, polygon, rectangle, stroke


def fish(r: Random) -> list[Part]:
    tall, tail = r.uniform(0.42, 0.56), r.uniform(0.4, 0.55)
    parts = [(polygon((-0.42, 0), (-1, -tail), (-0.84, 0), (-1, tail)), SECOND)]
    parts.append((polygon((-0.15, -tall * 0.8), (0.05, -tall - 0.28), (0.4, -tall * 0.75)), SECOND))
    t = np.linspace(0, 2 * pi, 32, endpoint=False)
    parts.append((np.stack((0.25 + 0.75 * np.cos(t), tall * np.sin(t) * (1 - 0.15 * np.cos(t))), 1), MAIN))
    for x in (0.0, 0.22)[: r.randrange(3)]:
        parts.append((rectangle(x - 0.05, -tall * 0.72, x + 0.05, tall * 0.72), ACCENT))
    parts += [(arc(0.62, -0.12, 0.13, 0.13, n=14), LIGHT), (arc(0.65, -0.12, 0.07, 0.07, n=10), DARK)]
    return parts


def tree(r: Random) -> list[Part]:
    tiers, wide, trunk = r.choice((3, 3, 4)), r.uniform(0.62, 0.75), r.uniform(0.1, 0.15)
    parts = [(rectangle(-trunk, 0.5, trunk, 1), ACCENT)]
    for i in reversed(range(tiers)):
        half = wide * (0.5 + 0.5 * i / (tiers - 1))
        bottom = -1 + 1.7 * (i + 1) / tiers
        parts.append((polygon((-half, bottom), (0, bottom - 0.95), (half, bottom)), MAIN if i % 2 == 0 else SECOND))
    return parts


def moon(r: Random) -> list[Part]:
    shift, radius = r.uniform(0.42, 0.6), r.uniform(0.78, 0.86)
    x = (1 + shift**2 - radius**2) / (2 * shift)  # where the two circles cross
    y = sqrt(max(1 - x * x, 0.0))
    outer, inner = np.arctan2(y, x), np.arctan2(y, x - shift)
    back, front = (arc(0, 0, 1, 1, outer, 2 * pi - outer, 30), arc(shift, 0, radius, radius, 2 * pi - inner, inner, 24))
    points = np.concatenate((back, front))
    tilt = r.uniform(-0.35, 0.35)
    turn = np.array(((cos(tilt), sin(tilt)), (-sin(tilt), cos(tilt))))
    parts = [(points, MAIN)]
    if r.random() < 0.4:
        left = (shift - radius - 1) / 2
        parts += [(arc(left, y0, 0.075, 0.075, n=12), SECOND) for y0 in (-0.22, 0.12)]
    return [(p @ turn, paint) for p, paint in parts]


def cloud(r: Random) -> list[Part]:
    lumps = [
        (-0.6, 0.2, 0.38),
        (-0.22, -0.12, r.uniform(0.42, 0.52)),
        (0.28, -0.04, r.uniform(0.36, 0.46)),
        (0.65, 0.22, 0.34),
    ]
    t = np.linspace(0, 2 * pi, 72, endpoint=False)
    ray = np.stack((np.cos(t), np.sin(t)), 1)
    start, reach = np.array((0.0, 0.2)), np.full(72, 0.1)
    for x, y, radius in lumps:  # the union of circles is seen whole from `start`: the farthest exit of each ray
        along = ray @ (np.array((x, y)) - start)
        miss = radius**2 - (np.hypot(x - start[0], y - start[1]) ** 2 - along**2)
        reach = np.maximum(reach, np.where(miss > 0, along + np.sqrt(np.maximum(miss, 0)), 0))
    points = start + ray * reach[:, None]
    points[:, 1] = np.minimum(points[:, 1], 0.46)
    parts = [(points, MAIN)]
    if r.random() < 0.5:
        parts.append((stroke(arc(-0.22, -0.12, 0.3, 0.3, pi, 1.6 * pi, 10), 0.07), SECOND))
    return parts


def flower(r: Random) -> list[Part]:
    petals, wide = r.choice((5, 6, 7)), r.uniform(0.85, 1.0)
    parts = []
    lift = 0.0
    if r.random() < 0.4:
        lift = -0.75
        parts.append((stroke(np.array(((0, -0.6), (0.03, 0.2), (0, 1.2))), 0.13), ACCENT))
        parts.append((arc(0.28, 0.72, 0.3, 0.13), ACCENT))
    width = wide * sin(pi / petals) * 0.62
    for i in range(petals):
        t = 2 * pi * i / petals - pi / 2
        leaf = arc(0.62, 0, 0.4, width, n=18) @ np.array(((cos(t), sin(t)), (-sin(t), cos(t))))
        parts.append((leaf + (0, lift), MAIN))
    middle = r.uniform(0.28, 0.36)
    parts.append((arc(0, lift, middle, middle, n=22), SECOND))
    return parts


def bird(r: Random) -> list[Part]:
    body, lift = r.uniform(0.34, 0.42), r.uniform(0.65, 0.85)
    parts = [(polygon((-0.3, 0.05), (-1, -0.2), (-0.95, 0.2), (-0.3, 0.3)), SECOND)]
    for x in (-0.05, 0.18):
        parts.append((stroke(np.array(((x, 0.4), (x + 0.04, 0.75), (x + 0.16, 0.78))), 0.075), ACCENT))
    parts.append((polygon((0.78, -0.4), (1.12, -0.22), (0.78, -0.16)), ACCENT))
    parts.append((arc(0, 0.15, 0.58, body), MAIN))
    parts.append((arc(0.56, -0.26, 0.3, 0.29, n=22), MAIN))
    parts.append((polygon((0.22, 0.14), (-0.1, -lift), (-0.52, -lift - 0.08), (-0.34, 0.16)), SECOND))
    parts += [(arc(0.65, -0.32, 0.09, 0.09, n=12), LIGHT), (arc(0.67, -0.32, 0.05, 0.05, n=8), DARK)]
    return parts


def mushroom(r: Random) -> list[Part]:
    brim, stem = r.uniform(0.05, 0.2), r.uniform(0.28, 0.36)
    parts = [
        (
            polygon(
                (-stem, brim - 0.1),
                (stem, brim - 0.1),
                (stem + 0.1, 0.8),
                (stem, 0.92),
                (-stem, 0.92),
                (-stem - 0.1, 0.8),
            ),
            LIGHT,
        )
    ]
    cap = np.concatenate((arc(0, brim, 1, brim + 0.9, pi, 2 * pi, n=26), arc(0, brim, 1, 0.14, 0, pi, n=12)))
    parts.append((cap, MAIN))
    spots = ((-0.5, -0.2, 0.15), (0.05, -0.5, 0.18), (0.52, -0.14, 0.16), (0.02, -0.02, 0.11))
    parts += [(arc(x, y, s, s * 0.9, n=14), SECOND) for x, y, s in spots[: r.choice((3, 3, 4))]]
    return parts
