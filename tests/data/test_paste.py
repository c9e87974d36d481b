"""What is pasted lies where its box says, hides little of what was there, and fades out before its border."""

import pytest
import torch

from dfine.boxes import to_pixels
from dfine.data import paste
from dfine.data.paste import CopyPaste
from dfine.trace.records import Target

GROUND, RED, EMPTY = 10, 250, torch.zeros(0, 4)
SIZE = (160, 120)  # width, height


def drawn(boxes, label=0, size=SIZE):
    """A dark picture in which every object is red."""
    picture = torch.full((3, size[1], size[0]), GROUND, dtype=torch.uint8)
    boxes = torch.as_tensor(boxes, dtype=torch.float32).reshape(-1, 4)
    for x1, y1, x2, y2 in to_pixels(boxes, size).round().int().tolist():
        picture[0, y1:y2, x1:x2] = RED
    return picture, Target(torch.full((len(boxes),), label), boxes, image_id=7)


def pasted(into, source, seed, p=1.0):
    """`into` with objects of `source`, whatever item is drawn."""
    torch.manual_seed(seed)
    items = iter([into, source])
    return CopyPaste(p)(lambda i: next(items), 0, 1)


def test_nothing_is_pasted_from_a_picture_without_objects_and_into_an_empty_one_something_is():
    full = drawn([[0.5, 0.5, 0.25, 0.25]], label=4)
    picture, target = pasted(full, drawn(EMPTY), 0)
    assert torch.equal(picture, full[0]) and torch.equal(target.boxes, full[1].boxes)
    for seed in range(8):
        _, target = pasted(drawn(EMPTY), full, seed)
        assert target.labels.tolist() == [4] and target.image_id == 7


@pytest.mark.parametrize("seed", range(12))
def test_the_new_box_holds_the_whole_object_and_nothing_of_it_lies_outside(seed):
    picture, target = pasted(drawn(EMPTY), drawn([[0.4, 0.55, 0.25, 0.4]]), seed)
    x1, y1, x2, y2 = to_pixels(target.boxes, SIZE)[0].tolist()
    assert 0 <= x1 < x2 <= SIZE[0] and 0 <= y1 < y2 <= SIZE[1]
    red = picture[0] > 130
    assert red[int(y1 + 2) : int(y2 - 1), int(x1 + 2) : int(x2 - 1)].all()
    red[max(0, int(y1 - 1)) : int(y2 + 2), max(0, int(x1 - 1)) : int(x2 + 2)] = False
    assert not red.any()


def test_what_was_there_stays_and_is_hidden_by_less_than_a_third():
    there = [[0.3, 0.3, 0.3, 0.3], [0.7, 0.7, 0.4, 0.4]]
    for seed in range(20):
        _, target = pasted(drawn(there), drawn([[0.5, 0.5, 0.5, 0.4], [0.1, 0.85, 0.12, 0.15]], label=1), seed)
        assert torch.equal(target.boxes[:2], torch.tensor(there)) or torch.allclose(
            target.boxes[:2], torch.tensor(there), atol=1e-5
        )
        assert target.labels[:2].tolist() == [0, 0] and set(target.labels[2:].tolist()) <= {1}
        for corners in to_pixels(target.boxes[2:], SIZE):
            old = to_pixels(target.boxes[:2], SIZE)
            sides = (torch.minimum(old[:, 2:], corners[2:]) - torch.maximum(old[:, :2], corners[:2])).clamp(min=0)
            share = sides.prod(1) / (old[:, 2:] - old[:, :2]).prod(1)
            assert (share <= paste.HIDDEN + 0.01).all()


@pytest.mark.parametrize(
    "boxes",
    [
        [[0.1, 0.5, 0.2, 0.4]],  # at the border: nobody knows how it goes on
        [[0.5, 0.5, 0.02, 0.4]],  # too thin
        [[0.5, 0.5, 0.3, 0.3], [0.52, 0.5, 0.3, 0.3]],  # each would bring the other
    ],
)
def test_what_is_not_fit_to_be_taken(boxes):
    for seed in range(10):
        picture, target = pasted(drawn(EMPTY), drawn(boxes), seed)
        assert not len(target) and (picture == GROUND).all()


def test_a_paste_fades_to_nothing_at_its_border_and_is_whole_where_the_object_is():
    seen = paste._fade(40, 60, torch.tensor([10.0, 8.0, 50.0, 30.0]))
    assert (seen[8:30, 10:50] == 1).all() and seen.min() < 0.12
    assert seen[0].max() < 0.15 and seen[:, 0].max() < 0.15 and seen[-1].max() < 0.15 and seen[:, -1].max() < 0.15
    assert (seen[:, 1:11] >= seen[:, :10]).all()


def test_pasting_depends_on_the_random_state_only_and_comes_as_often_as_asked():
    full = drawn([[0.5, 0.5, 0.25, 0.25]])
    assert torch.equal(pasted(drawn(EMPTY), full, 3)[0], pasted(drawn(EMPTY), full, 3)[0])
    assert 40 < sum(len(pasted(drawn(EMPTY), full, seed, 0.3)[1]) for seed in range(200)) < 80
    with pytest.raises(ValueError, match="between 0 and 1, not 40"):
        CopyPaste(40)
