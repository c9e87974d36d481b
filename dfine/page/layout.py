"""The components, in the order in which they stand on the page, and how they look."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import gradio as gr

from dfine.config import EDGES
from dfine.page import served, views
from dfine.page.album import Album, album
from dfine.page.models import Models
from dfine.page.objects import objects
from dfine.page.scene import scene
from dfine.page.session import CEILING, FLOOR, MOST
from dfine.weights.cache import assets

EXAMPLES = sorted(str(p) for p in (assets() / "examples").glob("*.jpg"))
ZOO = ["name", "AP", "measured on", "parameters (M)", "GFLOPs", "licence", "state"]
TABS = {  # key: label, in order
    "shape": "Pr(n)", "weighted": "W(n)·Pr(n)", "edge": "One edge", "layers": "Layers",
    "gaze": "Where it looked", "why": "Why not here?", "paper": "Paper view", "away": "Take away",
}  # fmt: skip
SLOW = ("gaze", "paper", "away")  # these take longer than a click should, and come after the rest
INTRO = """# D-FINE Lens
An object detector that you can look inside: click a box to see how each decoder layer reshaped its four edges, and how
sure of them it is."""
LEGEND = """Dashed: the initial box. Coloured: the box after each layer. Whiskers: where each edge lies with 80 %
probability, by its own distribution."""
ELSEWHERE = """Click a place in the picture where nothing was found, here or above, or give its coordinates in pixels of
the picture. Below: the queries that came closest to answering there, and what kept each of them from it."""
FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif"]
THEME = gr.themes.Default(
    primary_hue="indigo", neutral_hue="zinc", font=FONTS, font_mono=["ui-monospace", "Consolas", "monospace"]
)
EXPIRES = 7200  # seconds after which what a session keeps is forgotten
CSS = served.text("page.css")
KEYS = served.text("keys.js")
TO_THE_TABS = """() => {
  const tabs = document.querySelector('#tabs');
  if (tabs && tabs.getBoundingClientRect().top > window.innerHeight - 120)
    tabs.scrollIntoView({behavior: 'smooth', block: 'start'});
}"""


def layout(models: Models) -> SimpleNamespace:
    """All components by name, as attributes; keys of what `views` returns are among the names."""
    v = SimpleNamespace(
        look=gr.State("", time_to_live=EXPIRES), shots=gr.State(Album(), time_to_live=EXPIRES), shown=gr.State(None),
        chosen=gr.State(None), point=gr.State(None), tab=gr.State("shape"),
    )  # fmt: skip
    gr.Markdown(INTRO, elem_id="intro")
    with gr.Row(elem_id="above"):
        with gr.Column(scale=3, min_width=330):
            _input(v, models)
        with gr.Column(scale=5, min_width=320):
            v.scene = scene()
            v.status = gr.Markdown(elem_id="status")
        with gr.Column(scale=4, min_width=320):
            v.object = gr.Plot(show_label=False, elem_id="object")
            gr.Markdown(LEGEND, elem_id="legend")
    v.album = album()
    with gr.Row(elem_id="below"):
        with gr.Column(scale=3, min_width=330):
            _list(v)
        with gr.Column(scale=9, min_width=320):
            v.headline = gr.Markdown(elem_id="headline")
            v.words = gr.Markdown(elem_id="words")
            with gr.Tabs(elem_id="tabs") as v.tabs:
                v.opened = {}
                for key, label in TABS.items():
                    with gr.Tab(label, id=key, render_children=True) as v.opened[key]:
                        globals()[f"_{key}"](v)
    with gr.Accordion("All models", open=False):
        v.zoo = gr.Dataframe(
            headers=ZOO, interactive=False, elem_id="zoo", show_label=False, buttons=[], max_height=620
        )
    return v


def _input(v: SimpleNamespace, models: Models) -> None:
    v.source = gr.Image(
        value=EXAMPLES[0] if EXAMPLES else None, label="Picture", type="filepath", height=180,
        sources=["upload", "webcam", "clipboard"], elem_id="source", buttons=[],
    )  # fmt: skip
    as_path(v.source)
    v.examples = gr.Dataset(
        components=[v.source], samples=[[path] for path in EXAMPLES], visible=bool(EXAMPLES),
        label="Examples, drawn by this project", elem_id="examples",
    )  # fmt: skip
    v.several = gr.UploadButton(
        "Several pictures at once", file_count="multiple", file_types=["image"], elem_id="several", size="sm"
    )
    v.several.preprocess = _as_files
    v.model = gr.Dropdown(models.choices(), value=models.default, label="Model", elem_id="model")
    v.state = gr.Markdown(elem_id="state")
    v.timer = gr.Timer(3, active=False)


def as_path(image: gr.Image) -> None:
    """Hand on an upload as it came: Gradio would open it before we can say what is wrong with it, and tell its path.

    On the component, not in a class of its own: Gradio writes a file beside any module that derives from it.
    """
    image.preprocess = lambda upload: upload and upload.path


def within(number: gr.Number | gr.Slider, least: float, most: float, empty: float) -> None:
    """Take what was typed as the nearest value there is; Gradio would answer each key of a 0.7 with an error."""
    number.preprocess = lambda given: empty if given is None else min(max(given, least), most)


def _as_files(upload) -> list[tuple[str, str]]:
    """Uploads as they came, (path, name) each; what is no picture is told by the album, beside those that are."""
    files = [] if upload is None else getattr(upload, "root", [upload])
    return [(file.path, file.orig_name or Path(file.path).name) for file in files]


def _list(v: SimpleNamespace) -> None:
    v.threshold = gr.Slider(FLOOR, CEILING, 0.5, step=0.05, label="Score threshold", elem_id="threshold")
    within(v.threshold, FLOOR, CEILING, 0.5)
    v.table = objects()
    with gr.Row():
        v.classes = gr.Dropdown(
            [], value=[], multiselect=True, label="Only these classes", elem_id="classes", scale=3, min_width=180
        )
        v.top = gr.Number(
            MOST, label="At most", precision=0, minimum=1, maximum=MOST, elem_id="top", scale=1, min_width=90
        )
    within(v.top, 1, MOST, MOST)


def _shape(v: SimpleNamespace) -> None:
    v.unweighted, v.about = gr.Plot(show_label=False, elem_id="unweighted"), gr.Markdown()


def _weighted(v: SimpleNamespace) -> None:
    v.weighted, v.about_weighted = gr.Plot(show_label=False, elem_id="weighted"), gr.Markdown()


def _layers(v: SimpleNamespace) -> None:
    v.rungs, v.numbers = gr.Plot(show_label=False, elem_id="rungs"), gr.HTML(elem_id="numbers")


def _edge(v: SimpleNamespace) -> None:
    with gr.Row():
        v.which = gr.Radio(list(EDGES), value=EDGES[0], label="Edge", elem_id="which", min_width=300)
        v.layer = gr.Radio([], label="The sum of layer", elem_id="layer", min_width=200)
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            v.edge_plot = gr.Plot(show_label=False, elem_id="edge-plot")
        with gr.Column(scale=4, min_width=400):
            v.sum = gr.HTML(elem_id="sum")


def _gaze(v: SimpleNamespace) -> None:
    v.gaze, v.about_gaze = gr.Plot(show_label=False, elem_id="gaze"), gr.Markdown(elem_id="about-gaze")


def _why(v: SimpleNamespace) -> None:
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            v.probe = gr.Image(
                show_label=False, interactive=False, format="jpeg", elem_id="probe", buttons=[], height=460
            )
        with gr.Column(scale=3, min_width=240):
            gr.Markdown(ELSEWHERE)
            with gr.Row():
                v.x = gr.Number(0, label="x in px", precision=0, min_width=80, elem_id="x")
                v.y = gr.Number(0, label="y in px", precision=0, min_width=80, elem_id="y")
            v.ask = gr.Button("Ask", elem_id="ask")
    v.why = gr.HTML(elem_id="why")


def _paper(v: SimpleNamespace) -> None:
    with gr.Row():
        v.subjects = gr.Dropdown(
            [], value=[], multiselect=True, max_choices=3, label="Objects", elem_id="subjects", min_width=300
        )
        v.early = gr.Radio(
            [("layer 1 (the paper's “initial”)", "0"), ("the box before it, b0", "initial")], value="0",
            label="In red", elem_id="early", min_width=300,
        )  # fmt: skip
    v.paper = gr.Image(
        show_label=False, interactive=False, elem_id="paper", buttons=["fullscreen"], height=820,
        alt_text="Figure 4 of the paper, for these objects",
    )  # fmt: skip
    with gr.Row():
        v.paper_png = gr.DownloadButton("PNG", elem_id="paper-png", interactive=False)
        v.paper_svg = gr.DownloadButton("SVG", elem_id="paper-svg", interactive=False)


def _away(v: SimpleNamespace) -> None:
    gr.Markdown(
        "What you see, as files: the chosen object's explanation, which opens offline with its figures still "
        "interactive; what was found; the picture with its boxes; and all that the network made of it. Every file says "
        "which model, version and picture it comes from."
    )
    labels = (
        "Explanation (HTML)", "Detections (JSON)", "COCO (JSON)", "Picture (PNG)", "Trace (.npz)",
    )  # fmt: skip
    with gr.Row():
        v.files = {
            ending: gr.DownloadButton(
                label, elem_id=ending.replace(".", "-"), size="md", min_width=170, interactive=False
            )
            for ending, label in zip(views.ENDINGS, labels)
        }
