"""Why was nothing found here? The candidates of a point as cards in HTML and as boxes on the picture."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import torch
from PIL import Image, ImageDraw

from dfine.figures import lettering, style, words
from dfine.figures import picture as pictures
from dfine.trace.why_not import Birth, Candidate, Stage, told

NAME = 24  # letters of a class in a card's table, at most
_FONT = style.FONT.replace("'", "")
_LINE = "1px solid rgba(128,132,140,0.35)"
_QUIET = f"color:{style.TEXT};font-size:12px"
_CELL = "padding:2px 10px 2px 0;border:0;background:none;text-align:left;white-space:nowrap;font-weight:400"


def why_html(candidates: Sequence[Candidate], birth: Birth | None = None) -> str:
    """The candidates as numbered cards, closest first: what kept each from answering, and its score at every stage.

    `birth`, from `nearest_birth`, adds a sentence about the point itself. `probe_picture` shows the same numbers.
    """
    born = f'<p style="{_QUIET};margin:0 0 10px">{escape(birth.sentence)}</p>' if birth else ""
    if not candidates:
        said = "No query came close to this point: all of them reached the threshold, or there are none."
        return f'<div style="font:14px {_FONT}"><p style="margin:0 0 6px">{said}</p>{born}</div>'
    cards = "".join(_card(number, c) for number, c in enumerate(candidates, 1))
    grid = "display:grid;gap:12px;grid-template-columns:repeat(auto-fill,minmax(min(100%,300px),1fr))"
    whole = f"font:14px/1.4 {_FONT};font-variant-numeric:tabular-nums"
    return f'<div style="{whole}">{born}<div style="{grid}">{cards}</div></div>'


def probe_picture(
    picture: Image.Image, candidates: Sequence[Candidate], point: tuple[float, float], *, limit: int = pictures.LIMIT
) -> Image.Image:
    """A copy of the picture with the candidates' final boxes, numbered as in `why_html`, and a ring at the point.

    `point` counts pixels of the picture that was asked about, which `picture` may be a scaled copy of; without
    candidates it counts pixels of `picture`.
    """
    size = candidates[0].size if candidates else picture.size
    image = pictures.shown(picture, limit)
    canvas = ImageDraw.Draw(image, "RGBA")
    unit = pictures.point(image.size)
    scale = pictures._scale(image, size)
    boxes = [(torch.tensor(c.box) * scale).tolist() for c in candidates]
    colours = [style.class_colour(c.label) for c in candidates]
    texts = [f"{n}  {c.name} {told(c.score, c.threshold)}" for n, c in enumerate(candidates, 1)]

    for box, colour in reversed(list(zip(boxes, colours))):  # the closest on top
        pictures._frame(canvas, box, colour, width=max(2, round(2 * unit)))
    lettering.labels(canvas, list(zip(texts, boxes, colours)), image.size, 13 * unit, every=True)
    _ring(canvas, point[0] * float(scale[0]), point[1] * float(scale[1]), unit)
    return image


def _ring(canvas: ImageDraw.ImageDraw, x: float, y: float, unit: float) -> None:
    """A white ring between dark ones around the point, which itself stays visible."""
    for radius, width, ink in ((11, 5, (0, 0, 0, 200)), (10, 2.6, (255, 255, 255, 255))):
        r = radius * unit
        canvas.ellipse((x - r, y - r, x + r, y + r), outline=ink, width=max(1, round(width * unit)))
    dot = 1.8 * unit
    canvas.ellipse((x - dot, y - dot, x + dot, y + dot), fill=(255, 255, 255, 255), outline=(0, 0, 0, 200))


def _card(number: int, c: Candidate) -> str:
    colour = style.class_colour(c.label)
    plate = (
        f'<span style="display:inline-block;min-width:20px;padding:0 5px;border-radius:5px;text-align:center;'
        f'background:{colour};color:{style.ink_on(colour)};font-weight:700">{number}</span>'
    )
    title = f"<b>{escape(c.name)} {told(c.score, c.threshold)}</b>"
    head = (
        f'<div style="display:flex;align-items:center;gap:8px">{plate}{title}'
        f'<span style="{_QUIET};margin-left:auto">query {c.query}</span></div>'
    )
    return (
        f'<section style="border:{_LINE};border-radius:10px;padding:11px 13px;min-width:0;overflow-wrap:anywhere" '
        f'aria-label="candidate {number}">{head}'
        f'<p style="margin:7px 0 9px">{escape(c.reason)}</p>{_sparkline(c, colour)}{_table(c)}'
        f'<p style="{_QUIET};margin:7px 0 0">{escape(_where(c))}</p></section>'
    )


def _table(c: Candidate) -> str:
    """Best classes of every stage, best first; the class of the candidate in bold."""
    rows = "".join(
        f'<tr style="border:0;background:none"><th scope="row" style="{_CELL};color:{style.TEXT}">{stage.name}</th>'
        f'<td style="{_CELL};white-space:normal">{_classes(stage, c.name, c.threshold)}</td></tr>'
        for stage in c.stages
    )
    css = "border-collapse:collapse;border:0;margin:8px 0 0;font-size:13px;color:inherit"
    return f'<table style="{css}"><tbody>{rows}</tbody></table>'


def _classes(stage: Stage, name: str, threshold: float) -> str:
    parts = []
    for other, score in stage.best:
        weight = "font-weight:700" if other == name else "opacity:0.72"
        said, whole = words.short(other, NAME), f' title="{escape(other)}"' if len(other) > NAME else ""
        parts.append(f'<span{whole} style="white-space:nowrap;{weight}">{escape(said)} {told(score, threshold)}</span>')
    return ", ".join(parts)


def _where(c: Candidate) -> str:
    """Where it ended and where it began, in pixels."""
    away = f"this point lies {c.distance:.2f} box sizes outside its box"
    box = "its box holds this point" if c.distance == 0 else away
    if c.birthplace is None:
        return f"In the end {box}."
    cx, cy = (v * s for v, s in zip(c.birthplace.box, c.size))
    return f"Born at stride {c.birthplace.stride}, around {cx:.0f}, {cy:.0f} px; in the end {box}."


def _sparkline(c: Candidate, colour: str) -> str:
    """The score of the candidate's class at every stage; dashed the threshold, as rings the scores before LQE."""
    width, height, pad = 274.0, 62.0, 6.0
    before = [(i, s.before_lqe) for i, s in enumerate(c.stages) if s.before_lqe is not None]
    top = max(c.threshold, *(s.score for s in c.stages), *(score for _, score in before), 0.01)
    step = (width - 2 * pad) / max(1, len(c.stages) - 1)

    def place(stage: int, score: float) -> tuple[float, float]:
        return pad + stage * step, height - pad - score / top * (height - 4 * pad)

    points = [place(i, s.score) for i, s in enumerate(c.stages)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    y = place(0, c.threshold)[1]
    rings = "".join(
        f'<circle cx="{x:.1f}" cy="{v:.1f}" r="3" fill="none" stroke="{style.GHOST}" stroke-width="1.2"/>'
        for x, v in (place(i, score) for i, score in before)
    )
    dots = "".join(f'<circle cx="{x:.1f}" cy="{v:.1f}" r="3" fill="{colour}"/>' for x, v in points)
    said = f"Score of {escape(c.name)}: " + ", ".join(f"{s.name} {told(s.score, c.threshold)}" for s in c.stages)
    return (
        f'<svg role="img" aria-label="{said}; threshold {c.threshold:.2f}" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="100%" style="display:block;max-width:420px">'
        f"<title>{said}; dashed: threshold {c.threshold:.2f}; rings: before LQE</title>"
        f'<line x1="0" x2="{width:.0f}" y1="{height - pad:.1f}" y2="{height - pad:.1f}" stroke="{style.GRID}"/>'
        f'<line x1="0" x2="{width:.0f}" y1="{y:.1f}" y2="{y:.1f}" stroke="{style.GHOST}" stroke-dasharray="4 3"/>'
        f'<text x="0" y="{y - 4:.1f}" font-size="10" fill="{style.TEXT}">threshold {c.threshold:.2f}</text>'
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>{rings}{dots}</svg>'
    )
