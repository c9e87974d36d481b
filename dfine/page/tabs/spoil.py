"""Cover part of the object or spoil its picture, and see what becomes of its edges and of how sure they are.

The server looks; the browser draws the picture and takes the patch that is dragged over it (`spoiled.js`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from html import escape

import gradio as gr
import torch
from PIL import Image
from torch import Tensor

from dfine.boxes import iou_xyxy
from dfine.config import EDGES
from dfine.data.spoil import KINDS, cover, cover_patch, spoil
from dfine.figures import style
from dfine.figures.object.sweep import sweep_figure
from dfine.inference.sweep import SAME, Sweep
from dfine.page import cached_files, modules
from dfine.page.answer import FAILED
from dfine.page.tabs.base import Events, Parts, Tab, Values
from dfine.page.view import View

PATCH = "patch"  # the way of a patch that was dragged over the picture
WAYS = [
    *[(f"cover the {edge} side", edge) for edge in EDGES],
    ("cover a patch of your own", PATCH),
    *zip(("blur", "darken", "add noise", "compress as JPEG", "make smaller", "turn"), KINDS, strict=True),
]
BEGIN = 0.3  # where the dial stands at first
OUTWARD = torch.tensor([-1.0, -1.0, 1.0, 1.0])
GROWN = 1.2  # times as long: an interval that has become longer in earnest
STEPS = [0.0, 0.15, 0.3, 0.45, 0.6, 0.8, 1.0]  # of a sweep
HELP = """Drag a patch over the picture, or choose what to do and turn the dial. When you let go, the network looks once
more. Nobody tells it what you did, or where the object was. A detector that knows how sure it is should become unsure
of the edge that you cover, and of that edge only. It learns this from pictures in which patches hide edges
(`dfine train --cover`). `demo` usually doubts the covered edge the most, `photos` more often than not; under plain
paint `demo` is still surer than it should be."""


def build() -> Parts:
    gr.Markdown(HELP)
    patch = gr.State(None)  # the path of the picture, and the patch on it in pixels
    with gr.Row():
        way = gr.Dropdown(WAYS, value=EDGES[0], label="What to do", elem_id="way", min_width=220, filterable=False)
        amount = gr.Slider(0, 1, BEGIN, step=0.05, label="How much", elem_id="amount", min_width=220)
        button = gr.Button("Sweep the whole dial", elem_id="sweep", min_width=160)
    with gr.Row():
        with gr.Column(scale=4, min_width=300):
            picture = modules.part("spoiled", "patch")
        with gr.Column(scale=5, min_width=300):
            table = gr.HTML(elem_id="spoiled-edges")
            plot = gr.Plot(show_label=False, elem_id="sweep-plot")
    return dict(patch=patch, way=way, amount=amount, sweep=button, picture=picture, table=table, plot=plot)


def draw(view: View | None) -> Values:
    """The picture as it is spoiled now, and the edges before and after."""
    return _drawn(view, [_amount(view)], sweep=False)


def swept(view: View | None) -> Values:
    """The same, with plots over the whole dial."""
    return _drawn(view, sorted({*STEPS, _amount(view)}), sweep=True)


def turned_to(view: View | None) -> Values:
    """Another way was chosen. The dial, which a patch has turned up, goes back to where it began."""
    if view is None or view.controls["way"] == PATCH or not view.controls["patch"]:
        return draw(view)
    return dict(patch=None, amount=BEGIN) | draw(_with(view, patch=None, amount=BEGIN))


def patched(view: View, said: dict) -> Values:
    """The visitor has dragged a patch over the picture, or followed a link or their own steps back to `settings`.

    Args:
        view: what is shown.
        said: `box` in pixels of the picture, or `settings` with `way`, `amount` and `patch`. It may come from anybody.
    """
    again = said.get("settings")
    if isinstance(again, dict):
        chosen = _checked(view, again)
    elif (box := _within(view, said.get("box"))) is not None:
        chosen = dict(patch=(view.answer.path, box), way=PATCH, amount=1.0)
    else:
        return {}
    return chosen | draw(_with(view, **chosen) if view.chosen is not None else None)


def _checked(view: View, said: dict) -> Values:
    """The controls that somebody's settings ask for; what makes no sense is as it is at first."""
    way, amount, box = said.get("way"), said.get("amount"), _within(view, said.get("patch"))
    return dict(
        way=way if way in dict(WAYS).values() else EDGES[0],
        amount=min(max(float(amount), 0.0), 1.0) if isinstance(amount, (int, float)) and abs(amount) < 9 else BEGIN,
        patch=None if box is None else (view.answer.path, box),
    )


