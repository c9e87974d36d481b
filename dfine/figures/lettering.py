"""Text on pictures: a font that has its letters, a line that fits, and labels of boxes that do not hide each other.

Pillow's own font knows English letters only: an `ö`, a `д` or a `猫` is an empty box in it.
"""

from __future__ import annotations

import importlib.util
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from PIL import ImageDraw, ImageFont

from dfine.figures import style, words

LONGEST = 25  # times as long as its letters are high, a label may be, unless its box is longer
COVERED = 1 / 3  # of a picture, at most, by labels

# By the scripts that they know; the systems that bring them are Linux, Windows and macOS.
OTHERS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "segoeui.ttf", "Arial Unicode.ttf")
OTHERS += ("NotoSansCJK-Regular.ttc", "DroidSansFallbackFull.ttf", "wqy-zenhei.ttc", "NanumGothic.ttf")
OTHERS += ("msyh.ttc", "YuGothM.ttc", "malgun.ttf", "Nirmala.ttc", "PingFang.ttc", "Hiragino Sans GB.ttc")
NO_LETTER = "\U0010ffff"  # which no font has: it looks like every letter that is missing


def font(size: int, text: str = "") -> ImageFont.FreeTypeFont:
    """Pillow's own font, or the first other one on this machine that has all letters of `text`.

    Where none has them all, it is the one that lacks the fewest.
    """
    letters = "".join(sorted(set(text)))
    return _font(size, "" if letters.isascii() else _best(letters))


def fitted(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """The text in one line of at most `width` pixels; of a longer one the middle gives way to a `…`."""
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    fits = bisect_right(range(len(text)), width, key=lambda kept: font.getlength(words.cut(text, kept)))
    return words.cut(text, max(0, fits - 1))


def labels(
    canvas: ImageDraw.ImageDraw,
    named: Sequence[tuple[str, Sequence[float], str]],
    size: tuple[int, int],
    height: float,
    *,
    every: bool = False,
) -> None:
    """Labels with letters of `height` pixels on a picture of `size`: (text, box, colour), best first.

    One that could only stand on an earlier one is left out, and so is what would cover more than `COVERED` of the
    picture, unless `every` label has to be there. A text that is much longer than its box loses its middle.
    """
    fonts = [font(round(height), text) for text, _, _ in named]
    rooms = [max(LONGEST * height, abs(box[2] - box[0])) for _, box, _ in named]
    texts = [fitted(n[0], letters, min(size[0] - 0.6 * height, room)) for n, letters, room in zip(named, fonts, rooms)]
    widths = [letters.getlength(text) for text, letters in zip(texts, fonts)]
    plates = places([box for _, box, _ in named], widths, size, round(height), every=every)
    for (_, _, colour), text, letters, plate in reversed(list(zip(named, texts, fonts, plates))):
        if plate:
            canvas.rounded_rectangle(plate, radius=letters.size * 0.3, fill=style.rgb(colour))
            middle = ((plate[0] + plate[2]) / 2, (plate[1] + plate[3]) / 2)
            canvas.text(middle, text, font=letters, fill=style.ink_on(colour), anchor="mm")


def places(
    boxes: Sequence[Sequence[float]], widths: Sequence[float], size: tuple[int, int], height: float, *, every: bool
) -> list[tuple[float, float, float, float] | None]:
    """Where the labels go: above the box, in a corner of it, below it, beside it, or further away.

    A label takes the first of these places that no earlier label covers; all stay inside the picture. Without a free
    place, or once labels cover more than `COVERED`, it has none; if `every` one has to be there, the one above.
    """
    pad, placed, room = height * 0.3, [], COVERED * size[0] * size[1]
    for box, text in zip(boxes, widths):
        (x1, x2), (y1, y2) = sorted(box[::2]), sorted(box[1::2])
        w, h = text + 2 * pad, height + 2 * pad
        corners = [(x1, y1 - h), (x1, y1), (x2 - w, y1 - h), (x1, y2), (x1, y2 - h), (x2 - w, y2), (x1, y1 + h)]
        corners += [(x2 - w, y1), (x2 - w, y2 - h), (x2, y1), (x2, y2 - h), (x1 - w, y1), (x1 - w, y2 - h)]
        corners += [(x, y1 + k * h) for k in (2, 3, -2) for x in (x1, x2 - w)]
        near = []
        for x, y in corners:
            x, y = min(max(x, 0), max(0, size[0] - w)), min(max(y, 0), max(0, size[1] - h))
            near.append((x, y, x + w, y + h))
        free = next((p for p in near if not any(q and overlap(p, q) for q in placed)), None)
        if every:
            free = free or near[0]
        elif free and any(placed) and room < w * h:
            free = None
        room -= w * h if free else 0
        placed.append(free)
    return placed


def overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    """Whether two rectangles have an area in common."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@lru_cache(maxsize=256)
def _best(letters: str) -> str:
    """The file of the font that lacks the fewest of the letters; "" is Pillow's own."""
    best, least = "", _lacking("", letters)
    for name in _files() if least else ():
        lacking = _lacking(name, letters)
        best, least = (name, lacking) if lacking < least else (best, least)
        if not least:
            break
    return best


@lru_cache(maxsize=1)
def _files() -> tuple[str, ...]:
    """The other fonts that are here; matplotlib brings one."""
    found, here = importlib.util.find_spec("matplotlib"), []
    folders = [Path(found.origin).parent / "mpl-data" / "fonts" / "ttf"] if found and found.origin else []
    for name in (*(str(folder / OTHERS[0]) for folder in folders), *OTHERS):
        try:
            _font(16, name)
        except OSError:
            continue
        here.append(name)
    return tuple(here)


@lru_cache(maxsize=64)
def _font(size: int, name: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(name, size) if name else ImageFont.load_default(size)


def _lacking(name: str, letters: str) -> int:
    """How many of the letters a font does not have."""
    drawn = _font(16, name)

    def look(letter: str) -> tuple:
        mask = drawn.getmask(letter)
        return mask.size, bytes(mask)

    missing = look(NO_LETTER)
    return sum(look(letter) == missing for letter in letters if not letter.isspace())
