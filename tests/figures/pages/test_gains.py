import pytest

from dfine.figures import style
from dfine.figures.pages import gains

STAGES = [
    {"stage": "initial", "AP": 0.5, "AP50": 0.6, "AP75": 0.55, "APs": None, "APm": 0.4, "APl": 0.7},
    {"stage": "layer 1", "AP": 0.52, "AP50": 0.6, "AP75": 0.58, "APs": None, "APm": 0.45, "APl": 0.7},
    {"stage": "layer 2", "AP": 0.6, "AP50": 0.61, "AP75": 0.65, "APs": None, "APm": 0.5, "APl": 0.8},
]


def test_a_line_for_every_metric_and_a_point_for_every_stage():
    figure = gains.by_stage(STAGES)
    lines = {trace.name: list(trace.y) for trace in figure.data}
    assert list(lines) == ["AP", "AP50", "AP75", "APs", "APm", "APl"]
    assert lines["AP75"] == [0.55, 0.58, 0.65] and lines["APs"] == [None] * 3
    assert list(figure.layout.xaxis.ticktext) == ["initial", "layer 1", "layer 2"]
    low, high = figure.layout.yaxis.range
    assert low < 0.5 and 0.65 < high
    named = [a.text for a in figure.layout.annotations]
    assert "small" not in named and {"medium", "large", "AP50"} <= set(named)


def test_names_at_the_ends_do_not_lie_on_each_other():
    crowded = [s | {"AP": 0.6, "AP50": 0.601, "AP75": 0.602} for s in STAGES]
    figure = gains.by_stage(crowded)
    heights = sorted(a.y for a in figure.layout.annotations if a.text in ("AP", "AP50", "AP75"))
    low, high = figure.layout.yaxis.range
    assert all(b - a >= 0.069 * (high - low) for a, b in zip(heights, heights[1:]))


@pytest.mark.parametrize("gain, form", [(0.3, ".2f"), (0.02, ".3f"), (0.002, ".4f"), (0.0, ".2f")])
def test_the_scale_of_small_gains_tells_its_marks_apart(gain, form):
    figure = gains.by_threshold(
        [0.5, 0.95], {"initial": [0.5, 0.4], "layer 1": [0.5 + gain, 0.4], "layer 2": [0.5, 0.4]}
    )
    assert figure.layout.yaxis.tickformat == form
    heights = [a.y for a in figure.layout.annotations]
    assert 0 < abs(heights[0] - heights[1]) <= 0.1 * (gain or 0.01), "names stand beside their lines"


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_what_a_layer_gains_is_its_ap_less_that_of_the_initial_boxes(layers):
    ap = {"initial": [0.5, 0.4]} | {f"layer {i + 1}": [0.5 + 0.1 * i, None] for i in range(layers)}
    figure = gains.by_threshold([0.5, 0.95], ap)
    assert len(figure.data) == layers
    for i, (trace, colour) in enumerate(zip(figure.data, style.layer_colours(layers))):
        assert trace.y[0] == pytest.approx(0.1 * i) and trace.y[1] is None
        assert trace.line.color == colour


def test_nothing_measured_is_an_empty_figure():
    figure = gains.by_threshold([0.5, 0.95], {"initial": [None, None], "layer 1": [None, None]})
    assert list(figure.data[0].y) == [None, None]


@pytest.mark.parametrize("ap", [0.0, 0.6, 1.0])
def test_every_name_at_an_end_lies_in_its_panel(ap):
    """Plotly leaves out what lies beyond the axis."""
    equal = [s | dict.fromkeys(gains.MAIN + gains.SIZES, v) for s, v in zip(STAGES, (0.2, 0.3, ap))]
    figure = gains.by_stage(equal)
    for note in figure.layout.annotations:
        if note.yref in ("y", "y2"):
            low, high = figure.layout[f"yaxis{note.yref[1:]}"].range
            assert low < note.y < high, note.text
    assert sum(note.yref in ("y", "y2") for note in figure.layout.annotations) == 6
