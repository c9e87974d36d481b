"""Where one query looked in every layer: its sampling points on the picture, with plotly."""

from __future__ import annotations

import base64
import io

import plotly.graph_objects as go
import torch
from PIL import Image

from dfine.boxes import to_pixels
from dfine.figures import parts, style
from dfine.trace.history import History
from dfine.trace.sampling import Looks, birthplace
from dfine.trace.stages import layer_name, stage_names

HEIGHT = 560
LARGEST = 24  # diameter in pixels of a point that has all the weight of its head
BYTES = 150_000  # the picture inside the figure, at most
# The colours of Okabe and Ito's palette that no edge has; finest level first.
LEVELS = ("#56B4E9", "#F0E442", "#D55E00", "#FFFFFF")

_SETTLED = dict(mode="immediate", frame=dict(duration=0, redraw=True), transition=dict(duration=0))
_PLAYED = dict(mode="immediate", fromcurrent=True, frame=dict(duration=1100, redraw=True), transition=dict(duration=0))


def looking_figure(picture: Image.Image, history: History, looks: Looks, *, height: int = HEIGHT) -> go.Figure:
    """The part of the picture that a query looked at, its sampling points, and the box that it looked around.

    One frame a layer, to step through or to play in the browser. The area of a point is its weight, its colour the
    level that it reads; points outside the picture read nothing. The dashed box is the layer's reference, the thin
    white square the cell in which the query was born. `picture` may have another scale than `history.size`.

    Raises:
        ValueError: the looks are not those of this history.
    """
    if (looks.query, looks.layers) != (history.query, history.layers):
        raise ValueError(
            f"these are the looks of query {looks.query} in {looks.layers} layers, but the history is that of query "
            f"{history.query} in {history.layers}"
        )
    view = _view(history, looks)
    frames = []
    for layer in range(looks.layers):
        head = dict(title=_title(history, looks, layer))
        frames.append(go.Frame(name=layer_name(layer + 1), data=_layer(history, looks, layer), layout=head))
    layout = style.plotly_layout(height, margin=dict(l=8, r=8, t=58, b=112), showlegend=True)
    layout |= dict(
        images=[_backdrop(picture, history.size, view)],
        legend=_legend(),
        title=_title(history, looks, 0),
        xaxis=_axis(view[0], view[2]),
        yaxis=_axis(view[3], view[1]) | dict(scaleanchor="x", scaleratio=1, constraintoward="top"),
        sliders=[_slider(looks.layers)],
        updatemenus=[_buttons()],
    )
    return go.Figure(data=frames[0].data, frames=frames, layout=layout)


def describe(history: History, looks: Looks) -> str:
    """The figure in words, a sentence a layer, for readers who cannot see it."""
    sentences = [f"Where {style.title(history)} looked."]
    if history.token >= 0:
        born, (x1, y1, x2, y2) = birthplace(history), _cell(history)
        sentences.append(
            f"It was born at stride {born.stride}, row {born.row}, column {born.column}: "
            f"around x {style.fixed((x1 + x2) / 2, 0)}, y {style.fixed((y1 + y2) / 2, 0)} px."
        )
    inside = ((looks.points >= 0) & (looks.points <= 1)).all(-1)
    for layer in range(looks.layers):
        weight = looks.weights[layer, :, :, None] / looks.heads
        x, y = ((looks.points[layer] * weight).sum((0, 1)) * torch.tensor(history.size)).tolist()
        lost = float((looks.weights[layer] * ~inside[layer]).sum() / looks.heads)
        beside = f"; {style.percent(lost)} of it outside the picture" if lost >= 0.005 else ""
        centre = f"centre of attention {style.fixed(x, 0)}, {style.fixed(y, 0)} px"
        sentences.append(f"Layer {layer + 1}: {_shares(looks, layer)}{beside}; {centre}.")
    return " ".join(sentences)


def _layer(history: History, looks: Looks, layer: int) -> list[go.Scatter]:
    """The traces of one layer: the birthplace, the reference with a dark line under it, the points of each level."""
    colour = style.layer_colours(looks.layers)[layer]
    box = to_pixels(looks.reference[layer], history.size).tolist()
    traces = [
        # White on grey is visible on any picture, and the grey in the legend of any page.
        _outline(_cell(history), "born here", dict(color="#646A73", width=4.5), legend=history.token >= 0),
        _outline(_cell(history), "born here", dict(color="#FFFFFF", width=1.6), legend=False),
        _outline(box, "looks around", dict(color="rgba(0,0,0,0.55)", width=5), legend=False),
        _outline(box, "looks around", dict(color=colour, width=2.5, dash="8px,5px")),
    ]
    points = looks.points[layer] * torch.tensor(history.size)  # [heads, P, 2] in pixels
    heads = torch.arange(1, looks.heads + 1)[:, None].expand(looks.weights.shape[1:])
    for level, stride in enumerate(dict.fromkeys(looks.strides.tolist())):
        mine = looks.strides == stride
        x, y = points[:, mine].reshape(-1, 2).T.tolist()
        weights, head = looks.weights[layer][:, mine].flatten().tolist(), heads[:, mine].flatten().tolist()
        marker = dict(
            size=weights,
            sizemode="area",
            sizeref=1 / LARGEST**2,
            sizemin=1.2,
            color=LEVELS[level % len(LEVELS)],
            opacity=0.9,
            line=dict(width=1, color="rgba(0,0,0,0.75)"),
        )
        traces.append(
            go.Scatter(
                x=x,
                y=y,
                mode="markers",
                name=f"stride {stride}",
                marker=marker,
                customdata=list(zip(head, weights)),
                hovertemplate=f"head %{{customdata[0]}}, stride {stride}<br>weight %{{customdata[1]:.3f}}<br>"
                "%{x:.0f}, %{y:.0f} px<extra></extra>",
            )
        )
    return traces


