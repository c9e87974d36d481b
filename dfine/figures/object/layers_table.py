"""All layers of one object as a table and a figure: shifts and spread of the edges, IoU with the final box, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dfine.config import EDGES
from dfine.figures import style
from dfine.trace.history import History
from dfine.trace.stages import INITIAL, stage_names

if TYPE_CHECKING:  # records draw themselves in notebooks with the rows alone, where plotly may be missing
    import plotly.graph_objects as go

SPELT = 5  # stages, at most, whose names are written out under the panels


def rows(history: History) -> list[dict]:
    """One row for the initial box and one per layer, as plain values.

    Keys: `stage`; `box` (xyxy, pixels); `shift` (px per edge since the stage before, positive outward; None for the
    initial box); `spread` (standard deviation in px per edge; None for the initial box); `iou` with the final box;
    `score` of the object's class; `score_before_lqe` (None for the initial box, which LQE does not see).
    """
    boxes, ious = history.xyxy_pixels.tolist(), history.iou_with_last.tolist()
    first = dict(
        stage=INITIAL,
        box=boxes[0],
        shift=None,
        spread=None,
        iou=ious[0],
        score=float(history.initial_logits[history.label].sigmoid()),
        score_before_lqe=None,
    )
    layers = zip(
        stage_names(history.layers)[1:],
        boxes[1:],
        history.shifts.tolist(),
        history.deviations.tolist(),
        ious[1:],
        history.scores.tolist(),
        history.scores_before_lqe.tolist(),
    )
    keys = ("stage", "box", "shift", "spread", "iou", "score", "score_before_lqe")
    return [first, *(dict(zip(keys, values)) for values in layers)]


def plot(history: History, *, height: int = 260) -> go.Figure:
    """Three panels over the stages: edges in px from the final box with their spread, IoU with that box, scores."""
    import plotly.graph_objects as go
    from plotly.subplots import make_subplots

    stages = stage_names(history.layers)
    table = rows(history)
    edges = ", ".join(
        f'<span style="color:{colour}">{sign} {edge}</span>'
        for (edge, colour), sign in zip(style.EDGE_COLOURS.items(), style.EDGE_SIGNS)
    )
    figure = make_subplots(
        rows=1,
        cols=3,
        horizontal_spacing=0.07,
        subplot_titles=(f"px from the final box<br>{edges}", "IoU with the final box", "score (dotted: before LQE)"),
    )
    offsets = (history.offsets * history.pixels_per_size).tolist()  # [L, 4]
    for k, edge in enumerate(EDGES):
        values = [value - offsets[-1][k] for value in [0.0, *(o[k] for o in offsets)]]
        spread = [None, *history.deviations[:, k].tolist()]
        colour = style.EDGE_COLOURS[edge]
        across = [i + 0.07 * (k - 1.5) for i in range(len(stages))]  # side by side, so that the bars can be told apart
        error = dict(type="data", array=spread, color=style.alpha(colour, 0.45), thickness=1.5, width=3)
        line = go.Scatter(
            x=across,
            y=values,
            customdata=stages,
            name=edge,
            mode="lines+markers",
            error_y=error,
            line=dict(color=colour, width=2),
            marker=dict(symbol=style.EDGE_SYMBOLS[k], size=7),
            hovertemplate=f"{edge}, %{{customdata}}: %{{y:+.1f}} px<extra></extra>",
        )
        figure.add_trace(line, row=1, col=1)
    figure.add_trace(_line(stages, [r["iou"] for r in table], "IoU", "solid"), row=1, col=2)
    figure.add_trace(_line(stages, [r["score"] for r in table], "after LQE", "solid"), row=1, col=3)
    before = [r["score_before_lqe"] for r in table]
    figure.add_trace(_line(stages, before, "before LQE", "dot"), row=1, col=3)
    figure.update_xaxes(showgrid=False, zeroline=False, fixedrange=True)
    names = stages if len(stages) <= SPELT else [INITIAL, *map(str, range(1, len(stages)))]  # side by side, not aslant
    figure.update_xaxes(tickvals=list(range(len(stages))), ticktext=names, col=1)
    for col in (2, 3):
        figure.update_xaxes(tickvals=stages, ticktext=names, col=col)
    figure.update_yaxes(gridcolor=style.GRID, zerolinecolor=style.GHOST, nticks=5, fixedrange=True)
    for col in (2, 3):
        figure.update_yaxes(range=[0, 1.04], col=col)
        figure.update_xaxes(range=[-0.4, len(stages) - 0.6], col=col)  # the first name stands clear of the 0
    figure.update_annotations(font=dict(size=12, color=style.TEXT))
    figure.update_layout(**style.plotly_layout(height, margin=dict(l=52, r=12, t=48, b=46)))
    return figure


def _line(stages: list[str], values: list, name: str, dash: str) -> go.Scatter:
    import plotly.graph_objects as go

    line = dict(color=style.layer_colours(1)[0], width=2, dash=dash)
    hover = f"{name}, %{{x}}: %{{y:.3f}}<extra></extra>"
    return go.Scatter(x=stages, y=values, name=name, mode="lines+markers", line=line, hovertemplate=hover)
