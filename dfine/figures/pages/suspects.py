"""Probable label errors on a page: a detail of the picture for each, with the answer's box and the suggested one."""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go
from PIL import Image, ImageDraw

from dfine.figures import style
from dfine.figures.pages import document

ANSWER, SUGGESTED = "#1FD1A8", "#E4605E"  # frames: as it is labelled, and what is suggested
AROUND = 0.5  # of the boxes' longer side that a detail shows on every side of them
_DARK = (16, 17, 20)  # under every frame
LIKELY = 0.1  # score from which a suspect is called likely
SCORE = "the share of places like it that would be wrong if one answer in 50 had an error of its kind"
OPEN = 3  # details that stand there at once, a row of a wide page; the others are folded, as the numbers come below
LEAST, SIDE = 64, 320  # pixels: of the picture that are shown at least, and of the detail's longer side


def section(crops: Sequence[tuple[Image.Image, dict]], counts: dict[str, dict[str, int]], judged: str = "") -> str:
    """The section of the report, as HTML.

    Args:
        crops: the first of the list: details of pictures as `crop` draws them, with `rank`, `kind`, `picture`,
            `reason`, `fix`, `score` and `seen_in_training` of each.
        counts: how many there are of each kind in the whole list: `all`, and the `likely` ones, whose score is LIKELY
            or more.
        judged: who judged the answers, in a sentence without its capital and its stop; "": nothing is known.
    """
    cards = []
    for image, one in crops:
        shown = document.image(image, f"{one['picture']}: {one['reason']}", 85)
        seen = " The model was trained on this picture." if one["seen_in_training"] else ""
        title = html.escape(f"{one['rank']}. {one['kind']}, score {one['score']:.2f}: {one['picture']}")
        text = html.escape(f"{one['reason']}. Fix: {one['fix']}.{seen}")
        cards.append(f"<figure>{shown}<figcaption><b>{title}</b> {text}</figcaption></figure>")
    told = f" {html.escape(judged[0].upper() + judged[1:])}." if judged else ""
    rest = cards[OPEN:]
    folded = f'<details><summary>The next {len(rest)}</summary><div class="worst">{"".join(rest)}</div></details>'
    return (
        "<section><h2>Probable label errors</h2><p>The likeliest first, each place once. Green is the answer as it is, "
        f"red dashed what is suggested. The score is {SCORE}. "
        f"{html.escape(counted(counts))}: the further down, the less likely.{told}</p>"
        f'<div class="worst">{"".join(cards[:OPEN])}</div>{folded if rest else ""}</section>'
    )


def counted(counts: dict[str, dict[str, int]]) -> str:
    """How many suspects there are, in words: the likely ones by kind, and the others; `counts` as `section` has it."""
    likely, every = counts.get("likely") or {}, sum((counts.get("all") or {}).values())
    if not every:
        return "none"
    kinds = ", ".join(f"{count} {kind}" for kind, count in likely.items())
    rest = every - sum(likely.values())
    found = f"{sum(likely.values())} likely (a score of {LIKELY:g} or more)" + (f": {kinds}" if kinds else "")
    return found + (f"; most of the other {rest:,} are no errors" if rest else "")


def crop(picture: Image.Image, box: Sequence[float] | None, suggested: Sequence[float] | None) -> Image.Image:
    """The detail of a picture around a suspect.

    Args:
        picture: whole.
        box: the answer's corners in pixels of the picture; None where it is missing.
        suggested: the suggested corners; None where the answer is to be removed. One of the two is given.
    """
    boxes = [b for b in (box, suggested) if b is not None]
    x1, y1 = (min(b[i] for b in boxes) for i in (0, 1))
    x2, y2 = (max(b[i] for b in boxes) for i in (2, 3))
    longer = max(x2 - x1, y2 - y1, LEAST / 2)
    half = longer * (0.5 + AROUND)
    cx, cy = (x1 + x2) / 2, (y1 + y2) / 2
    left, top = max(0, round(cx - half)), max(0, round(cy - half))
    right, bottom = min(picture.width, round(cx + half)), min(picture.height, round(cy + half))
    detail = picture.convert("RGB").crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    scale = SIDE / max(detail.size)
    size = [max(1, round(side * scale)) for side in detail.size]
    detail = detail.resize(size, Image.Resampling.BICUBIC)
    canvas = ImageDraw.Draw(detail, "RGBA")
    for corners, colour, dashed in ((box, ANSWER, False), (suggested, SUGGESTED, True)):
        if corners is not None:
            frame = [(v - o) * scale for v, o in zip(corners, (left, top, left, top))]
            _frame(canvas, frame, style.rgb(colour), dashed)
    return detail


def figure(detail: Image.Image) -> go.Figure:
    """A detail as `crop` draws it, as a figure, for panels that show nothing else."""
    made = go.Figure(layout=style.plotly_layout(detail.height, margin=dict(l=0, r=0, t=0, b=0)))
    place = dict(xref="paper", yref="paper", x=0, y=1, sizex=1, sizey=1, sizing="contain", layer="above")
    made.add_layout_image(source=document.source(detail, 85), **place)
    made.update_xaxes(visible=False, fixedrange=True)
    made.update_yaxes(visible=False, fixedrange=True)
    return made


def _frame(canvas: ImageDraw.ImageDraw, box: Sequence[float], colour: tuple, dashed: bool, dash: int = 9) -> None:
    """A frame, whole or in dashes, on a dark line that sets it off from grounds of its own colour."""
    x1, y1, x2, y2 = box
    sides = [((x1, y1), (x2, y1)), ((x2, y1), (x2, y2)), ((x2, y2), (x1, y2)), ((x1, y2), (x1, y1))]
    canvas.line([*(a for a, _ in sides), (x1, y1), (x2, y1)], fill=(*_DARK, 255 if dashed else 150), width=6)
    for (ax, ay), (bx, by) in sides:
        length = max(abs(bx - ax), abs(by - ay), 1e-6)
        steps = range(0, int(length) + 1, 2 * dash) if dashed else (0,)
        for at in steps:
            end = min(at + dash, length) if dashed else length
            points = [(ax + (bx - ax) * t / length, ay + (by - ay) * t / length) for t in (at, end)]
            canvas.line(points, fill=colour, width=3 if dashed else 2)
