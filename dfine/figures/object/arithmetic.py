"""The sum behind one edge, written out so that it can be checked with a pocket calculator."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from html import escape

from dfine.config import EDGES
from dfine.figures import style
from dfine.figures.object.edge import check
from dfine.trace.history import History
from dfine.trace.stages import layer_name

MOST = 8  # bins that are shown at once; the others are folded away
SHARE = 0.9  # of the sum of all |W(n)·Pr(n)| that the shown bins make up, as far as `MOST` allows
PRECISE = 0.01  # pixels that all rounding together may cost
OUTWARD = ("to the left", "up", "to the right", "down")
INWARD = ("to the right", "down", "to the left", "up")

_FONT = style.FONT.replace("'", "")
_CELL = "padding:2px 6px;text-align:right;white-space:nowrap;border:0"
_LINE = "1px solid rgba(128,132,140,0.4)"


@dataclass(frozen=True)
class Sum:
    """One layer's sum for one edge, in the digits that are shown: every number follows from the ones before it."""

    terms: tuple[tuple[int, Decimal, Decimal, Decimal], ...]  # n, W(n), Pr(n), their rounded product
    offset: Decimal  # the exact sum of the products, in sizes of the initial box
    centre: Decimal  # of the initial box along the edge's axis, px
    extent: Decimal  # size of the initial box along it, px
    shift: Decimal  # offset · extent, px, positive outward
    start: Decimal  # where the initial box has this edge, px
    edge: Decimal  # centre ∓ (½ + offset) · extent, px


def written(history: History, edge: int, layer: int = -1) -> Sum:
    """The numbers of one layer's edge, rounded once each, with as many digits as a hundredth of a pixel needs.

    Rounding W(n), Pr(n) and their products to d, d and d + 1 digits puts the sum off by less than half the last digit
    of Pr(n) times Σ |W(n)|, and a little more; d is chosen so that this stays below a hundredth of a pixel.

    Raises:
        ValueError: there is no such edge or layer.
    """
    check(history, edge, layer)
    w, p = history.w.double(), history.probabilities.double()[layer, edge]
    pixels = float(history.pixels_per_size[edge])
    loss = 0.5 * (float(w.abs().sum()) + 1) + 0.05 * len(w)  # in units of the last digit of Pr(n)
    digits = min(9, max(3, math.ceil(math.log10(max(loss * abs(pixels) / PRECISE, 1.0)))))
    terms = []
    for n, (a, b) in enumerate(zip(w.tolist(), p.tolist())):
        a, b = _round(a, digits), _round(b, digits)
        terms.append((n, a, b, _round(a * b, digits + 1)))
    offset = sum((t[3] for t in terms), Decimal(0))
    centre = _round(float(history.initial[edge % 2]) * history.size[edge % 2], 3)
    extent = _round(pixels, 3)
    side = -1 if edge < 2 else 1
    place = centre + side * (Decimal("0.5") + offset) * extent
    start = centre + side * Decimal("0.5") * extent
    return Sum(tuple(terms), offset, centre, extent, _round(offset * extent, 3), _round(start, 3), _round(place, 2))


def arithmetic_html(history: History, edge: int, layer: int = -1) -> str:
    """W(n)·Pr(n) of every bin, their sum, and the way to the edge in pixels, with this object's numbers; plain HTML.

    Every line can be recomputed from the digits shown above it. Below stand the offsets of all layers.

    Args:
        history: the object.
        edge: 0 left, 1 top, 2 right, 3 bottom.
        layer: index of the layer, counted from 0; negative from the last.

    Raises:
        ValueError: there is no such edge or layer.
    """
    numbers = written(history, edge, layer)
    layer %= history.layers
    mark = f'<b style="color:{style.EDGE_COLOURS[EDGES[edge]]}">●</b>'
    whose = f"{EDGES[edge].capitalize()} edge of the {escape(history.name or 'object')}"
    head = f"{mark} <b>{whose}, {layer_name(layer + 1)}</b>"
    parts = [
        f"<p>{head}</p>",
        _bins(numbers, edge),
        _steps(history, numbers, edge, layer),
        _layers(history, edge, layer),
    ]
    return f'<div style="font:13px/1.55 {_FONT};font-variant-numeric:tabular-nums">{"".join(parts)}</div>'


def _bins(numbers: Sum, edge: int) -> str:
    """The table of bins, largest contribution first, the small ones folded away, and the sum."""
    ranked = sorted(numbers.terms, key=lambda t: -abs(t[3]))
    whole, count, seen = sum(abs(t[3]) for t in ranked), 0, Decimal(0)
    while count < MOST and (count < 3 or seen < Decimal(SHARE) * whole):
        seen += abs(ranked[count][3])
        count += 1
    most = max(abs(ranked[0][3]), Decimal("1e-12"))
    first, rest = ranked[:count], sorted(ranked[count:])
    colour = style.EDGE_COLOURS[EDGES[edge]]
    heads = _row(("n", "W(n)", "Pr(n)", "W(n)·Pr(n)"), "th", f"border-bottom:{_LINE}")
    shown = "".join(_term(t, most, colour) for t in first)
    folded = "".join(_term(t, most, colour) for t in rest)
    rest_sum = _signed(sum((t[3] for t in rest), Decimal(0)))
    bins = f'<table class="bins" style="{_GRID}">{_NARROW}'
    sum_cells = ("Σ", "", "", f'<b class="offset">{_signed(numbers.offset)}</b>')
    return (
        f'<div style="overflow-x:auto">{bins}{heads}{shown}</table>'
        f'<details><summary style="{_FOLD}"><span style="color:{style.TEXT}">▸ the other {len(rest)} bins</span>'
        f'<span class="rest">{rest_sum}</span></summary>{bins}{folded}</table></details>'
        f'<table style="{_GRID}">{_NARROW}{_row(sum_cells, "td", f"border-top:{_LINE}")}</table></div>'
    )


