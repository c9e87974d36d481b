"""Boxes without their picture, as a few lines of SVG that a record can show of itself in a notebook."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from dfine import distribution
from dfine.boxes import iou
from dfine.figures import style, words
from dfine.trace.detections import Detections
from dfine.trace.history import History
from dfine.trace.records import Trace
from dfine.trace.stages import stage_names

SIDE = 220  # longest side in pixels
MOST = 30  # boxes of a trace that are drawn, those with the highest scores


def of_detections(detections: Detections) -> str:
    """The frame of the picture with every box in the colour of its class; the best lie on top."""
    boxes = [
        _rect(box, style.class_colour(label), 2.0, f"{name} {score:.2f}")
        for box, label, name, score in zip(
            detections.boxes.tolist(), detections.labels.tolist(), detections.class_names, detections.scores.tolist()
        )
    ]
    return _svg(
        "".join(reversed(boxes)), detections.size, f"{words.boxes(len(detections))} in the frame of the picture"
    )


def of_history(history: History) -> str:
    """The initial box (dashed) and the box of every layer, each in its colour."""
    boxes = history.xyxy_pixels
    low, high = boxes[:, :2].amin(0), boxes[:, 2:].amax(0)
    margin = 0.12 * (high - low).clamp(min=1).max()
    x, y = (low - margin).tolist()
    width, height = (high - low + 2 * margin).tolist()
    colours = [style.INITIAL, *style.layer_colours(history.layers)]
    rects = [
        _rect(box, colour, 2.0, name, scale=max(width, height) / SIDE, dash=i == 0)
        for i, (box, colour, name) in enumerate(zip(boxes.tolist(), colours, stage_names(history.layers)))
    ]
    return _svg("".join(rects), (width, height), "The box after every layer", start=(x, y))


def of_trace(trace: Trace, picture: int = 0) -> str:
    """The unit square with the last boxes of the highest-scoring queries; dashed, their initial boxes."""
    score = trace.last.logits[picture].float().amax(-1).sigmoid()
    order = score.argsort(descending=True)[:MOST].tolist()
    colour = style.layer_colours(1)[0]
    rects = []
    for query in reversed(order):
        for boxes, dash in ((trace.initial.boxes, True), (trace.last.boxes, False)):
            cx, cy, w, h = boxes[picture, query].tolist()
            box = [1000 * v for v in (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)]
            strength = 0.15 + 0.85 * float(score[query])
            words = f"query {query}, {float(score[query]):.2f}"
            line = style.alpha(style.INITIAL if dash else colour, strength)
            rects.append(_rect(box, line, 1.2 if dash else 2.0, words, scale=1000 / SIDE, dash=dash))
    return _svg("".join(rects), (1000, 1000), f"The last boxes of {len(order)} queries; dashed, their initial boxes")


def _rect(
    box: Sequence[float], colour: str, width: float, words: str, *, scale: float = 0.0, dash: bool = False
) -> str:
    """A box [xyxy]; a line is `width` pixels wide on the screen whatever the scale."""
    x1, y1, x2, y2 = box
    x1, x2, y1, y2 = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
    style_ = f'stroke="{colour}" stroke-width="{width}" vector-effect="non-scaling-stroke"'
    dashes = ' stroke-dasharray="5 4"' if dash else ""
    return (
        f'<rect x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}" fill="none" {style_}{dashes}>'
        f"<title>{escape(words)}</title></rect>"
    )


def _svg(content: str, size: tuple[float, float], words: str, start: tuple[float, float] = (0.0, 0.0)) -> str:
    zoom = SIDE / max(*size, 1e-6)
    width, height = (max(24, round(v * zoom)) for v in size)
    view = f"{start[0]:.1f} {start[1]:.1f} {size[0]:.1f} {size[1]:.1f}"
    return image(content, (width, height), words, view=view, css=f"border:1px solid {style.GRID};border-radius:3px")


def image(content: str, size: tuple[int, int], words: str, *, view: str | None = None, css: str = "") -> str:
    """SVG as an image of `size` = (width, height) pixels in HTML, with `words` for readers who do not see it.

    Notebooks that are not trusted yet, and web pages that show notebooks, remove `<svg>` elements but keep images.
    """
    width, height = size
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{view or f"0 0 {width} {height}"}">{content}</svg>'
    source = base64.b64encode(svg.encode()).decode()
    return (
        f'<img alt="{escape(words)}" title="{escape(words)}" width="{width}" height="{height}" '
        f'style="max-width:none;{css}" src="data:image/svg+xml;base64,{source}">'
    )


def numbers(trace: Trace, picture: int = 0) -> list[dict]:
    """A row for every stage of one picture: `stage`, `best` (score), `sure` (queries from 0.5), `iou`, `entropy`.

    `iou` is the mean IoU with the last boxes and `entropy` the mean over the edges in bits, both over the queries that
    are sure in the last layer. They are None without such a query, or where a stage has no distributions.
    """
    final = trace.last.logits[picture].float().amax(-1).sigmoid()
    sure = final >= 0.5
    rows = []
    for name, stage in ({"proposals": trace.proposals} | trace.stages).items():
        score = stage.logits[picture].float().amax(-1).sigmoid()
        row = dict(stage=name, best=float(score.max()), sure=int((score >= 0.5).sum()), iou=None, entropy=None)
        if bool(sure.any()):
            row["iou"] = float(iou(stage.boxes[picture][sure].float(), trace.last.boxes[picture][sure].float()).mean())
            if hasattr(stage, "edges"):
                p = distribution.probabilities(distribution.full(stage.edges[picture][sure]))
                row["entropy"] = float(distribution.entropy(p).mean())
        rows.append(row)
    return rows
