"""The traces, frames and controls of the figure of an object's stages, as plain values for plotly."""

from __future__ import annotations

from dfine.config import EDGES
from dfine.figures import parts, style
from dfine.figures.object.moments import Moment, View, numbers_of
from dfine.trace.history import History
from dfine.trace.stages import INITIAL, spoken, stage_names

_SHADOW = "0 0 2px #000, 0 0 2px #000, 0 0 3px #000, 0 0 5px #000"  # white letters stay readable on any picture
CHANGING = ("halo", "box", "whisker halo", *EDGES, "lengths", "headline")


def outlines(history: History, colours: list[str]) -> list[dict]:
    """The traces that stay: the initial box, dashed, and a thin line for every layer, with their numbers on hover."""
    boxes, numbers = history.xyxy_pixels.tolist(), numbers_of(history)
    x, y = _ring(boxes[0], 1)
    dark = dict(type="scatter", x=x, y=y, mode="lines", line=dict(color="rgba(0,0,0,0.5)", width=4), hoverinfo="skip")
    traces = [dark]
    for stage, (name, box) in enumerate(zip(stage_names(history.layers), boxes)):
        x, y = _ring(box, 8)  # points along the sides, on which the pointer can hover
        line = dict(color=colours[stage], width=1.5 if stage else 2.5, dash="solid" if stage else "6px,5px")
        corners = ", ".join(map(style.fixed, box))
        text = f"<b>{spoken(name)}</b><br>{corners} px<br>{numbers[stage]}"
        traces.append(
            dict(type="scatter", x=x, y=y, mode="lines", line=line, name=name, hovertext=text, hoverinfo="text")
        )
    return traces


def changing(moment: Moment, colours: list[str], view: View) -> list[dict]:
    """The traces that a frame changes, in the order of `CHANGING`: box, whiskers, lengths, headline."""
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
            type="scatter",
            mode="text",
            hoverinfo="skip",
            cliponaxis=False,
            x=[p[0] for p in points],
            y=[p[1] for p in points],
            text=[p[2] for p in points],
            textposition=[p[3] for p in points],
            textfont=dict(color="#FFFFFF", size=13, family=style.FONT, shadow=_SHADOW),
        )
    )
    traces.append(
        dict(
            type="scatter",
            mode="text",
            hoverinfo="skip",
            xaxis="x2",
            yaxis="y2",
            x=[0.5],
            y=[0.5],
            text=[moment.headline],
            textfont=dict(color=style.TEXT, size=14, family=style.FONT),
        )
    )
    return traces


def frame(moment: Moment, colours: list[str], view: View, first: int) -> dict:
    """The changes of one frame, kept small since a figure has dozens. A frame of a stage also moves the slider."""
    keys = ("x", "y", "text", "textposition", "hovertext")
    moving = changing(moment, colours, view)
    data = [{k: _short(t[k]) for k in keys if k in t} for t in moving]
    for k in range(2):  # the box and its halo
        data[k]["line"] = moving[k]["line"]
    frame = dict(data=data, traces=list(range(first, first + len(data))))
    return frame | (dict(layout={"sliders[0].active": moment.stage}) if moment.arrived else {})


def _short(value):
    """Numbers rounded to hundredths of a pixel, which are enough for a line."""
    return [round(v, 2) if isinstance(v, float) else v for v in value] if isinstance(value, list) else value


def _ring(box: list[float], pieces: int) -> tuple[list[float], list[float]]:
    """A closed line around a box, each side divided into `pieces`."""
    x1, y1, x2, y2 = box
    corners = [(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)]
    ways = zip(corners, corners[1:])
    points = [
        (a[0] + (b[0] - a[0]) * i / pieces, a[1] + (b[1] - a[1]) * i / pieces) for a, b in ways for i in range(pieces)
    ]
    return tuple(list(c) for c in zip(*points, corners[0]))


def _whisker(moment: Moment, edge: int, cap: float) -> tuple[list, list]:
    """A capped line across the middle of an edge, along the axis on which the edge can move; one stroke."""
    if moment.reach is None:
        return [None], [None]
    x1, y1, x2, y2 = moment.box
    low, high = moment.reach[edge]
    middle = (y1 + y2) / 2 if edge % 2 == 0 else (x1 + x2) / 2
    along = [low, low, low, high, high, high]
    across = [middle - cap, middle + cap, middle, middle, middle - cap, middle + cap]
    return (along, across) if edge % 2 == 0 else (across, along)


def _label(moment: Moment, edge: int, view: View) -> tuple[float, float, str, str]:
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


def play_buttons(frames: list[dict], durations: list[int]) -> dict:
    """Play from the initial box to the last layer, and pause."""
    run = dict(mode="immediate", frame=[dict(duration=d, redraw=True) for d in durations], transition=dict(duration=0))
    stop = dict(mode="immediate", frame=dict(duration=0, redraw=False), transition=dict(duration=0))
    return parts.buttons(
        [
            dict(label="Play", method="animate", args=[frames, run]),
            dict(label="Pause", method="animate", args=[[None], stop]),
        ],
        direction="right",
        showactive=False,
        x=0,
        y=0.13,
        xanchor="left",
        yanchor="top",
        pad=dict(t=6, l=2),
        font=dict(color=style.TEXT, size=13, family=style.FONT),
    )


def stage_slider(frames: list[dict], layers: int) -> dict:
    """One step a stage, labelled in the colour of its box."""
    jump = dict(mode="immediate", frame=dict(duration=0, redraw=True), transition=dict(duration=0))
    labels = [INITIAL]
    labels += [f'<span style="color:{c}">■</span> {i + 1}' for i, c in enumerate(style.layer_colours(layers))]
    return parts.slider(
        [dict(label=label, method="animate", args=[[f], jump]) for label, f in zip(labels, frames)],
        layers,
        x=0,
        len=1,
        y=0.13,
        xanchor="left",
        yanchor="top",
        pad=dict(t=8, l=128, r=18, b=0),
        currentvalue=dict(visible=False),
        ticklen=5,
        font=dict(color=style.TEXT, size=12, family=style.FONT),
    )
