"""One object as a picture to send to somebody, and as a short animation (both drawn by Pillow only)."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from PIL import Image, ImageDraw, ImageFont

from dfine import distribution
from dfine.config import EDGES
from dfine.figures import lettering, style, words
from dfine.figures import picture as pictures
from dfine.trace.history import History
from dfine.trace.stages import layer_name

CARD = (1200, 630)  # width and height in pixels, as pages that show links want it
CLIP = (900, 420)
INK, FAINT, PAPER = "#1F2430", "#5F6672", "#FFFFFF"
STEPS, REST = 6, 4  # frames that lead to a layer, and frames that rest on it
MILLISECONDS = 110  # a frame


def card(picture: Image.Image, history: History, source: str = "") -> Image.Image:
    """The object with every layer's box and the whiskers of its edges, its distributions, and how sure each edge is.

    Args:
        picture: the picture, at any scale.
        history: the object.
        source: where it comes from, for the last line: a model's name, or a link.
    """
    sheet = Image.new("RGB", CARD, PAPER)
    _paste(sheet, pictures.history_boxes(picture, history, side=640), (36, 36, 596, 594))
    canvas = ImageDraw.Draw(sheet)
    x, right = 632, CARD[0] - 36
    _line(canvas, (x, 36), _title(history), INK, 40, right - x)
    y = _paragraph(canvas, (x, 96), words.sureness(history), right - x, lettering.font(25))
    last = history.probabilities[-1]
    _distributions(canvas, last, (x, y + 14, right, 548), float(last.max()))
    note, font = f"80 % intervals, {style.calibration(history)}. D-FINE Lens", lettering.font(18, source)
    source = f" · {lettering.fitted(source, font, right - x - font.getlength(f'{note} · '))}" if source else ""
    canvas.text((x, 572), note + source, FAINT, font)
    return sheet


def clip(picture: Image.Image, history: History) -> Iterator[Image.Image]:
    """Frames of the object's box and its four distributions, from before the first layer through every layer.

    Between two layers the edge logits are mixed, since the network itself adds to them from layer to layer (paper eq.
    3). The first layer starts from flat logits, which no layer ever had: there the title says "before layer 1".
    """
    stages = torch.cat((torch.zeros_like(history.edges[:1]), history.edges))  # [1 + L, 4, N+1]
    top = float(history.probabilities.max())
    for layer in range(history.layers):
        for step in range(1, STEPS + 1):
            way = 0.5 - 0.5 * math.cos(math.pi * step / STEPS)
            edges = torch.lerp(stages[layer], stages[layer + 1], way)
            yield (frame := _frame(picture, history, edges, layer, top, started=bool(layer) or step == STEPS))
        for _ in range(REST if layer < history.layers - 1 else 3 * REST):
            yield frame


def _frame(
    picture: Image.Image, history: History, edges: torch.Tensor, layer: int, top: float, started: bool
) -> Image.Image:
    box = distribution.decode(history.initial, distribution.offsets(edges, history.w))
    sheet = Image.new("RGB", CLIP, PAPER)
    _paste(sheet, pictures.moving_box(picture, history, box, layer), (16, 52, 436, 404))
    canvas = ImageDraw.Draw(sheet)
    colour = style.layer_colours(history.layers)[layer] if started else style.INITIAL
    name, font = layer_name(layer + 1) if started else "before layer 1", lettering.font(22)
    canvas.text((CLIP[0] - 16, 14), name, colour, font, anchor="ra")
    _line(canvas, (16, 12), _title(history), INK, 24, CLIP[0] - 48 - font.getlength("before layer 1"))
    _distributions(canvas, torch.softmax(edges, -1), (456, 52, CLIP[0] - 16, 404), top)
    return sheet


def _distributions(
    canvas: ImageDraw.ImageDraw, p: torch.Tensor, place: tuple[float, float, float, float], top: float
) -> None:
    """Pr(n) of the four edges [4, N+1], two by two, in a rectangle; bars reach their full height at `top`."""
    x1, y1, x2, y2 = place
    width, height, gap = (x2 - x1 - 28) / 2, (y2 - y1 - 20) / 2, 26
    for edge, name in enumerate(EDGES):
        left, upper = x1 + (edge % 2) * (width + 28), y1 + (edge // 2) * (height + 20)
        base, colour = upper + height, style.EDGE_COLOURS[name]
        canvas.text((left, upper), name, colour, lettering.font(19))
        step = width / p.shape[1]
        canvas.line((left, base, left + width, base), "#C9CDD4", 1)
        for n, share in enumerate((p[edge] / top).clamp(max=1).tolist()):
            at = left + n * step
            canvas.rectangle((at, base - share * (height - gap), at + max(step - 1.5, 1), base), colour)


def _line(
    canvas: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, colour: str, size: int, width: float
) -> None:
    """Write a line that is no longer than `width` pixels."""
    font = lettering.font(size, text)
    canvas.text(corner, lettering.fitted(text, font, width), colour, font)


def _paste(sheet: Image.Image, part: Image.Image, place: tuple[int, int, int, int]) -> None:
    """Put a picture into the middle of a rectangle, as large as it fits."""
    room = (place[2] - place[0], place[3] - place[1])
    scale = min(room[0] / part.width, room[1] / part.height)
    size = tuple(max(1, round(side * scale)) for side in part.size)
    corner = tuple(place[k] + (room[k] - size[k]) // 2 for k in range(2))
    sheet.paste(part.resize(size, Image.Resampling.LANCZOS), corner)


def _paragraph(
    canvas: ImageDraw.ImageDraw, corner: tuple[float, float], text: str, width: float, font: ImageFont.FreeTypeFont
) -> float:
    """Write a text in lines of at most `width` pixels; returns where the next line would begin."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if canvas.textlength(longer, font) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    for i, line in enumerate(lines):
        canvas.text((corner[0], corner[1] + 1.35 * font.size * i), line, INK, font)
    return corner[1] + 1.35 * font.size * len(lines)


def _title(history: History) -> str:
    return f"{history.name or f'class {history.label}'} {float(history.scores[-1]):.2f}"
