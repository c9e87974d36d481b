import re

import pytest

from dfine.config import EDGES
from dfine.figures import style
from dfine.figures.pages import calibration

MASSES = [0.5, 0.8, 0.95]


def measured(objects=10, shift=0.0, value=None):
    """As `dfine.evaluation.calibration.measured` gives it; edge k is covered by mass + shift + k/100."""

    def cover(masses):
        return [[value if value is not None or not objects else m + shift + k / 100 for k in range(4)] for m in masses]

    return {
        "objects": objects,
        "temperature": None,
        "masses": MASSES,
        "coverage": cover(MASSES),
        "reliability": {"masses": [0.25, 0.75], "coverage": cover([0.25, 0.75])},
        "pit": [[0.1 if objects else None] * 4 for _ in range(10)],
        "length": [0.1] * 4,
    }


def test_nothing_measured_draws_nothing():
    nothing = measured(0)
    assert calibration.by_part({}, 0.8, 1).layout.height > 0
    assert set(calibration.levels(nothing).data[0].y) == {None}
    assert calibration.table_html([("none", nothing)]).count("–") == 15


@pytest.mark.parametrize("panels", [1, 2])
def test_a_line_for_every_edge_and_one_that_is_perfect(panels):
    figure = calibration.reliability({f"panel {i}": measured(shift=0.1 * i) for i in range(panels)})
    assert len(figure.data) == 5 * panels
    for i in range(panels):
        perfect, *lines = figure.data[5 * i : 5 * i + 5]
        assert list(perfect.x) == list(perfect.y) == [0, 1]
        for k, (line, edge) in enumerate(zip(lines, EDGES)):
            assert line.name == edge and line.line.color == style.EDGE_COLOURS[edge]
            assert list(line.x) == [0, 0.25, 0.75, 1]
            assert line.y[1] == pytest.approx(0.25 + 0.1 * i + k / 100)
    assert [t.showlegend for t in figure.data[:5]] == [False, True, True, True, True]


def test_tenths_of_every_edge():
    figure = calibration.levels(measured())
    assert [bar.name for bar in figure.data] == list(EDGES)
    assert all(len(bar.y) == 10 for bar in figure.data)


def test_a_row_for_every_part():
    parts = {"small": {"objects": 5, "coverage": measured(5, 0.05)["coverage"]}, "large": measured(1500)}
    figure = calibration.by_part(parts, 0.8, 1)
    names = figure.layout.yaxis.ticktext
    assert [re.sub("<.*?>", "", name) for name in names] == ["small  5", "large  1,500"]
    assert figure.data[0].customdata == names
    assert figure.data[2].x == pytest.approx((0.87, 0.82))
    low, high = figure.layout.xaxis.range
    assert low < 0.8 < 0.88 < high


def test_edges_of_the_same_value_do_not_hide_one_another():
    figure = calibration.by_part({name: measured(value=0.8) for name in ("small", "large")}, 0.8, 1)
    heights = [[trace.y[row] for trace in figure.data] for row in range(2)]
    for row, at in enumerate(heights):
        assert at == sorted(set(at)) and sum(at) / 4 == pytest.approx(row)
    assert max(heights[0]) < 0.5 < min(heights[1])


def test_the_table_gives_the_mean_over_the_edges():
    text = calibration.table_html([("<raw>", measured()), ("warm", measured(value=0.5))])
    assert "<th rowspan=" in text and "&lt;raw&gt;" in text
    cells = re.findall(r"<td>([\d.]+\.\d)\u00a0%</td>", text)
    assert [float(v) for v in cells[:5]] == pytest.approx([51.5, 50, 51, 52, 53])
    assert cells[15:] == ["50.0"] * 15


def test_a_class_that_is_called_like_a_tag_keeps_its_name():
    """Plotly takes the texts of an axis for HTML, and leaves out tags that it does not know."""
    figure = calibration.by_part({"<none>": measured()}, 0.8, 1)
    assert list(figure.layout.yaxis.ticktext) == ["&lt;none&gt;  <b>10</b>"]
    assert figure.data[0].customdata[0] == figure.layout.yaxis.ticktext[0]


def test_a_long_name_leaves_room_for_its_dots():
    figure = calibration.by_part({"<a name> that is much longer than there is room for": measured()}, 0.8, 1)
    assert figure.layout.yaxis.ticktext == ("&lt;a name&gt; that…e is room for  <b>10</b>",)
