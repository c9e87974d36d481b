"""What every layer did to the object, drawn and in numbers."""

from __future__ import annotations

import gradio as gr

from dfine.figures import html as tables
from dfine.figures import style
from dfine.figures.object import layers_table
from dfine.page.plots import with_alt
from dfine.page.tabs.base import Parts, Tab, Values
from dfine.page.view import View


def build() -> Parts:
    return dict(plot=gr.Plot(show_label=False, elem_id="rungs"), numbers=gr.HTML(elem_id="numbers"))


def draw(view: View | None) -> Values:
    if view is None:
        return dict(plot=None, numbers="")
    history = view.history
    alt = f"Edges, IoU and score of {style.title(history)} after every layer; the table below has the numbers."
    return dict(plot=with_alt(layers_table.plot(history), alt), numbers=tables.layers_html(history))


TAB = Tab("layers", "Layers", build, draw)
