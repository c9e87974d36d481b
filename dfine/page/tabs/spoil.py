"""Cover one side of the object, or spoil the picture, and see what becomes of its edges and of how sure they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape

import gradio as gr
from PIL import Image, ImageDraw

from dfine.config import EDGES
from dfine.data.spoil import KINDS, cover, spoil
from dfine.figures import style
from dfine.figures.object.sweep import sweep_figure
from dfine.inference.sweep import Sweep
from dfine.page.answer import FAILED
from dfine.page.tabs.base import Events, Parts, Tab, Values
from dfine.page.view import View

WAYS = [
    *[(f"cover the {edge} side", edge) for edge in EDGES],
    *[("darken" if kind == "darkness" else f"take away {kind}" if kind == "detail" else kind, kind) for kind in KINDS],
]
GROWN = 1.2  # times as long: an interval that has become longer in earnest
STEPS = [0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0]  # of a sweep
HELP = """Let go of the slider, and the network looks once more. It is not told that the picture was spoiled, nor where
the object was. A detector that knows how sure it is should become unsure of the edge that you cover, and of that edge
only. It learns that from pictures in which patches hide edges (`dfine train --cover`), and `demo` has seen some: the
edge that you cover is usually its least sure one, but of one under plain paint it is still surer than it should be."""


def build() -> Parts:
    gr.Markdown(HELP)
    with gr.Row():
        way = gr.Dropdown(WAYS, value=EDGES[3], label="What to do", elem_id="way", min_width=220, filterable=False)
        amount = gr.Slider(0, 1, 0.35, step=0.05, label="How much", elem_id="amount", min_width=220)
        button = gr.Button("Sweep the whole dial", elem_id="sweep", min_width=160)
    with gr.Row():
        with gr.Column(scale=4, min_width=300):
            picture = gr.Image(
                show_label=False, interactive=False, format="jpeg", elem_id="spoiled", buttons=[], height=400
            )
        with gr.Column(scale=5, min_width=300):
            table = gr.HTML(elem_id="spoiled-edges")
            plot = gr.Plot(show_label=False, elem_id="sweep-plot")
    return dict(way=way, amount=amount, sweep=button, picture=picture, table=table, plot=plot)


def draw(view: View | None) -> Values:
    """The picture as it is spoiled now, and the edges before and after."""
    return _drawn(view, [0.0, _amount(view)], sweep=False)


def swept(view: View | None) -> Values:
    """The same, with plots over the whole dial."""
    return _drawn(view, sorted({*STEPS, _amount(view)}), sweep=True)


def _drawn(view: View | None, amounts: list[float], sweep: bool) -> Values:
    if view is None:
        return dict(picture=None, table="", plot=None)
    spoiled, amount = _spoiled(view), _amount(view)
    try:
        seen = view.runner.sweep(view.answer, view.chosen, spoiled, amounts)
    except (ValueError, OSError, RuntimeError) as error:
        return dict(picture=None, table=f"<p>{FAILED}: {escape(str(error))}</p>", plot=None)
    after = amounts.index(amount)
    figure = sweep_figure(seen.amounts, seen.spreads, seen.errors, seen.scores, "amount") if sweep else None
    return dict(
        picture=gr.Image(_shown(view, spoiled(amount), seen, after), alt_text=_told(view, seen, after)),
        table=f"<p>{escape(_told(view, seen, after))}</p>{_table(seen, after)}",
        plot=figure,
    )


def _amount(view: View | None) -> float:
    value = view.controls["amount"] if view else 0
    return min(max(float(value or 0), 0.0), 1.0)


def _spoiled(view: View) -> Callable[[float], Image.Image]:
    """The picture as it is shown, spoiled as the visitor wishes, by the amount."""
    way, picture = view.controls["way"], view.answer.picture
    if way not in EDGES:
        return partial(spoil, picture, way if way in KINDS else "blur")
    scale = picture.width / view.answer.size[0]
    box = (view.answer.result.detections.boxes[view.chosen] * scale).tolist()
    return partial(cover, picture, box, way)


def _shown(view: View, picture: Image.Image, seen: Sweep, after: int) -> Image.Image:
    """The spoiled picture with the box before (white), the box as it is now, and the whiskers of its edges."""
    picture, scale = picture.copy(), picture.width / view.answer.size[0]
    canvas = ImageDraw.Draw(picture)
    box = (view.answer.result.detections.boxes[view.chosen] * scale).tolist()
    canvas.rectangle(box, outline="white", width=2)
    if not seen.found[after]:
        return picture
    error, spread = (seen.errors[after] * scale).tolist(), (seen.spreads[after] * scale).tolist()
    now = [box[k] + error[k] * (-1 if k < 2 else 1) for k in range(4)]
    canvas.rectangle(_corners(now), outline="#7A6BEE", width=3)
    for k, edge in enumerate(EDGES):
        middle = (now[1 - k % 2] + now[3 - k % 2]) / 2
        ends = (now[k] - spread[k] / 2, now[k] + spread[k] / 2)
        line = [(end, middle) if k % 2 == 0 else (middle, end) for end in ends]
        canvas.line(line, "white", 7)
        canvas.line(line, style.EDGE_COLOURS[edge], 4)
    return picture


def _corners(box: list[float]) -> tuple[float, float, float, float]:
    (x1, x2), (y1, y2) = sorted(box[::2]), sorted(box[1::2])
    return x1, y1, x2, y2


def _told(view: View, seen: Sweep, after: int) -> str:
    """What happened since the first picture, which is not spoiled, in a few sentences."""
    name = view.answer.result.detections.class_names[view.chosen]
    if not seen.found[[0, after]].all():
        return f"The {name} is not found{' any more' if seen.found[0] else ' in the picture as it is shown'}."
    score = float(seen.scores[after])
    said = f"The {name} is still found, with a score of {score:.2f}."
    if score < view.threshold:
        said = f"The {name} would not be reported any more: its score is {score:.2f}, below the threshold."
    if view.controls["way"] in EDGES and float(seen.amounts[after]):
        return f"{said} {_of_covered(seen, EDGES.index(view.controls['way']), after)}"
    grown = seen.spreads[after] / seen.spreads[0].clamp(min=1)
    most = int(grown.argmax())
    if float(grown[most]) < GROWN:
        return f"{said} No edge has become much less sure."
    return f"{said} Its {EDGES[most]} edge has become {float(grown[most]):.1f} times as unsure, more than any other."


def _of_covered(seen: Sweep, edge: int, after: int) -> str:
    """Whether the edge under the paint knows that it cannot be seen."""
    before, now = (float(seen.spreads[i, edge]) for i in (0, after))
    off = abs(float(seen.errors[after, edge]))
    moved = f"The covered {EDGES[edge]} edge is {off:.1f} px from where it was, and its interval is {now:.1f} px long"
    grown = f" instead of {before:.1f} px" if now / max(before, 1) >= GROWN else f", as before ({before:.1f} px)"
    verdict = "the network is surer than it should be" if off > now / 2 else "which holds the place where it was"
    return f"{moved}{grown}{': ' if off > now / 2 else ', '}{verdict}."


def _table(seen: Sweep, after: int) -> str:
    head = "<tr><th>edge</th><th>80 % interval before</th><th>now</th><th>moved outward by</th></tr>"
    rows = []
    for k, edge in enumerate(EDGES):
        cells = [f"{float(seen.spreads[0, k]):.1f} px"]
        cells += [f"{float(seen.spreads[after, k]):.1f} px", style.signed(float(seen.errors[after, k]), " px")]
        rows.append(f"<tr><th>{edge}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return f"<table>{head}{''.join(rows)}</table>" if seen.found[[0, after]].all() else ""


def wire(parts: Parts, events: Events) -> None:
    events.draw(parts["way"].input, parts["amount"].release)
    events.draw(parts["sweep"].click, by=swept)


TAB = Tab("spoil", "Cover and spoil", build, draw, slow=True, controls=("way", "amount"), wire=wire)
