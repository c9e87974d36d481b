"""Models compared: what stands beside what, and edges in the picture's own pixels."""

import numpy as np
import pytest
import torch
from PIL import Image

from dfine.boxes import to_pixels
from dfine.figures import picture as pictures
from dfine.figures.object import compare


def test_nothing_to_compare_is_said(picture):
    with pytest.raises(ValueError, match="nothing to compare"):
        compare.side_by_side(picture, {})
    with pytest.raises(ValueError, match="no model"):
        compare.edges({})


def test_a_picture_for_every_model(picture, detections, nothing):
    sheet = compare.side_by_side(picture, {"a": detections, "b": nothing}, width=200)
    assert sheet.size == (2 * 200 + compare.GAP, compare.HEAD + 100)
    left, right = np.asarray(sheet)[compare.HEAD :, :200], np.asarray(sheet)[compare.HEAD :, 200 + compare.GAP :]
    assert (left != right).any() and (right == (40, 90, 60)).all()  # nothing found: the plain picture


def test_a_curve_has_an_area_of_one_and_its_mean_is_the_edge(history):
    figure = compare.edges({"one": history})
    box = to_pixels(history.boxes[-1], history.size).tolist()
    for k in range(4):
        line, dot = figure.data[2 * k : 2 * k + 2]
        assert float(torch.trapezoid(torch.tensor(line.y), torch.tensor(line.x))) == pytest.approx(1, abs=0.1)
        assert dot.x[0] == pytest.approx(box[k], abs=1e-3)


def test_the_truth_is_a_line_in_every_panel(history):
    lines = compare.edges({"one": history, "two": history}, history.initial).layout.shapes
    assert [s.x0 for s in lines] == pytest.approx([80, 30, 120, 70], abs=1e-3)


def test_histories_of_different_pictures_are_refused(history, trace_of):
    other = trace_of().history(0, (300, 100))
    with pytest.raises(ValueError, match="one picture"):
        compare.edges({"one": history, "two": other})


def test_a_sheet_is_as_high_as_its_tallest_picture():
    row = compare.sheet({"a": Image.new("RGB", (100, 50)), "b": Image.new("RGB", (50, 100))}, width=50)
    assert row.size == (2 * 50 + compare.GAP, compare.HEAD + 100)
    assert row.getpixel((10, compare.HEAD + 90)) == (255, 255, 255)  # under the lower one


def test_a_long_name_stays_above_its_picture():
    images = {
        "a name that is much longer than its picture is wide": Image.new("RGB", (50, 50)),
        "b": Image.new("RGB", (50, 50)),
    }
    other = {"c": images["b"], "b": images["b"]}
    place = (100 + compare.GAP - 2, 0, 200 + compare.GAP, compare.HEAD)
    assert (
        compare.sheet(images, width=100).crop(place).tobytes() == compare.sheet(other, width=100).crop(place).tobytes()
    )


def test_boxes_are_drawn_at_the_size_at_which_they_are_shown(picture, detections):
    """Drawn larger and reduced, the letters of labels would be half as high as those of the names."""
    sheet = compare.side_by_side(picture, {"a": detections}, width=320)
    drawn = pictures.draw(picture, detections, limit=320)
    assert sheet.crop((0, compare.HEAD, 320, compare.HEAD + 160)).tobytes() == drawn.tobytes()
