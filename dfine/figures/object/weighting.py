"""W(n): what its two constants do, and how an offset is encoded as two bins (paper eq. 4 and 5; plotly)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import plotly.graph_objects as go
import torch

from dfine import distribution
from dfine.figures import parts, style

AS = (0.25, 0.375, 0.5, 0.75, 1.0)
CS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
PUBLISHED = (0.5, 0.25)  # a and c of the sizes N to L; X has c = 1/8
OFFSETS = (-0.8, -0.5, -0.2, -0.05, 0.0, 0.03, 0.1, 0.3, 0.5, 0.6, 0.75, 0.9, 1.0)
_A, _C, _MARK = "#0072B2", "#E4605E", "#767C86"


def constants(bins: int = 32, a: Sequence[float] = AS, c: Sequence[float] = CS) -> go.Figure:
    """What a and c do to W(n): two panels, each with a slider for one constant; the other is as published.

    Every dot is a bin. At the right side of a panel the same offsets lie on one line. In grey stands the published
    W(n); the sliders start beside it, where its dots are not hidden.

    Raises:
        ValueError: `bins` or a constant cannot make a W(n); see `dfine.distribution.weighting`.
    """
    panels = (("a", a, lambda v: (v, PUBLISHED[1]), _A), ("c", c, lambda v: (PUBLISHED[0], v), _C))
    layout = style.plotly_layout(430, margin=dict(l=54, r=14, t=40, b=110), sliders=[], annotations=[])
    data = []
    for i, (name, values, pair, colour) in enumerate(panels):
        number, (start, end) = ("", "2")[i], ((0.0, 0.46), (0.54, 1.0))[i]
        axes = dict(xaxis=f"x{number}", yaxis=f"y{number}")
        data.append(_dots(distribution.weighting(bins, *PUBLISHED), style.GHOST, 4, "published") | axes)
        index, shown = len(data), next((k for k, v in enumerate(values) if v != PUBLISHED[i]), 0)
        curves = [_dots(distribution.weighting(bins, *pair(v)), colour, 6, f"{name} = {_said(v)}") for v in values]
        data.append(curves[shown] | axes)
        keys = ("x", "y", "name", "hovertext")
        steps = [
            dict(label=_said(v), method="update", args=[{k: [curve[k]] for k in keys}, {}, [index]])
            for v, curve in zip(values, curves)
        ]
        layout["sliders"].append(_slider(name, steps, shown, start, end, colour))
        layout |= {f"xaxis{number}": _x_axis(bins, number, start, end), f"yaxis{number}": _y_axis(number, i == 0)}
        still = f"c = {_said(PUBLISHED[1])}" if name == "a" else f"a = {_said(PUBLISHED[0])}"
        layout["annotations"].append(_heading(f"<b>{name}</b> moves, {still} stays", start))
    return go.Figure(dict(data=data, layout=layout))


def encoded(w: torch.Tensor, offsets: Sequence[float] = OFFSETS) -> go.Figure:
    """An offset as a share of mass in each of the two bins around it (paper eq. 5); a slider moves the offset.

    Bars stand at W(n), to scale. The mark under them is the offset, which is also their mean, up to ±2a.

    Raises:
        ValueError: there is no offset.
    """
    if not len(offsets):
        raise ValueError("there is no offset to show; give at least one")
    frames = [_two_bins(w, float(v)) for v in offsets]
    shown = max(range(len(offsets)), key=lambda i: (offsets[i] == 0.1, -abs(offsets[i])))
    grid = dict(
        type="scatter",
        x=w.tolist(),
        y=[0.0] * len(w),
        mode="markers",
        hovertext=_bins_hover(w),
        hoverinfo="text",
        marker=dict(symbol="line-ns", size=14, color=style.GHOST, line=dict(width=1.4, color=style.GHOST)),
    )
    keys = ("x", "y", "text", "hovertext")
    steps = [
        dict(
            label=style.signed(v),
            method="update",
            args=[{k: [trace.get(k) for trace in frame] for k in keys}, {"annotations[0].text": text}, [1, 2, 3]],
        )
        for v, (frame, text) in zip(offsets, frames)
    ]
    low, high = 1.12 * float(w[0]), 1.12 * float(w[-1])
    layout = style.plotly_layout(330, margin=dict(l=54, r=14, t=44, b=110), bargap=0)
    layout |= dict(
        sliders=[_slider("offset", steps, shown, 0.0, 1.0, _A)],
        annotations=[_heading(frames[shown][1], 0.0)],
        xaxis=dict(range=[low, high], showgrid=False, zeroline=False, fixedrange=True, title=_title("W(n), box sizes")),
        yaxis=dict(
            range=[-0.16, 1.2],
            gridcolor=style.GRID,
            zerolinecolor=style.GHOST,
            fixedrange=True,
            title=_title("mass"),
            tickvals=[0, 0.5, 1],
        ),
    )
    return go.Figure(dict(data=[grid, *frames[shown][0]], layout=layout))


def _two_bins(w: torch.Tensor, offset: float) -> tuple[list[dict], str]:
    """The bars of both bins, the mark of the offset and the bins' names, and the sentence above them."""
    left, right_weight = (t.item() for t in distribution.to_bins(torch.tensor(offset), w))
    places, mass = [float(w[left]), float(w[left + 1])], [1 - right_weight, right_weight]
    text = [f" n = {left + k} <br> {m:.3f} " if m >= 0.0005 else "" for k, m in enumerate(mass)]
    bars = dict(
        type="bar",
        x=places,
        y=mass,
        width=[0.012] * 2,
        marker=dict(color=_A),
        hoverinfo="text",
        hovertext=[f"n = {left + k}: W(n) = {p:+.4f}, mass {m:.4f}" for k, (p, m) in enumerate(zip(places, mass))],
    )
    mark = dict(
        type="scatter",
        x=[offset],
        y=[-0.09],
        mode="markers",
        marker=dict(symbol="triangle-up", size=13, color=_C),
        hovertext=[f"offset {offset:+g}"],
        hoverinfo="text",
        cliponaxis=False,
    )
    named = dict(  # to the left and to the right, as two fine bins stand closer than their names are long
        type="scatter",
        x=places,
        y=mass,
        mode="text",
        text=text,
        textposition=["top left", "top right"],
        textfont=dict(size=12, color=_A),
        hoverinfo="skip",
        cliponaxis=False,
    )
    mean = sum(p * m for p, m in zip(places, mass))
    words = f"offset {style.signed(offset)} box sizes: " + " + ".join(
        f"{m:.3f} · W({left + k})" for k, m in enumerate(mass) if m >= 0.0005
    )
    return [bars, mark, named], f"{words} = {style.signed(mean)}"


