from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops

from dfine.figures import picture as pictures
from dfine.figures import style


def test_nothing_found_leaves_the_picture_as_it_is(picture, nothing):
    assert not ImageChops.difference(pictures.draw(picture, nothing), pictures.shown(picture)).getbbox()
    assert pictures.at(nothing, 5, 5) is None


def test_a_frame_in_the_class_colour_lies_on_the_edges_of_the_box(picture, detections):
    image = pictures.draw(picture, detections)
    assert image.size == (640, 320), "3.2 times as large"
    assert picture.getpixel((60, 90)) == (40, 90, 60), "the picture itself is not drawn on"
    assert image.getpixel((256, 288)) == style.rgb(style.class_colour(0))  # the middle of ring's lower edge
    assert image.getpixel((256, 240)) == (40, 90, 60)  # inside ring, outside the others


def test_boxes_are_scaled_to_a_reduced_picture(picture, detections):
    small = pictures.draw(Image.new("RGB", (100, 50), (40, 90, 60)), detections)
    assert not ImageChops.difference(small, pictures.draw(picture, detections)).getbbox()


def test_the_selected_one_is_drawn_wider_and_on_top(picture, detections):
    plain, chosen = (np.asarray(pictures.draw(picture, detections, s)) for s in (None, 1))
    colour = style.rgb(style.class_colour(1))
    count = [int((image == colour).all(-1).sum()) for image in (plain, chosen)]
    assert count[1] > count[0]
    with pytest.raises(IndexError, match="no detection 3"):
        pictures.draw(picture, detections, 3)


def test_captions_take_the_place_of_name_and_score(picture, detections):
    plain = pictures.draw(picture, detections)
    same = [f"{name} {score:.2f}" for name, score in zip(detections.class_names, detections.scores.tolist())]
    assert not ImageChops.difference(pictures.draw(picture, detections, captions=same), plain).getbbox()
    other = pictures.draw(picture, detections, captions=[f"#{i}" for i in range(len(detections))])
    assert ImageChops.difference(other, plain).getbbox()


def test_labels_of_the_same_box_do_not_hide_each_other():
    plates = pictures._plates([(50, 60, 150, 140)] * 4, [40.0] * 4, (200, 200), 12)
    assert plates[0] == pytest.approx((50, 60 - 19.2, 97.2, 60)), "the first stands above its box"
    assert not any(pictures._overlap(a, b) for i, a in enumerate(plates) for b in plates[:i])


@pytest.mark.parametrize("box", [(0, 0, 20, 20), (190, 190, 200, 200), (-50, -50, 250, 250), (150, 5, 250, 10)])
def test_labels_stay_in_the_picture(box):
    x1, y1, x2, y2 = pictures._plates([box], [60.0], (200, 200), 12)[0]
    assert 0 <= x1 < x2 <= 200 and 0 <= y1 < y2 <= 200


@pytest.mark.parametrize(
    "point, found",
    [((30, 30), 1), ((100, 80), 0), ((170, 20), 2), ((130, 50), None), ((10, 10), 0), ((20, 60), 1)],
)
def test_a_point_finds_the_smallest_box_around_it(detections, point, found):
    assert pictures.at(detections, *point) == found
    assert pictures.at(detections, point[0] * 2, point[1] * 2, (400, 200)) == found


@pytest.mark.parametrize(
    "size, shown",
    [
        ((3840, 1000), (1280, 333)),
        ((1000, 800), (1000, 800)),
        ((64, 32), (640, 320)),
        ((1, 1), (640, 640)),
        ((5000, 1), (1280, 1)),
    ],
)
def test_pictures_are_shown_neither_too_large_nor_too_small(size, shown):
    assert pictures.shown(Image.new("L", size)).size == shown
    assert pictures.shown(Image.new("L", size)).mode == "RGB"
    assert pictures.shown(Image.new("L", size), max(size)).size == size


def test_the_object_fills_the_view_with_every_layers_box(picture, history):
    image = pictures.history_boxes(picture, history, side=640)
    assert image.width == 640 and 0.6 < image.height / image.width < 1.4
    drawn = {tuple(c) for c in np.asarray(image).reshape(-1, 3).tolist()}
    assert {style.rgb(c) for c in style.layer_colours(3)} <= drawn
    assert {style.rgb(c) for c in style.EDGE_COLOURS.values()} <= drawn


def test_the_view_is_the_same_from_a_reduced_picture(history):
    large, small = (pictures.history_boxes(Image.new("RGB", size), history) for size in ((800, 400), (200, 100)))
    assert large.size == small.size
    assert not ImageChops.difference(large, small).getbbox()


@pytest.mark.parametrize(
    "box", [[0.5, 0.5, 0, 0], [0.5, 0.5, 2, 2], [1.2, -0.1, 0.1, 0.1], [0.5, 0.5, -0.2, -0.1]], ids=str
)
def test_any_box_of_an_untrained_network_can_be_drawn(picture, history, box):
    boxes = torch.tensor(box).expand(3, 4)
    odd = replace(history, initial=boxes[0], boxes=boxes)
    assert pictures.history_boxes(picture, odd).width == 640
    assert pictures.history_boxes(Image.new("RGB", (1, 1)), replace(odd, size=(1, 1))).width == 640


@pytest.mark.parametrize("size", [(3, 1280), (40, 1280), (1, 1)], ids=str)
def test_a_narrow_picture_is_drawn_no_larger_than_others(history, size):
    """Its whole width in 640 pixels would be an image of hundreds of megabytes."""
    boxes = torch.tensor([0.5, 0.5, 0.9, 0.9])
    tall = replace(history, size=size, initial=boxes, boxes=boxes.expand(3, 4))
    image = pictures.history_boxes(Image.new("RGB", size, "red"), tall, side=640)
    assert max(image.size) <= 1280
    assert pictures.moving_box(Image.new("RGB", size), tall, boxes, 0, side=480).height <= 960


def test_an_object_at_the_border_is_shown_whole(history):
    """A view may leave the picture where the boxes do: there it is grey."""
    beyond = replace(
        history,
        initial=history.initial - torch.tensor([0.45, 0, 0, 0]),
        boxes=history.boxes - torch.tensor([0.45, 0, 0, 0]),
    )
    image = pictures.history_boxes(Image.new("RGB", beyond.size, "red"), beyond)
    grey, red = image.getpixel((1, image.height // 2)), image.getpixel((image.width // 2, 4))
    assert max(grey) - min(grey) < 12 and red[0] > 2 * red[1]
    inside = pictures.history_boxes(Image.new("RGB", history.size, "red"), history)
    assert inside.getpixel((1, 1))[0] > 150 and inside.getpixel((1, 1))[1] < 110


def test_whiskers_span_their_intervals_at_any_scale():
    boxes = torch.tensor([[20.0, 20, 60, 60]])
    reach = torch.tensor([[[10.0, 30], [15, 25], [50, 70], [55, 65]]])
    for scale in (1, 3):
        image = pictures.whiskers(Image.new("RGB", (100 * scale, 80 * scale)), boxes, reach, (100, 80))
        left, top, right, bottom = image.getbbox()
        assert left == pytest.approx(10 * scale, abs=5) and right == pytest.approx(70 * scale, abs=5)
        assert top == pytest.approx(15 * scale, abs=5) and bottom == pytest.approx(65 * scale, abs=5)
    blank = Image.new("RGB", (100, 80))
    assert not pictures.whiskers(blank, boxes[:0], reach[:0], (100, 80)).getbbox(), "no object, no whisker"
