"""Inputs that take what visitors send as it is; the only place where instances of Gradio's components are changed.

Gradio checks an upload or a number before any callback of ours runs, and answers with an error of its own: it opens a
picture that may be damaged and tells of its path on the server, and it refuses a number while it is being typed. A
class of our own would be the usual remedy, but Gradio writes a stub file beside every module that derives from one of
its components, which an installed package must not do. So `preprocess` is replaced on the instance.

A component that is updated by a callback is made anew from its class and loses the change: callbacks give these
components plain values, never `gr.update`, `gr.skip` or another component.
"""

from __future__ import annotations

from pathlib import Path

import gradio as gr


def as_path(image: gr.Image) -> gr.Image:
    """Hand on an upload by its path, unopened: reading it says in a sentence what is wrong with it."""
    image.preprocess = lambda upload: upload and upload.path
    return image


def within(number: gr.Number | gr.Slider, least: float, most: float, empty: float | None) -> gr.Number | gr.Slider:
    """Take what was typed as the nearest allowed value; nothing typed stands for `empty`."""
    number.preprocess = lambda given: empty if given is None else min(max(given, least), most)
    return number


def as_files(button: gr.UploadButton) -> gr.UploadButton:
    """Hand on uploads as pairs of path and name, unopened, in the order in which they were chosen."""

    def files(upload) -> list[tuple[str, str]]:
        several = [] if upload is None else getattr(upload, "root", [upload])
        return [(file.path, file.orig_name or Path(file.path).name) for file in several]

    button.preprocess = files
    return button
