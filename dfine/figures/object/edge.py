"""One edge through the layers: Pr(n), W(n)·Pr(n) and where they put the edge, in pixels, box sizes or bins (plotly)."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import torch

from dfine import distribution
from dfine.config import EDGES
from dfine.figures import style
from dfine.figures.object.edge_layout import MARGIN, ROW, UNITS, axes, axes_of, axis_key, unit_switch
from dfine.trace.history import History
from dfine.trace.stages import layer_name

SEEN = 0.002  # bins with less mass than this in every layer may lie outside the pixel and box axes


def edge_figure(history: History, edge: int, unit: str = "px") -> go.Figure:
    """One row a layer: left Pr(n) with the layer before in grey, right the contributions W(n)·Pr(n), which sum to Σ.

    Above Pr(n), a dot marks Σ W(n)·Pr(n), where the layer puts the edge, and a line its 80 % interval. The axis is W(n)
    to scale, in pixels or in sizes of the initial box, positive outward, or the bins evenly spaced; buttons switch
    between them in the browser. With bins, contributions are in pixels. All rows share their scales.

    Args:
        history: the object.
        edge: 0 left, 1 top, 2 right, 3 bottom.
        unit: shown first: `"px"`, `"box"` or `"bins"`.

    Raises:
        ValueError: there is no such edge or unit.
    """
    check(history, edge)
    if unit not in UNITS:
        raise ValueError(f"unit must be one of {', '.join(UNITS)}, not {unit!r}")
    patches = {u: _patch(history, edge, u) for u in UNITS}
    layers = history.layers
    layout = style.plotly_layout(ROW * layers + MARGIN["t"] + MARGIN["b"], margin=MARGIN, barmode="overlay")
    layout |= axes(layers, len(history.w))
    layout["updatemenus"] = [unit_switch(patches, unit)]
    for key, value in patches[unit]["layout"].items():
        _set(layout, key, value)
    return go.Figure(dict(data=_traces(history, edge, patches[unit]["data"]), layout=layout))


def check(history: History, edge: int, layer: int = -1) -> None:
    """Raise ValueError unless the history has this edge and this layer (negative: counted from the last)."""
    if not 0 <= edge < 4:
        raise ValueError(f"there is no edge {edge}; 0 is left, 1 top, 2 right, 3 bottom")
    if not -history.layers <= layer < history.layers:
        raise ValueError(f"there is no layer index {layer}; this history has 0 to {history.layers - 1}")


def _traces(history: History, edge: int, data: dict) -> list[dict]:
    """Per layer: Pr(n) before, Pr(n), W(n)·Pr(n) before, W(n)·Pr(n), and Σ with its interval."""
    colour = style.EDGE_COLOURS[EDGES[edge]]
    bar = dict(type="bar", marker=dict(color=style.alpha(colour, 0.9), line=dict(width=0)), hoverinfo="text")
    ghost = dict(
        type="scatter",
        mode="lines",
        fill="tozeroy",
        fillcolor=style.alpha(style.GHOST, 0.14),
        hoverinfo="skip",
        line=dict(width=1, color=style.GHOST),
    )
    mark = dict(size=[0, 9, 0], color=style.TEXT, opacity=1, line=dict(width=0))
    mean = dict(
        type="scatter", mode="lines+markers", line=dict(color=style.TEXT, width=2), marker=mark, hoverinfo="text"
    )
    traces = []
    for layer in range(history.layers):
        left, right = axes_of(layer)
        name = layer_name(layer + 1)
        hover = _hover(history, edge, layer)
        traces.append(ghost | left | dict(name=layer_name(layer)))
        traces.append(bar | left | dict(name=f"Pr(n), {name}", hovertext=hover))
        traces.append(ghost | right | dict(name=layer_name(layer)))
        traces.append(bar | right | dict(name=f"W(n)·Pr(n), {name}", hovertext=hover))
        traces.append(mean | left | dict(name=f"Σ, {name}", hovertext=_told(history, edge, layer)))
    for i, trace in enumerate(traces):
        trace |= {key: values[i] for key, values in data.items() if values[i] is not None}
    return traces


def _patch(history: History, edge: int, unit: str) -> dict:
    """All that depends on the unit: `data`, values per trace, and `layout`, changes with dotted keys."""
    w, p = history.w, history.probabilities[:, edge]  # [N+1], [L, N+1]
    pixels = float(history.pixels_per_size[edge])
    scale = 1.0 if unit == "box" else pixels  # of contributions; and of the axis, unless it counts bins
    parts = (p * w * scale).numpy()
    x = np.arange(len(w)) if unit == "bins" else (w * scale).numpy()
    width = 0.86 if unit == "bins" else 0.8 * float(w.diff().min()) * scale
    thin = None if unit == "bins" else width
    reach = history.reading.spans()[:, edge]  # [L, 2]
    means = p @ w  # [L]
    top = 1.12 * float(p.max())
    data = dict(x=[], y=[], width=[])
    for layer in range(history.layers):
        before = layer - 1
        stops = torch.stack((reach[layer, 0], means[layer], reach[layer, 1]))
        rows = [
            (*_outline(x, p[before].numpy(), thin), None) if layer else ([], [], None),
            (x, p[layer].numpy(), width),
            (*_outline(x, parts[before], thin), None) if layer else ([], [], None),
            (x, parts[layer], width),
            ((_bin(stops, w) if unit == "bins" else stops * scale).numpy(), np.full(3, top), None),
        ]
        for xs, ys, thick in rows:
            data["x"].append(_plain(xs))
            data["y"].append(_plain(ys))
            data["width"].append(thick)
    return dict(
        data=data, layout=_captions(history, edge, unit, means * scale, reach * scale) | _ranges(x, parts, p, unit)
    )


def _outline(x: np.ndarray, y: np.ndarray, width: float | None) -> tuple[np.ndarray, np.ndarray]:
    """The corners of a line over bars at `x` of heights `y`, both [N+1]; `width` is None where they are evenly spaced.

    To scale, W(n) leaps to its two ends, and the line goes round their bars: straight from W(1) to W(0) it would claim
    what lies between them, where no bin is.
    """
    if width is None:
        return x, y
    (low, high), half = x[[0, -1]], width / 2
    # Its feet are as far from W(1) and W(N-1) as the bins beside those, or half way to the ends.
    feet = max(2 * x[1] - x[2], (low + x[1]) / 2), min(2 * x[-2] - x[-3], (high + x[-2]) / 2)
    first = [low - half, low - half, low + half, low + half, feet[0]], [0, y[0], y[0], 0, 0]
    last = [feet[1], high - half, high - half, high + half, high + half], [0, 0, y[-1], y[-1], 0]
    return tuple(np.concatenate((a, inner[1:-1], b)) for a, inner, b in zip(first, (x, y), last))


def _set(layout: dict, key: str, value) -> None:
    """Put a value where a dotted key such as `annotations[0].text` points; much quicker than `update_layout`."""
    *path, last = key.replace("[", ".").replace("]", "").split(".")
    for step in path:
        layout = layout[int(step)] if step.isdigit() else layout.setdefault(step, {})
    layout[last] = value


def _plain(values) -> list[float]:
    """Five digits are enough for a bar, and short to send."""
    return [float(f"{v:.5g}") if abs(v) > 1e-9 else 0.0 for v in values]


def _bin(offset: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """Where an offset lies among evenly spaced bins, with a fraction."""
    left, right = distribution.to_bins(offset, w)
    return left + right


def _captions(history: History, edge: int, unit: str, means: torch.Tensor, reach: torch.Tensor) -> dict:
    """Headings, the sums in their panels, the axis titles, and the line at which the edge stays: dotted keys."""
    size = ("width", "height")[edge % 2]
    short = f"{size}s" if unit == "box" else "px"
    say = _fraction if unit == "box" else (lambda v: style.signed(v, " px"))
    length = (lambda v: f"{v:.3f}") if unit == "box" else (lambda v: style.number(v) + " px")
    title = "bin n" if unit == "bins" else f"W(n), {short}"
    still = (len(history.w) - 1) / 2 if unit == "bins" else 0.0
    headings = ("<b>Pr(n)</b>", f"<b>W(n)·Pr(n)</b>, {short}")
    changes = {f"annotations[{i}].text": text for i, text in enumerate(headings)}
    for layer in range(history.layers):
        low, high = reach[layer].tolist()
        changes[f"annotations[{2 + 2 * layer}].text"] = f"80 %: {length(high - low)}"
        changes[f"annotations[{3 + 2 * layer}].text"] = f"Σ {say(float(means[layer]))}"
    for i in range(2 * history.layers):
        changes |= {f"shapes[{i}].x0": still, f"shapes[{i}].x1": still}
    for name in (axis_key("x", 2 * history.layers - 1), axis_key("x", 2 * history.layers)):
        changes[f"{name}.title.text"] = title
    return changes


def _ranges(x: np.ndarray, parts: np.ndarray, p: torch.Tensor, unit: str) -> dict:
    """The ranges of the axes: all bins if evenly spaced, else those that some layer gives more mass than `SEEN`."""
    layers, last = len(parts), len(x) - 1
    first, final = 0, last
    if unit != "bins":
        used = (p > SEEN).any(0).nonzero().flatten()
        first = min(int(used.min()) - 1, last // 2 - 5) if len(used) else 0
        final = max(int(used.max()) + 1, last // 2 + 5) if len(used) else last
    low, high = float(x[max(first, 0)]), float(x[min(final, last)])
    pad = 0.8 if unit == "bins" else 0.02 * (high - low)
    deep, tall = min(0.0, float(parts.min())), max(0.0, float(parts.max()))
    span = tall - deep or 1.0
    changes = {}
    for i in range(1, 2 * layers + 1):
        changes[f"{axis_key('x', i)}.range"] = [low - pad, high + pad]
        changes[f"{axis_key('x', i)}.tickmode"] = "array" if unit == "bins" else "auto"
    for layer in range(layers):
        changes[f"{axis_key('y', 2 * layer + 2)}.range"] = [deep - 0.08 * span, tall + 0.3 * span]
        changes[f"{axis_key('y', 2 * layer + 1)}.range"] = [0, 1.45 * float(p.max())]
    return changes


def _fraction(value: float) -> str:
    text = f"{abs(value):.3f}"
    return ("" if float(text) == 0 else "+" if value > 0 else "−") + text


def _hover(history: History, edge: int, layer: int) -> list[str]:
    """Every number of a bin, whatever the axis shows."""
    size, pixels = ("widths", "heights")[edge % 2], float(history.pixels_per_size[edge])
    texts = []
    for n, (p, w) in enumerate(zip(history.probabilities[layer, edge].tolist(), history.w.tolist())):
        texts.append(
            f"<b>n = {n}</b>, {layer_name(layer + 1)}<br>Pr(n) = {p:.4f}<br>"
            f"W(n) = {_fraction(w)} {size} = {style.signed(w * pixels, ' px')}<br>"
            f"W(n)·Pr(n) = {style.signed(w * p * pixels, ' px')}"
        )
    return texts


def _told(history: History, edge: int, layer: int) -> str:
    offset = float(history.offsets[layer, edge])
    low, high = history.intervals()[layer, edge].tolist()
    axis = "xy"[edge % 2]
    return (
        f"<b>{EDGES[edge]} edge, {layer_name(layer + 1)}</b><br>Σ W(n)·Pr(n) = {_fraction(offset)} = "
        f"{style.signed(offset * float(history.pixels_per_size[edge]), ' px')}<br>"
        f"80 %: {axis} between {style.fixed(low)} and {style.fixed(high)} px ({style.calibration(history)})"
    )
