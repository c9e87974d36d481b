"""A pen in the browser: what is drawn becomes the page's picture, stroke by stroke."""

from __future__ import annotations

import re

import gradio as gr

from dfine.data.scenes import NAMES
from dfine.page import modules
from dfine.page.tabs.base import Parts, Tab

FILE = re.compile(r"sketch-\w+\.jpg", re.ASCII)  # what `sketch.js` calls the file of a sheet
HELP = """Draw with mouse, pen or finger. After every stroke the network looks at the sketch. It becomes the page's
picture, so every tab shows what the network made of it."""


def build() -> Parts:
    gr.Markdown(HELP)
    return dict(drawn=modules.part("sketch", "picture", value=list(NAMES)))


TAB = Tab("sketch", "Sketch", build, of_object=False, brings="drawn")
