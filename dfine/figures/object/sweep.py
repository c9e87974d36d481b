"""One object in ever more spoiled pictures: how sure each edge is, and how far off, against the dial (plotly)."""

from __future__ import annotations

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from torch import Tensor

from dfine.config import EDGES
from dfine.figures import style


def sweep_figure(amounts: Tensor, spreads: Tensor, errors: Tensor, scores: Tensor, dial: str) -> go.Figure:
    """Three plots that share the dial: the length of each edge's 80 % interval, its error, and the object's score.

    Args:
        amounts: how spoiled each picture is [S].
        spreads: in pixels [S, 4]; NaN where the object was not found.
        errors: in pixels, positive is outside [S, 4].
        scores: of the object [S].
        dial: what was turned.
    """
    titles = ("80\u00a0% interval, px", "error, px", "score")  # short: on a phone each plot is 90 pixels wide
    figure = make_subplots(rows=1, cols=3, subplot_titles=titles, horizontal_spacing=0.09)
    x = amounts.tolist()
    for edge, (name, colour) in enumerate(style.EDGE_COLOURS.items()):
        marker = dict(symbol=style.EDGE_SYMBOLS[edge], size=7)
        look = dict(mode="lines+markers", line=dict(color=colour, width=2), marker=marker)
        line = dict(x=x, name=name, legendgroup=name, **look)
        figure.add_scatter(y=_values(spreads[:, edge]), showlegend=True, row=1, col=1, **line)
        figure.add_scatter(y=_values(errors[:, edge].abs()), showlegend=False, row=1, col=2, **line)
    line = dict(color=style.TEXT, width=2)
    figure.add_scatter(x=x, y=_values(scores), mode="lines+markers", line=line, showlegend=False, row=1, col=3)
    meta = dict(alt=_alt(dial, amounts, spreads, scores))
    figure.update_layout(
        style.plotly_layout(300, showlegend=True, legend=dict(orientation="h", x=0, y=-0.18), meta=meta)
    )
    figure.update_annotations(font_size=12)  # the titles
    figure.update_xaxes(title=dict(text=dial, standoff=4), gridcolor=style.GRID, zeroline=False)
    figure.update_yaxes(rangemode="tozero", gridcolor=style.GRID, zeroline=False)
    figure.update_yaxes(range=[0, 1], row=1, col=3)
    return figure


def _values(numbers: Tensor) -> list[float | None]:
    """Numbers as plotly takes them: None leaves a gap."""
    return [None if v != v else v for v in numbers.tolist()]


def _alt(dial: str, amounts: Tensor, spreads: Tensor, scores: Tensor) -> str:
    found = (~scores.isnan()).nonzero().flatten().tolist()
    what = f"Spread and error of the four edges, and the score, against {dial}"
    said = f"{what}: found in {len(found)} of {len(scores)} pictures."
    if len(found) < 2:
        return said
    ends = [found[0], found[-1]]
    edges = ", ".join(
        f"{name} {' → '.join(style.number(v) for v in spreads[ends, k].tolist())} px" for k, name in enumerate(EDGES)
    )
    low, high = (f"{v:.2f}" for v in amounts[ends].tolist())
    score = " → ".join(f"{v:.2f}" for v in scores[ends].tolist())
    return f"{said} From {low} to {high}, the 80\u00a0% intervals: {edges}; the score: {score}."
