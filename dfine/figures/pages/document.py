"""A page as one HTML file with interactive figures, which opens anywhere and loads nothing."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import plotly.graph_objects as go
from PIL import Image
from plotly.offline import get_plotlyjs, get_plotlyjs_version

# The file itself says what it may do: run its own script and show its own pictures, without the network.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"

TOLD = 48  # numbers of a figure that are told to readers who do not see it, at most
_TAG = re.compile(r"<[^>]*>")

LABELS = {  # what the foot of a page calls the values that say where everything comes from
    "data": "Data set",
    "pictures": "Pictures",
    "objects": "Objects",
    "picture": "Picture",
    "size": "Size in px",
    "input": "Input in px",
    "threshold": "Score threshold",
    "top": "Most boxes a picture",
    "model": "Checkpoint",
    "digest": "SHA-256 of its weights",
    "engine": "It ran in",
    "precision": "Precision",
    "dfine": "D-FINE Lens",
    "schema": "Schema",
}


@dataclass(frozen=True)
class Panel:
    """One of several contents of a card; `name` is on the tab that shows it."""

    name: str
    figure: go.Figure | None = None
    text: str = ""  # HTML under the figure
    wide: bool = True  # whether the figure needs more room than a phone has, and scrolls there
    tall: bool = False  # whether it keeps its height on a phone, because it has rows
    beside: Sequence[go.Figure] = ()  # more figures, to the right of it, or below where there is no room


@dataclass(frozen=True)
class Section:
    """A card on the page: a heading, a sentence, and one or more panels."""

    title: str
    lead: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Document:
    """What a page consists of; everything but `title` and `data` is HTML."""

    title: str
    header: str
    main: str
    footer: str
    data: dict  # put into the page for programs, under the id `data`
    figures: Sequence[go.Figure]  # in the order in which `plot` was given them
    styles: tuple[str, ...] = ("page.css",)  # files beside this one

    def __str__(self) -> str:
        """The whole page."""
        parts = {
            "title": html.escape(self.title),
            "policy": html.escape(POLICY),
            "css": "".join(map(_beside, self.styles)),
            "header": self.header,
            "main": self.main,
            "footer": self.footer,
            "data": _escaped(json.dumps(self.data, ensure_ascii=False)),
            "figures": "\n".join(
                f'<script type="application/json" id="figure-{i}">{_escaped(f.to_json())}</script>'
                for i, f in enumerate(self.figures)
            ),
            "version": get_plotlyjs_version(),
            "plotly": _compressed_plotly(),
            "js": PLOTS + _beside("page.js"),
        }
        return _PAGE.format(**parts)


def section(section: Section, number: int, figures: list[go.Figure]) -> str:
    """The card of a section, the `number`-th of the page; its figures are added to `figures`."""
    several = len(section.panels) > 1
    out = [f"<section><h2>{html.escape(section.title)}</h2><p>{html.escape(section.lead)}</p>"]
    tabs = f'<div data-tabs aria-label="{html.escape(section.title)}"></div>'
    out += ["<div>", tabs if several else ""]
    for i, panel in enumerate(section.panels):
        out.append(
            f'<div role="tabpanel" id="panel-{number}-{i}" data-name="{html.escape(panel.name)}">'
            if several
            else "<div>"
        )
        if several:
            out.append(f'<h3 class="panel-name">{html.escape(panel.name)}</h3>')
        label = f"{section.title}: {panel.name}"
        shown = [] if panel.figure is None else [panel.figure, *panel.beside]
        places = "".join(plot(f, label, figures, fit=not panel.wide, tall=panel.tall) for f in shown)
        out.append(f'<div class="beside">{places}</div>' if panel.beside else places)
        out.append(f"{panel.text}</div>")
    return "".join(out) + "</div></section>"


def plot(figure: go.Figure, label: str, figures: list[go.Figure], *, fit: bool, tall: bool = False) -> str:
    """The element for a figure, which is added to `figures`. On a phone it scrolls, unless it can `fit`.

    A figure that fits is about as tall as a phone is wide, unless it is `tall`.
    """
    figures.append(figure)
    kinds = f"plot{' fit' if fit else ''}{' tall' if tall else ''}"
    return (
        f'<div class="scroll"><div class="{kinds}" data-figure="figure-{len(figures) - 1}" '
        f'style="height:{figure.layout.height}px" role="img" aria-label="{html.escape(label + _told(figure))}"></div>'
        "</div>"
    )


def _told(figure: go.Figure) -> str:
    """What a figure says, for readers who do not see it: its own words, or its numbers where they are few."""
    if alt := (figure.layout.meta or {}).get("alt"):
        return f". {alt}"
    traces = [trace for trace in figure.data if trace.type in ("bar", "scatter") and trace.y is not None]
    traces = [trace for trace in traces if trace.name or trace.type == "bar"]  # other lines are marks
    if sum(len(trace.y) for trace in traces) > TOLD:
        return ""
    axis = figure.layout.xaxis
    named = dict(zip(axis.tickvals or (), axis.ticktext or ()))
    return "".join(f". {said}" for said in (_numbers(trace, named) for trace in traces) if said)


def _numbers(trace: go.Bar | go.Scatter, named: dict) -> str:
    """A trace's places, by their names on the axis where they have some, and its values; "" where it has none."""
    places, values = trace.x if trace.x is not None else range(len(trace.y)), trace.y
    if trace.orientation == "h":
        places, values = values, places
    there = [(named.get(at, at), value) for at, value in zip(places, values) if value is not None and value == value]
    pairs = ", ".join(f"{_plain(at)} {_plain(value)}" for at, value in there)
    return f"{_plain(trace.name)}: {pairs}" if pairs and trace.name else pairs


