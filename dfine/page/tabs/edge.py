"""One edge in every layer, and the sum that places it in one of them."""

from __future__ import annotations

import gradio as gr

from dfine.config import EDGES
from dfine.figures import style
from dfine.figures.object import arithmetic
from dfine.figures.object import edge as edge_figures
from dfine.page.plots import with_alt
from dfine.page.tabs.base import Events, Parts, Tab, Values
from dfine.page.view import View


def build() -> Parts:
    with gr.Row():
        which = gr.Radio(list(EDGES), value=EDGES[0], label="Edge", elem_id="which", min_width=300)
        layer = gr.Radio([], label="The sum of layer", elem_id="layer", min_width=200)
    with gr.Row():
        with gr.Column(scale=5, min_width=320):
            plot = gr.Plot(show_label=False, elem_id="edge-plot")
        with gr.Column(scale=4, min_width=400):
            total = gr.HTML(elem_id="sum")
    return dict(which=which, layer=layer, plot=plot, sum=total)


def draw(view: View | None) -> Values:
    if view is None:
        return dict(plot=None, sum="")
    history, which, layer = view.history, view.controls["which"], view.controls["layer"]
    edge, last = EDGES.index(which), history.layers - 1
    layer = last if layer is None else min(int(layer), last)
    alt = f"Pr(n) and W(n)·Pr(n) of the {which} edge of {style.title(history)} in {history.layers} layers."
    return dict(
        plot=with_alt(edge_figures.edge_figure(history, edge), alt),
        sum=arithmetic.arithmetic_html(history, edge, layer),
        layer=gr.Radio([(str(i + 1), i) for i in range(history.layers)], value=layer),
    )


def wire(parts: Parts, events: Events) -> None:
    events.draw(parts["which"].input, parts["layer"].input)


TAB = Tab("edge", "One edge", build, draw, controls=("which", "layer"), wire=wire)