def _dots(w: torch.Tensor, colour: str, size: float, name: str) -> dict:
    """W(n) over n, and once more on a line at the right."""
    n, values = list(range(len(w))), [round(v, 5) for v in w.tolist()]
    beside = len(w) + 2
    return dict(
        type="scatter",
        mode="markers",
        x=[*n, *[beside] * len(n)],
        y=[*values, *values],
        name=name,
        hoverinfo="text",
        hovertext=2 * [f"{name}<br>W({i}) = {v:+.4f}" for i, v in zip(n, values)],
        marker=dict(
            color=colour,
            size=size,
            symbol=["circle"] * len(n) + ["line-ew"] * len(n),
            line=dict(color=colour, width=[0] * len(n) + [1.6] * len(n)),
        ),
    )


def _said(value: float) -> str:
    """A constant as the paper writes it: a fraction where it is one."""
    exact = Fraction(value).limit_denominator(64)
    return str(exact) if abs(exact - Fraction(value)) < 1e-9 else f"{value:g}"


def _slider(name: str, steps: list[dict], shown: int, start: float, end: float, colour: str) -> dict:
    return parts.slider(
        steps,
        shown,
        x=start,
        len=end - start,
        y=-0.16,
        xanchor="left",
        yanchor="top",
        pad=dict(t=18),
        currentvalue=dict(prefix=f"{name} = ", font=dict(size=13, color=colour), xanchor="left"),
        ticklen=4,
        font=dict(color=style.TEXT, size=11, family=style.FONT),
        minorticklen=0,
    )


def _x_axis(bins: int, number: str, start: float, end: float) -> dict:
    ticks = [0, bins // 4, bins // 2, bins - bins // 4, bins]
    return dict(
        anchor=f"y{number}",
        domain=[start, end],
        range=[-1, bins + 5],
        tickvals=ticks,
        showgrid=False,
        zeroline=False,
        fixedrange=True,
        title=_title("bin n"),
    )


def _y_axis(number: str, titled: bool) -> dict:
    return dict(
        anchor=f"x{number}",
        range=[-2.1, 2.1],
        gridcolor=style.GRID,
        zerolinecolor=style.GHOST,
        fixedrange=True,
        dtick=0.5,
        title=_title("W(n), box sizes" if titled else ""),
    )


def _title(text: str) -> dict:
    return dict(text=text, font=dict(size=12), standoff=4)


def _heading(text: str, start: float) -> dict:
    return dict(
        text=text,
        x=start,
        y=1,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        yshift=8,
        showarrow=False,
        font=dict(size=13, color=_MARK),
    )


def _bins_hover(w: torch.Tensor) -> list[str]:
    return [f"n = {n}: W(n) = {v:+.4f}" for n, v in enumerate(w.tolist())]
