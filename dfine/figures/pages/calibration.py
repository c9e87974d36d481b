"""Can the edges' distributions be trusted? Predicted intervals against how often the truth lies in them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import plotly.graph_objects as go

from dfine.config import EDGES
from dfine.figures import parts, style, words

ROW, APART = 32, 0.17  # height of a part's row in px; from one edge to the next in it, in rows


def reliability(panels: dict[str, dict]) -> go.Figure:
    """Reliability diagrams: the share of objects whose true edge lies in an interval, over the interval's mass.

    On the diagonal, an interval holds as many true edges as it should. Above it, the distributions are too wide; below
    it they are too narrow, and the network is surer than it should be.

    Args:
        panels: title -> `dfine.evaluation.calibration.measured`, e.g. before and after a temperature.
    """
    figure = go.Figure(layout=style.plotly_layout(420, margin=dict(l=58, r=24, t=38, b=48), showlegend=True))
    width = (1 - 0.1 * (len(panels) - 1)) / len(panels)
    for i, (title, numbers) in enumerate(panels.items()):
        axis = parts.suffix(i)
        masses, seen = numbers["reliability"]["masses"], numbers["reliability"]["coverage"]
        figure.add_scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            line=dict(color=style.GHOST, width=1.5, dash="dot"),
            hoverinfo="skip",
            showlegend=False,
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
        )
        for k, edge in enumerate(EDGES):
            figure.add_scatter(
                x=[0, *masses, 1],
                y=[0, *(row[k] for row in seen), 1],
                name=edge,
                mode="lines",
                legendgroup=edge,
                line=dict(color=style.EDGE_COLOURS[edge], width=2.5),
                showlegend=i == 0,
                xaxis=f"x{axis}",
                yaxis=f"y{axis}",
                hovertemplate=f"{edge}: an interval of %{{x:.0%}} holds %{{y:.1%}}<extra></extra>",
            )
        start = i * (width + 0.1)
        domain = dict(range=[0, 1], tickformat=".0%", gridcolor=style.GRID, zeroline=False, fixedrange=True, dtick=0.2)
        x = domain | dict(anchor=f"y{axis}", domain=[start, start + width], title=dict(text="interval", standoff=4))
        x |= dict(tickvals=[0.2, 0.4, 0.6, 0.8, 1])  # the 0 of the other axis stands there already
        y = domain | dict(anchor=f"x{axis}", title=dict(text="holds the true edge" if not i else "", standoff=4))
        figure.update_layout(**{f"xaxis{axis}": x, f"yaxis{axis}": y})
        figure.add_annotation(parts.panel_title(f"<b>{title}</b>, {numbers['objects']:,} objects", axis, 24))
    figure.update_layout(legend=dict(x=0.01, y=0.98, bgcolor="rgba(0,0,0,0)", font=dict(size=12)))
    return figure


def levels(numbers: dict) -> go.Figure:
    """Where in its distribution the true edge lies, in tenths of the mass: flat if the distributions are right.

    A hump in the middle: they are too wide. Both ends high: too narrow. One end high: the edge is biased that way.
    """
    histogram = numbers["pit"]
    figure = go.Figure(layout=style.plotly_layout(260, margin=dict(l=48, r=12, t=36, b=46), bargap=0.06))
    top = max((v for row in histogram for v in row if v is not None), default=0.1) * 1.12
    for k, edge in enumerate(EDGES):
        axis = parts.suffix(k)
        figure.add_bar(
            x=[i / len(histogram) + 0.05 for i in range(len(histogram))],
            y=[row[k] for row in histogram],
            marker=dict(color=style.alpha(style.EDGE_COLOURS[edge], 0.85), line=dict(width=0)),
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
            name=edge,
            hovertemplate=f"{edge}: %{{y:.1%}} of the objects<extra></extra>",
        )
        figure.add_shape(
            type="line",
            x0=0,
            x1=1,
            y0=0.1,
            y1=0.1,
            xref=f"x{axis}",
            yref=f"y{axis}",
            line=dict(color=style.GHOST, width=1.5, dash="dot"),
        )
        start, end = parts.column(k, 0.05)
        x = dict(
            anchor=f"y{axis}",
            domain=[start, end],
            range=[0, 1],
            tickvals=[0.14, 0.86],
            showgrid=False,
            ticktext=["inward", "outward"],
            zeroline=False,
            fixedrange=True,
            tickfont=dict(size=11),
        )
        y = dict(
            anchor=f"x{axis}",
            range=[0, top],
            tickformat=".0%",
            gridcolor=style.GRID,
            zeroline=False,
            fixedrange=True,
            nticks=4,
            showticklabels=k == 0,
        )
        figure.update_layout(**{f"xaxis{axis}": x, f"yaxis{axis}": y})
        middle = dict(x=(start + end) / 2, y=1, xref="paper", yref="paper", yshift=20)
        figure.add_annotation(parts.edge_heading(k, **middle))
    return figure


def by_part(parts: dict[str, dict], mass: float, index: int) -> go.Figure:
    """How often the interval of one mass holds the true edge, a row for every part of the data.

    Within a row the four edges stand below one another, so that none hides another of the same value.

    Args:
        parts: name -> `objects` and `coverage` (masses × 4 edges), as `dfine.evaluation.calibration.measured` groups
            them.
        mass: of the interval.
        index: its place in `coverage`.
    """
    names = [f"{escape(words.short(name, 28))}  <b>{part['objects']:,}</b>" for name, part in parts.items()]
    figure = go.Figure(
        layout=style.plotly_layout(
            90 + ROW * max(len(names), 1),
            margin=dict(l=8, r=24, t=34, b=54),
            showlegend=True,
            legend=dict(orientation="h", x=1, xanchor="right", y=1, yanchor="bottom", bgcolor="rgba(0,0,0,0)"),
        )
    )
    seen = [v for part in parts.values() for v in part["coverage"][index] if v is not None]
    figure.add_vline(x=mass, line=dict(color=style.GHOST, width=1.5, dash="dot"))
    for k, edge in enumerate(EDGES):
        figure.add_scatter(
            x=[part["coverage"][index][k] for part in parts.values()],
            mode="markers",
            name=edge,
            cliponaxis=False,
            y=[row + (k - 1.5) * APART for row in range(len(names))],
            customdata=names,
            marker=dict(size=9, color=style.alpha(style.EDGE_COLOURS[edge], 0.9), line=dict(width=0)),
            hovertemplate=f"{edge}, %{{customdata}} objects: %{{x:.1%}}<extra></extra>",
        )
    figure.update_xaxes(
        range=[max(0, min([*seen, mass]) - 0.04), min(1.005, max([*seen, mass]) + 0.04)],
        tickformat=".0%",
        nticks=6,
        gridcolor=style.GRID,
        zeroline=False,
        fixedrange=True,
        tickangle=0,
    )
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5],
        tickvals=list(range(len(names))),
        ticktext=names,
        gridcolor=style.GRID,
        zeroline=False,
        fixedrange=True,
        automargin=True,
    )
    figure.add_annotation(  # ends where the axis ends: centred under it, as its title, a phone would cut it
        text=f"true edges in the {style.percent(mass)} interval",
        x=1,
        y=0,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="top",
        yshift=-24,
        showarrow=False,
        font=dict(size=13),
    )
    return figure


def table_html(rows: Sequence[tuple[str, dict]]) -> str:
    """Coverage in numbers: for every (name, `measured`) the mean over the edges, then each edge, at every mass."""
    masses = rows[0][1]["masses"]
    head = "".join(f"<th>{name}</th>" for name in ("all edges", *EDGES))
    out = [f"<tr><th></th><th>interval</th>{head}<th>length of the 80\u00a0%<br>interval, box sizes</th></tr>"]
    for name, numbers in rows:
        for i, mass in enumerate(masses):
            values = numbers["coverage"][i]
            shown = [v for v in values if v is not None]
            mean = sum(shown) / len(shown) if shown else None
            cells = "".join(f"<td>{_share(v)}</td>" for v in (mean, *values))
            length = "" if mass != 0.8 or not shown else f"{sum(numbers['length']) / 4:.3f}"
            first = f'<th rowspan="{len(masses)}">{escape(name)}</th>' if not i else ""
            out.append(f"<tr>{first}<td>{style.percent(mass)}</td>{cells}<td>{length}</td></tr>")
    return f'<div class="scroll"><table class="numbers">{"".join(out)}</table></div>'


def _share(value: float | None) -> str:
    return "–" if value is None else style.percent(value, 1)
