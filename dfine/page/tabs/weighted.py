"""W(n)·Pr(n): what every bin contributes to all four edges in every layer, in pixels."""

from __future__ import annotations

import gradio as gr

from dfine.figures import style
from dfine.figures.object import edges
from dfine.page.plots import with_alt
from dfine.page.tabs.base import Parts, Tab, Values
from dfine.page.view import View


def build() -> Parts:
    return dict(plot=gr.Plot(show_label=False, elem_id="weighted"), caption=gr.Markdown())


def draw(view: View | None) -> Values:
    if view is None:
        return dict(plot=None, caption="")
    history = view.history
    alt = f"Bar charts of W(n)·Pr(n) in pixels, four edges by {history.layers} layers, of {style.title(history)}."
    figure = with_alt(edges.distributions(history, weighted=True), alt)
    return dict(plot=figure, caption=edges.caption(history, weighted=True))


TAB = Tab("weighted", "W(n)·Pr(n)", build, draw)
