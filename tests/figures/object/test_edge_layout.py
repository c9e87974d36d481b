"""Where the panels of one edge's figure stand: two a layer, one above the other, none over another."""

import plotly.graph_objects as go
import pytest

from dfine.figures.object import edge_layout
from dfine.figures.object.edge_layout import COLUMNS, UNITS, axes, axes_of, axis_key


def test_plotly_counts_axes_from_two():
    assert [axis_key("x", n) for n in (1, 2, 10)] == ["xaxis", "xaxis2", "xaxis10"]
    assert axes_of(0) == [dict(xaxis="x", yaxis="y"), dict(xaxis="x2", yaxis="y2")]
    assert axes_of(2) == [dict(xaxis="x5", yaxis="y5"), dict(xaxis="x6", yaxis="y6")]


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_every_layer_has_two_panels_that_do_not_meet_others(layers):
    layout = go.Layout(axes(layers, 33)).to_plotly_json()  # Plotly takes it as it is
    rows = [layout[axis_key("y", n)]["domain"] for n in range(1, 2 * layers + 1)]
    columns = [tuple(layout[axis_key("x", n)]["domain"]) for n in range(1, 2 * layers + 1)]
    assert columns == list(COLUMNS) * layers
    assert rows[0::2] == rows[1::2], "a layer's panels stand side by side"
    assert all(0 <= low < high <= 1 for low, high in rows)
    assert all(below[1] < above[0] for above, below in zip(rows[0::2], rows[2::2])), "the first layer is on top"
    titles = [layout[axis_key("y", 2 * i + 1)]["title"]["text"] for i in range(layers)]
    assert titles == [f"layer {i + 1}" for i in range(layers)]
    shown = [layout[axis_key("x", n)]["showticklabels"] for n in range(1, 2 * layers + 1)]
    assert shown == [False] * (2 * layers - 2) + [True, True], "numbers stand below the last layer only"


@pytest.mark.parametrize("values, ticks", [(33, [0, 8, 16, 24, 32]), (17, [0, 4, 8, 12, 16]), (5, [0, 1, 2, 3, 4])])
def test_ticks_are_symmetric_bins_with_the_middle_one(values, ticks):
    assert axes(1, values)["xaxis"]["tickvals"] == ticks


def test_a_heading_a_column_and_a_note_and_a_line_a_panel():
    layout = axes(3, 33)
    assert len(layout["annotations"]) == 2 + 2 * 3 and len(layout["shapes"]) == 2 * 3
    assert {a["xref"] for a in layout["annotations"][2:]} == {f"x{n} domain" for n in ("", 2, 3, 4, 5, 6)}


def test_a_button_a_unit_that_updates_in_the_browser():
    patches = {unit: dict(data={"x": [unit]}, layout={"title": unit}) for unit in UNITS}
    switch = edge_layout.unit_switch(patches, "box")
    assert [b["label"] for b in switch["buttons"]] == list(UNITS.values()) and switch["active"] == 1
    assert [b["args"] for b in switch["buttons"]] == [[p["data"], p["layout"]] for p in patches.values()]
    assert {b["method"] for b in switch["buttons"]} == {"update"}
