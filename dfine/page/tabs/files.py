"""What is in sight, as files: one object's explanation, detections, the picture with its boxes, the whole trace."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace

import gradio as gr

from dfine.page import cached_files, downloads
from dfine.page.decoding import decode
from dfine.page.tabs.base import Parts, Tab, Values
from dfine.page.view import View

HELP = """What you see, as files: the chosen object's explanation, which opens offline with its figures still
interactive; the same object as a card and as an animation of its layers, to send to somebody; what was found; the
picture with its boxes; and everything that the network made of it. Every file says which model, version and picture it
comes from. Writing them takes some seconds: a grey button has no file yet."""
LABELS = {  # the ending of a file's name: what its button says
    "object.html": "Explanation (HTML)",
    "card.png": "Card (PNG)",
    "layers.gif": "Layers (GIF)",
    "detections.json": "Detections (JSON)",
    "coco.json": "COCO (JSON)",
    "detections.png": "Picture (PNG)",
    "trace.npz": "Trace (.npz)",
}


def build() -> Parts:
    gr.Markdown(HELP)
    with gr.Row():
        return {
            ending: gr.DownloadButton(
                label, elem_id=ending.replace(".", "-"), size="md", min_width=170, interactive=False
            )
            for ending, label in LABELS.items()
        }


def draw(view: View | None) -> Values:
    files = {} if view is None else _files(view)
    return {ending: gr.DownloadButton(value=files.get(ending), interactive=ending in files) for ending in LABELS}


def _files(view: View) -> dict[str, str]:
    """The files, written now; the paths in the page's cache by ending. No explanation if no object is chosen."""
    answer = view.answer
    result = replace(answer.result, detections=view.found)
    original = decode(answer.path) if os.path.isfile(answer.path) else None
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for path in downloads.everything(
            folder, result, answer.where, view.threshold, index=view.place(view.chosen), picture=original
        ):
            ending = next((ending for ending in LABELS if path.name.endswith(ending)), "object.html")
            files[ending] = cached_files.copy(path)
    return files


TAB = Tab("files", "Save", build, draw, slow=True, emptied=True, of_object=False)
