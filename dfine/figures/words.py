"""What the figures of one object show, in words, for captions and for readers who do not see them."""

from __future__ import annotations

from dfine.boxes import clipped
from dfine.config import EDGES
from dfine.figures import style
from dfine.trace.history import History
from dfine.trace.stages import layer_name
from dfine.wording import counted

CONTRAST = 2.5  # times as long as the next shorter interval: an edge of which the network is much less sure


def short(name: str, most: int = 20) -> str:
    """A name of at most `most` letters; of a longer one the beginning and the end."""
    return name if len(name) <= most else cut(name, most - 1)


def cut(text: str, kept: int) -> str:
    """A text with `kept` of its letters, half of them from either end, and a `…` between them."""
    return f"{text[: kept - kept // 2].rstrip()}…{text[len(text) - kept // 2 :].lstrip()}"


def boxes(count: int) -> str:
    """How many boxes there are."""
    return counted(count, "box", "es")


def describe(history: History) -> str:
    """One object in two plain sentences: what it is, how its box came about, how sure each edge is.

    The first gives class, score, place, the largest move of an edge and the layer that made it; the second compares the
    80 % intervals of the surest and the least sure edge of the last layer.
    """
    corners = clipped(history.xyxy_pixels[-1], history.size)
    x1, y1, x2, y2 = (f"{v:.0f}" for v in corners.tolist())
    name = history.name or f"class {history.label}"
    first = (
        f"{name[0].upper()}{name[1:]}, score {float(history.scores[-1]):.2f}, from ({x1}, {y1}) to ({x2}, {y2}) in a "
        f"picture of {history.size[0]} by {history.size[1]} pixels; {_moves(history)}."
    )
    return f"{first} {_certainty(history)}."


def sureness(history: History) -> str:
    """How sure the last layer is of the four edges, in one or two sentences for the first look.

    Edges are told apart where one interval is at least `CONTRAST` times as long as the next shorter one; where only the
    longest is that much longer than the shortest, the two are named. Intervals are those that hold 80 % of the
    probability.
    """
    lengths = _lengths(history)
    order = sorted(range(4), key=lengths.__getitem__)
    steps = [lengths[b] / max(lengths[a], 1.0) for a, b in zip(order, order[1:])]
    step = max(range(3), key=steps.__getitem__)
    if steps[step] < CONTRAST:
        shortest, longest = style.number(lengths[order[0]]), style.number(lengths[order[-1]])
        if lengths[order[-1]] >= CONTRAST * max(lengths[order[0]], 1.0):
            best, worst = EDGES[order[0]], EDGES[order[-1]]
            return (
                f"Surest of the {best} edge, within {shortest} px, and least of the {worst} one, within {longest} px."
            )
        within = f"{longest} px" if shortest == longest else f"{shortest} to {longest} px"
        return f"About equally sure of all four edges: each lies within {within}."
    sure, unsure = order[: step + 1], sorted(order[step + 1 :])
    which = f"the {EDGES[sure[0]]} edge" if len(sure) == 1 else ("two edges", "three edges")[len(sure) - 2]
    known = f"Sure of {which}, within {style.number(lengths[sure[-1]])} px."
    names = _listed([EDGES[edge] for edge in unsure])
    places = _listed([f"{style.number(lengths[edge])} px" for edge in unsure])
    return f"{known} The {names} edge{'s' * (len(unsure) > 1)} could lie anywhere within {places}."


def _lengths(history: History) -> list[float]:
    """The lengths in pixels of the last layer's 80 % intervals, in the order of `EDGES`."""
    reach = history.intervals()[-1]  # [4, 2]
    return (reach[:, 1] - reach[:, 0]).tolist()


def _listed(words: list[str]) -> str:
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _moves(history: History) -> str:
    """The largest move of an edge, and how the box changed over all layers."""
    shifts = history.shifts  # [L, 4]
    flat = int(shifts.abs().argmax())
    layer, edge = divmod(flat, 4)
    amount = float(shifts[layer, edge])
    start = f"{float(history.iou_with_last[0]):.2f}"
    stages = "the one layer" if history.layers == 1 else f"{history.layers} layers"
    if abs(amount) < 0.5:
        return f"its initial box was kept, no edge moved by half a pixel in {stages} (IoU with the final box {start})"
    sense = "outward" if amount > 0 else "inward"
    return (
        f"its initial box overlapped the final one with IoU {start}, and the largest move in {stages} was that of the "
        f"{EDGES[edge]} edge in {layer_name(layer + 1)}, {style.number(abs(amount))} px {sense}"
    )


def _certainty(history: History) -> str:
    lengths = _lengths(history)
    best, worst = (f(range(4), key=lengths.__getitem__) for f in (min, max))
    note = style.calibration(history)
    if best == worst:
        return f"Each edge lies with 80 % probability within {style.number(lengths[0])} px ({note})"
    return (
        f"Its surest edge is the {EDGES[best]} one, with 80 % of its probability within "
        f"{style.number(lengths[best])} px, its least sure the {EDGES[worst]} one, within "
        f"{style.number(lengths[worst])} px ({note})"
    )
