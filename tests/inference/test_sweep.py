"""One object in ever more spoiled pictures."""

import pytest
import torch
from PIL import Image

import dfine
from dfine.data import scenes
from dfine.data.spoil import cover, spoil
from dfine.inference.sweep import sweep


@pytest.fixture(scope="module")
def model():
    return dfine.load("demo", device="cpu", fast=False)


@pytest.fixture(scope="module")
def scene():
    """A drawn scene, and its crown: box in pixels and name."""
    drawn = scenes.draw(10_000_000, 320)
    index = [scenes.NAMES[label] for label in drawn.labels].index("crown")
    return Image.fromarray(drawn.image), drawn.boxes[index].tolist(), "crown"


def test_no_amounts_are_no_numbers(model, scene):
    picture, box, name = scene
    empty = sweep(model, lambda amount: picture, [], box, name)
    assert empty.scores.shape == (0,) and empty.spreads.shape == empty.errors.shape == (0, 4)
    assert empty.intervals.shape == (0, 4, 2)


def test_an_unspoiled_picture_has_the_objects_own_numbers(model, scene):
    picture, box, name = scene
    once = sweep(model, lambda amount: spoil(picture, "blur", amount), [0], box, name)
    result = model(picture, 0.5)
    index = result.detections.class_names.index(name)
    history = result.history(index)
    assert once.found.tolist() == [True] and float(once.scores[0]) == pytest.approx(float(history.scores[-1]))
    reach = history.intervals()[-1]
    assert torch.allclose(once.intervals[0], reach) and torch.allclose(once.spreads[0], reach[:, 1] - reach[:, 0])
    moved = history.xyxy_pixels[-1] - torch.tensor(box)
    assert torch.allclose(once.errors[0], moved * torch.tensor([-1.0, -1, 1, 1]), atol=1e-4)


def test_blur_makes_every_edge_less_sure(model, scene):
    picture, box, name = scene
    some = sweep(model, lambda amount: spoil(picture, "blur", amount), [0, 0.4], box, name)
    assert some.found.all() and (some.spreads[1] > some.spreads[0]).all()


def test_what_is_not_found_has_no_numbers(model, scene):
    picture, box, name = scene
    some = sweep(model, lambda amount: cover(picture, box, "left", amount), [0, 1], box, name)
    assert some.found.tolist() == [True, False] and some.spreads[1].isnan().all() and some.errors[1].isnan().all()


def test_an_unknown_class_is_named(model, scene):
    with pytest.raises(ValueError, match="does not know 'zebra'"):
        sweep(model, lambda amount: scene[0], [0], scene[1], "zebra")
