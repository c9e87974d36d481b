"""The paper's Figure 4, of objects that the visitor chooses."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import gradio as gr
from PIL import Image

from dfine.page import cached_files, downloads
from dfine.page.tabs.base import Events, Parts, Tab, Values
from dfine.page.view import View
from dfine.trace.stages import INITIAL

EARLY = [("layer 1 (the paper's “initial”)", "0"), ("the box before it, b0", INITIAL)]
FORMS = ("png", "svg")


def build() -> Parts:
    with gr.Row():
        objects = gr.Dropdown(
            [], value=[], multiselect=True, max_choices=3, label="Objects", elem_id="subjects", min_width=300
        )
        early = gr.Radio(EARLY, value=EARLY[0][1], label="In red", elem_id="early", min_width=300)
    figure = gr.Image(
        show_label=False,
        interactive=False,
        elem_id="paper",
        buttons=["fullscreen"],
        height=820,
        alt_text="Figure 4 of the paper, for these objects",
    )
    with gr.Row():
        buttons = {form: gr.DownloadButton(form.upper(), elem_id=f"paper-{form}", interactive=False) for form in FORMS}
    return dict(objects=objects, early=early, figure=figure) | buttons


def draw(view: View | None) -> Values:
    """The figure of the chosen object, and the list to add others from."""
    if view is None:
        return dict(objects=gr.Dropdown([], value=[])) | _figure(None, [], EARLY[0][1])
    found = view.answer.result.detections.to_list()
    choices = [(f"{i + 1}  {d['name']} {d['score']:.2f}", i) for i, d in enumerate(found)]
    listed = dict(objects=gr.Dropdown(choices, value=[view.chosen]), early=EARLY[0][1])
    return listed | _figure(view, [view.chosen], EARLY[0][1])


def drawn_again(view: View | None) -> Values:
    """The figure of the objects that the visitor named."""
    return _figure(view, view.controls["objects"], view.controls["early"]) if view else {}


def _figure(view: View | None, numbers: list[int], early: str) -> Values:
    """The figure, and the two files that it can be saved as."""
    if view is None or not numbers:
        return dict(figure=None) | {form: _button(None) for form in FORMS}
    from dfine.figures.object.paper import encoded, figure4  # matplotlib takes a second to import

    histories = [view.answer.history(i) for i in numbers]
    drawn = figure4(view.answer.picture, histories, early=early if early == INITIAL else int(early))
    contents, files = {form: encoded(drawn, form) for form in FORMS}, {}
    with tempfile.TemporaryDirectory() as folder:
        for form, content in contents.items():
            path = Path(folder) / downloads.file_name(view.answer.where, f"figure4.{form}")
            path.write_bytes(content)
            files[form] = _button(cached_files.copy(path))
    return dict(figure=Image.open(io.BytesIO(contents["png"])).convert("RGB")) | files


def _button(path: str | None) -> gr.DownloadButton:
    """A button that hands out the file; without one it cannot be pressed."""
    return gr.DownloadButton(value=path, interactive=path is not None)


def wire(parts: Parts, events: Events) -> None:
    events.draw(parts["objects"].input, parts["early"].input, by=drawn_again)


TAB = Tab("paper", "Figure 4", build, draw, slow=True, controls=("objects", "early"), wire=wire)