_TABLE = "border-collapse:collapse;border:0;margin:0"
_GRID = _TABLE + ";width:370px;min-width:300px;max-width:100%;table-layout:fixed"
_NARROW = '<colgroup><col style="width:44px"></colgroup>'
_FOLD = (
    "display:flex;justify-content:space-between;width:370px;max-width:100%;box-sizing:border-box;padding:3px 6px;"
    "cursor:pointer"
)


def _term(term: tuple[int, Decimal, Decimal, Decimal], most: Decimal, colour: str) -> str:
    """One bin; the colour behind its contribution is as long as the contribution is large."""
    n, w, p, product = term
    share = float(abs(product) / most) * 100
    fill = f"background:linear-gradient(to left,{style.alpha(colour, 0.3)} {share:.0f}%,transparent {share:.0f}%)"
    cells = (str(n), _signed(w), f"{p:f}", _signed(product))
    return _row(cells, "td", "", last=fill)


def _steps(history: History, numbers: Sum, edge: int, layer: int) -> str:
    """From the sum to the edge that is drawn, one line a step."""
    size, way = _size(edge), OUTWARD[edge] if numbers.offset >= 0 else INWARD[edge]
    sense = "outward" if numbers.offset >= 0 else "inward"
    sign, axis, middle = ("−" if edge < 2 else "+"), "xy"[edge % 2], "centre"
    offset, extent = _signed(numbers.offset), f'<span class="extent">{numbers.extent:f}</span>'
    factor = Decimal("0.5") + numbers.offset
    lines = (
        (
            "offset",
            f"Σ W(n)·Pr(n) = {offset} {size}s of the initial box",
        ),
        (
            "shift",
            f'{offset} × {extent} px = <b class="shift">{_signed(numbers.shift)}</b> px, {sense}, {way} '
            f"from {axis} = {_plain(numbers.start)}, where the initial box has this edge",
        ),
        (
            "edge",
            f"{middle} {sign} (½ {'+' if numbers.offset >= 0 else '−'} {abs(numbers.offset):f}) × {size} = "
            f'<span class="centre">{_plain(numbers.centre)}</span> {sign} {_plain(factor)} × {numbers.extent:f} = '
            f'<b class="edge">{_plain(numbers.edge)}</b> px',
        ),
        ("drawn", _drawn(history, edge, layer)),
    )
    left, line = f"flex:0 0 46px;color:{style.TEXT}", "display:flex;gap:8px;padding:1px 6px"
    rows = "".join(
        f'<div style="{line}"><span style="{left}">{name}</span><span>{text}</span></div>' for name, text in lines
    )
    return f'<div style="margin:8px 0">{rows}</div>'


def _drawn(history: History, edge: int, layer: int) -> str:
    """Where the figures draw this edge, and where a detection, clipped to the picture, has it."""
    value, end = float(history.xyxy_pixels[layer + 1, edge]), history.size[edge % 2]
    place = f'{"xy"[edge % 2]} = <b class="drawn">{_plain(_round(value, 1))}</b> px'
    text = f"the box of {layer_name(layer + 1)} has its {EDGES[edge]} edge at {place}"
    if not 0 <= value <= end:
        text += f", outside the picture; a detection is clipped to {0 if value < 0 else end}"
    return text


def _layers(history: History, edge: int, chosen: int) -> str:
    """The offsets of all layers, each measured from the same initial box."""
    heads = ("layer", f"Σ, {_size(edge)}s", "shift", "moved", "edge")
    rows, before = [], Decimal(0)
    for layer in range(history.layers):
        numbers = written(history, edge, layer)
        cells = [
            str(layer + 1),
            _signed(numbers.offset),
            _signed(numbers.shift),
            _signed(numbers.shift - before),
            _plain(numbers.edge),
        ]
        before = numbers.shift
        rows.append(_row([f"<b>{c}</b>" if layer == chosen else c for c in cells], "td", ""))
    note = (
        "A layer adds to the logits of the one before it (paper eq. 3) and takes the softmax anew. Every layer's shift "
        "is from the same initial box; how far it moved the edge is the difference to the layer before. All in px."
    )
    head = _row(heads, "th", f"border-bottom:{_LINE}")
    return (
        f'<div style="overflow-x:auto"><table class="layers" style="{_TABLE}">{head}{"".join(rows)}</table></div>'
        f'<p style="color:{style.TEXT};margin:4px 6px;max-width:640px">{note}</p>'
    )


def _size(edge: int) -> str:
    return ("width", "height")[edge % 2]


def _round(value: float | Decimal, digits: int) -> Decimal:
    return Decimal(value).quantize(Decimal(1).scaleb(-digits))


def _plain(value: Decimal) -> str:
    """With a true minus; never −0.0."""
    return f"{value if value else abs(value):f}".replace("-", "−")


def _signed(value: Decimal) -> str:
    """Always with a sign, except zero."""
    return f"{abs(value):f}" if not value else f"{value:+f}".replace("-", "−")


def _row(cells, tag: str, css: str, *, last: str = "") -> str:
    body = "".join(
        f'<{tag} style="{_CELL};{css};{last if i == len(cells) - 1 else ""}">{c}</{tag}>' for i, c in enumerate(cells)
    )
    return f'<tr style="border:0;background:none">{body}</tr>'
