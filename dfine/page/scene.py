"""The picture that reacts: boxes drawn in the browser over a picture that is sent once, chosen by pointer or keyboard.

The picture is an `<img>`, the boxes are SVG over it (scene.js, page.css): choosing another object sends some numbers
and no picture, labels keep their size on every screen, and the browser alone knows what the pointer is on.
"""

from __future__ import annotations

import gradio as gr

from dfine.figures import style
from dfine.page import served
from dfine.page.session import Look, Sight, spoken

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
    return gr.HTML(html_template=TEMPLATE, js_on_load=served.text("scene.js"), apply_default_css=False, elem_id="scene")


def value(look: Look, sight: Sight, chosen: int | None) -> dict:
    """What the component shows: the picture, and of every detection in sight number, words, box and colours."""
    objects = [
        dict(
            number=number, label=f"{d['name']} {d['score']:.2f}", box=[round(v, 1) for v in d["box"]],
            colour=style.class_colour(d["label"]), ink=style.ink_on(style.class_colour(d["label"])),
        )
        for number, d in zip(sight.numbers, sight.found.to_list())
    ]  # fmt: skip
    return dict(
        picture=served.sent(look.file, lambda: served.jpeg(look.picture)), size=list(look.size), alt=spoken(sight),
        objects=objects, chosen=chosen,
    )  # fmt: skip
