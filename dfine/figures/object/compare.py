"""Two or more models on one picture: their detections side by side, and their edges of one object in one figure."""

from __future__ import annotations

from collections.abc import Mapping

import plotly.graph_objects as go
import torch
from PIL import Image, ImageDraw

from dfine import distribution
from dfine.boxes import to_pixels
from dfine.config import EDGES
from dfine.figures import lettering, parts, style
from dfine.figures import picture as pictures
from dfine.trace.detections import Detections
from dfine.trace.history import History

HEAD, GAP = 30, 10  # pixels above every picture, and between two
INK, PAPER = "#3C4149", "#FFFFFF"
BETWEEN = 0.04  # between two panels, in widths of the figure


def side_by_side(picture: Image.Image, found: Mapping[str, Detections], *, width: int = 460) -> Image.Image:
    """The picture once for every model with that model's boxes, under its name and the number of objects it found.

    Args:
        picture: the picture, at any scale.
        found: name -> its detections in this picture.
        width: of each picture, in pixels.

    Raises:
        ValueError: there is no model.
    """
    longer = round(width * max(picture.size) / picture.width)  # drawn as large as it is shown, so that labels are sharp
    named = {}
    for name, detections in found.items():
        count = f"{len(detections)} object{'' if len(detections) == 1 else 's'}"
        named[f"{name}: {count}"] = pictures.draw(picture, detections, limit=max(1, longer))
    return sheet(named, width=width)


def sheet(images: Mapping[str, Image.Image], *, width: int = 460) -> Image.Image:
    """Pictures in a row on white, each `width` pixels wide and under its name. The tallest sets the height.

    Raises:
        ValueError: there is no picture.
    """
    if not images:
        raise ValueError("there is nothing to compare; give at least one picture")
    scaled = [i.convert("RGB").resize((width, max(1, round(i.height * width / i.width)))) for i in images.values()]
    row = Image.new("RGB", (len(images) * (width + GAP) - GAP, HEAD + max(i.height for i in scaled)), PAPER)
    canvas = ImageDraw.Draw(row)
    for i, (name, image) in enumerate(zip(images, scaled)):
        row.paste(image, (i * (width + GAP), HEAD))
        font = lettering.font(15, name)
        canvas.text((i * (width + GAP), 5), lettering.fitted(name, font, width), fill=INK, font=font)
    return row


def edges(histories: Mapping[str, History], truth: torch.Tensor | None = None) -> go.Figure:
    """The last layers' edge distributions of one object in several models, in pixels of the picture; a panel an edge.

    Each model has an initial box of its own, so bins cannot be compared directly. Here every bin stands where it would
    put the edge. The curves are densities with an area of one, and a dot marks Σ W(n)·Pr(n).

    Args:
        histories: name -> the object as that model sees it, all in the same picture.
        truth: the true box [4], cxcywh in 0..1, as a dotted line.

    Raises:
        ValueError: there is no model, or their pictures differ in size.
    """
    sizes = {h.size for h in histories.values()}
    if len(sizes) != 1:
        raise ValueError(
            "give the histories of at least one model, all of one picture" if sizes else "no model is given"
        )
    colours = dict(zip(histories, [style.GHOST, *style.layer_colours(max(1, len(histories) - 1))[::-1]]))
    curves = {name: _curves(h) for name, h in histories.items()}
    layout = style.plotly_layout(270, margin=dict(l=14, r=14, t=56, b=44), showlegend=True)
    layout |= dict(shapes=[], annotations=[], legend=dict(orientation="h", y=1.13, yanchor="bottom", x=0))
    true = None if truth is None else to_pixels(truth, next(iter(sizes))).tolist()
    data = []
    for k in range(len(EDGES)):
        number = parts.suffix(k)
        axes = dict(xaxis=f"x{number}", yaxis=f"y{number}")
        for name in histories:
            data += [trace | axes for trace in _drawn(curves[name], k, name, colours[name])]
        layout |= _panel(
            number, k, _span([c["mean"][k] for c in curves.values()], [c["reach"][k] for c in curves.values()])
        )
        layout["annotations"].append(
            parts.edge_heading(k, x=0, y=1, xanchor="left", yanchor="bottom", **_inside(number))
        )
        if true is not None:
            layout["shapes"].append(parts.at_truth(true[k], number, 1.6))
    return go.Figure(dict(data=data, layout=layout))


def _curves(history: History) -> dict:
    """Where the bins put every edge [4, N+1], how dense the mass is there, the means [4] and the intervals [4][2]."""
    steps = torch.gradient(history.w)[0] * history.pixels_per_size[:, None]  # [4, N+1] pixels that a bin stands for
    places = distribution.edge_positions(history.initial, history.w[:, None].expand(-1, 4), history.size).T
    return dict(
        x=places,
        y=history.calibrated[-1] / steps,
        mean=history.xyxy_pixels[-1].tolist(),
        reach=history.intervals(0.9)[-1].tolist(),
    )


def _drawn(curve: dict, k: int, name: str, colour: str) -> list[dict]:
    """One model's density of one edge, and its mean."""
    order = curve["x"][k].argsort()
    line = dict(
        type="scatter",
        mode="lines",
        x=curve["x"][k][order].tolist(),
        y=curve["y"][k][order].tolist(),
        name=name,
        legendgroup=name,
        showlegend=k == 0,
        line=dict(color=colour, width=2.4),
        fill="tozeroy",
        fillcolor=style.alpha(colour, 0.2),
        hovertemplate=f"{name}: %{{x:.1f}} px<extra></extra>",
    )
    dot = dict(
        type="scatter",
        mode="markers",
        x=[curve["mean"][k]],
        y=[0],
        marker=dict(color=colour, size=10),
        name=name,
        legendgroup=name,
        showlegend=False,
        cliponaxis=False,
        hovertemplate=f"{name}: edge at %{{x:.1f}} px<extra></extra>",
    )
    return [line, dot]


def _span(means: list[float], reaches: list[list[float]]) -> list[float]:
    """An extent in pixels that holds nearly all mass of all models."""
    low, high = min(*means, *(r[0] for r in reaches)), max(*means, *(r[1] for r in reaches))
    margin = 0.12 * max(high - low, 4.0)
    return [low - margin, high + margin]


def _inside(number: str) -> dict:
    """A place is meant in shares of a panel."""
    return dict(xref=f"x{number} domain", yref=f"y{number} domain")


def _panel(number: str, k: int, span: list[float]) -> dict:
    x = dict(
        anchor=f"y{number}",
        domain=parts.column(k, BETWEEN),
        range=span,
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        nticks=5,
        title=dict(text=f"{'xy'[k % 2]}, px", font=dict(size=11), standoff=3),
        tickfont=dict(size=10),
        showline=True,
        linecolor=style.GRID,
    )
    y = dict(
        anchor=f"x{number}", rangemode="tozero", showticklabels=False, showgrid=False, zeroline=False, fixedrange=True
    )
    return {f"xaxis{number}": x, f"yaxis{number}": y}
