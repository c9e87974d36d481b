"""Four edges by L layers: the distribution of every edge in every layer (paper Figures 2 and 4), with plotly."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from dfine.config import EDGES
from dfine.figures import parts, style
from dfine.trace.history import History
from dfine.trace.stages import layer_name

ROW = 104  # pixels of height per layer
MARGIN = dict(l=58, r=14, t=34, b=62)
GAP = 0.055  # between two columns, in widths of the figure


def distributions(history: History, weighted: bool = False) -> go.Figure:
    """Small multiples of an object's edges: one column an edge, one row a layer, the layer before in grey.

    Unweighted, the bars are Pr(n). Weighted, they are W(n)·Pr(n) in pixels, so that the bars of a panel sum to the
    offset that is written in it: how far this layer puts the edge from the initial box, positive outward. Bins are
    spaced evenly, although W(n) is not; the second line of the axis gives W(n) in pixels. All panels share one vertical
    scale (weighted: one per edge), so that sharpening can be seen.
    """
    p = history.probabilities.numpy()  # [L, 4, N+1]
    reach = (history.w[None] * history.pixels_per_size[:, None]).numpy()  # [4, N+1] W(n) in pixels of each edge
    bars = p * reach if weighted else p
    layers = history.layers
    # One dictionary, filled panel by panel: plotly's own subplots take a third of a second for twelve of them.
    height = ROW * layers + MARGIN["t"] + MARGIN["b"]
    layout = style.plotly_layout(height, margin=MARGIN, bargap=0.12, barmode="overlay")
    layout |= dict(annotations=[_heading(k) for k in range(4)], shapes=[])
    traces = []
    for layer in range(layers):
        for k, edge in enumerate(EDGES):
            number = parts.suffix(layer * 4 + k)
            axes = dict(xaxis=f"x{number}", yaxis=f"y{number}")
            if layer:
                traces.append(_ghost(bars[layer - 1, k], layer) | axes)
            hover = _hover(p[layer, k], reach[k], weighted)
            traces.append(_bars(bars[layer, k], edge, layer + 1, hover) | axes)
            layout[f"xaxis{number}"] = _x_axis(number, layer == layers - 1, parts.column(k, GAP), reach[k])
            layout[f"yaxis{number}"] = _y_axis(
                number, _row(layer, layers), bars if not weighted else bars[:, k : k + 1]
            )
            layout["annotations"].append(_summary(history, layer, k, weighted, number))
            layout["shapes"].append(_standstill(number, len(history.w)))
            if k == 0:
                colour = style.layer_colours(layers)[layer]
                layout[f"yaxis{number}"]["title"] = dict(
                    text=layer_name(layer + 1), font=dict(color=colour, size=13), standoff=6
                )
            elif not weighted:
                layout[f"yaxis{number}"]["showticklabels"] = False
    said = [note["text"] for note in layout["annotations"][4:]]
    layout["meta"] = dict(alt=". ".join(_aloud(i, said[4 * i : 4 * i + 4]) for i in range(layers)))
    return go.Figure(dict(data=traces, layout=layout))


def _aloud(layer: int, numbers: list[str]) -> str:
    """The numbers of a row of panels, for readers who do not see them."""
    return f"{layer_name(layer + 1)}: " + ", ".join(f"{edge} {number}" for edge, number in zip(EDGES, numbers))


def caption(history: History, weighted: bool = False) -> str:
    """What the bars and numbers of `distributions` mean, in two sentences."""
    if weighted:
        return (
            "Bars are W(n)·Pr(n) in pixels; their sum Σ is how far the layer puts the edge from the initial box, "
            "positive outward. The grey outline is the layer before."
        )
    return (
        f"Bars are Pr(n); ± is the standard deviation of the edge in pixels ({style.calibration(history)}). The grey "
        "outline is the layer before; on the dotted line, n = N/2, W(n) is 0 and the edge stays where the initial box "
        "has it."
    )


def _row(layer: int, layers: int, gap: float = 0.16) -> list[float]:
    """The vertical part that belongs to a layer, first on top; `gap` is in rows."""
    whole = layers - gap  # rows in the figure, the last of them without a gap
    return [(layers - layer - 1) / whole, (layers - layer - gap) / whole]


def _heading(k: int) -> dict:
    start, end = parts.column(k, GAP)
    middle = dict(x=(start + end) / 2, y=1, xref="paper", yref="paper", xanchor="center", yanchor="middle")
    return parts.edge_heading(k, 15, yshift=14, **middle)


def _bars(values: np.ndarray, edge: str, layer: int, hover: list[str]) -> dict:
    marker = dict(color=style.alpha(style.EDGE_COLOURS[edge], 0.85), line=dict(width=0))
    return dict(
        type="bar", y=values, name=f"{edge}, {layer_name(layer)}", marker=marker, hovertext=hover, hoverinfo="text"
    )


def _ghost(values: np.ndarray, layer: int) -> dict:
    """The layer before as a stepped outline that the pointer ignores."""
    line = dict(shape="hvh", width=1, color=style.GHOST)
    return dict(
        type="scatter",
        y=values,
        mode="lines",
        line=line,
        fill="tozeroy",
        fillcolor=style.alpha(style.GHOST, 0.16),
        name=layer_name(layer),
        hoverinfo="skip",
    )


def _hover(p: np.ndarray, reach: np.ndarray, weighted: bool) -> list[str]:
    texts = []
    for n, (mass, pixels) in enumerate(zip(p.tolist(), reach.tolist())):
        product = f"<br>W(n)·Pr(n) = {style.signed(mass * pixels, ' px')}" if weighted else ""
        texts.append(f"n = {n}: Pr(n) = {mass:.3f}<br>W(n) = {style.signed(pixels, ' px')}{product}")
    return texts


def _summary(history: History, layer: int, edge: int, weighted: bool, number: str) -> dict:
    """The number in a panel's corner: the offset of the edge, or its spread."""
    offset = float(history.offsets[layer, edge] * history.pixels_per_size[edge])
    spread = float(history.deviations[layer, edge])
    return dict(
        text=f"Σ {style.signed(offset, ' px')}" if weighted else f"± {style.number(spread)} px",
        x=0.98,
        y=0.98,
        xref=f"x{number} domain",
        yref=f"y{number} domain",
        xanchor="right",
        yanchor="top",
        font=dict(size=11),
        showarrow=False,
    )


