"""What refinement is worth on a data set: AP of every stage, and what each layer gains at each IoU threshold."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from dfine.figures import parts, style

MAIN = ("AP", "AP50", "AP75")
SIZES = ("APs", "APm", "APl")
_WORDS = {"APs": "small", "APm": "medium", "APl": "large"}
_DASHES = ("solid", "dash", "dot")


def by_stage(stages: Sequence[dict]) -> go.Figure:
    """AP of the initial boxes and of every layer; beside it for small, medium and large objects.

    Args:
        stages: one dict a stage, `stage` and the metrics of `dfine.evaluation.coco` in 0..1, None where not measured.
    """
    figure = go.Figure(layout=style.plotly_layout(340, margin=dict(l=44, r=60, t=34, b=36)))
    for panel, (metrics, title) in enumerate(((MAIN, "all objects"), (SIZES, "by size, AP"))):
        axis = parts.suffix(panel)
        for metric, dash in zip(metrics, _DASHES):
            figure.add_trace(_line(stages, metric, dash, axis))
        seen = [s[m] for s in stages for m in metrics if s.get(m) is not None] or [0, 1]
        pad = 0.12 * max(max(seen) - min(seen), 0.05)
        span = [min(seen) - pad, max(seen) + pad]
        ends = [(m, [s[m] for s in stages if s.get(m) is not None][-1:]) for m in metrics]
        named = _apart([(m, v[0]) for m, v in ends if v], 0.07 * (span[1] - span[0]))
        span[1] = max([span[1], *(y + 0.2 * pad for _, y in named)])  # or plotly leaves the highest out
        for metric, y in named:
            figure.add_annotation(
                text=_WORDS.get(metric, metric),
                x=len(stages) - 1,
                y=y,
                xref=f"x{axis}",
                yref=f"y{axis}",
                xanchor="left",
                xshift=9,
                showarrow=False,
                font=dict(size=12),
            )
        figure.add_annotation(parts.panel_title(f"<b>{title}</b>", axis, 22))
        x = dict(
            anchor=f"y{axis}",
            domain=[0.58 * panel, 0.58 * panel + 0.42],
            tickvals=list(range(len(stages))),
            range=[-0.3, len(stages) - 0.94],
            ticktext=[s["stage"] for s in stages],
            showgrid=False,
            zeroline=False,
            fixedrange=True,
        )
        y = dict(anchor=f"x{axis}", range=span, gridcolor=style.GRID, zeroline=False, fixedrange=True, nticks=6)
        figure.update_layout(**{f"xaxis{axis}": x, f"yaxis{axis}": y})
    return figure


def by_threshold(thresholds: Sequence[float], ap: dict[str, Sequence[float | None]]) -> go.Figure:
    """What every layer gains over the initial boxes, at each IoU from which a box counts as right.

    Strict thresholds need exact edges, so refinement shows there most.

    Args:
        thresholds: T of them.
        ap: AP of every stage at each [T] in 0..1, the initial boxes first.
    """
    start, *layers = list(ap.items())
    figure = go.Figure(layout=style.plotly_layout(360, margin=dict(l=58, r=70, t=16, b=48)))
    for (stage, values), colour in zip(layers, style.layer_colours(len(layers))):
        gains = [None if a is None or b is None else a - b for a, b in zip(values, start[1])]
        figure.add_scatter(
            x=list(thresholds),
            y=gains,
            name=stage,
            mode="lines+markers",
            line=dict(color=colour, width=2.5),
            marker=dict(size=7),
            customdata=list(zip(values, start[1])),
            hovertemplate=f"{stage} at IoU %{{x:.2f}}: AP %{{customdata[0]:.3f}}, %{{y:+.3f}} over the initial boxes"
            "<extra></extra>",
        )
    ends = [(stage, trace.y[-1]) for (stage, _), trace in zip(layers, figure.data) if trace.y[-1] is not None]
    gained = [v for trace in figure.data for v in trace.y if v is not None]
    span = max(gained, default=0) - min(gained, default=0)
    for stage, y in _apart(ends, 0.075 * (span or 0.01)):
        figure.add_annotation(
            text=stage, x=thresholds[-1], y=y, xanchor="left", xshift=10, showarrow=False, font=dict(size=12)
        )
    figure.update_xaxes(
        title=dict(text="IoU from which a box is right", standoff=6),
        tickvals=list(thresholds)[::2],
        tickformat=".2f",
        range=[thresholds[0] - 0.02, thresholds[-1] + 0.008],
        showgrid=False,
        zeroline=False,
        fixedrange=True,
    )
    figure.update_yaxes(
        title=dict(text="AP gained", standoff=4),
        gridcolor=style.GRID,
        zerolinecolor=style.GHOST,
        tickformat=".2f" if not 0 < span < 0.05 else ".3f" if span >= 0.005 else ".4f",
        fixedrange=True,
    )
    return figure


def _line(stages: Sequence[dict], metric: str, dash: str, axis: str) -> go.Scatter:
    colours = [style.INITIAL, *style.layer_colours(len(stages) - 1)]
    return go.Scatter(
        x=list(range(len(stages))),
        y=[s.get(metric) for s in stages],
        name=metric,
        mode="lines+markers",
        line=dict(color=style.GHOST, width=2, dash=dash),
        marker=dict(size=9, color=colours),
        customdata=[s["stage"] for s in stages],
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
        hovertemplate=f"{metric}, %{{customdata}}: %{{y:.3f}}<extra></extra>",
    )


def _apart(named: list[tuple[str, float]], least: float) -> list[tuple[str, float]]:
    """The names with heights at least `least` apart, so that they can be read; they are pushed up from below."""
    out: list[tuple[str, float]] = []
    for name, y in sorted(named, key=lambda pair: pair[1]):
        out.append((name, max(y, out[-1][1] + least) if out else y))
    return out
