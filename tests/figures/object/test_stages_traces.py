"""The lines of the figure of an object's stages, by number."""

import plotly.graph_objects as go
import pytest

from dfine.figures import style
from dfine.figures.object.moments import moments, view_of
from dfine.figures.object.stages_traces import (
    CHANGING,
    changing,
    frame,
    outlines,
    play_buttons,
    stage_slider,
)

COLOURS = [style.INITIAL, *style.layer_colours(3)]


@pytest.fixture
def film(history):
    return moments(history, 0.8)


@pytest.fixture
def view(history):
    return view_of(history, 0.8)


def test_a_thin_line_for_every_stage_in_its_colour_and_the_initial_box_dashed(history):
    dark, *lines = outlines(history, COLOURS)
    assert dark["hoverinfo"] == "skip" and [line["name"] for line in lines] == [
        "initial",
        *(f"layer {i}" for i in (1, 2, 3)),
    ]
    assert [line["line"]["color"] for line in lines] == COLOURS
    assert [line["line"]["dash"] == "solid" for line in lines] == [False, True, True, True]
    for line, (x1, y1, x2, y2) in zip(lines, history.xyxy_pixels.tolist()):
        assert (min(line["x"]), min(line["y"]), max(line["x"]), max(line["y"])) == pytest.approx((x1, y1, x2, y2))
        assert (line["x"][0], line["y"][0]) == (line["x"][-1], line["y"][-1]), "a closed line"
    go.Figure(lines)  # Plotly takes them


def test_a_frame_changes_the_same_traces_as_the_figure_holds(film, view):
    for moment in film:
        traces = changing(moment, COLOURS, view)
        assert len(traces) == len(CHANGING)
        data = frame(moment, COLOURS, view, first=5)
        assert data["traces"] == list(range(5, 5 + len(CHANGING))) and len(data["data"]) == len(CHANGING)
        assert ("layout" in data) == moment.arrived
    go.Figure(changing(film[-1], COLOURS, view))


@pytest.mark.parametrize("edge", range(4))
def test_a_whisker_lies_along_the_way_of_its_edge_across_its_middle(film, view, edge):
    moment = film[-1]
    trace = dict(zip(CHANGING, changing(moment, COLOURS, view)))[("left", "top", "right", "bottom")[edge]]
    along, across = (trace["x"], trace["y"]) if edge % 2 == 0 else (trace["y"], trace["x"])
    assert (min(along), max(along)) == pytest.approx(tuple(moment.reach[edge]))
    middle = (moment.box[1] + moment.box[3]) / 2 if edge % 2 == 0 else (moment.box[0] + moment.box[2]) / 2
    assert max(across) - middle == pytest.approx(view.cap) and middle - min(across) == pytest.approx(view.cap)


def test_before_there_is_an_interval_nothing_is_drawn_or_written(film, view):
    traces = dict(zip(CHANGING, changing(film[0], COLOURS, view)))
    assert all(traces[edge]["x"] == [None] for edge in ("left", "top", "right", "bottom"))
    assert traces["lengths"]["text"] == [""] * 4 and traces["headline"]["text"] == [film[0].headline]


def test_lengths_are_those_of_the_intervals(film, view):
    text = dict(zip(CHANGING, changing(film[-1], COLOURS, view)))["lengths"]["text"]
    assert text == [f"{style.number(high - low)} px" for low, high in film[-1].reach]


def test_play_pause_and_a_step_for_every_stage():
    frames = [{"data": [i]} for i in range(4)]
    play, pause = play_buttons(frames, [9, 8, 7, 6])["buttons"]
    assert (play["label"], pause["label"]) == ("Play", "Pause") and pause["args"][0] == [None]
    assert play["args"][0] == frames and [f["duration"] for f in play["args"][1]["frame"]] == [9, 8, 7, 6]
    slider = stage_slider(frames, 3)
    assert slider["active"] == 3 and [step["args"][0] for step in slider["steps"]] == [[f] for f in frames]
    assert slider["steps"][0]["label"] == "initial" and slider["steps"][3]["label"].endswith(" 3")