def _settings(view: View) -> dict | None:
    """How the picture is spoiled, as the browser and a link know it; None where it is as at first."""
    path, box = view.controls["patch"] or ("", None)
    now = dict(way=view.controls["way"], amount=_amount(view), patch=box if path == view.answer.path else None)
    return None if now == dict(way=EDGES[0], amount=BEGIN, patch=None) else now


def _with(view: View, **controls: object) -> View:
    """The view with some of the tab's controls set otherwise."""
    return replace(view, controls={**view.controls, **controls})


def _within(view: View, box: object) -> list[float] | None:
    """A rectangle inside the picture, its corners in order; None for what is none."""
    if not (isinstance(box, (list, tuple)) and len(box) == 4 and all(isinstance(v, (int, float)) for v in box)):
        return None
    if not all(abs(v) < 1e6 for v in box):  # not of NaN either
        return None
    inside = [min(max(float(v), 0.0), float(view.answer.size[k % 2])) for k, v in enumerate(box)]
    x, y = sorted(inside[::2]), sorted(inside[1::2])
    return [x[0], y[0], x[1], y[1]] if x[0] < x[1] and y[0] < y[1] else None


def _drawn(view: View | None, amounts: list[float], sweep: bool) -> Values:
    if view is None:
        return dict(picture=None, table="", plot=None)
    spoiled, amount = _spoiled(view), _amount(view)
    try:
        seen = view.runner.sweep(view.answer, view.chosen, spoiled, amounts)
        seen = seen if sweep else _after(view, seen)
    except (ValueError, OSError, RuntimeError) as error:
        return dict(picture=None, table=f"<p>{FAILED}: {escape(str(error))}</p>", plot=None)
    after, truth = amounts.index(amount) if sweep else 1, _truth(view)
    figure = sweep_figure(seen.amounts, seen.spreads, seen.errors, seen.scores, "amount") if sweep else None
    return dict(
        picture=_shown(view, spoiled(amount), seen, after, truth),
        table=f"<p>{escape(_told(view, seen, after))}</p>{_table(view, seen, after, truth)}",
        plot=figure,
    )


def _after(view: View, seen: Sweep) -> Sweep:
    """The same behind what the network said of the unspoiled picture, which need not be asked again."""
    reach, score = view.history.intervals()[-1:], view.history.scores[-1:]
    before = Sweep(torch.zeros(1), score, reach.diff(dim=-1)[..., 0], torch.zeros(1, 4), reach)
    return Sweep(*(torch.cat([getattr(one, field.name) for one in (before, seen)]) for field in fields(Sweep)))


def _amount(view: View | None) -> float:
    value = view.controls["amount"] if view else 0
    return min(max(float(value or 0), 0.0), 1.0)


def _spoiled(view: View) -> Callable[[float], Image.Image]:
    """The picture as it is shown, spoiled as the visitor wishes, by the amount."""
    way, picture = view.controls["way"], view.answer.picture
    scale = picture.width / view.answer.size[0]
    if way == PATCH:
        path, box = view.controls["patch"] or ("", None)
        patch = [v * scale for v in box] if path == view.answer.path else [0, 0, 0, 0]
        return partial(cover_patch, picture, patch)
    if way not in EDGES:
        return partial(spoil, picture, way if way in KINDS else "blur")
    box = (view.answer.result.detections.boxes[view.chosen] * scale).tolist()
    return partial(cover, picture, box, way)


def _truth(view: View) -> Tensor | None:
    """Where the chosen object truly is [4], in pixels, as far as that is known."""
    found = view.answer.result.detections
    boxes = torch.tensor([box for name, box in view.answer.truth if name == found.class_names[view.chosen]])
    if not len(boxes):
        return None
    overlap = iou_xyxy(boxes, found.boxes[view.chosen].float().expand(len(boxes), 4))
    return boxes[overlap.argmax()] if overlap.max() >= SAME else None


