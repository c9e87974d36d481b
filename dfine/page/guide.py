"""What helps a newcomer: a tour in five steps, the words of the page, links; on a phone, a way down to the pictures."""

from __future__ import annotations

import json
from html import escape

import gradio as gr

from dfine.figures.glossary import GLOSSARY
from dfine.figures.pages.document import words
from dfine.page import cached_files

LINKS = {"Paper": "https://arxiv.org/abs/2410.13842", "Published code": "https://github.com/Peterande/D-FINE"}
STEPS = (  # a selector of the part that a step speaks of, its title and its text
    (
        "#scene",
        "What was found",
        "Click a box, or go from box to box with the arrow keys. Click anywhere else to ask: why not here?",
    ),
    (
        "#object",
        "How its box came about",
        "The dashed box is where it began. Press play: each layer moves it a little. The whiskers show where each edge "
        "may lie; a long one belongs to an edge of which the network is unsure.",
    ),
    (
        "#headline",
        "How sure it is",
        "Every edge has a distribution of its own. So the network can be sure of three edges and unsure of the fourth. "
        "Most detectors cannot say that.",
    ),
    (
        "#tabs",
        "Down to the last number",
        "The tabs show the distributions, the sum that places an edge to the pixel, and the layers in numbers. There "
        "are labs, too: cover a part of the picture, compare two models, draw, or upload a video. The last tab saves "
        "it all.",
    ),
    ("#source", "Your own picture", "Drop one anywhere on the page, paste it, or begin with an example."),
)


def guide() -> gr.HTML:
    """The component. It stays as it is, whatever picture is shown."""
    return gr.HTML(
        TEMPLATE,
        js_on_load=cached_files.resource("guide.js").replace("'STEPS'", json.dumps(STEPS)),
        apply_default_css=False,
        elem_id="guide",
    )


TEMPLATE = f"""<nav aria-label="Help">
<button type="button" class="skip">Skip to the picture</button>
<button type="button" class="sources">Choose a picture</button>
<button type="button" class="begin">Tour in {len(STEPS)} steps</button>
<button type="button" popovertarget="glossary">Words</button>
{" ".join(f'<a href="{url}" target="_blank" rel="noreferrer">{escape(name)}</a>' for name, url in LINKS.items())}
</nav>
<div id="glossary" popover role="dialog" aria-label="What the words mean">
<button type="button" class="close" popovertarget="glossary" popovertargetaction="hide" aria-label="Close">×</button>
{words(GLOSSARY.items())}</div>
<div id="tour" popover="manual" role="dialog" aria-labelledby="tour-title" aria-describedby="tour-text">
<div aria-live="polite" aria-atomic="true"><h2 id="tour-title"></h2><p id="tour-text"></p></div>
<div class="walk"><span></span><button type="button" class="back">Back</button>
<button type="button" class="next">Next</button><button type="button" class="close">Close</button></div></div>"""
