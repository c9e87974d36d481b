import plotly.graph_objects as go
import pytest

from dfine.config import EDGES
from dfine.figures import style


def test_every_edge_has_its_own_colour():
    assert set(style.EDGE_COLOURS) == set(EDGES)
    assert len(set(style.EDGE_COLOURS.values())) == 4


@pytest.mark.parametrize("layers", [1, 2, 3, 4, 6])
def test_layers_run_from_the_first_colour_to_the_last(layers):
    colours = style.layer_colours(layers)
    assert len(set(colours)) == layers
    assert colours[-1] == style.layer_colours(1)[0]
    if layers > 1:
        assert colours[0] == style.layer_colours(2)[0]


@pytest.mark.parametrize(
    "value, text",
    [(0, "0"), (0.004, "0"), (-0.004, "0"), (0.449, "+0.45"), (-0.449, "−0.45"), (-12.34, "−12.3"), (99.97, "+100")],
)
def test_numbers_carry_three_digits_and_a_true_minus(value, text):
    assert style.signed(value) == text


def test_shares_are_written_with_a_space_that_holds():
    assert (style.percent(0.384), style.percent(0.384, 1), style.percent(0)) == ("38\u00a0%", "38.4\u00a0%", "0\u00a0%")


@pytest.mark.parametrize("colour, ink", [("#FFFFFF", "#000000"), ("#F2C200", "#000000"), ("#101060", "#FFFFFF")])
def test_labels_are_written_in_the_ink_that_reads_better(colour, ink):
    assert style.ink_on(colour) == ink


def test_neighbouring_classes_differ():
    colours = [style.class_colour(i) for i in range(80)]
    assert len(set(colours)) == 80
    for a, b in zip(colours, colours[1:]):
        assert sum(abs(x - y) for x, y in zip(style.rgb(a), style.rgb(b))) > 100


@pytest.mark.parametrize(
    "value, digits, text", [(0, 1, "0.0"), (-0.04, 1, "0.0"), (-0.74, 1, "−0.7"), (12.36, 0, "12")]
)
def test_fixed_decimals_carry_a_true_minus(value, digits, text):
    assert style.fixed(value, digits) == text


def test_lines_of_every_figure_read_on_light_and_dark_pages():
    """Plotly's own are nearly white, or nearly black."""
    figure = go.Figure(go.Scatter(x=[0, 1], y=[0, 1]), layout=style.plotly_layout(200))
    for axis in (figure.layout.template.layout.xaxis, figure.layout.template.layout.yaxis):
        assert (axis.gridcolor, axis.zerolinecolor) == (style.GRID, style.GHOST)
