"""What each tab shows of the chosen object: from what the session keeps to plain values for the components."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import gradio as gr
import plotly.graph_objects as go
from PIL import Image

from dfine.config import EDGES
from dfine.figures import html as tables
from dfine.figures import style, words
from dfine.figures.object import arithmetic, edges, layers_table
from dfine.figures.object import edge as edge_figures
from dfine.figures.object import sampling as looking_figures
from dfine.figures.object import why_not as probing_figures
from dfine.figures.object.stages import object_figure
from dfine.page import downloads
from dfine.page.models import EVERYDAY, Models
from dfine.page.session import Look, Sight
from dfine.trace import why_not
from dfine.trace.history import History
from dfine.trace.sampling import Looks

OBJECT = 480  # height of the object's view in pixels
CANDIDATES = 4  # that answer "why not here?"
ENDINGS = ("object.html", "detections.json", "coco.json", "detections.png", "trace.npz")


def story(look: Look | str, chosen: int | None) -> tuple[go.Figure | None, str, str]:
    """The object's view, its headline, and the view in words."""
    if isinstance(look, str) or chosen is None:
        return None, "### No object chosen", ""
    history = look.history(chosen)
    figure = told(object_figure(look.picture, history, height=OBJECT), f"{style.title(history)}, layer by layer")
    return figure, f"### {style.title(history)}", words.describe(history)


def shape(history: History | None) -> dict:
    """All four edges in every layer: Pr(n)."""
    if history is None:
        return dict(unweighted=None, about="")
    alt = f"Bar charts of Pr(n), four edges by {history.layers} layers, of {style.title(history)}."
    return dict(unweighted=told(edges.distributions(history), alt), about=edges.caption(history))


def weighted(history: History | None) -> dict:
    """All four edges in every layer: W(n)·Pr(n)."""
    if history is None:
        return dict(weighted=None, about_weighted="")
    alt = f"Bar charts of W(n)·Pr(n) in pixels, four edges by {history.layers} layers, of {style.title(history)}."
    figure = told(edges.distributions(history, weighted=True), alt)
    return dict(weighted=figure, about_weighted=edges.caption(history, weighted=True))


def layers(history: History | None) -> dict:
    """What every layer did, drawn and in numbers."""
    if history is None:
        return dict(rungs=None, numbers="")
    alt = f"Edges, IoU and score of {style.title(history)} after every layer; the table below has the numbers."
    return dict(rungs=told(layers_table.plot(history), alt), numbers=tables.layers_html(history))


def edge(history: History | None, which: str, layer: int | None) -> dict:
    """One edge, and the sum behind it in one layer (None: the last)."""
    if history is None:
        return dict(edge_plot=None, sum="")
    k, last = EDGES.index(which), history.layers - 1
    layer = last if layer is None else min(int(layer), last)
    alt = f"Pr(n) and W(n)·Pr(n) of the {which} edge of {style.title(history)} in {history.layers} layers."
    return dict(
        edge_plot=told(edge_figures.edge_figure(history, k), alt), sum=arithmetic.arithmetic_html(history, k, layer),
        layer=([(str(i + 1), i) for i in range(history.layers)], layer),
    )  # fmt: skip


def why(look: Look, sight: Sight, point: tuple[float, float] | None) -> dict:
    """The queries that came closest to answering at a point, in pixels of the visitor's picture."""
    if point is None:
        return dict(probe=probed(look.picture, "The picture: click a place where nothing was found"), why="")
    trace, names, size = look.result.trace, look.result.detections.names, look.size
    candidates = why_not.why_not(trace, point, names, size, sight.threshold, CANDIDATES)
    birth = why_not.nearest_birth(trace, point, names, size)
    here = point if candidates else tuple(p * s / f for p, s, f in zip(point, look.picture.size, size))
    alt = f"The picture with the asked point at {point[0]:.0f}, {point[1]:.0f} px and the boxes described below"
    return dict(
        probe=probed(probing_figures.probe_picture(look.picture, candidates, here), alt),
        why=probing_figures.why_html(candidates, birth),
    )


def probed(picture: Image.Image, alt: str) -> gr.Image:
    """A picture with its text alternative."""
    return gr.Image(picture, alt_text=alt)


