"""The components of the page, in the order in which they stand on it."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr

from dfine.figures.pages import document
from dfine.page import cached_files, examples, guide, status
from dfine.page.answer import Refusal, Wanted
from dfine.page.inputs import as_files, as_path
from dfine.page.models import Models
from dfine.page.modules import part
from dfine.page.tabs import TABS
from dfine.page.thumbnails import Thumbnails, thumbnails

INTRO = """# D-FINE Lens
Most object detectors only draw boxes. This one also says how sure it is of each edge. Click a box to look inside."""
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
THEME = gr.themes.Default(
    primary_hue="indigo", neutral_hue="zinc", font=FONTS, font_mono=["ui-monospace", "Consolas", "monospace"]
).set(
    body_text_color_subdued="*neutral_500",  # a contrast of 4.5 to white
    input_placeholder_color="*neutral_500",
    input_border_color_focus="*primary_500",  # as plain as the focus of everything else
    input_border_color_focus_dark="*primary_400",
)
STYLES = (  # of dfine/page/styles, in the order in which they follow each other; the last changes all others
    *(
        "page",
        "guide",
        "picture",
        "table",
        "thumbnails",
        "filters",
        "closeup",
        "tabs",
        "bars",
        "edge",
        "layers",
        "lab",
        "present",
        "spoiled",
        "compare",
        "sketch",
        "video",
    ),
    "screens",
)
CSS = "\n".join(cached_files.resource(f"styles/{name}.css") for name in STYLES)
KEYS = cached_files.resource("keys.js").replace("'PLOTS';", document.PLOTS)
EMPTY = '<p class="nothing">Your picture and what is found in it appear here.</p>'
EXPIRES = 7200  # seconds after which what a session keeps is forgotten


def layout(models: Models) -> SimpleNamespace:
    """All components, as attributes by name; those of the tabs in `parts`, by the tab's key and their own name.

    Most of them are drawn by the browser's modules. Three carry what passes between these and the server: `answer` is
    told of a new picture, `rest` of what was too much for one message, and `setting` says what is chosen and open, and
    asks for what only the server can draw.
    """
    v = SimpleNamespace(
        outcome=gr.State(Refusal(), time_to_live=EXPIRES),
        several=gr.State(Thumbnails(), time_to_live=EXPIRES),
        wanted=gr.State(Wanted()),
        shown=gr.State(None),
        began=gr.State(None),
        wish=gr.State(""),
    )
    gr.Markdown(INTRO, elem_id="intro")
    guide.guide()
    with gr.Row(elem_id="above"):
        with gr.Column(scale=3, min_width=330, elem_id="sources"):
            _input(v, models)
        with gr.Column(scale=5, min_width=320, elem_id="seen"):
            v.scene = part("scene", template=EMPTY)
            v.status = part("status", template='<p role="status" aria-live="polite"></p>')
        with gr.Column(scale=4, min_width=320, elem_id="closely"):
            part("object")
    v.thumbnails = thumbnails()
    with gr.Row(elem_id="below"):
        with gr.Column(scale=3, min_width=330, elem_id="listed"):
            part("filters")
            part("objects")
        with gr.Column(scale=9, min_width=320, elem_id="views"):
            part("headline")
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
    v.answer = part("answer")
    v.rest = part("rest")
    v.setting = part("setting", "need", "ask", "link", "rest", value={})
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


def _tabs(v: SimpleNamespace) -> None:
    """The row of tabs, and a panel for each with the components that it builds; the browser shows one of them."""
    part("tabs", value=[[tab.key, tab.label, tab.draw is not None, tab.ask is not None] for tab in TABS])
    v.parts = {}
    for tab in TABS:
        with gr.Column(elem_id=f"panel-{tab.key}", elem_classes="panel"):
            v.parts[tab.key] = tab.build()
