"""The explanation of one object as a page of its own: one HTML file that opens anywhere and loads nothing."""

from __future__ import annotations

import base64
import gzip
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import plotly.graph_objects as go
from PIL import Image
from plotly.offline import get_plotlyjs, get_plotlyjs_version

from dfine.config import EDGES
from dfine.figures import arithmetic, edge, edges, ladder, path, stages, style
from dfine.figures import html as tables
from dfine.figures import picture as pictures
from dfine.records import Detections, History

# What the file may do is written into it: run its own script and show its own pictures, and never use the network.
POLICY = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
SHOWN = 960  # longest side in pixels of the whole picture
WORDS = (
    ("Initial box", "What the network draws first. Every layer measures its four edges from this one box."),
    ("Pr(n)", "What a layer thinks of an edge: how likely each of N + 1 ways to move it is. Narrow is sure."),
    ("W(n)", "How far way n moves the edge, in sizes of the initial box; fine steps around zero, coarse ones far out."),
    ("Σ W(n)·Pr(n)", "The mean of the distribution: where the layer puts the edge. Positive is outward."),
    (
        "80\u00a0%",
        "The edge lies in this interval with 80\u00a0% probability, if the network's own distribution is believed.",
    ),
    ("LQE", "What a layer adds to the score for edges that it is sure of, and takes off for those that it is not."),
)


@dataclass(frozen=True)
class Panel:
    """One of the things that share a place on the page; `name` is the tab that brings it up."""

    name: str
    figure: go.Figure | None = None
    text: str = ""  # HTML under the figure
    wide: bool = True  # whether the figure needs more room than a phone has, and scrolls there


@dataclass(frozen=True)
class Section:
    """A card on the page: a heading, a sentence, and one or more panels."""

    title: str
    lead: str
    panels: tuple[Panel, ...]


def page(picture: Image.Image, history: History, detections: Detections, head: dict, data: dict | None = None) -> str:
    """The explanation of one object as a self-contained HTML page whose figures stay interactive.

    Args:
        picture: the picture, at any scale.
        history: the object.
        detections: all that was found; the object is set off among them.
        head: plain values that say where it all comes from (schema, version, checkpoint and its digest, picture …);
            they are listed at the foot of the page.
        data: the object's numbers as plain values, put into the page for programs under the id `data`.
    """
    figures: list[go.Figure] = []
    opening = _opening(picture, history, figures)
    body = [_section(s, i, figures) for i, s in enumerate(sections(history))]
    parts = {
        "title": html.escape(f"{_name(history)} {float(history.scores[-1]):.2f}, explained by D-FINE Lens"),
        "policy": html.escape(POLICY),
        "css": _beside("page.css"),
        "header": _header(history),
        "opening": opening,
        "calibration": style.calibration(history),
        "sections": "\n".join(body),
        "picture": _whole(picture, history, detections),
        "words": _list(WORDS),
        "footer": _footer(head),
        "data": _json(head | ({"object": data} if data else {})),
        "figures": "\n".join(
            f'<script type="application/json" id="figure-{i}">{_escaped(f.to_json())}</script>'
            for i, f in enumerate(figures)
        ),
        "version": get_plotlyjs_version(),
        "plotly": _packed_plotly(),
        "js": _beside("page.js"),
    }
    return _PAGE.format(**parts)


def sections(history: History) -> Sequence[Section]:
    """What the page shows between its opening and the whole picture, in order; one entry more is one section more."""
    return (
        Section(
            "What each layer thought of each edge",
            "A column is an edge, a row is a layer: follow how a layer sharpens or moves what the one before it said.",
            (
                Panel("Pr(n)", edges.distributions(history), _p(edges.caption(history))),
                Panel("W(n)·Pr(n)", edges.distributions(history, True), _p(edges.caption(history, True))),
            ),
        ),
        Section(
            "The sum behind each edge",
            "From the bars to the box: every number of the last layer, to be followed with a pocket calculator.",
            tuple(
                Panel(name, edge.edge_figure(history, k), arithmetic.arithmetic_html(history, k))
                for k, name in enumerate(EDGES)
            ),
        ),
        Section(
            "The layers in numbers",
            "How far every layer moved the edges, how near that came to the final box, and what it did to the score.",
            (Panel("Numbers", ladder.plot(history), tables.ladder_html(history)),),
        ),
    )


def _header(history: History) -> str:
    score = float(history.scores[-1])
    return (
        '<p class="kicker">D-FINE Lens: one object, explained</p>'
        f'<h1>{html.escape(_name(history))} <span class="score">{score:.2f}</span></h1>'
        f'<p class="lead">{_story(history)}</p>'
    )


def _story(history: History) -> str:
    """How the box came about, in three sentences with its own numbers."""
    offsets = (history.offsets[-1] * history.pixels_per_size).tolist()
    half = ((history.intervals()[-1, :, 1] - history.intervals()[-1, :, 0]) / 2).tolist()
    far = max(range(4), key=lambda k: abs(offsets[k]))
    sure, unsure = min(range(4), key=half.__getitem__), max(range(4), key=half.__getitem__)
    way = "outward" if offsets[far] > 0 else "inward"
    return (
        f"Each edge of this box is a probability distribution, reshaped by {_layers(history.layers)}. From the initial "
        f"box to the last layer the <b>{EDGES[far]}</b> edge moved furthest, <b>{style.number(abs(offsets[far]))} px "
        f"{way}</b>. The network is surest of the <b>{EDGES[sure]}</b> edge, ± {style.number(half[sure])} px with "
        f"80\u00a0% probability, and least sure of the <b>{EDGES[unsure]}</b> edge, ± {style.number(half[unsure])} px."
    )


