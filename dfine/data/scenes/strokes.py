"""What the sketches of things are made of: polygons, what they are painted with, and colours by name.

Coordinates: x to the right, y downward, a thing roughly within −1..1 and upright.
"""

from __future__ import annotations

from math import pi

import numpy as np

HOLE, MAIN, SECOND, ACCENT, DARK, LIGHT = range(-1, 5)  # paints; a HOLE cuts through everything below it
LIT, DIM, GLASS, SKIN = range(5, 9)  # MAIN in the light and in the shade, window panes, a person's skin
Colour = tuple[int, int, int]  # RGB in 0..255
Part = tuple[np.ndarray, int]  # polygon [n, 2] and its paint

YELLOW, ORANGE, RED, PINK, PURPLE = (250, 205, 50), (240, 140, 40), (215, 50, 50), (235, 110, 160), (130, 80, 180)
BLUE, SKY, TEAL = (50, 95, 200), (110, 175, 235), (40, 160, 160)
GREEN, PINE, BROWN = (80, 170, 70), (35, 110, 65), (130, 85, 50)
GREY, SILVER, WHITE, CREAM = (120, 125, 130), (190, 195, 205), (240, 242, 245), (240, 225, 190)
PANES = SKY, (60, 215, 235), (160, 215, 240), (50, 65, 90)
SKINS = (250, 215, 185), (225, 175, 135), (160, 110, 75), (100, 65, 45), (250, 205, 60)


def polygon(*points: tuple[float, float]) -> np.ndarray:
    """Corners in order, [n, 2]."""
    return np.array(points, dtype=np.float64)


def rectangle(x1: float, y1: float, x2: float, y2: float) -> np.ndarray:
    """An upright rectangle, [4, 2]."""
    return polygon((x1, y1), (x2, y1), (x2, y2), (x1, y2))


def arc(x: float, y: float, rx: float, ry: float, start: float = 0.0, end: float = 2 * pi, n: int = 36) -> np.ndarray:
    """Points on an ellipse from angle `start` to `end`, clockwise on the screen, [n, 2]; by default all the way."""
    t = np.linspace(start, end, n, endpoint=abs(end - start) < 2 * pi - 1e-9)
    return np.stack((x + rx * np.cos(t), y + ry * np.sin(t)), 1)


def stroke(points: np.ndarray, width: float) -> np.ndarray:
    """The band of `width` along an open line [n, 2], as a polygon [2n, 2]."""
    along = np.gradient(points, axis=0)
    along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-9)[:, None]
    side = np.stack((-along[:, 1], along[:, 0]), 1) * (width / 2)
    return np.concatenate((points + side, (points - side)[::-1]))