def _shown(view: View, picture: Image.Image, seen: Sweep, after: int, truth: Tensor | None) -> dict:
    """What the browser draws: the spoiled picture, the box before and now, its edges' intervals, and the truth."""
    before = view.answer.result.detections.boxes[view.chosen].float()
    found = bool(seen.found[after])
    now = before + seen.errors[after] * OUTWARD
    return dict(
        picture=cached_files.inline(picture),
        before=before.tolist(),
        now=now.tolist() if found else None,
        reach=seen.intervals[after].tolist() if found else None,
        truth=None if truth is None else truth.tolist(),
        alt=_told(view, seen, after),
        settings=_settings(view),
    )


def _told(view: View, seen: Sweep, after: int) -> str:
    """What happened since the first picture, which is not spoiled, in a few sentences."""
    name = view.answer.result.detections.class_names[view.chosen]
    if not seen.found[[0, after]].all():
        return f"The {name} is not found{' any more' if seen.found[0] else ' in the picture as it is shown'}."
    score = float(seen.scores[after])
    said = f"The {name} is still found, with a score of {score:.2f}."
    if score < view.threshold:
        said = f"The {name} would not be reported any more: its score is {score:.2f}, below the threshold."
    if view.controls["way"] == PATCH and (view.controls["patch"] or ("",))[0] != view.answer.path:
        return f"{said} Drag a patch over the picture to cover a part of it."
    if view.controls["way"] in EDGES and float(seen.amounts[after]):
        edge = EDGES.index(view.controls["way"])
        place = float(view.answer.result.detections.boxes[view.chosen, edge])
        return f"{said} {_of_covered(seen, edge, after, place)}"
    grown = seen.spreads[after] / seen.spreads[0].clamp(min=1)
    most = int(grown.argmax())
    if float(grown[most]) < GROWN:
        return f"{said} No edge has become much less sure."
    return f"{said} Its {EDGES[most]} edge has become {float(grown[most]):.1f} times as unsure, more than any other."


def _of_covered(seen: Sweep, edge: int, after: int, place: float) -> str:
    """Whether the edge under the paint, which was at `place` before, knows that it cannot be seen."""
    before, now = (float(seen.spreads[i, edge]) for i in (0, after))
    low, high = seen.intervals[after, edge].tolist()
    off = abs(float(seen.errors[after, edge]))
    moved = f"The covered {EDGES[edge]} edge is {off:.1f} px from where it was. Its 80 % interval is {now:.1f} px long"
    grown = f" instead of {before:.1f} px" if now / max(before, 1) >= GROWN else f", about as before ({before:.1f} px)"
    if low <= place <= high:
        return f"{moved}{grown}, which holds that place."
    return f"{moved}{grown}, but misses that place: it is surer than it should be."


def _table(view: View, seen: Sweep, after: int, truth: Tensor | None) -> str:
    """The four edges before and now; where it is known, also how far each lies from the truth."""
    if not seen.found[[0, after]].all():
        return ""
    both, columns = [0, after], {}
    columns["80 % interval before"], columns["now"] = _pixels(seen.spreads[both])
    columns["moved outward by"] = [style.signed(moved, " px") for moved in seen.errors[after].tolist()]
    if truth is not None:
        off = (view.answer.result.detections.boxes[view.chosen].float() - truth) * OUTWARD
        columns["off the truth before"], columns["off the truth now"] = _pixels((off + seen.errors[both]).abs())
    head = "".join(f"<th scope='col'>{escape(title)}</th>" for title in ["edge", *columns])
    rows = "".join(
        f"<tr><th scope='row'>{edge}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
        for edge, *cells in zip(EDGES, *columns.values())
    )
    table = f"<table class='numbers'><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<div class='scroll' tabindex='0' role='group' aria-label='Edges before and after'>{table}</div>"


def _pixels(lengths: Tensor) -> list[list[str]]:
    return [[f"{length:.1f} px" for length in row] for row in lengths.tolist()]


def wire(parts: Parts, events: Events) -> None:
    events.draw(parts["way"].input, by=turned_to)
    events.draw(parts["amount"].release)
    events.hear(parts["picture"].patch, patched)
    events.draw(parts["sweep"].click, by=swept)


TAB = Tab("spoil", "Cover and spoil", build, draw, slow=True, controls=("way", "amount", "patch"), wire=wire)