def _standstill(number: str, values: int) -> dict:
    """A dotted line at n = N/2, where W(n) is zero and the edge stays."""
    return dict(
        type="line",
        x0=(values - 1) / 2,
        x1=(values - 1) / 2,
        y0=0,
        y1=1,
        xref=f"x{number}",
        yref=f"y{number} domain",
        line=dict(color=style.GHOST, width=1, dash="dot"),
        layer="below",
    )


def _x_axis(number: str, labelled: bool, domain: list[float], reach: np.ndarray) -> dict:
    """Ticks at five bins; under the last row with their numbers and, beneath, W(n) in pixels."""
    last = len(reach) - 1
    ticks = [0, last // 4, last // 2, last - last // 4, last]
    axis = style.TICKED | dict(
        anchor=f"y{number}",
        domain=domain,
        range=[-0.8, last + 0.8],
        tickvals=ticks,
        showticklabels=labelled,
    )
    if labelled:
        axis["ticktext"] = [f"{n}<br>{_coarse(float(reach[n]))}" for n in ticks]
        axis["title"] = dict(text="bin n, W(n) in px", font=dict(size=10), standoff=4)
    return axis


def _y_axis(number: str, domain: list[float], bars: np.ndarray) -> dict:
    """A scale that holds all of `bars`, with room for the numbers above them."""
    low, high = min(0.0, float(bars.min())), max(0.0, float(bars.max()))
    span = high - low or 1.0
    return dict(
        anchor=f"x{number}",
        domain=domain,
        range=[low - 0.08 * span if low else 0.0, high + 0.22 * span],
        gridcolor=style.GRID,
        zeroline=True,
        zerolinecolor=style.GHOST,
        nticks=4,
        fixedrange=True,
        tickfont=dict(size=10),
    )


def _coarse(pixels: float) -> str:
    """W(n) at a tick: whole pixels, or tenths where there are only a few."""
    text = f"{abs(pixels):.0f}" if abs(pixels) >= 9.95 else f"{abs(pixels):.1f}".removesuffix(".0")
    return ("" if text == "0" else "+" if pixels > 0 else "−") + text
