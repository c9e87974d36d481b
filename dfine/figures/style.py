"""The colours of edges, layers and classes, and the fonts and units of all figures, on light and dark pages.

Backgrounds are transparent and text is a middle grey, so that one figure reads on both. An edge keeps its colour in
every picture, plot and table (Okabe and Ito's palette, which colour-blind readers can tell apart); layers run from warm
to cool.
"""

from __future__ import annotations

import colorsys

from dfine.config import EDGES
from dfine.trace.history import History

EDGE_COLOURS = dict(zip(EDGES, ("#0072B2", "#E69F00", "#009E73", "#CC79A7")))
EDGE_SYMBOLS = ("circle", "square", "diamond", "triangle-up")  # not everybody tells the edges' lines apart by colours
EDGE_SIGNS = ("●", "■", "◆", "▲")  # the same, in words about them
INITIAL = "#9AA0A8"  # the initial box, which no distribution has moved yet
GHOST = "#8A9099"  # the layer before
TEXT = "#767C86"  # 4.2:1 on white and on near-black alike
GRID = "rgba(128,132,140,0.22)"
FONT = "ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"
LINES = dict(gridcolor=GRID, zerolinecolor=GHOST)  # of every axis that says nothing else
TICKED = dict(  # an axis with ticks and a line instead of a grid
    showgrid=False,
    zeroline=False,
    fixedrange=True,
    ticks="outside",
    ticklen=3,
    tickcolor=GHOST,
    tickfont=dict(size=10),
    tickangle=0,
    showline=True,
    linecolor=GRID,
)

_LAYERS = ("#F0A030", "#E4605E", "#B4489E", "#7A6BEE")  # warm to cool, told apart without red against green


def rgb(colour: str) -> tuple[int, int, int]:
    """The three bytes of a hex colour."""
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))


def alpha(colour: str, opacity: float) -> str:
    """A hex colour as CSS `rgba(...)` with the given opacity."""
    return "rgba({},{},{},{:g})".format(*rgb(colour), opacity)


def layer_colours(layers: int) -> list[str]:
    """Hex colours of layers 1 … L, evenly spread over the sequence; a single layer gets the last colour.

    >>> layer_colours(2)
    ['#F0A030', '#7A6BEE']
    """
    stops = [rgb(c) for c in _LAYERS]
    out = []
    for layer in range(layers):
        x = (len(stops) - 1) * (layer / (layers - 1) if layers > 1 else 1.0)
        i = min(int(x), len(stops) - 2)
        mixed = [round(a + (b - a) * (x - i)) for a, b in zip(stops[i], stops[i + 1])]
        out.append("#{:02X}{:02X}{:02X}".format(*mixed))
    return out


def class_colour(label: int) -> str:
    """A hex colour for a class; neighbouring labels lie far apart on the colour wheel."""
    hue = (0.58 + label * 0.618033988749895) % 1
    value = (0.95, 0.78)[label // 8 % 2]
    r, g, b = colorsys.hsv_to_rgb(hue, 0.72, value)
    return f"#{round(r * 255):02X}{round(g * 255):02X}{round(b * 255):02X}"


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on `colour` (WCAG relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (v / 255 for v in rgb(colour))]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "#000000" if luminance > 0.179 else "#FFFFFF"  # where the contrasts to black and to white are equal


def signed(value: float, unit: str = "") -> str:
    """A number with a sign, a true minus, and about three useful digits: `+12.3`, `−0.45`, `0`.

    >>> signed(-0.449, " px")
    '−0.45 px'
    """
    text = number(abs(value))
    sign = "" if float(text) == 0 else ("+" if value > 0 else "−")
    return f"{sign}{text}{unit}"


def number(value: float) -> str:
    """A non-negative number with about three useful digits: 123, 12.3, 0.45, 0."""
    if value < 0.005:
        return "0"
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def fixed(value: float, digits: int = 1) -> str:
    """A number with a fixed count of decimals and a true minus: `−0.7`; never `−0.0`."""
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def percent(share: float, digits: int = 0) -> str:
    """A share in per cent, which no line break parts from its sign: `38 %`."""
    return f"{100 * share:.{digits}f}\u00a0%"


def calibration(history: History) -> str:
    """Whether a temperature or a table of levels has been fitted: `calibrated` or `uncalibrated`."""
    return "calibrated" if history.is_calibrated else "uncalibrated"


def title(history: History) -> str:
    """The object in a few words: `star 0.93, query 17`."""
    name = history.name or f"class {history.label}"
    return f"{name} {float(history.scores[-1]):.2f}, query {history.query}"


def plotly_layout(height: int, **changes: object) -> dict:
    """The layout of all plotly figures, whose lines read on light and dark pages.

    The height is explicit, since some pages collapse figures without one.
    """
    layout = dict(
        height=height,
        autosize=True,
        margin=dict(l=52, r=12, t=34, b=46),
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font=dict(family=FONT, size=12, color=TEXT),
        hoverlabel=dict(font=dict(family=FONT, size=12)),
        showlegend=False,
        dragmode=False,
        modebar=dict(remove=["select2d", "lasso2d"], bgcolor="rgba(0,0,0,0)", color=GHOST),
        template=dict(layout=dict(xaxis=LINES, yaxis=LINES)),
    )
    return layout | changes
