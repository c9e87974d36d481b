"""The position of one edge at every stage as a small drawing without script, readable at any size."""

from __future__ import annotations

from html import escape

from dfine.config import EDGES
from dfine.figures import style
from dfine.trace.history import History
from dfine.trace.stages import stage_names

WIDTH, STEP, LEFT, BOTTOM = 188, 20, 52, 20  # in units of the drawing


def edge_path(history: History, edge: int, mass: float = 0.8) -> str:
    """An SVG with one row a stage: the position of the edge in the picture (a dot) and its interval (a bar), in pixels.

    The scale holds all dots and the last interval; wider intervals of earlier layers are cut off at the border.
    """
    spots = history.xyxy_pixels[:, edge].tolist()  # [1 + L]
    intervals = [None, *history.intervals(mass)[:, edge].tolist()]
    seen = [*spots, *intervals[-1]]
    low, high = min(seen), max(seen)
    margin = 0.14 * (high - low) or 0.5
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT) * (min(max(value, low), high) - low) / (high - low)

    def y(stage: int) -> float:
        return STEP * (stage + 0.5)

    height = STEP * len(spots) + BOTTOM

    there = f"{x(spots[-1]):.1f}"
    drawn = [f'<line class="rule" stroke="{style.GRID}" x1="{there}" x2="{there}" y1="0" y2="{height - BOTTOM}"/>']
    line = " ".join(f"{x(v):.1f},{y(i):.1f}" for i, v in enumerate(spots))
    drawn.append(f'<polyline points="{line}" fill="none" stroke="{style.GHOST}" stroke-opacity="0.5"/>')
    colours = [style.INITIAL, *style.layer_colours(history.layers)]
    names = stage_names(history.layers)
    for i, (name, spot, interval, colour) in enumerate(zip(names, spots, intervals, colours)):
        drawn.append(f'<text x="0" y="{y(i) + 4:.1f}">{name}</text>')
        if interval:
            a, b = x(interval[0]), x(interval[1])
            drawn.append(
                f'<rect x="{a:.1f}" y="{y(i) - 4:.1f}" width="{max(b - a, 1):.1f}" height="8" rx="4" fill="{colour}" '
                'fill-opacity="0.35"/>'
            )
        fill = colour if interval else "none"
        drawn.append(
            f'<circle cx="{x(spot):.1f}" cy="{y(i):.1f}" r="4" fill="{fill}" stroke="{colour}" stroke-width="2"/>'
        )
    ends = ((LEFT, "start", low), (WIDTH, "end", high))
    drawn += [
        f'<text x="{at}" y="{height - 3}" text-anchor="{anchor}">{style.fixed(v)}</text>' for at, anchor, v in ends
    ]
    label = escape(
        f"The {EDGES[edge]} edge, in pixels: "
        + ", ".join(f"{name} {style.fixed(spot)}" for name, spot in zip(names, spots))
    )
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    plain = f'font-family="{style.FONT}" font-size="11" fill="{style.TEXT}"'  # where no style sheet says otherwise
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-label="{label}"><g {plain}>'
        f"{''.join(drawn)}</g></svg>"
    )
