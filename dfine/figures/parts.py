"""Parts that several Plotly figures share: panels in a row, headings, a line at the truth, buttons, sliders."""

from __future__ import annotations

from collections.abc import Sequence

from dfine.config import EDGES
from dfine.figures import style

TRUTH = "#D62728"  # a true edge
_PALE, _TRACK = "rgba(128,132,140,0.14)", "rgba(128,132,140,0.3)"


def suffix(panel: int) -> str:
    """What Plotly puts behind the names of a panel's axes: nothing for panel 0, 2 for panel 1, and so on."""
    return str(panel + 1) if panel else ""


def column(k: int, gap: float) -> list[float]:
    """The horizontal part of a figure, in 0..1, that belongs to edge `k`; `gap` is left between two."""
    width = (1 - 3 * gap) / 4
    return [k * (width + gap), k * (width + gap) + width]


def edge_heading(k: int, size: int = 14, **place) -> dict:
    """The name of edge `k` in its colour; `place` are Plotly's words for where an annotation stands."""
    font = dict(size=size, color=style.EDGE_COLOURS[EDGES[k]])
    return dict(text=f"<b>{EDGES[k]}</b>", showarrow=False, font=font) | place


def panel_title(text: str, number: str, above: int) -> dict:
    """A title over the left end of the panel whose axes have the suffix `number`, `above` pixels over the plots."""
    place = dict(x=0, y=1, xref=f"x{number} domain", yref="paper", yshift=above, xanchor="left")
    return dict(text=text, showarrow=False, font=dict(size=13)) | place


def at_truth(x: float, number: str, width: float = 1.5) -> dict:
    """A dotted line where a true edge lies, through the panel whose axes have the suffix `number`."""
    line = dict(color=TRUTH, width=width, dash="dot")
    return dict(type="line", x0=x, x1=x, y0=0, y1=1, xref=f"x{number}", yref=f"y{number} domain", line=line)


def buttons(entries: Sequence[dict], **place) -> dict:
    """A row of buttons, pale on any page; `place` are Plotly's words for where they stand and how they act."""
    plain = dict(type="buttons", bgcolor=_PALE, bordercolor=style.GHOST, borderwidth=1, buttons=list(entries))
    return plain | place


def slider(steps: Sequence[dict], shown: int, **place) -> dict:
    """A slider that stands on step `shown` and moves at once."""
    track = dict(bgcolor=_TRACK, activebgcolor=style.GHOST, bordercolor=style.GHOST, borderwidth=0)
    return dict(active=shown, steps=list(steps), tickcolor=style.GHOST, transition=dict(duration=0)) | track | place