def _plain(value: object) -> str:
    """A number in three digits, or a name without its markup."""
    return f"{value:.3g}" if isinstance(value, float) else " ".join(html.unescape(_TAG.sub(" ", str(value))).split())


def image(picture: Image.Image, alt: str, quality: int = 88) -> str:
    """A picture inside the page, with words for readers who do not see it."""
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="{source(picture, quality)}" alt="{html.escape(alt)}" {size}>'


def source(picture: Image.Image, quality: int = 88) -> str:
    """A picture as an address that holds it."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=quality, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def words(pairs: Iterable[tuple[object, object]]) -> str:
    """A list of words and what they mean."""
    return "<dl>" + "".join(f"<dt>{html.escape(str(a))}</dt><dd>{html.escape(str(b))}</dd>" for a, b in pairs) + "</dl>"


def origin(head: dict, keys: Sequence[str]) -> str:
    """A list of where everything comes from: those of the `keys` that `head` has a value for, in words (`LABELS`)."""
    values = {key: " × ".join(map(str, v)) if isinstance(v, (list, tuple)) else v for key, v in head.items()}
    return words((LABELS[key], values[key]) for key in keys if values.get(key) not in (None, ""))


def paragraph(text: str) -> str:
    """Plain text as HTML."""
    return f"<p>{html.escape(text)}</p>"


def _escaped(text: str) -> str:
    """JSON in which no `</script>` can end the element around it."""
    return text.replace("<", "\\u003c")


@cache
def _compressed_plotly() -> str:
    """The plotting library, compressed: a third of its size, even as text."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


PLOTS = _beside("plots.js")  # a function that makes a figure's buttons and sliders reachable by keyboard


_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="generator" content="D-FINE Lens">
<title>{title}</title>
<style>
{css}
</style>
</head>
<body>
<header>{header}</header>
<main>
{main}
</main>
<footer>{footer}</footer>
<script type="application/json" id="data">{data}</script>
{figures}
<!-- plotly.js {version}, MIT licence, copyright Plotly, Inc.; gzip, base64 -->
<script type="text/plain" id="plotly">{plotly}</script>
<script>
{js}
</script>
</body>
</html>
"""
