"""Where the panels of one edge's figure stand: axes, headings, notes, and the buttons that switch the unit."""

from __future__ import annotations

from dfine.figures import parts, style
from dfine.trace.stages import layer_name

UNITS = {"px": "pixels", "box": "box sizes", "bins": "bins"}
ROW = 118  # pixels of height per layer
MARGIN = dict(l=58, r=12, t=74, b=48)
COLUMNS = ((0.0, 0.46), (0.56, 1.0))  # Pr(n), and W(n)·Pr(n)


def axes(layers: int, values: int) -> dict:
    """The part of the layout that is the same for every unit: panels, headings, notes and dotted lines."""
    last = values - 1
    ticks = [0, last // 4, last // 2, last - last // 4, last]
    layout = dict(annotations=[_heading(column) for column in COLUMNS], shapes=[])
    colours = style.layer_colours(layers)
    for layer in range(layers):
        rows = [(layers - layer - 1) / layers + 0.02, (layers - layer - 0.14) / layers]
        for i, (column, names) in enumerate(zip(COLUMNS, axes_of(layer))):
            number = 2 * layer + i + 1
            layout[axis_key("x", number)] = style.TICKED | dict(
                anchor=names["yaxis"],
                domain=column,
                nticks=5,
                tickvals=ticks,
                showticklabels=layer == layers - 1,
                title=dict(font=dict(size=11), standoff=6),
            )
            layout[axis_key("y", number)] = dict(
                anchor=names["xaxis"],
                domain=rows,
                gridcolor=style.GRID,
                zeroline=True,
                zerolinecolor=style.GHOST,
                nticks=4,
                fixedrange=True,
                tickfont=dict(size=10),
            )
            layout["annotations"].append(_note(names))
            layout["shapes"].append(
                dict(
                    type="line",
                    y0=0,
                    y1=0.8,
                    xref=names["xaxis"],
                    yref=names["yaxis"] + " domain",
                    layer="below",
                    line=dict(color=style.GHOST, width=1, dash="dot"),
                )
            )
        title = dict(text=layer_name(layer + 1), font=dict(color=colours[layer], size=13), standoff=6)
        layout[axis_key("y", 2 * layer + 1)]["title"] = title
    return layout


def axis_key(letter: str, number: int) -> str:
    return f"{letter}axis{number if number > 1 else ''}"


def axes_of(layer: int) -> list[dict]:
    """The axes of a layer's two panels, as a plotly trace names them."""
    numbers = ("" if layer == 0 else str(2 * layer + 1), str(2 * layer + 2))
    return [dict(xaxis=f"x{n}", yaxis=f"y{n}") for n in numbers]


def _heading(column: tuple[float, float]) -> dict:
    return dict(
        x=column[0],
        y=1,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="bottom",
        showarrow=False,
        font=dict(size=13),
    )


def _note(names: dict) -> dict:
    """A panel's number, in its upper right corner."""
    return dict(
        x=0.99,
        y=1.02,
        xref=names["xaxis"] + " domain",
        yref=names["yaxis"] + " domain",
        xanchor="right",
        yanchor="top",
        showarrow=False,
        font=dict(size=11),
    )


def unit_switch(patches: dict, unit: str) -> dict:
    """Buttons that switch the unit in the browser, without a call to the server."""
    buttons = [dict(label=UNITS[u], method="update", args=[p["data"], p["layout"]]) for u, p in patches.items()]
    return parts.buttons(
        buttons,
        direction="right",
        active=list(UNITS).index(unit),
        showactive=True,
        x=0,
        y=1,
        xanchor="left",
        yanchor="bottom",
        pad=dict(b=26, l=0),
        font=dict(color=style.TEXT, size=12, family=style.FONT),
    )
