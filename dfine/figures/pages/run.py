"""A training run as a page: the AP of every stage over the epochs, the losses, and pictures on the way."""

from __future__ import annotations

import html
from collections.abc import Sequence

import plotly.graph_objects as go
from PIL import Image

from dfine.figures import style
from dfine.figures.pages import document
from dfine.figures.pages.document import Document, Panel, Section
from dfine.wording import counted

LOSSES = {"vfl": "VFL", "l1": "L1", "giou": "GIoU", "fgl": "FGL", "ddf": "DDF"}
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9")
PREFIX = "AP "  # of the columns of the log that hold a stage's AP


def run_html(
    name: str, rows: Sequence[dict], options: dict, frames: dict[int, Sequence[Image.Image]] | None = None
) -> str:
    """A run as a self-contained page.

    Args:
        name: what the run is called.
        rows: one dict an epoch, with `epoch`, `loss`, the loss terms ("fgl/layer 2" …) and, where it was evaluated,
            "AP initial", "AP layer 1" …
        options: the options of the run that are to be listed.
        frames: drawings of watched pictures, by epoch.
    """
    figures: list[go.Figure] = []
    cards = [document.section(s, i, figures) for i, s in enumerate(_sections(rows))]
    if frames:
        cards.append(_watched(frames))
    pairs = [(key, value) for key, value in options.items() if value not in (None, "")]
    cards.append(f"<section><h2>The options</h2>{document.words(pairs)}</section>")
    header = (
        f'<p class="kicker">D-FINE Lens: a training run</p><h1>{html.escape(name)}</h1>'
        f'<p class="lead">{html.escape(summary(rows))}</p>'
    )
    styles = ("page.css", "report.css")
    data = {"epochs": list(rows), "options": options}
    return str(Document(f"{name}: a training run", header, "\n".join(cards), "", data, figures, styles))


def summary(rows: Sequence[dict]) -> str:
    """The run in a sentence or two."""
    measured = [r for r in rows if any(k.startswith(PREFIX) for k in r)]
    if not measured:
        return f"{counted(len(rows), 'epoch')}, none evaluated yet."
    stages = [k for k in measured[-1] if k.startswith(PREFIX)]
    best = max(measured, key=lambda r: r.get(stages[-1], -1.0))
    gain = best[stages[-1]] - best[stages[0]]
    return (
        f"{counted(len(rows), 'epoch')}. The best, epoch {best['epoch']:.0f}, reached AP {best[stages[-1]]:.3f} "
        f"with its last layer, {style.signed(gain)} over its initial boxes."
    )


def _sections(rows: Sequence[dict]) -> list[Section]:
    sections = []
    if any(k.startswith(PREFIX) for r in rows for k in r):
        panels = (
            Panel("AP of every stage", by_epoch(rows), wide=False),
            Panel("Gain of refinement", gain(rows), wide=False),
        )
        lead = "On the held-out pictures, with the averaged weights; every stage ranks by its own scores."
        sections.append(Section("Learning to localise", lead, panels))
    if any("loss" in r for r in rows):
        lead = "Means over each epoch, weighted as they are summed."
        sections.append(Section("The losses", lead, (Panel("By kind, all stages", losses(rows), wide=False),)))
    return sections


def by_epoch(rows: Sequence[dict]) -> go.Figure:
    """AP of the initial boxes and of every layer, a line each."""
    stages = list(dict.fromkeys(k for r in rows for k in r if k.startswith(PREFIX)))
    colours = [style.INITIAL, *style.layer_colours(max(1, len(stages) - 1))]
    figure = _lines(rows, {k.removeprefix(PREFIX): k for k in stages}, colours, "AP (0.50:0.95)")
    return figure.update_yaxes(rangemode="nonnegative")


def gain(rows: Sequence[dict]) -> go.Figure:
    """What every layer adds to the AP of the initial boxes."""
    first = f"{PREFIX}initial"
    stages = [k for k in dict.fromkeys(k for r in rows for k in r if k.startswith(PREFIX)) if k != first]
    gains = [{"epoch": r["epoch"]} | {k: r[k] - r[first] for k in stages if k in r and first in r} for r in rows]
    names = {k.removeprefix(PREFIX): k for k in stages}
    return _lines(gains, names, style.layer_colours(max(1, len(stages))), "AP less that of the initial boxes")


def losses(rows: Sequence[dict]) -> go.Figure:
    """Every kind of loss, summed over the stages, a line each."""
    summed = [
        {"epoch": r["epoch"]} | {kind: sum(v for k, v in r.items() if k.split("/")[0] == kind) for kind in LOSSES}
        for r in rows
    ]
    return _lines(summed, {word: kind for kind, word in LOSSES.items()}, COLOURS, "loss")


def _lines(rows: Sequence[dict], names: dict[str, str], colours: Sequence[str], title: str) -> go.Figure:
    traces = []
    for (name, key), colour in zip(names.items(), colours):
        at = [r for r in rows if key in r]
        traces.append(
            go.Scatter(
                x=[r["epoch"] for r in at],
                y=[r[key] for r in at],
                name=name,
                mode="lines+markers",
                line=dict(color=colour, width=2.2),
                marker=dict(size=5),
                hovertemplate="epoch %{x}: %{y:.3f}<extra>%{fullData.name}</extra>",
            )
        )
    axis = dict(gridcolor=style.GRID, zeroline=False)
    layout = style.plotly_layout(400, margin=dict(l=60, r=16, t=36, b=48), hovermode="x unified", showlegend=True)
    layout |= dict(xaxis=axis | dict(title="epoch", dtick=_step(rows)), yaxis=axis | dict(title=title))
    layout |= dict(legend=dict(orientation="h", y=1.02, yanchor="bottom"))
    return go.Figure(traces, layout)


def _step(rows: Sequence[dict], most: int = 8) -> int:
    """Epochs between two ticks of the axis: 1, 2, 5, 10 …, for at most about `most` ticks."""
    span = max((r["epoch"] for r in rows), default=0) - min((r["epoch"] for r in rows), default=0)
    return next(s for power in range(9) for s in (10**power, 2 * 10**power, 5 * 10**power) if span <= most * s)


def _watched(frames: dict[int, Sequence[Image.Image]]) -> str:
    cards = []
    for epoch, pictures in frames.items():
        for i, picture in enumerate(pictures):
            words = f"Held-out picture {i + 1} after epoch {epoch}: what is found, and one object's distributions"
            cards.append(
                f"<figure>{document.image(picture, words, 80)}<figcaption><b>Epoch {epoch}</b> picture {i + 1}"
                "</figcaption></figure>"
            )
    return (
        "<section><h2>What could be seen</h2><p>The same held-out pictures all along, and in each the query that comes "
        f'closest to the largest object.</p><div class="watched">{"".join(cards)}</div></section>'
    )
