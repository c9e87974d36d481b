"""Pictures with boxes on them, drawn with Pillow: all detections of a picture, or one object and its layers."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from PIL import Image, ImageDraw, ImageEnhance

from dfine.boxes import to_pixels
from dfine.config import EDGES
from dfine.figures import lettering, style
from dfine.trace.detections import Detections
from dfine.trace.history import History

BEYOND = 0.15  # of a side, how far a view may leave the picture
OUTSIDE = "#C9CCD1"  # what is shown there
TALLEST = 2  # times as high as wide: a view of a narrow picture is made no higher than this
LEAST, LIMIT = 640, 1280  # longer side of a drawn picture in pixels: room for labels; sharp, and quick to send


def shown(picture: Image.Image, limit: int = LIMIT) -> Image.Image:
    """The picture in RGB as it is shown: its longer side reduced to `limit` pixels, or enlarged to `LEAST`.

    With the picture's own longer side as `limit`, its size does not change.
    """
    rgb, longer = picture.convert("RGB"), max(picture.size)
    scale = min(max(longer, LEAST), limit) / longer
    if scale == 1:
        return rgb
    size = [max(1, round(s * scale)) for s in picture.size]
    return rgb.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.BICUBIC)


def draw(
    picture: Image.Image,
    detections: Detections,
    selected: int | None = None,
    *,
    limit: int = LIMIT,
    captions: Sequence[str] | None = None,
) -> Image.Image:
    """The picture as it is `shown`, with a box and a label for every detection, coloured by class.

    `picture` may be smaller or larger than `detections.size`: boxes are scaled to it. The `selected` detection is drawn
    last, with a wider frame, and the others become fainter. `captions`, one a detection, replace name and score. In a
    crowd only the best keep their labels: none covers another, and together they cover a third of the picture at most.

    Raises:
        IndexError: there is no detection `selected`.
    """
    if selected is not None and not 0 <= selected < len(detections):
        raise IndexError(f"there is no detection {selected}; there are {len(detections)}")
    image = shown(picture, limit)
    canvas = ImageDraw.Draw(image, "RGBA")
    unit = point(image.size)
    boxes = (detections.boxes * _scale(image, detections.size)).tolist()
    colours = [style.class_colour(label) for label in detections.labels.tolist()]

    order = ([] if selected is None else [selected]) + [i for i in range(len(detections)) if i != selected]
    for i in reversed(order):  # the selected one last, then the best, so that they lie on top
        chosen = i == selected
        if chosen:
            canvas.rectangle(_ordered(boxes[i]), fill=(*style.rgb(colours[i]), 36))
            _frame(canvas, boxes[i], "#FFFFFF", width=round(5 * unit))
        faint = selected is not None and not chosen
        width = round((3.5 if chosen else 2) * unit)
        _frame(canvas, boxes[i], colours[i], width=max(2, width), opacity=150 if faint else 255)
    # Labels after all frames, so that no frame crosses a label; the first to be placed get the best places.
    plain = (f"{name} {score:.2f}" for name, score in zip(detections.class_names, detections.scores.tolist()))
    texts = list(plain if captions is None else captions)
    lettering.labels(canvas, [(texts[i], boxes[i], colours[i]) for i in order], image.size, letters(image.size))
    return image


def point(size: tuple[int, int]) -> float:
    """How many pixels of a picture of `size` a "point" is: frames and labels look alike at every size."""
    return max(1.0, min(max(size) / 640, min(size) / 64))


def letters(size: tuple[int, int]) -> float:
    """How high letters on a picture of `size` are, in pixels: 13 points, and down to 10 pixels on a small one."""
    return 13 * point(size) * max(0.77, min(1.0, max(size) / 400))


def at(detections: Detections, x: float, y: float, shown_size: tuple[int, int] | None = None) -> int | None:
    """The detection whose box contains the point, or None. Of several the smallest, which is the hardest to hit.

    `x`, `y` count pixels of a picture of `shown_size` = (width, height), by default the detections' own size.
    """
    if not len(detections):
        return None
    w, h = shown_size or detections.size
    px, py = x * detections.size[0] / w, y * detections.size[1] / h
    x1, y1, x2, y2 = detections.boxes.unbind(-1)
    inside = (x1 <= px) & (px <= x2) & (y1 <= py) & (py <= y2)
    if not inside.any():
        return None
    area = ((x2 - x1) * (y2 - y1)).masked_fill(~inside, float("inf"))
    return int(area.argmin())


def history_boxes(picture: Image.Image, history: History, *, side: int = 640, mass: float = 0.8) -> Image.Image:
    """The picture around one object: its initial box (dashed), every layer's box, and how sure each final edge is.

    A whisker across the middle of each final edge spans the interval in which that edge lies with probability `mass`,
    in the colour of the edge. `picture` may have another scale than `history.size`. The result is `side` pixels wide,
    or less where a narrow picture would become more than `TALLEST` times as high.
    """
    image, canvas, place = _stage(picture, history, side, mass)
    boxes = place(history.xyxy_pixels).tolist()  # [1 + L, 4]
    whiskers = place(history.intervals(mass)[-1].T).T.tolist()  # [4, 2]
    colours = style.layer_colours(history.layers)
    unit = max(1.0, side / 640)
    step = min(3.0, 9 / history.layers)
    for layer, (box, colour) in enumerate(zip(boxes[1:], colours)):
        # The earlier, the wider: where two layers agree, the later lies inside the earlier and both can be seen.
        _frame(canvas, box, colour, width=round((4 + step * (history.layers - 1 - layer)) * unit), shade=90)
    _dashed(canvas, boxes[0], width=round(2 * unit), dash=round(9 * unit))  # on top, as layer 1 often stays close to it
    for k, edge in enumerate(EDGES):
        _whisker(canvas, boxes[-1], k, whiskers[k], style.EDGE_COLOURS[edge], unit)
    return image


def moving_box(
    picture: Image.Image, history: History, box: torch.Tensor, layer: int, *, side: int = 480
) -> Image.Image:
    """The same view with the initial box and one other, `box` [4] cxcywh in 0..1, in the colour of `layer`."""
    image, canvas, place = _stage(picture, history, side, 0.8)
    start, now = place(to_pixels(torch.stack((history.initial, box)), history.size)).tolist()
    _dashed(canvas, start, width=2, dash=8)
    _frame(canvas, now, style.layer_colours(history.layers)[layer], width=5)
    return image


def whiskers(picture: Image.Image, boxes: torch.Tensor, intervals: torch.Tensor, size: tuple[int, int]) -> Image.Image:
    """The picture with a whisker across every edge of every box.

    Args:
        picture: with or without boxes, at any scale; it is drawn on.
        boxes: corners in pixels of a picture of `size` = (width, height) [n, 4].
        intervals: between which places each edge lies, in the same pixels [n, 4, 2].
        size: see above.
    """
    canvas, scale = ImageDraw.Draw(picture, "RGBA"), _scale(picture, size)
    unit = max(1.0, max(picture.size) / 640) * 0.6
    for box, reach in zip((boxes * scale).tolist(), (intervals * scale[:, None]).tolist()):
        for k, edge in enumerate(EDGES):
            _whisker(canvas, box, k, reach[k], style.EDGE_COLOURS[edge], unit)
    return picture


def _stage(picture: Image.Image, history: History, side: int, mass: float):
    """The zoomed picture, a canvas on it, and a function that takes pixels of `history.size` [..., 4] to its pixels."""
    scale = _scale(picture, history.size)
    reach = history.intervals(mass)[-1].T  # [2, 4]
    view = _view(torch.cat((history.xyxy_pixels, reach)) * scale, picture.size)
    width, height = view[2] - view[0], view[3] - view[1]
    zoom = side / width if height <= TALLEST * width else TALLEST * side / height
    image = _part(picture.convert("RGB"), view, (max(1, round(width * zoom)), max(1, round(height * zoom))), zoom)
    image = ImageEnhance.Color(image).enhance(0.55)  # paler colours, so that thin lines stand out
    origin = torch.tensor((view[0], view[1], view[0], view[1]))
    return image, ImageDraw.Draw(image, "RGBA"), lambda pixels: (pixels * scale - origin) * zoom


def _scale(image: Image.Image, size: tuple[int, int]) -> torch.Tensor:
    """Factors [4] from pixels of a picture of `size` to pixels of `image`."""
    x, y = image.width / size[0], image.height / size[1]
    return torch.tensor((x, y, x, y))


def _view(boxes: torch.Tensor, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The part of a picture to look at, in its pixels: all boxes with a margin, between 4:3 and 9:10.

    It leaves the picture only where boxes do, and by no more than `BEYOND` of it.
    """
    low = boxes[:, :2].amin(0).tolist()
    high = boxes[:, 2:].amax(0).tolist()
    size_out = [max(b - a, 4.0) * 1.3 for a, b in zip(low, high)]
    size_out = [max(size_out[0], size_out[1] * 0.9), max(size_out[1], size_out[0] * 0.75)]
    ends = []
    for k in range(2):
        margin = 0.06 * (high[k] - low[k])
        first = max(low[k] - margin, -BEYOND * size[k]) if low[k] < 0 else 0.0
        last = min(high[k] + margin, (1 + BEYOND) * size[k]) if high[k] > size[k] else size[k]
        extent = min(size_out[k], last - first)
        start = min(max((low[k] + high[k] - extent) / 2, first), last - extent)
        ends.append((start, start + extent))
    return ends[0][0], ends[1][0], ends[0][1], ends[1][1]


