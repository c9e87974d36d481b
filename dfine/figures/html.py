"""Records as small pieces of HTML for notebooks and the page, which need no script and load nothing."""

from __future__ import annotations

import base64
import io
from html import escape

from PIL import Image

from dfine.config import EDGES
from dfine.figures import picture as pictures
from dfine.figures import sketch, style, words
from dfine.figures.object import layers_table
from dfine.trace.detections import Detections
from dfine.trace.history import History
from dfine.trace.records import Trace
from dfine.trace.stages import layer_name
from dfine.wording import counted, more

MOST = 20  # rows of detections that are listed; the rest is counted

_FONT = style.FONT.replace("'", "")
_TABLE = f'style="border-collapse:collapse;border:0;margin:0;font:13px {_FONT};font-variant-numeric:tabular-nums"'
_CELL = "padding:3px 9px;text-align:right;white-space:nowrap;border:0"
_HEAD = _CELL + ";font-weight:600;border-bottom:1px solid rgba(128,132,140,0.4)"


def detections_html(detections: Detections) -> str:
    """The detections as a table of class, score, box in pixels and query, or a sentence when there are none."""
    if not len(detections):
        return f"<p>No detections in a picture of {detections.size[0]} × {detections.size[1]} pixels.</p>"
    heads = ("class", "score", "x1", "y1", "x2", "y2", "query")
    body = []
    for d in detections.to_list()[:MOST]:
        cells = [f"{_swatch(style.class_colour(d['label']))} {escape(d['name'])}", f"{d['score']:.2f}"]
        cells += [style.fixed(v) for v in d["box"]] + [str(d["query"])]
        body.append(_row(cells))
    beyond = more(len(detections), MOST)
    note = f"<p>…{beyond}</p>" if beyond else ""
    return f"<table {_TABLE}>{_row(heads, head=True)}{''.join(body)}</table>{note}"


def sketched_html(detections: Detections) -> str:
    """The table beside a sketch of the boxes; the record does not hold the picture itself."""
    table = detections_html(detections)
    return _beside(sketch.of_detections(detections), table) if len(detections) else table


def result_html(picture: Image.Image, detections: Detections) -> str:
    """The picture with its boxes, at most 480 pixels wide and high, beside the table of detections."""
    drawn, file = pictures.draw(picture, detections, limit=480), io.BytesIO()
    drawn.convert("RGB").save(file, "JPEG", quality=82, optimize=True)
    source = base64.b64encode(file.getvalue()).decode()
    alt = f"The picture with {words.boxes(len(detections))}"
    image = f'<img alt="{alt}" width="{drawn.width}" height="{drawn.height}" src="data:image/jpeg;base64,{source}">'
    return _beside(image, detections_html(detections))


def trace_html(trace: Trace, picture: int = 0) -> str:
    """All queries of one picture at every stage: how many are sure, their IoU with their last boxes, their entropy."""
    batch, queries, classes = trace.initial.logits.shape
    levels = ", ".join(f"{h} × {w}" for h, w in trace.shapes)
    of = f", picture {picture + 1}" if batch > 1 else ""
    head = (
        f'<p style="font:13px {_FONT}"><b>Trace</b> of {counted(batch, "picture")}{of}: {queries} '
        f"queries, {counted(classes, 'class', 'es')}, {counted(len(trace.refinements), 'layer')}, "
        f"{len(trace.w)} offsets W(n) from "
        f"{style.signed(float(trace.w[0]))} to {style.signed(float(trace.w[-1]))} box sizes; tokens {levels}</p>"
    )
    swatches = ["", _dashed(), *map(_swatch, style.layer_colours(len(trace.refinements)))]
    body = "".join(
        _row([f"{swatch} {r['stage']}", f"{r['best']:.2f}", str(r["sure"]), _number(r["iou"]), _number(r["entropy"])])
        for r, swatch in zip(sketch.numbers(trace, picture), swatches)
    )
    heads = _row(["stage", "best score", "scores ≥ 0.5", "IoU with last", "entropy, bits"], head=True)
    note = (
        f'<p style="font:12px {_FONT};color:{style.TEXT};margin:6px 9px;max-width:420px">IoU with the last box and '
        "entropy of the edges (5.04: flat) are means over the queries that score at least 0.5 in the last layer. Left, "
        "the boxes with the highest scores; dashed, their initial boxes.</p>"
    )
    return head + _beside(sketch.of_trace(trace, picture), f"<table {_TABLE}>{heads}{body}</table>{note}")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _beside(left: str, right: str) -> str:
    """A picture and its table next to each other, or below where there is no room."""
    return (
        '<div style="display:flex;flex-wrap:wrap;gap:18px;align-items:flex-start">'
        f'<div>{left}</div><div style="overflow-x:auto">{right}</div></div>'
    )


