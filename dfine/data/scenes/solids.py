"""Vehicles seen from an upper corner, as icons and toys are drawn: boxes in parallel projection, three faces each."""

from __future__ import annotations

from math import cos, radians, sin
from random import Random

import numpy as np

from dfine.data.scenes.strokes import DARK, DIM, LIT, MAIN, SECOND, Part, arc, polygon

Paints = tuple[int, int, int]  # of the side, the front and the top of a box


class Corner:
    """The direction from which a vehicle is seen: its side, its front and its top.

    Lengths are those of the thing itself: x forward along it, y from the side that is seen to the other one, z upward.
    """

    def __init__(self, r: Random):
        turn, tilt = radians(r.uniform(20, 60)), radians(r.uniform(8, 38))
        self.across = np.array((cos(turn), sin(turn), 0.0))
        self.down = np.array((sin(turn) * sin(tilt), -cos(turn) * sin(tilt), -cos(tilt)))

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Points [n, 3] on the screen, [n, 2]."""
        return np.stack((points @ self.across, points @ self.down), 1)

    def side(self, points: np.ndarray, y: float) -> np.ndarray:
        """Points [n, 2], x forward and z upward, on the side that is seen, at `y`."""
        return self(np.insert(points, 1, y, axis=1))

    def front(self, points: np.ndarray, x: float) -> np.ndarray:
        """Points [n, 2], y across and z upward, on the front, at `x`."""
        return self(np.insert(points, 0, x, axis=1))

    def box(self, low: tuple[float, float, float], high: tuple[float, float, float], paints: Paints) -> list[Part]:
        """The three faces that are seen of an upright box from corner `low` to corner `high`."""
        (x1, y1, z1), (x2, y2, z2) = low, high
        top = np.array(((x1, y1, z2), (x2, y1, z2), (x2, y2, z2), (x1, y2, z2)))
        side, front, upper = paints
        return [
            (self.side(_pane(x1, z1, x2, z2), y1), side),
            (self.front(_pane(y1, z1, y2, z2), x2), front),
            (self(top), upper),
        ]

    def wheel(self, x: float, y: float, radius: float, hub: int) -> list[Part]:
        """A wheel on the side that is seen."""
        return [
            (self.side(arc(x, radius, radius, radius, n=16), y), DARK),
            (self.side(arc(x, radius, radius * 0.5, radius * 0.5, n=10), y), hub),
        ]


def bus(r: Random, glass: int, hub: int) -> list[Part]:
    """Long and high, a row of windows along its side, a large one in front."""
    seen = Corner(r)
    long, wide, high = r.uniform(1.6, 3.4), 1.0, r.uniform(0.95, 1.4)
    radius = r.uniform(0.13, 0.19)
    paints = r.choice(((MAIN, DIM, LIT), (DIM, MAIN, LIT), (MAIN, LIT, MAIN), (MAIN, DIM, SECOND)))
    floor = radius * 0.8
    parts = [(seen.front(_pane(0.0, 0.0, wide, floor), long), DARK)]
    parts += seen.box((0.0, 0.0, floor), (long, wide, high), paints)
    if r.random() < 0.4:
        parts.append((seen.side(_pane(0, floor + 0.2, long, floor + 0.3), 0.0), SECOND))
    low, up = high * r.uniform(0.48, 0.58), high * r.uniform(0.82, 0.92)
    if r.random() < 0.2:  # a second deck
        parts += _row(seen, r, (0.06, high * 0.28, long - 0.1, high * 0.46), glass)
        low = high * 0.62
    parts += _row(seen, r, (0.06, low, long - 0.06, up), glass)
    bottom = low - r.uniform(0.0, 0.15) * high
    parts.append((seen.front(_pane(0.08, bottom, wide - 0.08, up), long), glass))
    parts += _lamps(seen, long, wide, floor + 0.12)
    for x in (long * r.uniform(0.16, 0.22), long * r.uniform(0.78, 0.84)):
        parts += seen.wheel(x, 0.0, radius, hub)
    return _scaled(parts)


def car(r: Random, glass: int, hub: int) -> list[Part]:
    """Low, with a smaller cabin on it: one or two windows, and a bonnet before the windscreen."""
    seen = Corner(r)
    long, wide, belt, high = r.uniform(1.9, 2.5), 1.0, r.uniform(0.42, 0.55), r.uniform(0.82, 1.0)
    radius = r.uniform(0.19, 0.25)
    paints = r.choice(((MAIN, DIM, LIT), (DIM, MAIN, LIT), (MAIN, LIT, MAIN)))
    floor = radius * 0.7
    parts = [(seen.front(_pane(0.1, 0.0, wide - 0.1, floor), long - 0.2), DARK)]
    parts += seen.box((0.0, 0.0, floor), (long, wide, belt), paints)
    rear, roof_rear = r.uniform(0.0, 0.3), r.uniform(0.15, 0.3)
    roof_front, front = long * r.uniform(0.56, 0.64), long * r.uniform(0.7, 0.8)
    cabin = polygon((rear, belt), (rear + roof_rear, high), (roof_front, high), (front, belt))
    near, far, inset = 0.08, wide - 0.08, 0.07
    screen = np.array(((front, near, belt), (roof_front, near, high), (roof_front, far, high), (front, far, belt)))
    top = np.array(((cabin[1, 0], near, high), (cabin[1, 0], far, high), (roof_front, far, high)))
    top = np.concatenate((top, [(roof_front, near, high)]))
    parts += [(seen.side(cabin, near), paints[0]), (seen(screen), paints[1]), (seen(top), paints[2])]
    middle = screen.mean(0)
    parts.append((seen(middle + (screen - middle) * 0.82), glass))
    pillars = (rear, (rear + front) / 2, front) if r.random() < 0.7 else (rear, front)
    for x1, x2 in zip(pillars, pillars[1:]):
        pane = _clipped(cabin, x1 + inset, x2 - inset, belt + 0.04, high - inset)
        parts.append((seen.side(pane, near), glass))
    parts += _lamps(seen, long, wide, (floor + belt) / 2)
    for x in (long * 0.2, long * 0.79):
        parts += seen.wheel(x, 0.0, radius, hub)
    return _scaled(parts)


def train(r: Random, glass: int) -> list[Part]:
    """One to three coaches in a row, mostly on rails, without tyres; the first has a windscreen."""
    seen = Corner(r)
    wide, high, coaches = 1.0, r.uniform(0.95, 1.25), r.choice((1, 2, 2, 3))
    long, gap, floor = r.uniform(1.7, 2.6), 0.1, 0.2
    paints = r.choice(((MAIN, DIM, LIT), (DIM, MAIN, LIT), (MAIN, LIT, MAIN), (MAIN, SECOND, LIT)))
    whole = coaches * (long + gap)
    parts = []
    if r.random() < 0.7:
        for y in (0.8, 0.2):
            rail = np.array(((-0.3, y - 0.05, 0), (whole + 0.4, y - 0.05, 0), (whole + 0.4, y + 0.05, 0)))
            parts.append((seen(np.concatenate((rail, [(-0.3, y + 0.05, 0)]))), DARK))
    for i in range(coaches):
        start = i * (long + gap)
        end = start + long
        parts += seen.box((start + 0.1, 0.1, 0.04), (end - 0.1, wide - 0.1, floor), (DARK, DARK, DARK))
        parts += seen.box((start, 0.0, floor), (end, wide, high), paints)
        if r.random() < 0.5:
            parts.append((seen.side(_pane(start, floor + 0.12, end, floor + 0.24), 0.0), SECOND))
        parts += _row(seen, r, (start + 0.08, high * 0.55, end - 0.08, high * 0.85), glass)
    parts.append((seen.front(_pane(0.1, high * 0.5, wide - 0.1, high * 0.88), whole - gap), glass))
    parts += _lamps(seen, whole - gap, wide, floor + 0.14)
    return _scaled(parts)


def _row(seen: Corner, r: Random, place: tuple[float, float, float, float], glass: int) -> list[Part]:
    """Windows side by side on the near side, in a place x1, z1, x2, z2."""
    x1, z1, x2, z2 = place
    count = max(2, round((x2 - x1) / r.uniform(0.28, 0.5)))
    step, bar = (x2 - x1) / count, r.uniform(0.12, 0.3)
    left = [x1 + step * (i + bar / 2) for i in range(count)]
    return [(seen.side(_pane(x, z1, x + step * (1 - bar), z2), 0.0), glass) for x in left]


def _lamps(seen: Corner, x: float, wide: float, z: float) -> list[Part]:
    return [(seen.front(arc(y, z, 0.07, 0.07, n=10), x), SECOND) for y in (0.15, wide - 0.15)]


def _pane(a1: float, b1: float, a2: float, b2: float) -> np.ndarray:
    return polygon((a1, b1), (a2, b1), (a2, b2), (a1, b2))


def _clipped(cabin: np.ndarray, x1: float, x2: float, z1: float, z2: float) -> np.ndarray:
    """The window of a cabin [4, 2] between x1 and x2, with sides that lean as the cabin's do."""
    (rear, low), (rear_top, high), (front_top, _), (front, _) = cabin

    def within(x: float, z: float) -> tuple[float, float]:
        share = (z - low) / (high - low)
        return min(max(x, rear + share * (rear_top - rear) + 0.06), front - share * (front - front_top) - 0.06), z

    return polygon(within(x1, z1), within(x2, z1), within(x2, z2), within(x1, z2))


def _scaled(parts: list[Part]) -> list[Part]:
    """The same, within −1..1."""
    points = np.concatenate([p for p, _ in parts])
    low, high = points.min(0), points.max(0)
    return [((p - (low + high) / 2) * (2 / (high - low).max()), paint) for p, paint in parts]
