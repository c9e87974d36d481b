"""Where the object's query sampled the picture, layer by layer; the network runs once more for it."""

from __future__ import annotations

import gradio as gr

from dfine.figures.object import sampling as figures
from dfine.page.answer import FAILED
from dfine.page.plots import with_alt, with_frames
from dfine.page.tabs.base import Parts, Tab, Values
from dfine.page.view import View


def build() -> Parts:
    return dict(plot=gr.Plot(show_label=False, elem_id="sampling"), caption=gr.Markdown(elem_id="about-sampling"))


def draw(view: View | None) -> Values:
    if view is None:
        return dict(plot=None, caption="")
    history = view.history
    try:
        looks = view.runner.sampling(view.answer, history.query)
    except (ValueError, OSError, RuntimeError) as error:
        return dict(plot=None, caption=f"{FAILED}: {error}")
    figure, caption = figures.looking_figure(view.answer.picture, history, looks), figures.describe(history, looks)
    return dict(plot=with_alt(with_frames(figure), caption), caption=caption)


TAB = Tab("sampling", "Where it looked", build, draw, slow=True)
