"""The objects as a table in which the arrow keys walk and Enter chooses; one stop in the page's tab order.

Gradio's own table chooses whatever the focus passes on its way elsewhere, and does not show what is chosen.
"""

from __future__ import annotations

import gradio as gr

from dfine.figures import style
from dfine.page import served
from dfine.page.session import Sight

TEMPLATE = """<div class="around"><table role="grid" aria-label="Objects: arrow keys walk, Enter chooses"><thead><tr>
<th scope="col"><button type="button" data-key="number">#</button></th>
<th scope="col"><button type="button" data-key="name">class</button></th>
<th scope="col"><button type="button" data-key="score">score</button></th>
<th scope="col">corners in px</th></tr></thead><tbody></tbody></table></div>
<p class="nothing">No object in sight.</p>"""


def objects() -> gr.HTML:
    """The component. Its event `select` carries `number` (of a detection); its value is what `value` returns."""
    return gr.HTML(
        html_template=TEMPLATE, js_on_load=served.text("objects.js"), apply_default_css=False, elem_id="objects"
    )


def value(sight: Sight | None, chosen: int | None = None) -> dict:
    """What the component shows: best first; the number stays with an object, whatever is filtered."""
    if sight is None:
        return dict(rows=[], chosen=None)
    rows = [
        dict(
            number=number, name=d["name"], score=round(d["score"], 4), box=[round(v) for v in d["box"]],
            colour=style.class_colour(d["label"]),
        )
        for number, d in zip(sight.numbers, sight.found.to_list())
    ]  # fmt: skip
    return dict(rows=rows, chosen=chosen)
