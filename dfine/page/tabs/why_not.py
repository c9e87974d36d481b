"""Why nothing was found at a place: the queries that came closest, and what kept each of them from answering."""

from __future__ import annotations

import gradio as gr
from PIL import Image

from dfine.figures.object import why_not as figures
from dfine.page.tabs.base import Events, Parts, Place, Tab, Values
from dfine.page.view import View
from dfine.trace import why_not

CANDIDATES = 4  # queries that are shown
HELP = """Click a place in the picture where nothing was found, here or above, or give its coordinates in pixels of
the picture. Below: the queries that came closest to answering there, and what kept each of them from it."""
SCROLL = """() => {
  const tabs = document.querySelector('#tabs');
  if (tabs && tabs.getBoundingClientRect().top > window.innerHeight - 120)
    tabs.scrollIntoView({behavior: 'smooth', block: 'start'});
}"""  # a place was asked about: its answer may lie below the window


def build() -> Parts:
    point = gr.State(None)
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            picture = gr.Image(
                show_label=False, interactive=False, format="jpeg", elem_id="probe", buttons=[], height=460
            )
        with gr.Column(scale=3, min_width=240):
            gr.Markdown(HELP)
            with gr.Row():
                x = gr.Number(0, label="x in px", precision=0, min_width=80, elem_id="x")
                y = gr.Number(0, label="y in px", precision=0, min_width=80, elem_id="y")
            button = gr.Button("Ask", elem_id="ask")
    return dict(point=point, picture=picture, x=x, y=y, ask=button, answer=gr.HTML(elem_id="why"))


def draw(view: View | None) -> Values:
    if view is None:
        return dict(point=None, picture=None, answer="")
    point = view.controls["point"]
    if point is None:
        return dict(
            picture=_shown(view.answer.picture, "The picture: click a place where nothing was found"), answer=""
        )
    return _answer(view, point)


def ask(view: View, point: Place) -> tuple[str, Values]:
    point = view.answer.inside(*point)
    said = f"Why nothing was found at {point[0]:.0f}, {point[1]:.0f} px: see below, “Why not here?”."
    return said, dict(point=point, x=round(point[0]), y=round(point[1])) | _answer(view, point)


def _answer(view: View, point: Place) -> Values:
    """The queries that came closest to answering at a point."""
    answer, small = view.answer, view.answer.picture
    trace, names, size = answer.result.trace, answer.result.detections.names, answer.size
    candidates = why_not.why_not(trace, point, names, size, view.threshold, CANDIDATES)
    birth = why_not.nearest_birth(trace, point, names, size)
    here = point if candidates else tuple(p * s / f for p, s, f in zip(point, small.size, size))
    alt = f"The picture with the asked point at {point[0]:.0f}, {point[1]:.0f} px and the boxes described below"
    return dict(
        picture=_shown(figures.probe_picture(small, candidates, here), alt),
        answer=figures.why_html(candidates, birth),
    )


def _shown(picture: Image.Image, alt: str) -> gr.Image:
    """A picture with its text alternative."""
    return gr.Image(picture, alt_text=alt)


def wire(parts: Parts, events: Events) -> None:
    events.ask(parts["ask"].click, lambda view, event: (view.controls["x"] or 0, view.controls["y"] or 0))
    events.ask(parts["picture"].select, lambda view, event: view.answer.point(*event.index))
    parts["x"].change(None, js=SCROLL, queue=False, show_progress="hidden", api_visibility="private")


TAB = Tab("why", "Why not here?", build, draw, of_object=False, controls=("point", "x", "y"), wire=wire, ask=ask)
