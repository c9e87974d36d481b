"""Shapes of things that people make, one function a class: see `dfine.data.scenes.shapes`."""

from __future__ import annotations

from math import pi
from random import Random

import numpy as np

from dfine.data.scenes.strokes import ACCENT, DARK, HOLE, LIGHT, MAIN, SECOND, Part, arc, polygon, rectangle, stroke


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

    def side(y: float) -> float:  # half the width at y
        return 0.72 + (foot - 0.72) * (y + height) / (2 * height)

    def band(a: float, b: float) -> np.ndarray:
        return polygon((-side(a), a), (side(a), a), (side(b), b), (-side(b), b))

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

    def shade(y: float) -> float:  # half the width of the shade at y
        return top + (brim - top) * (y + 1) / (hem + 1)

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

    def wave(y):
        return 0.14 * np.sin((y - 0.35) * 6.5)

    parts = [(stroke(np.stack((wave(y), y), 1), 0.07), DARK)]
    for at in (0.7, 1.08):
        x = float(wave(at))
        bow = ((x - 0.19, at - 0.11), (x + 0.19, at + 0.11), (x + 0.19, at - 0.11), (x - 0.19, at + 0.11))
        parts.append((polygon(*bow), ACCENT))
    parts.append((polygon(top, right, bottom, left), MAIN))
    parts += [(polygon(top, right, (0, cross)), SECOND), (polygon((0, cross), bottom, left), SECOND)]
    return parts
