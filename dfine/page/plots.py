"""Plotly figures as the page takes them: with a text alternative, and with frames that its plots can play."""

from __future__ import annotations

import plotly.graph_objects as go

from dfine.figures import style, words
from dfine.figures.object.stages import object_figure
from dfine.page.view import View

OBJECT = 480  # height of the object's view in pixels


def of_object(view: View | None) -> tuple[go.Figure | None, str, str]:
    """The chosen object through the layers, its headline, and the same in words."""
    if view is None or view.chosen is None:
        return None, "## No object chosen", ""
    history = view.history
    figure = object_figure(view.answer.picture, history, height=OBJECT)
    title = style.title(history)
    return (
        with_alt(figure, f"{title}, layer by layer"),
        f"## {title}\n{words.sureness(history)}",
        words.describe(history),
    )


def with_alt(figure: go.Figure, alt: str) -> go.Figure:
    """The figure with its text alternative, which the page's script (keys.js) gives to screen readers."""
    figure.layout.meta = dict(alt=alt)
    return figure


def with_frames(figure: go.Figure) -> go.Figure:
    """The figure with its frames put where buttons and sliders name them.

    The page's plot takes over data and layout only; frames that stand in the arguments of buttons come along.
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
