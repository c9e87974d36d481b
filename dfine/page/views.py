"""What each tab shows of the chosen object: from what the session keeps to plain values for the components."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import plotly.graph_objects as go
from PIL import Image

from dfine import probing, takeaway
from dfine.config import EDGES
from dfine.figures import arithmetic, edges, ladder, style, words
from dfine.figures import edge as edge_figures
from dfine.figures import html as tables
from dfine.figures import looking as looking_figures
from dfine.figures import probing as probing_figures
from dfine.figures.stages import object_figure
from dfine.gaze import Looks
from dfine.models import Models
from dfine.page.session import Look, Sight
from dfine.records import History

OBJECT = 480  # height of the object's view in pixels
CANDIDATES = 4  # that answer "why not here?"
ENDINGS = ("object.html", "detections.json", "coco.json", "detections.png", "trace.npz")


def story(look: Look | str, chosen: int | None) -> tuple[go.Figure | None, str, str]:
    """The object's view, its headline, and the view in words."""
    if isinstance(look, str) or chosen is None:
        return None, "### No object chosen", ""
    history = look.history(chosen)
    return object_figure(look.picture, history, height=OBJECT), f"### {style.title(history)}", words.describe(history)


def shape(history: History | None) -> dict:
    """All four edges in every layer: Pr(n)."""
    if history is None:
        return dict(unweighted=None, about="")
    return dict(unweighted=edges.distributions(history), about=edges.caption(history))


def weighted(history: History | None) -> dict:
    """All four edges in every layer: W(n)·Pr(n)."""
    if history is None:
        return dict(weighted=None, about_weighted="")
    return dict(
        weighted=edges.distributions(history, weighted=True), about_weighted=edges.caption(history, weighted=True)
    )


def layers(history: History | None) -> dict:
    """What every layer did, drawn and in numbers."""
    if history is None:
        return dict(rungs=None, numbers="")
    return dict(rungs=ladder.plot(history), numbers=tables.ladder_html(history))


def edge(history: History | None, which: str, layer: int | None) -> dict:
    """One edge, and the sum behind it in one layer (None: the last)."""
    if history is None:
        return dict(edge_plot=None, sum="")
    k, last = EDGES.index(which), history.layers - 1
    layer = last if layer is None else min(int(layer), last)
    return dict(
        edge_plot=edge_figures.edge_figure(history, k), sum=arithmetic.arithmetic_html(history, k, layer),
        layer=([(str(i + 1), i) for i in range(history.layers)], layer),
    )  # fmt: skip


def why(look: Look, sight: Sight, point: tuple[float, float] | None) -> dict:
    """The queries that came closest to answering at a point, in pixels of the visitor's picture."""
    if point is None:
        return dict(probe=look.picture, why="")
    trace, names, size = look.result.trace, look.result.detections.names, look.size
    candidates = probing.why_not(trace, point, names, size, sight.threshold, CANDIDATES)
    birth = probing.nearest_birth(trace, point, names, size)
    here = point if candidates else tuple(p * s / f for p, s, f in zip(point, look.picture.size, size))
    return dict(
        probe=probing_figures.probe_picture(look.picture, candidates, here),
        why=probing_figures.why_html(candidates, birth),
    )


def gaze(watch: Callable[[Look, int], Looks], look: Look, chosen: int) -> dict:
    """Where the object's query looked; the network runs once more, and this is the one view that needs it."""
    history = look.history(chosen)
    try:
        looks = watch(look, history.query)
    except (ValueError, OSError, RuntimeError) as error:
        return dict(gaze=None, about_gaze=f"That did not work: {error}")
    figure = framed(looking_figures.looking_figure(look.picture, history, looks))
    return dict(gaze=figure, about_gaze=looking_figures.describe(history, looks))


def paper(look: Look, chosen: Sequence[int], early: int | str, keep: Callable[[Path], str]) -> dict:
    """The paper's Figure 4 of some objects, as a picture and as the two files."""
    from dfine.figures.paper import (
        encoded,
        figure4,
    )  # matplotlib takes a second to import, and not everybody comes here

    drawn = figure4(look.picture, [look.history(i) for i in chosen], early=early)
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for form in ("png", "svg"):
            path = Path(folder) / takeaway.file_name(look.where, f"figure4.{form}")
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
        for path in takeaway.everything(
            folder, result, look.where, sight.threshold, index=index, picture=original
        ):  # named after the picture
            ending = next((e for e in ENDINGS if path.name.endswith(e)), "object.html")
            files[ending] = keep(path)
    return files


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
    return [["" if row[k] is None else row[k] for k in keys] for row in models.table()]


def state(models: Models, name: str | None) -> str:
    """What is shown, and what is on its way; of the default model `Models` itself says it."""
    if name in (None, "", models.default):
        return models.sentence()
    called = Path(name).name
    return f"{called} could not be opened; choose another." if models.trouble(name) else f"Showing {called}."
