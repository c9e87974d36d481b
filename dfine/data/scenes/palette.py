"""Colours that differ from each other and from what lies behind."""

from __future__ import annotations

import colorsys
from random import Random

from dfine.data.scenes import strokes as c
from dfine.data.scenes.strokes import ACCENT, DARK, DIM, GLASS, HOLE, LIGHT, LIT, MAIN, SECOND, SKIN, Colour

NATURAL: dict[str, tuple[Colour, Colour, Colour]] = {  # main, second and accent that a thing often has
    "star": (c.YELLOW, c.ORANGE, c.RED),
    "heart": (c.RED, c.PINK, c.PURPLE),
    "ring": (c.YELLOW, c.ORANGE, c.SILVER),
    "arrow": (c.RED, c.YELLOW, c.BLUE),
    "key": (c.YELLOW, c.BROWN, c.SILVER),
    "cup": (c.WHITE, c.BLUE, c.RED),
    "house": (c.CREAM, c.RED, c.BROWN),
    "fish": (c.ORANGE, c.RED, c.WHITE),
    "tree": (c.PINE, c.GREEN, c.BROWN),
    "umbrella": (c.RED, c.WHITE, c.BLUE),
    "moon": (c.YELLOW, c.CREAM, c.ORANGE),
    "cloud": (c.WHITE, c.SKY, c.SILVER),
    "flower": (c.PINK, c.YELLOW, c.GREEN),
    "car": (c.RED, c.WHITE, c.YELLOW),
    "boat": (c.BROWN, c.WHITE, c.CREAM),
    "bird": (c.SKY, c.BLUE, c.ORANGE),
    "balloon": (c.RED, c.PINK, c.YELLOW),
    "lamp": (c.CREAM, c.BROWN, c.ORANGE),
    "bell": (c.YELLOW, c.ORANGE, c.BROWN),
    "crown": (c.YELLOW, c.PURPLE, c.RED),
    "mushroom": (c.RED, c.WHITE, c.CREAM),
    "hammer": (c.GREY, c.BROWN, c.RED),
    "glasses": (c.BLUE, c.SKY, c.RED),
    "kite": (c.TEAL, c.YELLOW, c.RED),
    "person": (c.BLUE, c.BROWN, c.RED),
    "cat": (c.ORANGE, c.YELLOW, c.PINK),
    "bus": (c.RED, c.YELLOW, c.SILVER),
    "train": (c.TEAL, c.YELLOW, c.RED),
}


def palette(r: Random, name: str, behind: tuple[Colour, ...]) -> dict[int, Colour | None]:
    """Colours for a thing's paints, such that it stands out from what is behind it.

    Args:
        r: decides.
        name: the class of the thing.
        behind: colours of the backdrop.
    """
    for attempt in range(12):
        if attempt < 4 and r.random() < 0.55:
            main, second, accent = (_jitter(r, colour) for colour in NATURAL[name])
        else:
            main = hsv(r.random(), r.uniform(0.45, 1.0), r.uniform(0.35, 1.0))
            second = hsv(r.random(), r.uniform(0.2, 0.9), r.uniform(0.4, 1.0))
            accent = hsv(r.random(), r.uniform(0.3, 1.0), r.uniform(0.25, 1.0))
        if min(_distance(main, other) for other in behind) > 0.26:
            break
    if _distance(main, second) < 0.18:
        second = mix(main, (255, 255, 255) if sum(main) < 420 else (0, 0, 0), 0.5)
    second, accent = (_apart(colour, behind) for colour in (second, accent))
    dark = tuple(r.randrange(15, 55) for _ in range(3))
    light = tuple(r.randrange(225, 256) for _ in range(3))
    paints = {HOLE: None, MAIN: main, SECOND: second, ACCENT: accent, DARK: dark, LIGHT: light}
    return paints | _derived(main)


def drawn_on_paper(paints: dict[int, Colour | None]) -> None:
    """Make the surfaces of these paints pale, in place; the lines around them keep the colour."""
    main, paints[MAIN] = paints[MAIN], paints[LIGHT]
    paints[SECOND] = mix(paints[SECOND], paints[LIGHT], 0.45)
    paints[LIT], paints[DIM] = paints[LIGHT], mix(main, paints[LIGHT], 0.7)


def _derived(main: Colour) -> dict[int, Colour]:
    """The paints that follow from the main colour; no random number is drawn for them."""
    pick = sum(main)
    lit, dim = mix(main, (255, 255, 255), 0.4), mix(main, (0, 0, 0), 0.3)
    return {LIT: lit, DIM: dim, GLASS: c.PANES[pick % len(c.PANES)], SKIN: c.SKINS[pick % len(c.SKINS)]}


def _apart(colour: Colour, behind: tuple[Colour, ...]) -> Colour:
    """The colour, lighter or darker if it would be lost before the backdrop."""
    if min(_distance(colour, other) for other in behind) > 0.15:
        return colour
    bright = sum(map(sum, behind)) > 3 * 128 * len(behind)
    return mix(colour, (10, 10, 20) if bright else (250, 250, 245), 0.45)


def _distance(a: Colour, b: Colour) -> float:
    """How different two colours look, in 0..1; green counts most."""
    return (sum(w * (x - y) ** 2 for w, x, y in zip((2, 4, 3), a, b)) / 9) ** 0.5 / 255


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A colour from hue, saturation and value in 0..1."""
    return tuple(round(255 * c) for c in colorsys.hsv_to_rgb(hue, saturation, value))


def _jitter(r: Random, colour: Colour) -> Colour:
    return tuple(min(255, max(0, c + r.randrange(-20, 21))) for c in colour)


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`share` of the way from `a` to `b`."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b))