def _layers(count: int) -> str:
    return f"{count} decoder layers, one after another" if count > 1 else "one decoder layer"


def _opening(picture: Image.Image, history: History, figures: list[go.Figure]) -> str:
    """The object with its boxes, to play and step through, beside the ways of its four edges."""
    figure = _plot(stages.object_figure(picture, history), "The box at every layer, on the picture", figures, fit=True)
    return f'<div class="opening"><div>{figure}</div>{_edges(history)}</div>'


def _edges(history: History) -> str:
    """Four small charts, one an edge: where it was at every stage, and how sure."""
    intervals, boxes = history.intervals()[-1].tolist(), history.xyxy_pixels[-1].tolist()
    cards = []
    for k, name in enumerate(EDGES):
        low, high = intervals[k]
        cards.append(
            f'<div class="edge" style="--edge:var(--{name})"><h3>{name}</h3>'
            f'<p class="at"><small>{"xy"[k % 2]} =</small> {boxes[k]:.1f} <small>px</small></p>'
            f'<p class="range">80\u00a0%: {low:.1f} to {high:.1f}</p>{path.edge_path(history, k)}</div>'
        )
    return f'<div class="edges">{"".join(cards)}</div>'


def _whole(picture: Image.Image, history: History, detections: Detections) -> str:
    """The whole picture with everything that was found, this object set off."""
    chosen = [
        i for i, d in enumerate(detections.to_list()) if (d["query"], d["label"]) == (history.query, history.label)
    ]
    drawn = pictures.draw(picture, detections, chosen[0] if chosen else None, limit=SHOWN)
    file = io.BytesIO()
    drawn.save(file, "JPEG", quality=88, optimize=True)
    source = "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()
    count = len(detections)
    alt = (
        f"The whole picture with {count} object{'' if count == 1 else 's'} framed, {_name(history)} set off among them"
    )
    return f'<img src="{source}" alt="{html.escape(alt)}" width="{drawn.width}" height="{drawn.height}">'


def _section(section: Section, number: int, figures: list[go.Figure]) -> str:
    """The card of a section; its figures are added to `figures`."""
    several = len(section.panels) > 1
    out = [f"<section><h2>{html.escape(section.title)}</h2><p>{html.escape(section.lead)}</p>"]
    out += ["<div>", "<div data-tabs></div>" if several else ""]
    for i, panel in enumerate(section.panels):
        out.append(
            f'<div role="tabpanel" id="panel-{number}-{i}" data-name="{html.escape(panel.name)}">'
            if several
            else "<div>"
        )
        if several:
            out.append(f'<h3 class="panel-name">{html.escape(panel.name)}</h3>')
        if panel.figure is not None:
            out.append(_plot(panel.figure, f"{section.title}: {panel.name}", figures, fit=not panel.wide))
        out.append(f"{panel.text}</div>")
    return "".join(out) + "</div></section>"


def _plot(figure: go.Figure, label: str, figures: list[go.Figure], *, fit: bool) -> str:
    """The place of a figure, which is added to `figures`; unless it can `fit` a phone, it scrolls there."""
    figures.append(figure)
    return (
        f'<div class="scroll"><div class="plot{" fit" if fit else ""}" data-figure="figure-{len(figures) - 1}" '
        f'style="height:{figure.layout.height}px" role="img" aria-label="{html.escape(label)}"></div></div>'
    )


def _footer(head: dict) -> str:
    """Where it all comes from."""
    words = {
        "picture": "Picture", "size": "Size in px", "threshold": "Score threshold", "model": "Checkpoint",
        "digest": "SHA-256 of its weights", "dfine": "D-FINE Lens", "schema": "Schema",
    }  # fmt: skip
    values = {key: " × ".join(map(str, v)) if isinstance(v, (list, tuple)) else v for key, v in head.items()}
    return _list((word, values[key]) for key, word in words.items() if values.get(key) not in (None, ""))


def _list(pairs) -> str:
    return "<dl>" + "".join(f"<dt>{html.escape(str(a))}</dt><dd>{html.escape(str(b))}</dd>" for a, b in pairs) + "</dl>"


def _name(history: History) -> str:
    return history.name or f"class {history.label}"


def _p(text: str) -> str:
    return f"<p>{html.escape(text)}</p>"


def _json(values: dict) -> str:
    return _escaped(json.dumps(values, ensure_ascii=False))


def _escaped(text: str) -> str:
    """JSON that no `</script>` in it can end."""
    return text.replace("<", "\\u003c")


@cache
def _packed_plotly() -> str:
    """The plotting library, compressed: a third of its size, even as text."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


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
<section><h2>From the initial box to the last layer</h2>
<p>Play, or step through the layers; the initial box is dashed. In the charts a dot is where a layer put the edge, and a
bar where the edge lies with 80\u00a0% probability ({calibration}), like the whiskers in the picture.</p>
{opening}
</section>
{sections}
<section><h2>In the whole picture</h2><p>Everything that was found; the others step back.</p>
<figure>{picture}</figure></section>
<section><h2>The words</h2>{words}</section>
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
