"""Probable label errors on a page: a detail of the picture for each, with the answer's box and the suggested one."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PIL import Image, ImageDraw

from dfine.figures import style
from dfine.figures.pages import document

ANSWER, SUGGESTED = "#1FD1A8", "#E4605E"  # frames: as it is labelled, and what is suggested
LIKELY = 0.1  # score from which suspects are counted as probable errors; most of the list lies below, and is right
AROUND = 0.5  # of the boxes' longer side that a detail shows on every side of them
LEAST, SIDE = 64, 320  # pixels: of the picture that are shown at least, and of the detail's longer side


def section(
    crops: Sequence[tuple[Image.Image, dict]], counts: dict[str, int], judged: str = "", likely: dict | None = None
) -> str:
    """The section of the report, as HTML.

    Args:
        crops: the first of the list: details of pictures as `crop` draws them, with `rank`, `kind`, `picture`,
            `reason`, `fix`, `score` and `seen_in_training` of each.
        counts: kind -> how many there are in the whole list.
        judged: who judged the answers, in a sentence without its capital and its stop; "": nothing is known.
        likely: kind -> how many have a score of `LIKELY` or more; None: that is not known, and not said.
    """
    cards = []
    for image, one in crops:
        shown = document.image(image, f"{one['picture']}: {one['reason']}", 85)
        seen = " The model was trained on this picture." if one["seen_in_training"] else ""
        title = html.escape(f"{one['rank']}. {one['kind']}, {one['score']:.2f}: {one['picture']}")
        text = html.escape(f"{one['reason']}. Fix: {one['fix']}.{seen}")
        cards.append(f"<figure>{shown}<figcaption><b>{title}</b> {text}</figcaption></figure>")
    told = f" {html.escape(judged[0].upper() + judged[1:])}." if judged else ""
    said = "" if likely is None else f" With a score of {LIKELY:g} or more: {html.escape(summed(likely))}."
    return (
        "<section><h2>Probable label errors</h2><p>The likeliest first, each place once. Green is the answer as it is, "
        f"red dashed what is suggested. The whole list has {html.escape(summed(counts))}, most of which are right: "
        f"the further down, the less likely.{said}{told}</p>"
        f'<div class="worst">{"".join(cards)}</div></section>'
    )


def summed(counts: dict[str, int]) -> str:
    """How many suspects of each kind, in words."""
    return ", ".join(f"{count} {kind}" for kind, count in counts.items()) or "none"


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
    canvas = ImageDraw.Draw(detail)
    for corners, colour, dashed in ((box, ANSWER, False), (suggested, SUGGESTED, True)):
        if corners is not None:
            frame = [(v - o) * scale for v, o in zip(corners, (left, top, left, top))]
            _frame(canvas, frame, style.rgb(colour), dashed)
    return detail


def _frame(canvas: ImageDraw.ImageDraw, box: Sequence[float], colour: tuple, dashed: bool, dash: int = 8) -> None:
    """A frame of two pixels, whole or in dashes."""
    x1, y1, x2, y2 = box
    sides = [((x1, y1), (x2, y1)), ((x1, y2), (x2, y2)), ((x1, y1), (x1, y2)), ((x2, y1), (x2, y2))]
    for (ax, ay), (bx, by) in sides:
        length = max(abs(bx - ax), abs(by - ay), 1e-6)
        steps = range(0, int(length) + 1, 2 * dash) if dashed else (0,)
        for at in steps:
            end = min(at + dash, length) if dashed else length
            points = [(ax + (bx - ax) * t / length, ay + (by - ay) * t / length) for t in (at, end)]
            canvas.line(points, fill=colour, width=2)
