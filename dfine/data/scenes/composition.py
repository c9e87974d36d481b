"""What stands where in a drawn picture: decided once, in shorter sides, before any pixel is painted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import cos, exp, log, pi, sin
from random import Random

import numpy as np

from dfine.data.scenes import props
from dfine.data.scenes.painting import Thing, mask
from dfine.data.scenes.props import CAST, Actor, Backdrop

DIALS: tuple[str, ...] = ("occlusion", "low_light", "motion_blur", "depth_of_field", "rotation", "crowding")
MIN_VISIBLE = 0.2  # share of a thing that must be seen
MIN_SIDE = 0.05  # shorter side of a box, in shorter sides of the picture

_RASTER = 320  # pixels in one shorter side at which it is decided what hides what
_MARGIN = 0.05  # kept from MIN_VISIBLE, because that raster is coarse


@dataclass(frozen=True)
class Composition:
    """A picture before it is painted. Things stand back to front, among them some that hide others (label −1)."""

    extent: tuple[float, float]  # width and height in shorter sides; one of them is 1
    dials: dict[str, float]
    backdrop: Backdrop
    things: tuple[Thing, ...]
    shown: tuple[float, ...]  # visible share of each thing
    light: tuple[float, float]  # unit vector towards the light
    focus: float  # depth that is sharp
    heading: float  # direction in which the camera moves
    seed: int

    @cached_property
    def objects(self) -> list[int]:
        """Indices of the things that have a class."""
        return [i for i, t in enumerate(self.things) if t.label >= 0]

    @property
    def labels(self) -> np.ndarray:
        """Class of each object: int64 [n]."""
        return np.array([self.things[i].label for i in self.objects], dtype=np.int64)

    @property
    def visible(self) -> np.ndarray:
        """Share of each object that is neither hidden nor outside the picture: float32 [n]."""
        return np.array([self.shown[i] for i in self.objects], dtype=np.float32)

    @property
    def boxes(self) -> np.ndarray:
        """Boxes of the objects, whole where hidden, clipped to the picture, in shorter sides: float64 [n, 4] xyxy."""
        boxes = np.array([self.things[i].box for i in self.objects], dtype=np.float64).reshape(-1, 4)
        return np.clip(boxes, 0, np.array(self.extent * 2))


def compose(
    seed: int, extent: tuple[float, float], dials: dict[str, float], cast: tuple[Actor, ...] = CAST
) -> Composition:
    """Decide everything about one picture.

    Args:
        seed: decides all; the same seed, extent, dials and cast give the same composition.
        extent: width and height of the picture in shorter sides.
        dials: all of `DIALS`, each in 0..1.
        cast: what may appear, each as likely as any other.
    """
    r = Random(seed)
    angle = r.uniform(-2.6, -0.5)  # the light comes from above
    backdrop = props.backdrop(r, extent)
    stage = _Stage(extent)
    _populate(r, stage, backdrop, dials, cast)
    if dials["occlusion"] > 0:
        _hide(r, stage, dials["occlusion"])

    count = len(stage.things)
    things = [replace(t, depth=0.25 + 0.75 * (i + 1) / count) for i, t in enumerate(stage.things)]
    focus = r.choice([t.depth for t in things if t.label >= 0] or [1.0])
    shown = tuple(s / t for s, t in zip(stage.shown, stage.totals))
    light = cos(angle), sin(angle)
    return Composition(
        extent, dict(dials), backdrop, tuple(things), shown, light, focus, r.uniform(0, pi), r.getrandbits(32)
    )


class _Stage:
    """Keeps count, on a coarse raster, of how much of each thing can be seen, and refuses what would hide too much."""

    def __init__(self, extent: tuple[float, float]):
        self.extent = extent
        self.owner = np.full((round(extent[1] * _RASTER), round(extent[0] * _RASTER)), -1, np.int16)
        self.things: list[Thing] = []
        self.boxes = np.zeros((0, 4))
        self.totals: list[int] = []
        self.shown: list[int] = []
        self.floors: list[float] = []  # share of each thing that must stay visible

    def add(self, thing: Thing, floor: float, apart: bool = False) -> bool:
        """Put the thing in front of all others, if that leaves everything visible enough.

        `floor` is the share of it that must be and stay visible; with `apart`, boxes may not meet.
        """
        box = np.array(thing.box)
        if apart and len(self.boxes) and self._meets(box):
            return False
        side = np.minimum(box[2:], self.extent) - np.maximum(box[:2], 0)
        if side.min() <= (MIN_SIDE * 1.02 if thing.label >= 0 else 0):
            return False

        cover, left, top = mask(thing, _RASTER)
        total = int(cover.sum())
        height, width = self.owner.shape
        x, y = max(left, 0), max(top, 0)
        view = self.owner[y : max(y, top + cover.shape[0]), x : max(x, left + cover.shape[1])]
        inside = cover[y - top : y - top + view.shape[0], x - left : x - left + view.shape[1]]
        seen = int(inside.sum())
        if thing.label >= 0 and seen < floor * total:
            return False

        hit = view[inside]
        lost = np.bincount(hit[hit >= 0], minlength=len(self.things))
        if any(
            gone and shown - gone < floor * total
            for gone, shown, floor, total in zip(lost.tolist(), self.shown, self.floors, self.totals)
        ):
            return False

        view[inside] = len(self.things)
        self.shown = [shown - gone for shown, gone in zip(self.shown, lost.tolist())] + [seen]
        self.things.append(thing)
        self.boxes = np.concatenate((self.boxes, box[None]))
        self.totals.append(total)
        self.floors.append(floor)
        return True

    def _meets(self, box: np.ndarray, gap: float = 0.012) -> bool:
        return bool(((self.boxes[:, :2] < box[2:] + gap) & (self.boxes[:, 2:] > box[:2] - gap)).all(1).any())


def _populate(r: Random, stage: _Stage, backdrop: Backdrop, dials: dict[str, float], cast: tuple[Actor, ...]) -> None:
    """Put objects on the stage, one in front of the other."""
    crowd, hide = dials["crowding"], dials["occlusion"]
    count = r.choices((1, 2, 3, 4, 5, 6), (2, 4, 5, 4, 3, 2))[0] + round(crowd * r.uniform(10, 18))
    small, large = 0.14 - 0.03 * crowd, 0.62 - 0.32 * crowd
    apart = crowd == 0 and hide == 0
    width, height = stage.extent

    for _ in range(count):
        size = exp(r.uniform(log(small), log(large)))
        thing = props.drawn_object(r, cast[r.randrange(len(cast))], size, dials["rotation"], backdrop)
        floor = max(MIN_VISIBLE + _MARGIN, 1 - 0.75 * hide * r.uniform(0.6, 1.0) - 0.3 * crowd)
        leave = (1 - floor) * 0.6 if r.random() < 0.35 else 0.0  # share of its size by which it may leave the picture
        for attempt in range(14):
            if attempt in (5, 9):
                thing = props.smaller(thing, 0.75)
            x1, y1, x2, y2 = thing.extent
            out_x, out_y = leave * (x2 - x1), leave * (y2 - y1)
            low_x, high_x = -x1 - out_x, width - x2 + out_x
            low_y, high_y = -y1 - out_y, height - y2 + out_y
            if low_x > high_x or low_y > high_y:
                continue
            x, y = r.uniform(low_x, high_x), r.uniform(low_y, high_y)
            if stage.things and attempt < 6 and r.random() < max(0.7 * hide, 0.6 * crowd):
                near = r.choice(stage.things)  # beside or over another one
                reach = 0.5 * (max(x2 - x1, y2 - y1) + max(near.extent[2:]) * 2) * (1.0 - 0.4 * hide)
                turn = r.uniform(0, 2 * pi)
                x = min(max(near.at[0] + reach * cos(turn), low_x), high_x)
                y = min(max(near.at[1] + reach * sin(turn), low_y), high_y)
            if stage.add(thing.put(x, y), floor, apart):
                break


def _hide(r: Random, stage: _Stage, dial: float) -> None:
    """Put bars and rough slabs before some of the objects."""
    for target in list(stage.things):
        if r.random() > dial * 0.8:
            continue
        x1, y1, x2, y2 = target.extent
        for _ in range(5):
            x = target.at[0] + r.uniform(x1, x2) * 0.7
            y = target.at[1] + r.uniform(y1, y2) * 0.7
            slab = props.slab(r, max(x2 - x1, y2 - y1) * r.uniform(0.45, 0.9))
            if stage.add(slab.put(x, y), 0.0):
                break
