"""Covered sides are hidden, answers stay where they were, and what nobody could find is not asked for."""

import pytest
import torch

from dfine.boxes import from_pixels, to_pixels
from dfine.data import cover
from dfine.data.cover import Cover, strip
from dfine.data.scenes import Scenes
from dfine.trace.records import Target

SIZE = (160, 120)


def target(*corners):
    boxes = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
    return Target(torch.arange(len(boxes)), from_pixels(boxes, SIZE), image_id=7)


def covered(answers, seed, p=1.0):
    torch.manual_seed(seed)
    return Cover(p)(torch.full((3, *SIZE[::-1]), 7, dtype=torch.uint8), answers)


BOX = [20.0, 40.0, 60.0, 120.0]  # 40 wide, 80 high


@pytest.mark.parametrize(
    ("side", "depth", "outside", "along", "shift", "place"),
    [
        (0, 0.5, 0.25, 1.0, 0.0, [10, 40, 40, 120]),
        (2, 0.5, 0.25, 1.0, 0.0, [40, 40, 70, 120]),
        (1, 0.25, 0.5, 0.5, 0.0, [30, 0, 50, 60]),
        (3, 0.25, 0.5, 0.5, 0.0, [30, 100, 50, 160]),
        (3, 0.25, 0.5, 1.0, 0.5, [40, 100, 80, 160]),  # moved along the edge
        (0, -0.25, 0.75, 2.0, 0.0, [-10, 0, 10, 160]),  # beside the box
    ],
)
def test_the_place_of_a_patch(side, depth, outside, along, shift, place):
    assert strip(BOX, side, depth, outside, along, shift) == pytest.approx(place)


def test_a_picture_without_objects_and_one_with_small_ones_only():
    for answers in (target(), target([3, 3, 9, 50])):
        for seed in range(10):
            picture, kept = covered(answers, seed)
            assert picture.shape == (3, *SIZE[::-1]) and picture.dtype == torch.uint8
            assert torch.equal(kept.boxes, answers.boxes) and kept.image_id == 7


def test_answers_stay_where_they_were_and_some_edge_is_hidden():
    scenes = Scenes(6, size=(128, 128), seed=2, clean=1.0)
    for seed in range(12):
        picture, answers = scenes[seed % 6]
        torch.manual_seed(seed)
        before = picture.clone()
        painted, kept = Cover(1.0)(picture, answers)
        assert torch.equal(picture, before)  # what came in is not written to
        assert all(any(torch.equal(box, old) for old in answers.boxes) for box in kept.boxes)
        changed = (painted != picture).any(0)
        near = torch.zeros_like(changed)
        for x1, y1, x2, y2 in to_pixels(answers.boxes, (128, 128)).round().int().tolist():
            near[max(0, y1 - 1) : y2 + 1, max(0, x1 - 1) : x2 + 1] = True
            near[max(0, y1 + 2) : y2 - 2, max(0, x1 + 2) : x2 - 2] = False
        assert (changed & near).any()


def test_an_object_under_paint_is_dropped_and_one_that_shows_is_kept(monkeypatch):
    """The second lies under the strip that covers the left half of the first."""
    answers = target([40, 20, 120, 100], [44, 40, 60, 56])
    monkeypatch.setattr(cover, "_over", lambda boxes: [strip(boxes[0].tolist(), 0, 0.5, 0.2, 1.2, 0.0)])
    monkeypatch.setattr(cover, "_beside", lambda boxes, size: [])
    monkeypatch.setattr(cover.occluders, "shape", lambda kind, height, width: torch.ones(height, width).bool())
    _, kept = covered(answers, 0)
    assert kept.labels.tolist() == [0] and torch.equal(kept.boxes, answers.boxes[:1])


def test_patches_that_hide_no_edge_hide_none():
    boxes = torch.tensor([[20.0, 20.0, 100.0, 90.0], [90.0, 10.0, 150.0, 60.0]])
    torch.manual_seed(0)
    found = [place for _ in range(200) for place in cover._beside(boxes, SIZE)]
    inside = 0
    for x1, y1, x2, y2 in found:
        for left, top, right, bottom in boxes.tolist():
            apart = x2 <= left or x1 >= right or y2 <= top or y1 >= bottom
            within = x1 > left and x2 < right and y1 > top and y2 < bottom
            assert apart or within
            inside += within
    assert len(found) > 50 and 10 < inside < len(found)


def test_covering_depends_on_the_random_state_only_and_comes_as_often_as_asked():
    answers = target([40, 20, 120, 100])
    assert torch.equal(covered(answers, 3)[0], covered(answers, 3)[0])
    touched = sum(bool((covered(answers, seed, p=0.4)[0] != 7).any()) for seed in range(200))
    assert 50 < touched < 110
    assert not any((covered(answers, seed, p=0.0)[0] != 7).any() for seed in range(20))
    with pytest.raises(ValueError, match="between 0 and 1, not 40"):
        Cover(40)