def gaze(watch: Callable[[Look, int], Looks], look: Look, chosen: int) -> dict:
    """Where the object's query looked; the network runs once more, and this is the one view that needs it."""
    history = look.history(chosen)
    try:
        looks = watch(look, history.query)
    except (ValueError, OSError, RuntimeError) as error:
        return dict(gaze=None, about_gaze=f"That did not work: {error}")
    figure, said = (
        looking_figures.looking_figure(look.picture, history, looks),
        looking_figures.describe(history, looks),
    )
    return dict(gaze=told(framed(figure), said), about_gaze=said)


def paper(look: Look, chosen: Sequence[int], early: int | str, keep: Callable[[Path], str]) -> dict:
    """The paper's Figure 4 of some objects, as a picture and as the two files."""
    from dfine.figures.object.paper import (  # matplotlib takes a second to import, and not everybody comes here
        encoded,
        figure4,
    )

    drawn = figure4(look.picture, [look.history(i) for i in chosen], early=early)
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for form in ("png", "svg"):
            path = Path(folder) / downloads.file_name(look.where, f"figure4.{form}")
            path.write_bytes(encoded(drawn, form))
            files[form] = keep(path)
        image = Image.open(io.BytesIO(path.with_suffix(".png").read_bytes())).convert("RGB")
    return dict(paper=image, paper_png=files["png"], paper_svg=files["svg"])


def away(look: Look, sight: Sight, chosen: int | None, keep: Callable[[Path], str]) -> dict:
    """The files to take away, made now; `keep` puts a file where the page can serve it and says where that is."""
    result = replace(look.result, detections=sight.found)
    original = look.path if os.path.isfile(look.path) else None
    index = sight.place(chosen)
    files: dict[str, str | None] = {"object.html": None}
    with tempfile.TemporaryDirectory() as folder:
        for path in downloads.everything(
            folder, result, look.where, sight.threshold, index=index, picture=original
        ):  # named after the picture
            ending = next((e for e in ENDINGS if path.name.endswith(e)), "object.html")
            files[ending] = keep(path)
    return files


def told(figure: go.Figure, alt: str) -> go.Figure:
    """The figure with its text alternative; the page's script (keys.js) gives it to screen readers."""
    figure.layout.meta = dict(alt=alt)
    return figure


def framed(figure: go.Figure) -> dict:
    """The figure as plain JSON values, with its frames put where buttons and sliders name them.

    The page's plot takes over nothing but data and layout; frames that stand in the arguments come along.
    """
    plain = figure.to_plotly_json()
    frames = {
        frame["name"]: {k: frame[k] for k in ("data", "layout", "traces") if k in frame}
        for frame in plain.pop("frames", ())
    }
    layout = plain["layout"]
    for group in (*layout.get("sliders", ()), *layout.get("updatemenus", ())):
        for step in (*group.get("steps", ()), *group.get("buttons", ())):
            names, *options = step.get("args", [[]])
            if step.get("method") != "animate" or names == [None]:
                continue
            options = [{k: v for k, v in o.items() if k != "fromcurrent"} for o in options]
            step["args"] = [[frames[n] for n in (frames if names is None else names) if n in frames], *options]
    return go.Figure(dict(data=plain["data"], layout=layout))


def zoo(models: Models) -> list[list]:
    """The table of all models."""
    keys = ("name", "AP", "measured on", "parameters (M)", "GFLOPs", "licence", "state")
    told = lambda value: "" if value is None else f"{value:.1f}" if isinstance(value, float) else value  # noqa: E731
    return [[told(row[k]) for k in keys] for row in models.table()]


def state(models: Models, name: str | None) -> str:
    """What is shown, and what is on its way; of the default model `Models` itself says it."""
    if name in (None, "", models.default):
        return models.sentence()
    called = Path(name).name
    return f"{called} could not be opened; choose another." if models.trouble(name) else f"Showing {called}."


def arrived(models: Models, name: str | None) -> str:
    """As `state`, for somebody who was here before the default changed.

    Who has a picture before them keeps the model that made it: nothing changes under their hands, and a sentence offers
    the new one. They are told once; afterwards `state` speaks.
    """
    said = state(models, name)
    if name in (None, "", EVERYDAY) or EVERYDAY not in models.in_memory:
        return said
    return f"{said} **{EVERYDAY} is here now**, a model of everyday things: choose it above."
