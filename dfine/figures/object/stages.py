"""One object through the layers on the picture: a figure to play and to step through in the browser."""

from __future__ import annotations

import base64
import io

import plotly.graph_objects as go
from PIL import Image, ImageEnhance

from dfine.figures import style
from dfine.figures.object.moments import View, moments, view_of
from dfine.figures.object.stages_traces import CHANGING, changing, frame, outlines, play_buttons, stage_slider
from dfine.trace.history import History

BYTES = 150_000  # the most that the embedded picture may take, as text
SIDE = 720  # longest side in pixels of the embedded picture, before it has to shrink
PACE, REST = 40, 750  # milliseconds per frame, and at every stage
HEIGHT = 560


def object_figure(picture: Image.Image, history: History, mass: float = 0.8, *, height: int = HEIGHT) -> go.Figure:
    """The picture around one object, with the initial box (dashed), every layer's box, and the shown layer's whiskers.

    A slider steps through the stages, from the initial box to the last layer; *Play* runs through them, with frames in
    between for which the edge logits are mixed, as the network itself adds to them from layer to layer (paper eq. 3).
    Each edge of the shown box has the interval in which it lies with probability `mass`, and that interval's length.

    The frames are arguments of the button and the slider instead of `figure.frames`, because some pages keep only data
    and layout of a figure. It opens on the last layer.

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
    view = view_of(history, mass)
    shown = moments(history, mass)
    stages = [m for m in shown if m.arrived]
    colours = ["#F2F3F5", *style.layer_colours(history.layers)]
    data = [*outlines(history, colours), *changing(stages[-1], colours, view)]
    first = len(data) - len(CHANGING)  # the traces from here on change from frame to frame
    film = [frame(m, colours, view, first) for m in shown]
    layout = style.plotly_layout(height, margin=dict(l=8, r=8, t=8, b=8), hovermode="closest")
    layout |= dict(
        images=[_embedded(picture, history.size, view)],
        xaxis=_axis([view.left, view.right], domain=[0, 1]),
        yaxis=_axis([view.bottom, view.top], domain=[0.16, 0.945], scaleanchor="x"),
        xaxis2=dict(domain=[0, 1], range=[0, 1], visible=False, fixedrange=True, anchor="y2"),
        yaxis2=dict(domain=[0.945, 1], range=[0, 1], visible=False, fixedrange=True, anchor="x2"),
        updatemenus=[play_buttons(film, [REST if m.arrived else PACE for m in shown])],
        sliders=[stage_slider([f for f, m in zip(film, shown) if m.arrived], history.layers)],
    )
    return go.Figure(dict(data=data, layout=layout))


def _embedded(picture: Image.Image, size: tuple[int, int], view: View) -> dict:
    """The visible part of the picture as a JPEG inside the figure, so that nothing has to be fetched."""
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
        image = ImageEnhance.Color(image).enhance(0.6)  # paler colours, so that thin lines stand out
        file = io.BytesIO()
        image.save(file, "JPEG", quality=84, optimize=True)
        source = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
        side = round(side * 0.8)
    return dict(
        source=source, xref="x", yref="y", x=x1, y=y1, sizex=x2 - x1, sizey=y2 - y1, sizing="stretch", layer="below"
    )


def _axis(extent: list[float], **changes) -> dict:
    return dict(range=extent, visible=False, fixedrange=True, constrain="domain", **changes)
