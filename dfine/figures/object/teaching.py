"""How distributions are trained: an object's edges step by step, and the query matched to each object (plotly)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go
import torch

from dfine import distribution
from dfine.config import EDGES
from dfine.figures import parts, style, words
from dfine.trace.history import History
from dfine.trace.stages import stage_names

ROW = 128  # pixels of height per layer
CELL = 30  # pixels of height per object
SAME, OTHER, SEVERAL, INK = "#E9EAEC", "#EFC259", "#73B1D5", "#22262D"  # cells and their text, on any page
GAP = 0.045  # between two columns, in widths of the figure


def lessons(
    steps: Mapping[int, History], truth: torch.Tensor, names: Sequence[str] = (), *, shown: int | None = None
) -> go.Figure:
    """Pr(n) of every layer's four edges during training, with a slider for the steps.

    One column an edge, one row a layer. Bins are evenly spaced. The red line is the true edge, the number beside
    it the distance of the layer's Σ W(n)·Pr(n) from it in pixels.

    Args:
        steps: step -> the object after it; all from the same initial box.
        truth: the true box [4], cxcywh in 0..1.
        names: of the rows, by default `layer 1` … `layer L`.
        shown: the step that it opens on, by default the last.

    Raises:
        ValueError: there is no step, or not the one to open on.
    """
    if not steps:
        raise ValueError("there is no step to show; give at least one")
    shown = list(steps)[-1] if shown is None else shown
    if shown not in steps:
        raise ValueError(f"there is no step {shown}; there are {', '.join(map(str, steps))}")
    histories, layers = list(steps.values()), next(iter(steps.values())).layers
    names = list(names) or stage_names(layers)[1:]
    last = steps[shown]
    top = 1.25 * max(float(h.probabilities.max()) for h in histories)
    height = ROW * layers + 60 + (76 if len(steps) > 1 else 0)
    bottom = 46 + (76 if len(steps) > 1 else 0)
    layout = style.plotly_layout(height, margin=dict(l=60, r=14, t=34, b=bottom), bargap=0.1)
    layout |= dict(annotations=_misses(last, truth), shapes=[])
    data, aims = [], _aims(last, truth)
    for layer in range(layers):
        for k, edge in enumerate(EDGES):
            number = parts.suffix(layer * 4 + k)
            bars = dict(color=style.alpha(style.EDGE_COLOURS[edge], 0.9), line=dict(width=0))
            data.append(
                dict(
                    type="bar",
                    y=_values(last, layer, k),
                    marker=bars,
                    xaxis=f"x{number}",
                    yaxis=f"y{number}",
                    hovertemplate="n = %{x}: Pr(n) = %{y:.3f}<extra></extra>",
                )
            )
            layout[f"xaxis{number}"] = _x_axis(number, k, layer == layers - 1, len(last.w))
            layout[f"yaxis{number}"] = _y_axis(number, layer, layers, top, names[layer] if k == 0 else "")
            layout["shapes"].append(parts.at_truth(aims[k], number))
    for k in range(4):
        layout["annotations"].append(
            parts.edge_heading(k, x=parts.column(k, GAP)[0], y=1, xref="paper", yref="paper", yshift=16, xanchor="left")
        )
    if len(steps) > 1:
        layout["sliders"] = [_slider(steps, truth, shown)]
    return go.Figure(dict(data=data, layout=layout))


def answers(matches: Mapping[str, Mapping[int, Sequence[int]]], objects: Sequence[str]) -> go.Figure:
    """Which query is matched to which object at every stage; the last column is usually their union.

    A cell names the queries. It is coloured where they differ from those of the first stage, or are several.

    Args:
        matches: stage -> object -> its queries.
        objects: a name an object.

    Raises:
        ValueError: a stage names an object that there is not.
    """
    unknown = sorted({t for by_object in matches.values() for t in by_object} - set(range(len(objects))))
    if unknown:
        raise ValueError(f"a match names object {unknown[0]}; there are {len(objects)}")
    first = next(iter(matches.values()), {})
    rows = [[list(by_object.get(t, ())) for by_object in matches.values()] for t in range(len(objects))]
    colour = [
        [0 if not cell else 1 if list(cell) == list(first.get(t, ())) else 2 if len(cell) == 1 else 3 for cell in row]
        for t, row in enumerate(rows)
    ]
    colours = ("rgba(0,0,0,0)", SAME, OTHER, SEVERAL)
    scale = [[edge, c] for i, c in enumerate(colours) for edge in (i / 4, (i + 1) / 4)]
    text = [[" + ".join(map(str, cell)) for cell in row] for row in rows]
    hover = [
        [f"{objects[t]}, {stage}: query {text[t][i] or 'none'}" for i, stage in enumerate(matches)]
        for t in range(len(objects))
    ]
    cells = dict(
        type="heatmap",
        z=colour,
        text=text,
        texttemplate="%{text}",
        hovertext=hover,
        hoverinfo="text",
        zmin=-0.5,
        zmax=3.5,
        colorscale=scale,
        showscale=False,
        xgap=3,
        ygap=3,
        textfont=dict(size=12, color=INK),
    )
    layout = style.plotly_layout(70 + CELL * len(objects), margin=dict(l=110, r=14, t=40, b=10))
    axis = dict(showgrid=False, zeroline=False, fixedrange=True, ticklen=0)
    layout |= dict(
        xaxis=axis | dict(side="top", tickvals=list(range(len(matches))), ticktext=list(matches)),
        yaxis=axis
        | dict(
            autorange="reversed",
            tickvals=list(range(len(objects))),
            ticktext=[words.short(name, 16) for name in objects],
        ),
    )
    return go.Figure(dict(data=[cells], layout=layout))


def _aims(history: History, truth: torch.Tensor) -> list[float]:
    """Where the true edges lie among the bins, counted from 0: the left bin and the right one's share."""
    left, right_weight = distribution.to_bins(distribution.encode(history.initial, truth), history.w)
    return (left + right_weight).tolist()


