"""What the figure of an object's stages shows at each moment: boxes, intervals and words, before any drawing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from dfine import distribution
from dfine.config import EDGES
from dfine.figures import style
from dfine.trace.history import History
from dfine.trace.stages import layer_name, spoken, stage_names

FRAMES = 30  # between stages, in all: shared among the layers


@dataclass(frozen=True)
class View:
    """The visible part of the picture, in its pixels, and lengths that look the same at every zoom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def cap(self) -> float:
        """Half of a whisker's cap."""
        return 0.016 * max(self.right - self.left, self.bottom - self.top)


@dataclass(frozen=True)
class Moment:
    """What one frame shows: a stage, or a point on the way to it."""

    box: list[float]  # [4] xyxy pixels
    reach: list[list[float]] | None  # [4][2] the interval of every edge; the initial box has none
    stage: int  # shown, or on the way to; 0 is the initial box
    headline: str
    hover: list[str]  # [4] hover text of every whisker; empty between stages
    arrived: bool


def moments(history: History, mass: float) -> list[Moment]:
    """Every frame in order: the stages and the steps between them."""
    flat = torch.zeros_like(history.edges[:1])  # no distribution yet: W is symmetric, so that nothing moves
    stops = torch.cat((flat, history.edges))
    steps = max(4, FRAMES // history.layers)
    ease = [0.5 - 0.5 * math.cos(math.pi * s / steps) for s in range(1, steps)]
    mixed = [torch.lerp(stops[i], stops[i + 1], t) for i in range(history.layers) for t in ease]
    way = replace(history, edges=torch.stack(mixed))
    boxes = distribution.edge_positions(history.initial, way.offsets, history.size).tolist()
    between, reach = way.intervals(mass).tolist(), history.intervals(mass).tolist()
    names = [spoken(n) for n in stage_names(history.layers)]
    marks = [f'<span style="color:{c}">■</span> ' for c in (style.INITIAL, *style.layer_colours(history.layers))]
    numbers, hover = numbers_of(history), _hover(history, mass)

    def arrived(stage: int, box: list[float]) -> Moment:
        headline = f"{marks[stage]}<b>{names[stage]}</b>  {numbers[stage]}"
        return Moment(box, reach[stage - 1] if stage else None, stage, headline, hover[stage], True)

    film = [arrived(0, history.xyxy_pixels[0].tolist())]
    for stage, box in enumerate(history.xyxy_pixels[1:].tolist(), 1):
        headline = f"{marks[stage]}{names[stage - 1]} → {names[stage]}"
        for i in range((stage - 1) * len(ease), stage * len(ease)):
            film.append(Moment(boxes[i], between[i] if stage > 1 else None, stage, headline, [""] * 4, False))
        film.append(arrived(stage, box))
    return film


def view_of(history: History, mass: float) -> View:
    """The view that holds all boxes and the last whiskers with a margin, no flatter than 1:0.85, no taller than 3:4.

    It stays inside the picture unless a box or a whisker leaves it. Wide whiskers of earlier layers may be cut off,
    since they would make the object small.
    """
    boxes, reach = history.xyxy_pixels, history.intervals(mass)
    slack = 0.25 * history.pixels_per_size
    low, high = boxes.amin(0) - slack, boxes.amax(0) + slack
    seen = torch.cat(
        (boxes, reach[-1].T, reach.amin(0)[:, 0].maximum(low)[None], reach.amax(0)[:, 1].minimum(high)[None])
    )
    lows, highs = seen[:, :2].amin(0), seen[:, 2:].amax(0)
    # An untrained network may give boxes of negative size.
    lows, highs = torch.minimum(lows, seen[:, 2:].amin(0)), torch.maximum(highs, seen[:, :2].amax(0))
    wanted = ((highs - lows).clamp(min=4.0) * 1.3).tolist()
    wanted = [max(wanted[0], 0.75 * wanted[1]), max(wanted[1], 0.85 * wanted[0])]
    ends = []
    for a, b, extent, length in zip(lows.tolist(), highs.tolist(), wanted, history.size):
        start, end = min(0.0, a), max(float(length), b)  # the picture, and what lies outside it
        extent = min(extent, end - start)
        begin = min(max((a + b - extent) / 2, start), end - extent)
        ends.append((begin, begin + extent))
    return View(ends[0][0], ends[1][0], ends[0][1], ends[1][1])


def _hover(history: History, mass: float) -> list[list[str]]:
    """The hover text of every edge's whisker at every stage: [1 + L][4]; empty for the initial box."""
    edges, reach = history.xyxy_pixels.tolist(), history.intervals(mass).tolist()
    spread, note = history.deviations.tolist(), style.calibration(history)
    told = [[""] * 4]
    for layer in range(history.layers):
        told.append([])
        for k, (low, high) in enumerate(reach[layer]):
            told[-1].append(
                f"<b>{EDGES[k]} edge</b>, {layer_name(layer + 1)}: {style.fixed(edges[layer + 1][k])} px<br>"
                f"{mass * 100:g} % between {style.fixed(low)} and {style.fixed(high)} px<br>"
                f"± {style.number(spread[layer][k])} px, {note}"
            )
    return told


def numbers_of(history: History) -> list[str]:
    """Score and IoU of every stage, in words."""
    scores = [float(history.initial_logits[history.label].sigmoid()), *history.scores.tolist()]
    return [f"score {s:.2f}, IoU with final {iou:.2f}" for s, iou in zip(scores, history.iou_with_last.tolist())]
