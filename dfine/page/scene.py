"""The picture with its boxes, which the browser draws over it and which pointer or keyboard can choose.

The picture is an `<img>` that is sent once, and the boxes are SVG over it (scene.js, page.css). So choosing another
object sends a few numbers and no picture, labels keep their size on every screen, and only the browser needs to know
where the pointer is.
"""

from __future__ import annotations

import gradio as gr

from dfine.figures import style
from dfine.page import cached_files
from dfine.page.view import View, spoken

EMPTY = "Your picture and what is found in it appear here."
TEMPLATE = f"""<div class="stage" hidden>
<img alt="" draggable="false">
<svg tabindex="0" role="listbox"><g class="frames" aria-hidden="true"></g><g class="labels" aria-hidden="true"></g>
<g class="options" role="presentation"></g></svg>
<div class="tip" aria-hidden="true" hidden></div>
</div>
<p class="nothing">{EMPTY}</p>"""


def scene() -> gr.HTML:
    """The component. Its event `select` carries `number` (of a detection) or `point` (x, y in pixels), the other null.

    Its value is what `value` returns, or None for no picture.
    """
    return gr.HTML(
        html_template=TEMPLATE,
        js_on_load=cached_files.resource("scene.js"),
        apply_default_css=False,
        elem_id="scene",
    )


def value(view: View | None) -> dict | None:
    """What the component shows: the picture, and of every detection in sight number, words, box and colours."""
    if view is None:
        return None
    answer = view.answer
    return dict(
        picture=cached_files.described(answer.file, lambda: cached_files.jpeg(answer.picture)),
        size=list(answer.size),
        alt=spoken(view),
        objects=[_object(number, d) for number, d in zip(view.numbers, view.found.to_list())],
        chosen=view.chosen,
    )


def _object(number: int, detection: dict) -> dict:
    colour = style.class_colour(detection["label"])
    return dict(
        number=number,
        label=f"{detection['name']} {detection['score']:.2f}",
        box=[round(v, 1) for v in detection["box"]],
        colour=colour,
        ink=style.ink_on(colour),
    )
