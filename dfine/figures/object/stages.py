"""One object through the layers, on the picture: a figure to play, pause and step through, all in the browser."""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass, replace

import plotly.graph_objects as go
import torch
from PIL import Image, ImageEnhance

from dfine import distribution
from dfine.config import EDGES
from dfine.figures import style
from dfine.trace.history import History
from dfine.trace.stages import stage_names

BYTES = 150_000  # the most that the embedded picture may take, as text
SIDE = 720  # longest side in pixels of the embedded picture, before it has to shrink
FRAMES = 30  # about so many for the whole film, shared among the layers
PACE, REST = 40, 750  # milliseconds per frame, and at every stage
HEIGHT = 560
_SHADOW = "0 0 2px #000, 0 0 2px #000, 0 0 3px #000, 0 0 5px #000"  # white letters stay readable on any picture


@dataclass(frozen=True)
class _View:
    """The part of the picture in sight, in its pixels, and lengths that look alike at every zoom."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def cap(self) -> float:
        """Half of a whisker's cap."""
        return 0.016 * max(self.right - self.left, self.bottom - self.top)


@dataclass(frozen=True)
class _Moment:
    """What one frame shows: a stage, or a point on the way to it."""

    box: list[float]  # [4] xyxy pixels
    reach: list[list[float]] | None  # [4][2] the interval of every edge; the initial box has none
    stage: int  # shown, or on the way to; 0 is the initial box
    headline: str
    hover: list[str]  # what the pointer is told at every whisker; empty on the way
    arrived: bool


def object_figure(picture: Image.Image, history: History, mass: float = 0.8, *, height: int = HEIGHT) -> go.Figure:
    """The picture around one object, with the initial box (dashed), every layer's box, and the shown layer's whiskers.

    A slider steps through the stages, from the initial box to the last layer; *Play* runs through them, with frames in
    between for which the edge logits are mixed, as the network itself goes from a layer to the next (paper eq. 3). Each
    edge of the shown box carries the interval in which it lies with probability `mass`, and that interval's length.

    The frames are arguments of the button and the slider, not `figure.frames`: some pages drop those, and hand on
    nothing but data and layout. It opens on the last layer.

    Args:
        picture: the picture, at any scale.
        history: the object.
        mass: share of an edge's distribution that its whisker spans, between 0 and 1.
        height: of the figure, in pixels; its width is that of the page.

    Raises:
        ValueError: `mass` is not between 0 and 1.
    """
    if not 0 < mass < 1:
        raise ValueError(f"mass is the share of a distribution that a whisker spans, between 0 and 1, not {mass}")
    view = _view(history, mass)
    moments = _moments(history, mass)
    stages = [m for m in moments if m.arrived]
    colours = ["#F2F3F5", *style.layer_colours(history.layers)]
    data = [*_outlines(history, colours), *_moving(stages[-1], colours, view)]
    first = len(data) - len(_CHANGING)  # the traces from here on change from frame to frame
    film = [_frame(m, colours, view, first) for m in moments]
    layout = style.plotly_layout(height, margin=dict(l=8, r=8, t=8, b=8), hovermode="closest")
    layout |= dict(
        images=[_embedded(picture, history.size, view)],
        xaxis=_axis([view.left, view.right], domain=[0, 1]),
        yaxis=_axis([view.bottom, view.top], domain=[0.16, 0.945], scaleanchor="x"),
        xaxis2=dict(domain=[0, 1], range=[0, 1], visible=False, fixedrange=True, anchor="y2"),
        yaxis2=dict(domain=[0.945, 1], range=[0, 1], visible=False, fixedrange=True, anchor="x2"),
        updatemenus=[_buttons(film, [REST if m.arrived else PACE for m in moments])],
        sliders=[_slider([f for f, m in zip(film, moments) if m.arrived], history.layers)],
    )
    return go.Figure(dict(data=data, layout=layout))