def _outline(xyxy, name: str, line: dict, legend: bool = True) -> go.Scatter:
    x1, y1, x2, y2 = xyxy or [None] * 4
    return go.Scatter(
        x=[x1, x2, x2, x1, x1],
        y=[y1, y1, y2, y2, y1],
        mode="lines",
        name=name,
        line=line,
        hoverinfo="skip",
        showlegend=legend,
    )


def _cell(history: History) -> list[float]:
    """The birthplace [4], xyxy in pixels; empty for a query that has none."""
    if history.token < 0:
        return []
    return to_pixels(torch.tensor(birthplace(history).box), history.size).tolist()


def _shares(looks: Looks, layer: int) -> str:
    shares = {stride: style.percent(float(share[layer])) for stride, share in looks.shares().items()}
    return ", ".join(f"{share} at stride {stride}" for stride, share in shares.items())


def _title(history: History, looks: Looks, layer: int) -> dict:
    """Which layer, in its colour, what it looked around, and how much each level counted."""
    colour = style.layer_colours(looks.layers)[layer]
    around = "the proposal" if layer == 0 else f"{layer_name(layer)}'s box"
    text = (
        f'<span style="color:{colour}"><b>{layer_name(layer + 1)}</b></span> looks around {around}'
        f'<br><span style="font-size:12px">weight: {_shares(looks, layer)}</span>'
    )
    return dict(text=text, x=0, xref="paper", xanchor="left", y=1, yanchor="top", pad=dict(t=18), font=dict(size=14))


def _view(history: History, looks: Looks) -> tuple[float, float, float, float]:
    """The part of the picture to show, in pixels: points inside it, references, birthplace, and a margin."""
    limits = torch.tensor(history.size, dtype=torch.float32)
    points = (looks.points * limits).flatten(0, 2)
    points = points[((points >= 0) & (points <= limits)).all(-1)]
    boxes = to_pixels(torch.cat((looks.reference, history.boxes[-1:])), history.size)
    boxes = torch.cat((boxes, torch.tensor([_cell(history) or boxes[-1].tolist()])))
    corners = torch.cat((points, boxes[:, :2], boxes[:, 2:])).minimum(limits).clamp(min=0)
    low, high = corners.amin(0), corners.amax(0)
    margin = 0.06 * (high - low).max().clamp(min=8.0)
    low, high = (low - margin).clamp(min=0), (high + margin).minimum(limits)
    return (*low.tolist(), *high.tolist())


def _backdrop(picture: Image.Image, size: tuple[int, int], view) -> dict:
    """The picture behind the points, as small as `BYTES` asks, in the coordinates of the axes."""
    sx, sy = picture.width / size[0], picture.height / size[1]
    x1, y1, x2, y2 = int(view[0] * sx), int(view[1] * sy), -int(-view[2] * sx // 1), -int(-view[3] * sy // 1)
    x2, y2 = min(max(x2, x1 + 1), picture.width), min(max(y2, y1 + 1), picture.height)
    part = picture.convert("RGB").crop((x1, y1, x2, y2))
    part.thumbnail((1000, 1000), Image.Resampling.LANCZOS)
    return dict(
        source="data:image/jpeg;base64," + base64.b64encode(_jpeg(part)).decode(),
        xref="x",
        yref="y",
        x=x1 / sx,
        y=y1 / sy,
        sizex=(x2 - x1) / sx,
        sizey=(y2 - y1) / sy,
        sizing="stretch",
        layer="below",
        yanchor="top",
    )


def _jpeg(image: Image.Image) -> bytes:
    """The image as JPEG whose base64 is at most `BYTES` long: first less quality, then fewer pixels."""
    while True:
        for quality in (88, 75, 60):
            out = io.BytesIO()
            image.save(out, "JPEG", quality=quality)
            if out.tell() * 4 / 3 + 4 <= BYTES:
                return out.getvalue()
        image = image.resize([max(1, s * 3 // 4) for s in image.size], Image.Resampling.LANCZOS)


def _axis(low: float, high: float) -> dict:
    return dict(range=[low, high], visible=False, fixedrange=True, constrain="domain")


def _legend() -> dict:
    return dict(
        orientation="h",
        x=0,
        xanchor="left",
        y=0,
        yanchor="top",
        yref="paper",
        itemsizing="constant",
        bgcolor="rgba(0,0,0,0)",
        font=dict(size=12, color=style.TEXT),
        itemclick="toggle",
    )


def _slider(layers: int) -> dict:
    steps = [dict(method="animate", label=name, args=[[name], _SETTLED]) for name in stage_names(layers)[1:]]
    return dict(
        active=0,
        steps=steps,
        x=0,
        len=1,
        y=0,
        yanchor="top",
        pad=dict(t=50, l=124, r=22),
        currentvalue=dict(visible=False),
        bgcolor=style.GHOST,
        bordercolor=style.GHOST,
        borderwidth=0,
        activebgcolor=style.TEXT,
        ticklen=5,
        tickcolor=style.GHOST,
        font=dict(size=12, color=style.TEXT),
    )


def _buttons() -> dict:
    return parts.buttons(
        [
            dict(label="▶", method="animate", args=[None, _PLAYED]),
            dict(label="❚❚", method="animate", args=[[None], _SETTLED]),
        ],
        direction="left",
        showactive=False,
        x=0,
        xanchor="left",
        y=0,
        yanchor="top",
        pad=dict(t=52),
        font=dict(size=12, color=style.TEXT),
    )
