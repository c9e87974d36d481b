"""Pr(n): the distributions of all four edges in every layer."""

from __future__ import annotations

import gradio as gr

from dfine.figures import style
from dfine.figures.object import edges
from dfine.page.plots import with_alt
from dfine.page.tabs.base import Parts, Tab, Values
from dfine.page.view import View


def build() -> Parts:
    return dict(plot=gr.Plot(show_label=False, elem_id="unweighted"), caption=gr.Markdown())


def draw(view: View | None) -> Values:
    if view is None:
        return dict(plot=None, caption="")
    history = view.history
    alt = f"Bar charts of Pr(n), four edges by {history.layers} layers, of {style.title(history)}."
    return dict(plot=with_alt(edges.distributions(history), alt), caption=edges.caption(history))


TAB = Tab("shape", "Pr(n)", build, draw)
