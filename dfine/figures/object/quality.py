"""LQE and the shape of edges: the entropy of every query's edges against what LQE added to its scores (plotly)."""

from __future__ import annotations

import plotly.graph_objects as go
import torch

from dfine import distribution
from dfine.boxes import iou
from dfine.figures import style
from dfine.trace.records import Trace
from dfine.trace.stages import layer_name


def readings(trace: Trace, layer: int = -1, picture: int = 0) -> dict[str, torch.Tensor]:
    """Per query of one picture: `entropy` (bits, mean of the four edges), `quality`, `before` and `after` [Q].

    The last two are the highest class score before and after LQE. Entropy is that of the distributions as the network
    uses them, without a fitted temperature.

    Raises:
        IndexError: there is no such layer or picture.
    """
    stage = trace.refinements[layer]
    entropy = distribution.entropy(distribution.probabilities(stage.edges[picture])).mean(-1)
    logits, quality = stage.logits[picture], stage.quality[picture, :, 0]
    best = logits.amax(-1)
    return dict(entropy=entropy, quality=quality, before=(best - quality).sigmoid(), after=best.sigmoid())


def agreement(a: torch.Tensor, b: torch.Tensor) -> float:
    """Spearman's rank correlation of two lists [n] of at least two numbers: 1 the same order, −1 the opposite one."""
    ranks = torch.stack([v.argsort().argsort().double() for v in (a, b)])
    return float(torch.corrcoef(ranks)[0, 1])


def quality_figure(trace: Trace, layer: int = -1, picture: int = 0) -> go.Figure:
    """Every query as a dot: the entropy of its edges, and what LQE adds to its class logits in that layer.

    Larger and darker dots are queries with a higher score. Queries with peaked distributions stand on the left.

    Raises:
        IndexError: there is no such layer or picture.
    """
    r = readings(trace, layer, picture)
    colour = style.layer_colours(len(trace.refinements))[layer]
    overlap = iou(trace.initial.boxes[picture], trace.refinements[layer].boxes[picture])
    hover = [
        f"query {i}<br>entropy {e:.2f} bits, LQE adds {q:+.2f}<br>best score {b:.2f} → {a:.2f}<br>IoU with its initial "
        f"box {o:.2f}"
        for i, (e, q, b, a, o) in enumerate(zip(*(r[k].tolist() for k in r), overlap.tolist()))
    ]
    opacity = (0.25 + 0.75 * r["after"]).clamp(max=1)
    dots = dict(
        type="scatter",
        mode="markers",
        x=r["entropy"].tolist(),
        y=r["quality"].tolist(),
        hovertext=hover,
        hoverinfo="text",
        marker=dict(color=colour, size=(6 + 12 * r["after"]).tolist(), opacity=opacity.tolist(), line=dict(width=0)),
    )
    axis = dict(gridcolor=style.GRID, zerolinecolor=style.GHOST, fixedrange=True)
    number = range(1, len(trace.refinements) + 1)[layer]
    layout = style.plotly_layout(360, margin=dict(l=64, r=14, t=34, b=48), hovermode="closest")
    layout |= dict(
        xaxis=axis | dict(title="entropy of the edges, bits (flat: 5.04)"),
        yaxis=axis | dict(title="added by LQE to the logits"),
        annotations=[
            dict(
                text=f"{layer_name(number)}, every query a dot, larger the higher its score",
                x=1,
                y=1,
                xref="paper",
                yref="paper",
                xanchor="right",
                yanchor="bottom",
                showarrow=False,
                font=dict(size=12),
            ),
        ],
    )
    return go.Figure(dict(data=[dots], layout=layout))
