"""Parts that several figures share, as Plotly takes them."""

import plotly.graph_objects as go
import pytest

from dfine.config import EDGES
from dfine.figures import parts, style


def test_plotly_counts_panels_from_one_and_calls_the_first_by_no_number():
    assert [parts.suffix(panel) for panel in (0, 1, 11)] == ["", "2", "12"]


@pytest.mark.parametrize("gap", [0.0, 0.04, 0.2])
def test_four_columns_fill_the_figure_and_leave_their_gaps(gap):
    columns = [parts.column(k, gap) for k in range(4)]
    assert columns[0][0] == 0 and columns[3][1] == pytest.approx(1)
    for (_, end), (start, _) in zip(columns, columns[1:]):
        assert start - end == pytest.approx(gap)
    assert len({round(end - start, 9) for start, end in columns}) == 1


def test_an_edge_is_called_by_its_name_in_its_colour():
    for k, edge in enumerate(EDGES):
        heading = parts.edge_heading(k, x=0.5, yshift=3)
        assert heading["text"] == f"<b>{edge}</b>" and heading["font"]["color"] == style.EDGE_COLOURS[edge]
        assert (heading["x"], heading["yshift"]) == (0.5, 3)


def test_plotly_takes_them_all():
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1]))
    figure.add_annotation(parts.edge_heading(0, x=0, y=1, xref="paper", yref="paper"))
    figure.add_annotation(parts.panel_title("title", "", 20))
    figure.add_shape(parts.at_truth(0.25, ""))
    steps = [dict(label=str(i), method="update", args=[{}]) for i in range(3)]
    figure.update_layout(
        sliders=[parts.slider(steps, 2, x=0.1)],
        updatemenus=[parts.buttons([dict(label="Play", method="animate", args=[None])], direction="left")],
    )
    shape, slider = figure.layout.shapes[0], figure.layout.sliders[0]
    assert (shape.x0, shape.x1, shape.line.color) == (0.25, 0.25, parts.TRUTH)
    assert (slider.active, len(slider.steps), slider.x) == (2, 3, 0.1)
    assert figure.layout.updatemenus[0].type == "buttons" and figure.layout.updatemenus[0].direction == "left"
