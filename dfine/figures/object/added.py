"""What every layer added to an object's edges (Δ-logits, paper eq. 3), and what LQE read of them (plotly)."""

from __future__ import annotations

import plotly.graph_objects as go
import torch
from plotly.subplots import make_subplots

from dfine.config import EDGES
from dfine.figures import style
from dfine.trace.history import History

SEEN = 0.002  # a bin with less of Pr(n) before the layer and after it is drawn faintly: nothing moves by it
_FAINT = 0.22


def rows(history: History) -> list[dict]:
    """What LQE read and did in every layer, as plain values.

    Keys: `layer`, from 1 on; `peaks`, per edge the highest Pr(n) and their mean; `added`, to the logit of every class;
    `before` and `after`, the score of the object's class.
    """
    values = zip(
        history.peaks.tolist(), history.quality.tolist(), history.scores_before_lqe.tolist(), history.scores.tolist()
    )
    return [
        dict(layer=i, peaks=dict(zip(EDGES, peaks)), added=added, before=before, after=after)
        for i, (peaks, added, before, after) in enumerate(values, 1)
    ]


def seen(history: History) -> torch.Tensor:
    """Which bins hold a share of Pr(n) worth a look, before a layer or after it: [L, 4, N+1] bool."""
    p = history.probabilities
    return torch.maximum(p, torch.cat((torch.zeros_like(p[:1]), p[:-1]))) > SEEN


def plot(history: History, *, height: int = 110) -> go.Figure:
    """Bars of Δ-logits, four edges by L layers, on one scale; `height` in pixels of a row."""
    added, shown = history.added, seen(history)
    titles = [f'<span style="color:{colour}">{edge}</span>' for edge, colour in style.EDGE_COLOURS.items()]
    figure = make_subplots(
        rows=history.layers,
        cols=4,
        shared_xaxes=True,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.05,
        column_titles=titles,
        row_titles=[f"layer {i + 1}" for i in range(history.layers)],
    )
    for i in range(history.layers):
        for k, (edge, colour) in enumerate(style.EDGE_COLOURS.items()):
            opacity = torch.where(shown[i, k], 1.0, _FAINT).tolist()
            bars = go.Bar(
                x=list(range(added.shape[-1])),
                y=added[i, k].tolist(),
                marker=dict(color=colour, opacity=opacity, line=dict(width=0)),
                hovertemplate=f"{edge}, layer {i + 1}, n = %{{x}}: %{{y:+.2f}}<extra></extra>",
            )
            figure.add_trace(bars, row=i + 1, col=k + 1)
    most = float(added[shown].abs().max()) * 1.1 if shown.any() else 1.0
    figure.update_xaxes(showgrid=False, zeroline=False, fixedrange=True)
    tick = float(f"{most / 2:.0e}")  # one digit
    ticks = dict(tickvals=[-tick, 0, tick], ticktext=[f"−{tick:g}", "0", f"+{tick:g}"])
    figure.update_yaxes(gridcolor=style.GRID, zerolinecolor=style.GHOST, fixedrange=True, range=[-most, most], **ticks)
    figure.update_layout(
        **style.plotly_layout(60 + height * history.layers, margin=dict(l=40, r=30, t=34, b=30)),
        bargap=0.1,
    )
    return figure
