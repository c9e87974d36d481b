from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image, ImageChops

from dfine.figures import picture as pictures
from dfine.figures import style
from dfine.trace.detections import Detections


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


def test_a_crowd_keeps_the_labels_of_the_best(picture):
    place = torch.rand(200, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([190.0, 92])
    boxes = torch.cat((place, place + torch.tensor([10, 8])), 1)
    labels, query = torch.zeros(200).long(), torch.arange(200)
    crowd = Detections(boxes, labels, torch.linspace(0.9, 0.1, 200), query, ("a ring",), (200, 100))
    image = np.asarray(pictures.draw(picture, crowd))
    frames = np.asarray(pictures.draw(picture, crowd, captions=[""] * 200))
    assert (image != frames).any(-1).mean() < 0.35, "the picture can still be seen"
    best = ImageChops.difference(pictures.draw(picture, crowd[:1]), pictures.shown(picture)).getbbox()
    assert (image[best[1] : best[1] + 15, best[0] + 5 : best[2] - 5] == style.rgb(style.class_colour(0))).any()


@pytest.mark.parametrize("size", [(2000, 40), (40, 2000), (1, 1), (3000, 2000)], ids=str)
def test_letters_are_no_higher_than_a_flat_picture_has_room_for(size, detections):
    image = pictures.draw(Image.new("RGB", size), replace(detections, size=size, boxes=detections.boxes * 0 + 0.5))
    assert image.size == pictures.shown(Image.new("RGB", size)).size
    assert 1 <= pictures.point(image.size) <= 2
    assert pictures.letters((1280, 40)) * 1.6 < 40, "a label is no higher than the picture"
    assert pictures.letters((640, 640)) == pictures.letters((480, 300)) == 13 and pictures.letters((100, 80)) > 10


@pytest.mark.parametrize("name", ["two\nlines", "vélo", "x" * 500, ""], ids=["break", "accent", "long", "none"])
def test_any_name_can_stand_on_a_picture(picture, detections, name):
    odd = replace(detections, names=(name, name, name))
    assert ImageChops.difference(pictures.draw(picture, odd), pictures.draw(picture, detections)).getbbox()


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
