"""Things that a person could sketch by hand: 24 classes, each a function from random numbers to filled polygons.

Later parts cover earlier ones. No class turns into another one when it is rotated or mirrored.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin, sqrt
from random import Random

import numpy as np

from dfine.data.scenes.strokes import ACCENT, DARK, HOLE, LIGHT, MAIN, SECOND, Part, arc, polygon, rectangle, stroke


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


def key(r: Random) -> list[Part]:
    bow, shaft, tooth = r.uniform(0.4, 0.48), r.uniform(0.09, 0.12), r.uniform(0.24, 0.34)
    x = bow - 1
    outline = [(x, shaft), (x, -shaft), (1, -shaft)]
    for left in (0.78, 0.42) if r.random() < 0.6 else (0.78, 0.5, 0.22):
        right = min(left + 0.2, 1)
        outline += [(right, shaft), (right, shaft + tooth), (left, shaft + tooth), (left, shaft)]
    parts = [(polygon(*outline), MAIN)]
    parts += [(arc(x, 0, bow, bow), MAIN), (arc(x, 0, bow * r.uniform(0.45, 0.58), bow * 0.52), HOLE)]
    if r.random() < 0.4:
        parts.append((rectangle(2 * bow - 1, -shaft - 0.06, 2 * bow - 0.88, shaft + 0.06), SECOND))
    return parts


def cup(r: Random) -> list[Part]:
    foot, height = r.uniform(0.45, 0.66), r.uniform(0.75, 0.95)
    side = lambda y: 0.72 + (foot - 0.72) * (y + height) / (2 * height)  # noqa: E731  half the width at y
    band = lambda a, b: polygon((-side(a), a), (side(a), a), (side(b), b), (-side(b), b))  # noqa: E731
    reach = r.uniform(0.36, 0.46)
    parts = [(arc(0.66, -0.1, reach, 0.5), MAIN), (arc(0.66, -0.1, reach - 0.17, 0.31), HOLE)]
    parts.append((band(-height, height), MAIN))
    if r.random() < 0.6:
        middle = r.uniform(-0.1, 0.3)
        parts.append((band(middle - 0.16, middle + 0.16), SECOND))
    parts.append((arc(0, -height, 0.72, 0.15), SECOND))
    parts.append((arc(0, -height + 0.01, 0.6, 0.09), DARK))
    return parts


def house(r: Random) -> list[Part]:
    eaves, wall = r.uniform(-0.22, 0.0), r.uniform(0.72, 0.84)
    door = r.choice((-0.3, 0.3))
    parts = [(rectangle(0.38, -0.85, 0.6, eaves), ACCENT)] if r.random() < 0.7 else []
    parts.append((rectangle(-wall, eaves - 0.05, wall, 1), MAIN))
    parts.append((polygon((-1, eaves), (0, -1), (1, eaves)), SECOND))
    parts.append((rectangle(door - 0.2, 0.35, door + 0.2, 1), DARK))
    parts.append((rectangle(-door - 0.24, 0.25, -door + 0.24, 0.62), LIGHT))
    return parts


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


def umbrella(r: Random) -> list[Part]:
    brim, panels = r.uniform(-0.05, 0.08), r.choice((3, 4, 5))
    dome = arc(0, brim, 1, brim + 0.88, pi, 2 * pi, n=22)
    x = np.linspace(1, -1, 6 * panels + 1)
    scallops = np.stack((x, brim - 0.12 * np.abs(np.sin((x + 1) * panels * pi / 2))), 1)
    hook = np.concatenate((polygon((0, -0.2), (0, 0.2), (0, 0.8)), arc(-0.16, 0.8, 0.16, 0.15, 0, pi, n=9)))
    parts = [(stroke(hook, r.uniform(0.09, 0.12)), DARK), (rectangle(-0.045, -1, 0.045, -0.8), DARK)]
    parts.append((np.concatenate((dome, scallops)), MAIN))
    edges = np.linspace(-1, 1, panels + 1)
    for left, right in list(zip(edges, edges[1:]))[(panels + 1) % 2 :: 2] if panels > 3 else [edges[1:3]]:
        u = np.linspace(0, pi / 2 - 0.16, 7)  # along a meridian from the tip to the brim
        y = brim - (brim + 0.84) * np.cos(u)
        sides = [np.stack((x * np.sin(u), y), 1) for x in (left, right)]
        parts.append((np.concatenate((sides[0], sides[1][::-1])), SECOND))
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


def car(r: Random) -> list[Part]:
    roof, front, wheel = r.uniform(-0.62, -0.52), r.uniform(0.38, 0.55), r.uniform(0.21, 0.26)
    cabin = polygon((-0.72, -0.1), (-0.46, roof), (front - 0.3, roof), (front, -0.1))
    parts = [(cabin, MAIN)]
    parts.append((polygon((-0.98, -0.02), (-0.9, -0.14), (0.85, -0.1), (1, 0.05), (1, 0.4), (-1, 0.4)), MAIN))
    middle = (front - 0.76) / 2
    top = roof + 0.1
    parts.append((polygon((-0.58, -0.12), (-0.4, top), (middle - 0.05, top), (middle - 0.05, -0.12)), LIGHT))
    parts.append(
        (polygon((middle + 0.05, -0.12), (middle + 0.05, top), (front - 0.35, top), (front - 0.14, -0.12)), LIGHT)
    )
    if r.random() < 0.5:
        parts.append((rectangle(-1, 0.1, 1, 0.22), SECOND))
    for x in (-0.54, 0.54):
        parts += [(arc(x, 0.4, wheel, wheel, n=20), DARK), (arc(x, 0.4, wheel * 0.48, wheel * 0.48, n=14), LIGHT)]
    return parts


def boat(r: Random) -> list[Part]:
    deck, mast, inset = r.uniform(0.48, 0.56), r.uniform(-0.12, 0.05), r.uniform(0.25, 0.4)
    parts = [(rectangle(mast - 0.04, -1, mast + 0.04, deck), DARK)]
    parts.append((polygon((mast + 0.09, -0.92), (mast + 0.8, deck - 0.14), (mast + 0.09, deck - 0.14)), SECOND))
    parts.append((polygon((mast - 0.09, -0.72), (mast - 0.09, deck - 0.14), (mast - 0.66, deck - 0.14)), ACCENT))
    parts.append((polygon((-1, deck), (1, deck), (1 - inset, 1), (-1 + inset, 1)), MAIN))
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


def balloon(r: Random) -> list[Part]:
    t = np.linspace(0, 2 * pi, 36, endpoint=False)
    wide = r.uniform(0.56, 0.64)
    skin = np.stack((wide * np.cos(t) * (1 - 0.12 * np.sin(t)), -0.3 + 0.7 * np.sin(t)), 1)
    y = np.linspace(0.45, 1.25, 14)
    string = np.stack((0.1 * r.choice((-1, 1)) * np.sin((y - 0.45) * 7.5), y), 1)
    parts = [(stroke(string, 0.075), DARK), (polygon((-0.14, 0.53), (0, 0.36), (0.14, 0.53)), SECOND), (skin, MAIN)]
    if r.random() < 0.4:
        parts.append((np.clip(skin, (-1, -0.5), (1, -0.2)), SECOND))
    parts.append((arc(-0.24, -0.62, 0.1, 0.17, n=14), LIGHT))
    return parts


def lamp(r: Random) -> list[Part]:
    top, brim, base = r.uniform(0.32, 0.42), r.uniform(0.75, 0.85), r.uniform(0.42, 0.52)
    hem = r.uniform(-0.15, 0.0)
    shade = lambda y: top + (brim - top) * (y + 1) / (hem + 1)  # noqa: E731
    parts = [(rectangle(-0.08, hem - 0.1, 0.08, 0.9), SECOND)]
    parts.append((polygon((-base, 1), (-base, 0.88), (-0.2, 0.78), (0.2, 0.78), (base, 0.88), (base, 1)), SECOND))
    parts.append((polygon((-top, -1), (top, -1), (brim, hem), (-brim, hem)), MAIN))
    if r.random() < 0.6:
        y = hem - 0.2
        parts.append((polygon((-shade(y), y), (shade(y), y), (brim, hem), (-brim, hem)), ACCENT))
    return parts


def bell(r: Random) -> list[Part]:
    waist, flare = r.uniform(0.46, 0.54), r.uniform(0.8, 0.95)
    y = np.linspace(-0.8, 0.62, 14)
    u = (y + 0.8) / 1.42
    half = waist * np.sqrt(np.minimum(1, u * 3.2)) + (flare - waist) * u**4
    side = np.stack((half, y), 1)
    hull = np.concatenate((side, (side * (-1, 1))[::-1]))
    parts = [(arc(0, -0.84, 0.17, 0.16, n=16), SECOND), (arc(0, 0.74, 0.22, 0.24, n=18), ACCENT), (hull, MAIN)]
    parts.append((rectangle(-flare, 0.56, flare, 0.74), SECOND))
    return parts


def crown(r: Random) -> list[Part]:
    peaks, low = r.choice((3, 3, 5)), r.uniform(-0.1, 0.1)
    x = np.linspace(-1, 1, 2 * peaks - 1)
    y = np.where(np.arange(2 * peaks - 1) % 2 == 0, -0.55 - 0.2 * np.cos(x * 1.5), low)
    outline = np.concatenate((np.stack((x, y), 1), polygon((0.86, 0.72), (-0.86, 0.72))))
    parts = [(outline, MAIN), (polygon((-0.9, 0.42), (0.9, 0.42), (0.86, 0.72), (-0.86, 0.72)), SECOND)]
    parts += [(arc(px, py, 0.11, 0.11, n=14), ACCENT) for px, py in zip(x[::2], y[::2])]
    parts += [(arc(px, 0.57, 0.08, 0.08, n=10), LIGHT) for px in (-0.5, 0.0, 0.5)]
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


def hammer(r: Random) -> list[Part]:
    grip, thick = r.uniform(0.1, 0.13), r.uniform(0.18, 0.23)
    top = -1 + thick
    parts = [(rectangle(-grip, top, grip, 1), SECOND)]
    if r.random() < 0.5:
        parts.append((rectangle(-grip - 0.02, 0.45, grip + 0.02, 1), ACCENT))
    head = (
        (-0.3, top - thick),
        (0.6, top - thick),
        (0.6, top + thick),
        (-0.3, top + thick),
        (-0.8, top + 0.32),
        (-0.62, top - 0.06),
    )
    parts += [(polygon(*head), MAIN), (rectangle(0.48, top - thick - 0.05, 0.66, top + thick + 0.05), MAIN)]
    return parts


def glasses(r: Random) -> list[Part]:
    rx, ry, rim = r.uniform(0.4, 0.44), r.uniform(0.32, 0.42), r.uniform(0.09, 0.12)
    parts = [(stroke(arc(0, 0, 0.2, 0.14, pi, 2 * pi, 9), 0.11), MAIN)]
    lens = r.choice((HOLE, HOLE, SECOND))
    for sign in (-1, 1):
        parts.append((polygon((sign * 0.86, -0.14), (sign * 1.1, -0.3), (sign * 1.1, -0.14), (sign * 0.9, 0.02)), MAIN))
        parts += [(arc(sign * 0.53, 0, rx, ry), MAIN), (arc(sign * 0.53, 0, rx - rim, ry - rim), lens)]
    return parts


def kite(r: Random) -> list[Part]:
    wide, cross = r.uniform(0.55, 0.68), r.uniform(-0.5, -0.4)
    top, left, right, bottom = (0, -1), (-wide, cross), (wide, cross), (0, 0.4)
    y = np.linspace(0.35, 1.3, 16)
    wave = lambda y: 0.14 * np.sin((y - 0.35) * 6.5)  # noqa: E731
    parts = [(stroke(np.stack((wave(y), y), 1), 0.07), DARK)]
    for at in (0.7, 1.08):
        x = float(wave(at))
        bow = ((x - 0.19, at - 0.11), (x + 0.19, at + 0.11), (x + 0.19, at - 0.11), (x - 0.19, at + 0.11))
        parts.append((polygon(*bow), ACCENT))
    parts.append((polygon(top, right, bottom, left), MAIN))
    parts += [(polygon(top, right, (0, cross)), SECOND), (polygon((0, cross), bottom, left), SECOND)]
    return parts


SHAPES: dict[str, Callable[[Random], list[Part]]] = {
    sketch.__name__: sketch
    for sketch in (
        star,
        heart,
        ring,
        arrow,
        key,
        cup,
        house,
        fish,
        tree,
        umbrella,
        moon,
        cloud,
        flower,
        car,
        boat,
        bird,
        balloon,
        lamp,
        bell,
        crown,
        mushroom,
        hammer,
        glasses,
        kite,
    )  # fmt: skip
}