def _moments(history: History, mass: float) -> list[_Moment]:
    """Every frame of the film in order, stages and what lies between them."""
    flat = torch.zeros_like(history.edges[:1])  # no distribution yet: W is symmetric, so that nothing moves
    stops = torch.cat((flat, history.edges))
    steps = max(4, FRAMES // history.layers)
    ease = [0.5 - 0.5 * math.cos(math.pi * s / steps) for s in range(1, steps)]
    mixed = [torch.lerp(stops[i], stops[i + 1], t) for i in range(history.layers) for t in ease]
    way = replace(history, edges=torch.stack(mixed))
    boxes = distribution.edge_positions(history.initial, way.offsets, history.size).tolist()
    between, reach = way.intervals(mass).tolist(), history.intervals(mass).tolist()
    names = [_named(n) for n in stage_names(history.layers)]
    marks = [f'<span style="color:{c}">■</span> ' for c in (style.INITIAL, *style.layer_colours(history.layers))]
    numbers, hover = _numbers(history), _hover(history, mass)

    def arrived(stage: int, box: list[float]) -> _Moment:
        headline = f"{marks[stage]}<b>{names[stage]}</b>  {numbers[stage]}"
        return _Moment(box, reach[stage - 1] if stage else None, stage, headline, hover[stage], True)

    film = [arrived(0, history.xyxy_pixels[0].tolist())]
    for stage, box in enumerate(history.xyxy_pixels[1:].tolist(), 1):
        headline = f"{marks[stage]}{names[stage - 1]} → {names[stage]}"
        for i in range((stage - 1) * len(ease), stage * len(ease)):
            film.append(_Moment(boxes[i], between[i] if stage > 1 else None, stage, headline, [""] * 4, False))
        film.append(arrived(stage, box))
    return film


def _view(history: History, mass: float) -> _View:
    """All boxes and the last whiskers with a margin, no flatter than 1:0.85 and no taller than 3:4.

    It stays inside the picture unless a box or a whisker leaves it. Whiskers of earlier layers count only as far as
    they would not make the object small.
    """
    boxes, reach = history.xyxy_pixels, history.intervals(mass)
    slack = 0.25 * history.pixels_per_size
    low, high = boxes.amin(0) - slack, boxes.amax(0) + slack
    seen = torch.cat(
        (boxes, reach[-1].T, reach.amin(0)[:, 0].maximum(low)[None], reach.amax(0)[:, 1].minimum(high)[None])
    )
    lows, highs = seen[:, :2].amin(0), seen[:, 2:].amax(0)
    # An untrained network may turn a box inside out.
    lows, highs = torch.minimum(lows, seen[:, 2:].amin(0)), torch.maximum(highs, seen[:, :2].amax(0))
    wanted = ((highs - lows).clamp(min=4.0) * 1.3).tolist()
    wanted = [max(wanted[0], 0.75 * wanted[1]), max(wanted[1], 0.85 * wanted[0])]
    ends = []
    for a, b, extent, length in zip(lows.tolist(), highs.tolist(), wanted, history.size):
        start, end = min(0.0, a), max(float(length), b)  # where one may look
        extent = min(extent, end - start)
        begin = min(max((a + b - extent) / 2, start), end - extent)
        ends.append((begin, begin + extent))
    return _View(ends[0][0], ends[1][0], ends[0][1], ends[1][1])


def _embedded(picture: Image.Image, size: tuple[int, int], view: _View) -> dict:
    """The part of the picture in sight as a JPEG inside the figure; nothing has to be fetched."""
    x1, y1 = max(view.left, 0.0), max(view.top, 0.0)
    x2, y2 = min(view.right, size[0]), min(view.bottom, size[1])
    x2, y2 = max(x2, x1 + 1e-3), max(y2, y1 + 1e-3)  # an object wholly outside the picture
    sx, sy = picture.width / size[0], picture.height / size[1]
    part = (x1 * sx, y1 * sy, min(x2 * sx, picture.width), min(y2 * sy, picture.height))
    side, source = SIDE, ""
    while not source or (len(source) > BYTES and side > 60):
        zoom = side / max(x2 - x1, y2 - y1)
        pixels = [max(1, round((b - a) * zoom)) for a, b in ((x1, x2), (y1, y2))]
        image = picture.convert("RGB").resize(pixels, Image.Resampling.BICUBIC, box=part)
        image = ImageEnhance.Color(image).enhance(0.6)  # step back a little, so that thin lines can be told apart
        file = io.BytesIO()
        image.save(file, "JPEG", quality=84, optimize=True)
        source = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
        side = round(side * 0.8)
    return dict(
        source=source, xref="x", yref="y", x=x1, y=y1, sizex=x2 - x1, sizey=y2 - y1, sizing="stretch", layer="below"
    )


def _outlines(history: History, colours: list[str]) -> list[dict]:
    """What stands still: the initial box, dashed, and a thin line for every layer; the pointer gets their numbers."""
    boxes, numbers = history.xyxy_pixels.tolist(), _numbers(history)
    x, y = _ring(boxes[0], 1)
    dark = dict(type="scatter", x=x, y=y, mode="lines", line=dict(color="rgba(0,0,0,0.5)", width=4), hoverinfo="skip")
    traces = [dark]
    for stage, (name, box) in enumerate(zip(stage_names(history.layers), boxes)):
        x, y = _ring(box, 8)  # points along the sides, where the pointer finds them
        line = dict(color=colours[stage], width=1.5 if stage else 2.5, dash="solid" if stage else "6px,5px")
        corners = ", ".join(f"{v:.1f}" for v in box)
        text = f"<b>{_named(name)}</b><br>{corners} px<br>{numbers[stage]}"
        traces.append(
            dict(type="scatter", x=x, y=y, mode="lines", line=line, name=name, hovertext=text, hoverinfo="text")
        )
    return traces


_CHANGING = ("halo", "box", "whisker halo", *EDGES, "lengths", "headline")


def _moving(moment: _Moment, colours: list[str], view: _View) -> list[dict]:
    """The traces that a frame changes, in the order of `_CHANGING`: box, whiskers, lengths, headline."""
    x, y = _ring(moment.box, 1)
    dash = "solid" if moment.stage else "6px,5px"
    strokes = [_whisker(moment, k, view.cap) for k in range(4)]
    joined = [sum((s[axis] + [None] for s in strokes), []) for axis in range(2)]
    base = dict(type="scatter", mode="lines", hoverinfo="skip")
    traces = [
        base | dict(x=x, y=y, line=dict(color="rgba(0,0,0,0.55)", width=7 if moment.stage else 4)),
        base | dict(x=x, y=y, line=dict(color=colours[moment.stage], width=4, dash=dash)),
        base | dict(x=joined[0], y=joined[1], line=dict(color="rgba(255,255,255,0.95)", width=6)),
    ]
    for k, (edge, (wx, wy)) in enumerate(zip(EDGES, strokes)):
        line = dict(color=style.EDGE_COLOURS[edge], width=3.5)
        hover = dict(hoverinfo="text", hovertext=moment.hover[k])
        traces.append(base | dict(x=wx, y=wy, line=line) | hover)
    points = [_label(moment, k, view) for k in range(4)]
    traces.append(
        dict(
            type="scatter", mode="text", hoverinfo="skip", cliponaxis=False, x=[p[0] for p in points],
            y=[p[1] for p in points], text=[p[2] for p in points], textposition=[p[3] for p in points],
            textfont=dict(color="#FFFFFF", size=13, family=style.FONT, shadow=_SHADOW),
        )
    )  # fmt: skip
    traces.append(
        dict(
            type="scatter", mode="text", hoverinfo="skip", xaxis="x2", yaxis="y2", x=[0.5], y=[0.5],
            text=[moment.headline], textfont=dict(color=style.TEXT, size=14, family=style.FONT),
        )
    )  # fmt: skip
    return traces


def _frame(moment: _Moment, colours: list[str], view: _View, first: int) -> dict:
    """What changes at a moment, small enough to be sent by the dozen; a stage takes the slider along."""
    keys = ("x", "y", "text", "textposition", "hovertext")
    moving = _moving(moment, colours, view)
    data = [{k: _short(t[k]) for k in keys if k in t} for t in moving]
    for k in range(2):  # the box and its halo
        data[k]["line"] = moving[k]["line"]
    frame = dict(data=data, traces=list(range(first, first + len(data))))
    return frame | (dict(layout={"sliders[0].active": moment.stage}) if moment.arrived else {})


def _short(value):
    """Hundredths of a pixel are enough for a line."""
    return [round(v, 2) if isinstance(v, float) else v for v in value] if isinstance(value, list) else value


def _ring(box: list[float], pieces: int) -> tuple[list[float], list[float]]:
    """A closed way around a box, each side in so many pieces."""
    x1, y1, x2, y2 = box
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
    ways = zip(corners, corners[1:])
    points = [
        (a[0] + (b[0] - a[0]) * i / pieces, a[1] + (b[1] - a[1]) * i / pieces) for a, b in ways for i in range(pieces)
    ]
    return tuple(list(c) for c in zip(*points, corners[0]))


def _whisker(moment: _Moment, edge: int, cap: float) -> tuple[list, list]:
    """A capped line across the middle of an edge, along the axis on which the edge can move; one stroke."""
    if moment.reach is None:
        return [None], [None]
    x1, y1, x2, y2 = moment.box
    low, high = moment.reach[edge]
    middle = (y1 + y2) / 2 if edge % 2 == 0 else (x1 + x2) / 2
    along = [low, low, low, high, high, high]
    across = [middle - cap, middle + cap, middle, middle, middle - cap, middle + cap]
    return (along, across) if edge % 2 == 0 else (across, along)


def _label(moment: _Moment, edge: int, view: _View) -> tuple[float, float, str, str]:
    """Where a whisker's length is written: beside its inner end, or its outer one where the box is narrow."""
    x1, y1, x2, y2 = moment.box
    if moment.reach is None:
        return (x1 + x2) / 2, (y1 + y2) / 2, "", "middle center"
    low, high = moment.reach[edge]
    text = f"{style.number(high - low)} px"
    gap = 0.6 * view.cap
    if edge % 2 == 0:
        inside = x2 - x1 > 0.42 * (view.right - view.left)
        to_right = (edge == 0) == inside
        return (high + gap if to_right else low - gap), (y1 + y2) / 2, text, f"middle {'right' if to_right else 'left'}"
    inside = y2 - y1 > 0.3 * (view.bottom - view.top)
    below = (edge == 1) == inside
    return (x1 + x2) / 2, (high + gap if below else low - gap), text, f"{'bottom' if below else 'top'} center"


def _hover(history: History, mass: float) -> list[list[str]]:
    """What every edge's whisker tells the pointer at every stage: [1 + L][4]; nothing at the initial box."""
    edges, reach = history.xyxy_pixels.tolist(), history.intervals(mass).tolist()
    spread, note = history.deviations.tolist(), style.calibration(history)
    told = [[""] * 4]
    for layer in range(history.layers):
        told.append([])
        for k, (low, high) in enumerate(reach[layer]):
            told[-1].append(
                f"<b>{EDGES[k]} edge</b>, layer {layer + 1}: {edges[layer + 1][k]:.1f} px<br>"
                f"{mass * 100:g} % between {low:.1f} and {high:.1f} px<br>± {style.number(spread[layer][k])} px, {note}"
            )
    return told


def _named(stage: str) -> str:
    return "initial box" if stage == "initial" else stage


def _numbers(history: History) -> list[str]:
    """Score and IoU of every stage, in words."""
    scores = [float(history.initial_logits[history.label].sigmoid()), *history.scores.tolist()]
    return [f"score {s:.2f}, IoU with final {iou:.2f}" for s, iou in zip(scores, history.iou_with_last.tolist())]


def _axis(extent: list[float], **changes) -> dict:
    return dict(range=extent, visible=False, fixedrange=True, constrain="domain", **changes)


def _buttons(frames: list[dict], durations: list[int]) -> dict:
    """Play from the initial box to the last layer, and pause."""
    run = dict(mode="immediate", frame=[dict(duration=d, redraw=True) for d in durations], transition=dict(duration=0))
    stop = dict(mode="immediate", frame=dict(duration=0, redraw=False), transition=dict(duration=0))
    return dict(
        type="buttons", direction="right", showactive=False, x=0, y=0.13, xanchor="left", yanchor="top",
        pad=dict(t=6, l=2), bgcolor="rgba(128,132,140,0.14)", bordercolor=style.GHOST, borderwidth=1,
        font=dict(color=style.TEXT, size=13, family=style.FONT),
        buttons=[
            dict(label="Play", method="animate", args=[frames, run]),
            dict(label="Pause", method="animate", args=[[None], stop]),
        ],
    )  # fmt: skip


def _slider(frames: list[dict], layers: int) -> dict:
    """One step a stage, labelled in the colour of its box."""
    jump = dict(mode="immediate", frame=dict(duration=0, redraw=True), transition=dict(duration=0))
    labels = ["initial"]
    labels += [f'<span style="color:{c}">■</span> {i + 1}' for i, c in enumerate(style.layer_colours(layers))]
    return dict(
        active=layers, x=0, len=1, y=0.13, xanchor="left", yanchor="top", pad=dict(t=8, l=128, r=18, b=0),
        currentvalue=dict(visible=False), bgcolor="rgba(128,132,140,0.3)", activebgcolor=style.GHOST,
        bordercolor=style.GHOST, borderwidth=0, tickcolor=style.GHOST, ticklen=5,
        font=dict(color=style.TEXT, size=12, family=style.FONT), transition=dict(duration=0),
        steps=[dict(label=label, method="animate", args=[[f], jump]) for label, f in zip(labels, frames)],
    )  # fmt: skip
