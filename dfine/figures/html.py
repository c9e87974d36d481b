"""Records as small pieces of HTML, for notebooks and the page: no script, no font, nothing to load."""

from __future__ import annotations

from html import escape

from dfine.config import EDGES
from dfine.figures import ladder, style
from dfine.records import Detections, History

MOST = 20  # rows of detections that are listed; the rest is counted

_FONT = style.FONT.replace("'", "")
_TABLE = f'style="border-collapse:collapse;border:0;margin:0;font:13px {_FONT};font-variant-numeric:tabular-nums"'
_CELL = "padding:3px 9px;text-align:right;white-space:nowrap;border:0"
_HEAD = _CELL + ";font-weight:600;border-bottom:1px solid rgba(128,132,140,0.4)"


def detections_html(detections: Detections) -> str:
    """The detections as a table: class, score, box in pixels, query. Says so when there are none."""
    if not len(detections):
        return f"<p>No detections in a picture of {detections.size[0]} × {detections.size[1]} pixels.</p>"
    heads = ("", "class", "score", "x1", "y1", "x2", "y2", "query")
    body = []
    for d in detections.to_list()[:MOST]:
        cells = [_swatch(style.class_colour(d["label"])), escape(d["name"]), f"{d['score']:.2f}"]
        cells += [f"{v:.1f}" for v in d["box"]] + [str(d["query"])]
        body.append(_row(cells))
    more = len(detections) - MOST
    note = f"<p>… and {more} more</p>" if more > 0 else ""
    return f"<table {_TABLE}>{_row(heads, head=True)}{''.join(body)}</table>{note}"


def ladder_html(history: History) -> str:
    """What every layer did to one object: shift and spread of each edge in px, IoU with the final box, score."""
    edges = [f'<span style="color:{style.EDGE_COLOURS[e]}">●</span> {e}' for e in EDGES]
    swatches = [_dashed(), *map(_swatch, style.layer_colours(history.layers))]
    body = []
    for row, swatch in zip(ladder.rows(history), swatches):
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
    rows = [_row([*(f'<b style="color:{style.EDGE_COLOURS[e]}">{e}</b>' for e in EDGES)], head=True)]
    p = history.probabilities
    for layer in range(history.layers):
        rows.append(_row([_sparkline(p[layer, k].tolist(), edge, layer) for k, edge in enumerate(EDGES)]))
    return f"{head}<table {_TABLE}>{''.join(rows)}</table>{ladder_html(history)}"


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
    """Pr(n) as a little bar chart in SVG, scaled to its own highest bar."""
    width, height, top = 3, 26, max(p)
    bars = "".join(
        f'<rect x="{n * width}" y="{height - bar:.1f}" width="{width - 0.5}" height="{bar:.1f}"/>'
        for n, bar in enumerate(height * v / top for v in p)
    )
    return (
        f'<svg role="img" aria-label="Pr(n) of the {edge} edge, layer {layer + 1}" width="{len(p) * width}" '
        f'height="{height}" fill="{style.EDGE_COLOURS[edge]}">{bars}</svg>'
    )


def _swatch(colour: str) -> str:
    return f'<span style="display:inline-block;width:11px;height:11px;border-radius:2px;background:{colour}"></span>'


def _dashed() -> str:
    return f'<span style="display:inline-block;width:9px;height:9px;border:1px dashed {style.INITIAL}"></span>'


def _row(cells, head: bool = False) -> str:
    tag, css = ("th", _HEAD) if head else ("td", _CELL)
    first = css.replace("text-align:right", "text-align:left")
    return (
        '<tr style="border:0;background:none">'
        + "".join(f'<{tag} style="{css if i else first}">{c}</{tag}>' for i, c in enumerate(cells))
        + "</tr>"
    )