def layers_html(history: History) -> str:
    """What every layer did to one object: shift and spread of each edge in px, IoU with the final box, score."""
    edges = [f'<span style="color:{style.EDGE_COLOURS[e]}">●</span> {e}' for e in EDGES]
    swatches = [_dashed(), *map(_swatch, style.layer_colours(history.layers))]
    body = []
    for row, swatch in zip(layers_table.rows(history), swatches):
        cells = [f"{swatch} {row['stage']}", *_edge_cells(row), f"{row['iou']:.2f}", _score(row)]
        body.append(_row(cells))
    heads = _row(["stage", *edges, "IoU with final", "score, before → after LQE"], head=True)
    note = (
        f'<p style="font:12px {_FONT};color:{style.TEXT};margin:6px 9px">'
        "Each edge: shift since the stage before in px (positive outward), ± standard deviation of its distribution in "
        f"px ({style.calibration(history)}).</p>"
    )
    return f'<div style="overflow-x:auto"><table {_TABLE}>{heads}{"".join(body)}</table></div>{note}'


def history_html(history: History) -> str:
    """One object through the layers: a headline, the four edges of every layer in miniature, and the numbers."""
    head = f"<p><b>{escape(style.title(history))}</b>, picture {history.size[0]} × {history.size[1]} px</p>"
    heads = (f'<b style="color:{style.EDGE_COLOURS[e]}">{e}</b>' for e in EDGES)
    rows = [_row(["", *heads], head=True, centred=True)]
    p = history.probabilities
    for layer, colour in enumerate(style.layer_colours(history.layers)):
        bars = (_sparkline(p[layer, k].tolist(), edge, layer) for k, edge in enumerate(EDGES))
        rows.append(_row([f"{_swatch(colour)} {layer_name(layer + 1)}", *bars], centred=True))
    small = f'<div style="margin-bottom:12px"><table {_TABLE}>{"".join(rows)}</table></div>'
    return head + _beside(sketch.of_history(history), small + layers_html(history))


def _edge_cells(row: dict) -> list[str]:
    if row["shift"] is None:
        return ["–"] * 4
    return [
        f'{style.signed(shift)} <span style="opacity:0.65">± {style.number(spread)}</span>'
        for shift, spread in zip(row["shift"], row["spread"])
    ]


def _score(row: dict) -> str:
    before = "" if row["score_before_lqe"] is None else f"{row['score_before_lqe']:.2f} → "
    return f"{before}<b>{row['score']:.2f}</b>"


def _sparkline(p: list[float], edge: str, layer: int) -> str:
    """Pr(n) as a little bar chart, scaled to its own highest bar."""
    width, height, top = 3, 26, max(p)
    bars = "".join(f"M{n * width} {height}v-{height * v / top:.1f}h2.5V{height}z" for n, v in enumerate(p))
    words = f"Pr(n) of the {edge} edge, {layer_name(layer + 1)}"
    return sketch.image(f'<path d="{bars}" fill="{style.EDGE_COLOURS[edge]}"/>', (len(p) * width, height), words)


def _swatch(colour: str) -> str:
    return f'<span style="display:inline-block;width:11px;height:11px;border-radius:2px;background:{colour}"></span>'


def _dashed() -> str:
    return f'<span style="display:inline-block;width:9px;height:9px;border:1px dashed {style.INITIAL}"></span>'


def _row(cells, head: bool = False, centred: bool = False) -> str:
    """A row whose first cell is set left, the others right, or in the middle."""
    tag, css = ("th", _HEAD) if head else ("td", _CELL)
    first = css.replace("text-align:right", "text-align:left")
    css = css.replace("text-align:right", "text-align:center") if centred else css
    return (
        '<tr style="border:0;background:none">'
        + "".join(f'<{tag} style="{css if i else first}">{c}</{tag}>' for i, c in enumerate(cells))
        + "</tr>"
    )
