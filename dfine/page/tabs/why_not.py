"""Why nothing was found at a place: the queries that came closest, and what kept each of them from answering."""

from __future__ import annotations

from html import escape

import gradio as gr
from PIL import Image

from dfine.figures.object import why_not as figures
from dfine.figures.picture import draw as draw_boxes
from dfine.page.tabs.base import Events, Parts, Place, Tab, Values
from dfine.page.view import View, spoken
from dfine.trace import why_not
from dfine.trace.why_not import outside

CANDIDATES = 4  # queries that are shown
HELP = """Click a place in the picture, here or above, or give its coordinates in pixels of the picture. Below: what
was found there, the other queries that came closest to answering, and what kept each of them from it."""


def build() -> Parts:
    point = gr.State(None)
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            picture = gr.Image(
                show_label=False, interactive=False, format="jpeg", elem_id="probe", buttons=[], height=380
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
        return dict(picture=_shown(_boxes(view), f"{spoken(view)}. Click a place to ask about it"), answer="")
    return _answer(view, point)


def ask(view: View, point: Place) -> Values:
    point = view.answer.inside(*point)
    return dict(point=point, x=round(point[0]), y=round(point[1])) | _answer(view, point)


def _answer(view: View, point: Place) -> Values:
    """What was found at a point, and the other queries that came closest to answering there."""
    answer, small = view.answer, _boxes(view)
    trace, names, size = answer.result.trace, answer.result.detections.names, answer.size
    candidates = why_not.why_not(trace, point, names, size, view.threshold, CANDIDATES)
    birth = why_not.nearest_birth(trace, point, names, size)
    here = point if candidates else tuple(p * s / f for p, s, f in zip(point, small.size, size))
    alt = f"The picture with the asked point at {point[0]:.0f}, {point[1]:.0f} px and the boxes described below"
    return dict(
        picture=_shown(figures.probe_picture(small, candidates, here), alt),
        answer=_head(view, point) + _found(view, point) + figures.why_html(candidates, birth),
    )


def _boxes(view: View) -> Image.Image:
    """The picture with the boxes that are in sight."""
    return draw_boxes(view.answer.picture, view.found)


def _here(view: View, point: Place) -> list[int]:
    """The numbers of the detections from the threshold on whose boxes hold the point, in sight or not."""
    found = view.answer.result.detections.above(view.threshold)
    inside = outside(found.boxes, point) == 0
    return inside.nonzero().flatten().tolist()


def _head(view: View, point: Place) -> str:
    """What is answered, as a heading."""
    what = "What was found" if _here(view, point) else "Why nothing was found"
    return f"<h3>{what} at {point[0]:.0f}, {point[1]:.0f} px</h3>"


def _found(view: View, point: Place) -> str:
    """A sentence for every object that was found at the point: that it is in sight, or what hides it."""
    said = []
    for number in _here(view, point):
        detection = view.answer.result.detections[[number]].to_list()[0]
        name = f"{escape(detection['name'])} {detection['score']:.2f}"
        if view.place(number) is not None:
            said.append(f"<b>{name}</b> was found here: object {number + 1} of the list.")
        elif view.classes and detection["name"] not in view.classes:
            said.append(f"<b>{name}</b> was found here, but only the classes that you chose are shown.")
        else:
            best = len(view.numbers)
            shown = "the best object is" if best == 1 else f"the best {best} objects are"
            said.append(f"<b>{name}</b> was found here, but only {shown} shown.")
    return f"<p>{'<br>'.join(said)}</p>" if said else ""


def _shown(picture: Image.Image, alt: str) -> gr.Image:
    """A picture with its text alternative."""
    return gr.Image(picture, alt_text=alt)


def wire(parts: Parts, events: Events) -> None:
    events.ask(parts["ask"].click, lambda view, event: (view.controls["x"] or 0, view.controls["y"] or 0))
    events.ask(parts["picture"].select, lambda view, event: view.answer.point(*event.index))


TAB = Tab("why", "Why not here?", build, draw, of_object=False, controls=("point", "x", "y"), wire=wire, ask=ask)
