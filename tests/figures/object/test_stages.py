import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from dfine.figures.object import stages


def play(figure):
    button = figure.layout.updatemenus[0].buttons[0]
    return button.args[0], [f["duration"] for f in button.args[1]["frame"]]


def traces(frame):
    return dict(zip(stages.CHANGING, frame["data"]))


def corners(trace):
    return [min(trace["x"]), min(trace["y"]), max(trace["x"]), max(trace["y"])]


@pytest.mark.parametrize("layers", [1, 3, 6])
def test_one_slider_step_for_every_stage_with_that_stage_s_box(trace_of, picture, layers):
    history = trace_of(layers).history(0, (200, 100))
    slider = stages.object_figure(picture, history).layout.sliders[0]
    assert [s.method for s in slider.steps] == ["animate"] * (layers + 1)
    for step, box in zip(slider.steps, history.xyxy_pixels):
        [frame] = step.args[0]
        np.testing.assert_allclose(corners(traces(frame)["box"]), box, atol=0.006)
    assert slider.active == layers


def test_the_figure_opens_on_the_last_layer(history, picture):
    figure = stages.object_figure(picture, history)
    box = figure.data[-len(stages.CHANGING) + 1]
    np.testing.assert_allclose(corners(box), history.xyxy_pixels[-1], atol=1e-4)
    assert "layer 3" in figure.data[-1].text[0]


def test_play_needs_no_frames_of_the_figure_and_moves_the_slider(history, picture):
    figure = stages.object_figure(picture, history)
    assert len(figure.frames) == 0
    frames, durations = play(figure)
    assert len(frames) == len(durations)
    rests = [i for i, d in enumerate(durations) if d == stages.REST]
    assert [frames[i]["layout"]["sliders[0].active"] for i in rests] == [0, 1, 2, 3]
    assert rests[0] == 0 and rests[-1] == len(frames) - 1
    assert all("layout" not in f for i, f in enumerate(frames) if i not in rests)
    assert all(f["traces"] == list(range(len(figure.data) - 9, len(figure.data))) for f in frames)


def test_in_between_frames_lead_smoothly_from_stage_to_stage(history, picture):
    frames, _ = play(stages.object_figure(picture, history))
    left = np.array([corners(traces(f)["box"])[0] for f in frames])
    whole = abs(left[-1] - left[0])
    assert whole > 1, "the left edge of query 0 moves outward"
    # Of the edge's logits, not of its place: nothing jumps, but nothing has to be even either.
    assert np.abs(np.diff(left)).max() < 0.5 * whole


def test_whiskers_span_the_interval_of_the_shown_layer_and_say_its_length(history, picture):
    figure = stages.object_figure(picture, history, mass=0.5)
    for layer, step in enumerate(figure.layout.sliders[0].steps[1:]):
        shown = traces(step.args[0][0])
        for k, edge in enumerate(("left", "top", "right", "bottom")):
            along = shown[edge]["xy"[k % 2]]
            low, high = history.intervals(0.5)[layer, k].tolist()
            assert (min(along), max(along)) == (pytest.approx(low, abs=0.006), pytest.approx(high, abs=0.006))
            assert float(shown["lengths"]["text"][k].removesuffix(" px")) == pytest.approx(high - low, abs=0.06)
            assert "50 % between" in shown[edge]["hovertext"] and "uncalibrated" in shown[edge]["hovertext"]


def test_the_initial_box_has_no_whiskers(history, picture):
    [first] = stages.object_figure(picture, history).layout.sliders[0].steps[0].args[0]
    shown = traces(first)
    assert shown["left"]["x"] == [None] and shown["lengths"]["text"] == [""] * 4
    assert shown["box"]["line"]["dash"] != "solid"
    assert "initial box" in shown["headline"]["text"][0]


@pytest.mark.parametrize("scale", [0.5, 1, 3])
def test_the_picture_is_embedded_small_and_in_its_place(history, scale):
    picture = Image.new("RGB", (round(200 * scale), round(100 * scale)), (10, 20, 30))
    picture.paste((250, 0, 0), (0, 0, round(100 * scale), round(100 * scale)))  # left half red
    figure = stages.object_figure(picture, history)
    image = figure.layout.images[0]
    assert image.source.startswith("data:image/jpeg;base64,")
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(image.source.split(",")[1]))))
    middle = pixels[len(pixels) // 2]
    edge = int((middle[:, 0] > 130).sum()) / len(middle) * image.sizex + image.x
    assert edge == pytest.approx(100, abs=1.5), "red ends in the middle of the picture, wherever it was cut"
    x1, x2 = figure.layout.xaxis.range
    assert x1 <= image.x and image.x + image.sizex <= x2 + 1e-6


def test_a_picture_hard_to_compress_still_fits(history):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (1000, 2000, 3), dtype=np.uint8))
    assert len(stages.object_figure(noise, history).layout.images[0].source) <= stages.BYTES


def test_boxes_and_last_whiskers_are_in_sight_even_outside_the_picture(history, picture):
    moved = replace(history, initial=torch.tensor([0.02, 0.5, 0.2, 0.4]))
    boxes = torch.cat((moved.initial[None], torch.tensor([[0.0, 0.5, 0.24, 0.4]]).repeat(3, 1)))
    moved = replace(moved, boxes=boxes[1:])
    layout = stages.object_figure(picture, moved).layout
    low = min(float(moved.xyxy_pixels[:, 0].min()), float(moved.intervals()[-1, 0, 0]))
    assert layout.xaxis.range[0] <= low < 0
    assert layout.images[0].x == 0


def test_it_is_small_plain_json_that_fetches_nothing(trace_of, picture):
    text = stages.object_figure(picture, trace_of(6).history(0, (200, 100))).to_json()
    figure = json.loads(text)
    assert figure["layout"]["height"] == stages.HEIGHT and figure["layout"]["autosize"]
    assert "http" not in text
    assert len(text) < 400_000


@pytest.mark.parametrize("mass", [0, 1, -0.2])
def test_a_mass_that_is_none_is_said(history, picture, mass):
    with pytest.raises(ValueError, match="between 0 and 1"):
        stages.object_figure(picture, history, mass)