def _part(
    picture: Image.Image, view: tuple[float, float, float, float], size: tuple[int, int], zoom: float
) -> Image.Image:
    """The part of a picture in `view`, brought to `size` = (width, height); what lies outside the picture is grey."""
    inside = [max(view[0], 0.0), max(view[1], 0.0), min(view[2], picture.width), min(view[3], picture.height)]
    image = Image.new("RGB", size, OUTSIDE)
    if inside[0] >= inside[2] or inside[1] >= inside[3]:  # an object wholly outside the picture
        return image
    start = [min(size[k] - 1, round((inside[k] - view[k]) * zoom)) for k in range(2)]
    end = [min(size[k], max(start[k] + 1, round((inside[k + 2] - view[k]) * zoom))) for k in range(2)]
    part = picture.resize((end[0] - start[0], end[1] - start[1]), Image.Resampling.BICUBIC, box=tuple(inside))
    image.paste(part, tuple(start))
    return image


def _frame(canvas, box, colour: str, *, width: int, opacity: int = 255, shade: int = 70) -> None:
    """A frame whose lines are centred on the box, with a dark hairline around it for bright backgrounds."""
    x1, y1, x2, y2 = _ordered(box)
    half = width / 2
    outer = (x1 - half - 1, y1 - half - 1, x2 + half + 1, y2 + half + 1)
    canvas.rectangle(outer, outline=(0, 0, 0, shade * opacity // 255), width=1)
    canvas.rectangle((x1 - half, y1 - half, x2 + half, y2 + half), outline=(*style.rgb(colour), opacity), width=width)


def _dashed(canvas, box, *, width: int, dash: int) -> None:
    """A dashed frame: light dashes on a dark line, visible on any ground."""
    x1, y1, x2, y2 = _ordered(box)
    for a, b in (((x1, y1), (x2, y1)), ((x2, y1), (x2, y2)), ((x2, y2), (x1, y2)), ((x1, y2), (x1, y1))):
        length = max(abs(b[0] - a[0]), abs(b[1] - a[1]))
        canvas.line((a, b), fill=(0, 0, 0, 110), width=width + 2)
        for start in range(0, max(1, int(length)), 2 * dash):
            s, e = start / max(length, 1), min(1.0, (start + dash) / max(length, 1))
            ends = [(a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t) for t in (s, e)]
            canvas.line(ends, fill=style.rgb("#F2F3F5"), width=width)


def _whisker(canvas, box, edge: int, reach: list[float], colour: str, unit: float) -> None:
    """A capped line across the middle of an edge, over its `reach` [2] along the axis on which the edge can move."""
    (x1, y1, x2, y2), (low, high) = box, reach
    cap = 9 * unit
    horizontal = edge % 2 == 0  # left and right move in x
    middle = (y1 + y2) / 2 if horizontal else (x1 + x2) / 2
    turn = (lambda a, b: (a, b)) if horizontal else (lambda a, b: (b, a))
    strokes = (
        [turn(low, middle), turn(high, middle)],
        [turn(low, middle - cap), turn(low, middle + cap)],
        [turn(high, middle - cap), turn(high, middle + cap)],
    )
    for ink, width in (((255, 255, 255, 235), round(7 * unit)), ((*style.rgb(colour), 255), round(4 * unit))):
        for stroke in strokes:
            canvas.line(stroke, fill=ink, width=width)


def _ordered(box) -> tuple[float, float, float, float]:
    """Corners in rising order. An untrained network may give a negative size, which Pillow refuses."""
    x1, y1, x2, y2 = box
    return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)
