"""Plotly figures as the page takes them: with a text alternative, and with frames that its plots can play."""

from __future__ import annotations

import plotly.graph_objects as go


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
