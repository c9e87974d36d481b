"""The components of the page, in the order in which they stand on it."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

from dfine.page import cached_files, examples, guide, status
from dfine.page.answer import CEILING, FLOOR, Refusal
from dfine.page.inputs import as_files, as_path, within
from dfine.page.models import Models
from dfine.page.objects import objects
from dfine.page.scene import scene
from dfine.page.tabs import TABS
from dfine.page.thumbnails import Thumbnails, thumbnails

INTRO = """# D-FINE Lens
An object detector that you can look inside: click a box to see how each decoder layer reshaped its four edges, and how
sure of them it is."""
LEGEND = """Dashed: the initial box. Coloured: the box after each layer. Whiskers: where each edge lies with 80 %
probability, by its own distribution."""
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
THEME = gr.themes.Default(
    primary_hue="indigo", neutral_hue="zinc", font=FONTS, font_mono=["ui-monospace", "Consolas", "monospace"]
).set(body_text_color_subdued="*neutral_500", input_placeholder_color="*neutral_500")  # a contrast of 4.5 to white
CSS = cached_files.resource("page.css") + cached_files.resource("guide.css")
KEYS = cached_files.resource("keys.js")
EXPIRES = 7200  # seconds after which what a session keeps is forgotten


def layout(models: Models) -> SimpleNamespace:
    """All components, as attributes by name; those of the tabs in `parts`, by the tab's key and their own name."""
    v = SimpleNamespace(
        outcome=gr.State(Refusal(), time_to_live=EXPIRES),
        several=gr.State(Thumbnails(), time_to_live=EXPIRES),
        shown=gr.State(None),
        wish=gr.State(""),
        chosen=gr.State(None),
        tab=gr.State(TABS[0].key),
    )
    gr.Markdown(INTRO, elem_id="intro")
    guide.guide()
    with gr.Row(elem_id="above"):
        with gr.Column(scale=3, min_width=330):
            _input(v, models)
        with gr.Column(scale=5, min_width=320):
            v.scene = scene()
            v.status = gr.Markdown(elem_id="status")
        with gr.Column(scale=4, min_width=320):
            v.object = gr.Plot(show_label=False, elem_id="object")
            gr.Markdown(LEGEND, elem_id="legend")
    v.thumbnails = thumbnails()
    with gr.Row(elem_id="below"):
        with gr.Column(scale=3, min_width=330):
            _list(v)
        with gr.Column(scale=9, min_width=320):
            v.headline = gr.Markdown(elem_id="headline")
            v.words = gr.Markdown(elem_id="words")
            _tabs(v)
    with gr.Accordion("All models", open=False):
        v.zoo = gr.Dataframe(
            headers=list(status.COLUMNS),
            interactive=False,
            elem_id="zoo",
            show_label=False,
            buttons=[],
            max_height=620,
        )
    return v


def _input(v: SimpleNamespace, models: Models) -> None:
    """Where pictures come from, and which model looks at them."""
    v.source = as_path(
        gr.Image(
            label="Picture",
            type="filepath",
            height=180,
            sources=["upload", "webcam", "clipboard"],
            elem_id="source",
            buttons=[],
        )
    )
    v.examples = examples.strip()
    v.upload = as_files(
        gr.UploadButton(
            "Several pictures at once", file_count="multiple", file_types=["image"], elem_id="several", size="sm"
        )
    )
    v.model = gr.Dropdown(models.choices(), value=models.default, label="Model", elem_id="model")
    v.state = gr.Markdown(elem_id="state")
    v.timer = gr.Timer(3, active=False)


def _list(v: SimpleNamespace) -> None:
    """The objects in sight, and what narrows them."""
    slider = gr.Slider(FLOOR, CEILING, 0.5, step=0.05, label="Score threshold", elem_id="threshold")
    v.threshold = within(slider, FLOOR, CEILING, 0.5)
    v.table = objects()
    with gr.Row():
        v.classes = gr.Dropdown(
            [], value=[], multiselect=True, label="Only these classes", elem_id="classes", scale=3, min_width=180
        )
        number = gr.Number(
            None, label="At most", placeholder="all", precision=0, minimum=1, elem_id="top", scale=1, min_width=90
        )
    v.top = within(number, 1, float("inf"), None)


def _tabs(v: SimpleNamespace) -> None:
    """All tabs of the list, each with the components that it builds."""
    v.items, v.parts = {}, {}
    with gr.Tabs(elem_id="tabs") as v.tabs:
        for tab in TABS:
            with gr.Tab(tab.label, id=tab.key, render_children=True) as v.items[tab.key]:
                v.parts[tab.key] = tab.build()