def _values(history: History, layer: int, edge: int) -> list[float]:
    return [round(v, 4) for v in history.probabilities[layer, edge].tolist()]


def _missing(history: History, truth: torch.Tensor) -> list[list[float]]:
    """How far every layer's edges are from the true ones, in pixels, positive outward: [L][4]."""
    true = distribution.encode(history.initial, truth)
    return ((history.offsets - true) * history.pixels_per_size).tolist()


def _misses(history: History, truth: torch.Tensor) -> list[dict]:
    """Annotations with these distances in the corner of every panel."""
    notes, middle = [], (len(history.w) - 1) / 2
    aims = _aims(history, truth)
    for layer, row in enumerate(_missing(history, truth)):
        for k, value in enumerate(row):
            number = parts.suffix(layer * 4 + k)
            x, side = (0.02, "left") if aims[k] > middle else (0.98, "right")  # away from the line
            notes.append(
                dict(
                    text=style.signed(value, " px"),
                    x=x,
                    y=0.99,
                    xref=f"x{number} domain",
                    xanchor=side,
                    yref=f"y{number} domain",
                    yanchor="top",
                    showarrow=False,
                    font=dict(size=11),
                )
            )
    return notes


def _slider(steps: Mapping[int, History], truth: torch.Tensor, shown: int) -> dict:
    made = []
    for step, history in steps.items():
        bars = [_values(history, layer, k) for layer in range(history.layers) for k in range(4)]
        notes = {f"annotations[{i}].text": note["text"] for i, note in enumerate(_misses(history, truth))}
        made.append(dict(label=str(step), method="update", args=[{"y": bars}, notes]))
    return parts.slider(
        made,
        list(steps).index(shown),
        x=0,
        len=1,
        y=0,
        yanchor="top",
        pad=dict(t=52),
        ticklen=4,
        currentvalue=dict(prefix="step ", font=dict(size=13, color=style.TEXT)),
        minorticklen=0,
        font=dict(color=style.TEXT, size=11, family=style.FONT),
    )


def _x_axis(number: str, k: int, labelled: bool, values: int) -> dict:
    last = values - 1
    return dict(
        anchor=f"y{number}",
        domain=parts.column(k, GAP),
        range=[-0.8, last + 0.8],
        tickvals=[0, last // 2, last],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        showline=True,
        linecolor=style.GRID,
        showticklabels=labelled,
        tickfont=dict(size=10),
        title=dict(text="bin n" if labelled else "", font=dict(size=11), standoff=3),
    )


def _y_axis(number: str, layer: int, layers: int, top: float, name: str) -> dict:
    whole = layers - 0.14
    domain = [max(0.0, (layers - layer - 1) / whole), min(1.0, (layers - layer - 0.14) / whole)]
    return dict(
        anchor=f"x{number}",
        domain=domain,
        range=[0, top],
        gridcolor=style.GRID,
        zeroline=False,
        nticks=4,
        fixedrange=True,
        tickfont=dict(size=10),
        showticklabels=bool(name),
        title=dict(text=name, font=dict(size=13, color=style.layer_colours(layers)[layer]), standoff=6),
    )
