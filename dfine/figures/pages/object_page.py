"""The explanation of one object as a page of its own: one HTML file that opens anywhere and loads nothing."""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go
from PIL import Image

from dfine.config import EDGES
from dfine.figures import html as tables
from dfine.figures import picture as pictures
from dfine.figures import style
from dfine.figures.glossary import GLOSSARY
from dfine.figures.object import arithmetic, edge, edges, layers_table, path, stages
from dfine.figures.pages import document
from dfine.figures.pages.document import Document, Panel, Section
from dfine.trace.detections import Detections
from dfine.trace.history import History

SHOWN = 960  # longest side in pixels of the whole picture
ORIGIN = ("picture", "size", "threshold", "model", "digest", "engine", "precision", "dfine", "schema")


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
    body = [document.section(s, i, figures) for i, s in enumerate(sections(history))]
    main = _MAIN.format(
        calibration=style.calibration(history),
        opening=opening,
        sections="\n".join(body),
        picture=_whole(picture, history, detections),
        words=document.words(GLOSSARY.items()),
    )
    return str(
        Document(
            f"{_name(history)} {float(history.scores[-1]):.2f}, explained by D-FINE Lens",
            _header(history),
            main,
            document.origin(head, ORIGIN),
            head | ({"object": data} if data else {}),
            figures,
        )
    )


def sections(history: History) -> Sequence[Section]:
    """What the page shows between its opening and the whole picture, in order; one entry more is one section more."""
    return (
        Section(
            "Each edge in each layer",
            "A column is an edge, a row a layer: see how each layer sharpens or moves the distribution before it.",
            (
                Panel("Pr(n)", edges.distributions(history), document.paragraph(edges.caption(history))),
                Panel(
                    "W(n)·Pr(n)", edges.distributions(history, True), document.paragraph(edges.caption(history, True))
                ),
            ),
        ),
        Section(
            "The sum behind each edge",
            "From the bars to the box: every number of the last layer, for checking with a pocket calculator.",
            tuple(
                Panel(name, edge.edge_figure(history, k), arithmetic.arithmetic_html(history, k))
                for k, name in enumerate(EDGES)
            ),
        ),
        Section(
            "The layers in numbers",
            "How far every layer moved the edges, how close it came to the final box, and how it changed the score.",
            (Panel("Numbers", layers_table.plot(history), tables.layers_html(history)),),
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
    figure = document.plot(
        stages.object_figure(picture, history), "The box at every layer, on the picture", figures, fit=True
    )
    return f'<div class="opening"><div>{figure}</div>{_edges(history)}</div>'


def _edges(history: History) -> str:
    """Four small charts, one an edge: where it was at every stage, and how sure."""
    intervals, boxes = history.intervals()[-1].tolist(), history.xyxy_pixels[-1].tolist()
    cards = []
    for k, name in enumerate(EDGES):
        low, high = intervals[k]
        cards.append(
            f'<div class="edge" style="--edge:var(--{name})"><h3>{name}</h3>'
            f'<p class="at"><small>{"xy"[k % 2]} =</small> {style.fixed(boxes[k])} <small>px</small></p>'
            f'<p class="range">80\u00a0%: {style.fixed(low)} to {style.fixed(high)}</p>'
            f"{path.edge_path(history, k)}</div>"
        )
    return f'<div class="edges">{"".join(cards)}</div>'


def _whole(picture: Image.Image, history: History, detections: Detections) -> str:
    """The whole picture with everything that was found, this object set off."""
    chosen = [
        i for i, d in enumerate(detections.to_list()) if (d["query"], d["label"]) == (history.query, history.label)
    ]
    drawn = pictures.draw(picture, detections, chosen[0] if chosen else None, limit=SHOWN)
    count = len(detections)
    alt = (
        f"The whole picture with {count} object{'' if count == 1 else 's'} framed, {_name(history)} set off among them"
    )
    return document.image(drawn, alt)


def _name(history: History) -> str:
    return history.name or f"class {history.label}"


_MAIN = """<section><h2>From the initial box to the last layer</h2>
<p>Play, or step through the layers; the initial box is dashed. In the charts a dot is where a layer put the edge, and a
bar where the edge lies with 80\u00a0% probability ({calibration}), like the whiskers in the picture.</p>
{opening}
</section>
{sections}
<section><h2>In the whole picture</h2><p>Everything that was found; this object stands out.</p>
<figure>{picture}</figure></section>
<section><h2>The words</h2>{words}</section>"""
