"""The table of objects: arrow keys walk through it and Enter chooses; it is one stop in the page's tab order.

Gradio's own table chooses whatever the focus passes on its way elsewhere, and does not show what is chosen.
"""

from __future__ import annotations

import gradio as gr

from dfine.figures import style
from dfine.page import cached_files
from dfine.page.view import View

TEMPLATE = """<div class="around"><table role="grid" aria-label="Objects: arrow keys walk, Enter chooses"><thead><tr>
<th scope="col"><button type="button" data-key="number">#</button></th>
<th scope="col"><button type="button" data-key="name">class</button></th>
<th scope="col"><button type="button" data-key="score">score</button></th>
<th scope="col">corners in px</th></tr></thead><tbody></tbody></table></div>
<p class="nothing">No object in sight.</p>"""


def objects() -> gr.HTML:
    """The component. Its event `select` carries `number` (of a detection); its value is what `value` returns."""
    return gr.HTML(
        html_template=TEMPLATE,
        js_on_load=cached_files.resource("objects.js"),
        apply_default_css=False,
        elem_id="objects",
    )


def value(view: View | None) -> dict:
    """What the component shows: best first; an object keeps its number, whatever is filtered."""
    if view is None:
        return dict(rows=[], chosen=None)
    return dict(rows=[_row(number, d) for number, d in zip(view.numbers, view.found.to_list())], chosen=view.chosen)


def _row(number: int, detection: dict) -> dict:
    return dict(
        number=number,
        name=detection["name"],
        score=round(detection["score"], 4),
        box=[round(v) for v in detection["box"]],
        colour=style.class_colour(detection["label"]),
    )
