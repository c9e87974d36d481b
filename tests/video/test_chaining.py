"""A thing keeps its number while it overlaps the place where it was last seen."""

import torch

from dfine.trace.detections import Detections
from dfine.video.chaining import FORGET, Chain

NAMES = ("cup", "key")


def found(*rows):
    """Detections of (score, x, label), boxes of 40 x 40 pixels, best first."""
    boxes = torch.tensor([[x, 10.0, x + 40, 50.0] for _, x, _ in rows]).reshape(-1, 4)
    labels = torch.tensor([label for *_, label in rows], dtype=torch.int64)
    scores = torch.tensor([score for score, *_ in rows])
    return Detections(boxes, labels, scores, torch.arange(len(rows)), NAMES, (640, 60))


def test_nothing_has_no_track():
    chain = Chain()
    assert chain.update(found(), 0.0) == [] and chain.update(found(), 0.1) == []


def test_two_things_that_move_keep_their_numbers_whatever_their_order():
    chain = Chain()
    assert chain.update(found((0.9, 10, 0), (0.8, 500, 1)), 0.0) == [1, 2]
    for i in range(1, 20):
        rows = [(0.9, 10 + 4 * i, 0), (0.8, 500 - 4 * i, 1)]
        assert chain.update(found(*rows), i / 25) == [1, 2]
        assert chain.update(found(*rows[::-1]), (i + 0.5) / 25) == [2, 1]


def test_doubles_of_a_thing_share_its_number():
    assert Chain().update(found((0.9, 10, 0), (0.8, 300, 0), (0.6, 11, 1)), 0.0) == [1, 2, 1]


def test_what_was_out_of_sight_for_a_while_comes_back_and_what_was_for_long_is_new():
    for gone, number in ((0.9 * FORGET, 1), (1.1 * FORGET, 2)):
        chain = Chain()
        assert chain.update(found((0.9, 10, 0)), 0.0) == [1]
        assert chain.update(found(), gone / 2) == []
        assert chain.update(found((0.9, 12, 0)), gone) == [number]


def test_what_jumps_by_more_than_its_size_is_new():
    chain = Chain()
    assert chain.update(found((0.9, 10, 0)), 0.0) + chain.update(found((0.9, 200, 0)), 0.04) == [1, 2]
