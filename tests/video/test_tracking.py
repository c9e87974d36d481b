"""A thing keeps its number while it moves, while it is weak, and when it is seen twice."""

import pytest
import torch

pytest.importorskip("trackers")

from dfine.trace.detections import Detections
from dfine.video.tracking import Tracker

NAMES = ("cup", "key")


def found(*rows):
    """Detections of (score, x, label), boxes of 40 x 40 pixels, best first."""
    rows = sorted(rows, reverse=True)
    boxes = torch.tensor([[x, 10.0, x + 40, 50.0] for _, x, _ in rows]).reshape(-1, 4)
    labels = torch.tensor([label for *_, label in rows], dtype=torch.int64)
    scores = torch.tensor([score for score, *_ in rows])
    return Detections(boxes, labels, scores, torch.arange(len(rows)), NAMES, (640, 60))


def test_nothing_has_no_track():
    tracker = Tracker(25, 0.5)
    assert tracker.update(found(), 0.0) == []
    assert tracker.update(found(), 0.04) == []


def test_two_things_that_move_keep_their_numbers():
    tracker = Tracker(25, 0.5)
    seen = [tracker.update(found((0.9, 10 + 4 * i, 0), (0.8, 500 - 4 * i, 1)), i / 25) for i in range(20)]
    assert seen[0] == [None, None], "a number comes with the second frame"
    assert seen[1:] == [[1, 2]] * 19


def test_a_thing_that_turns_weak_keeps_its_number_and_no_weak_one_begins():
    tracker = Tracker(25, 0.5)
    scores = [0.9, 0.9, 0.9, 0.2, 0.2, 0.9]
    seen = [tracker.update(found((s, 10, 0), (0.3, 500, 1)), i / 25) for i, s in enumerate(scores)]
    assert [dict(zip(*pair)) for pair in zip([[0, 1]] * 3 + [[1, 0]] * 2 + [[0, 1]], seen)][1:] == [{0: 1, 1: None}] * 5


def test_second_opinions_share_the_number():
    """The same box under two classes, and nearly the same box once more: one thing."""
    tracker = Tracker(25, 0.5)
    for i in range(5):
        seen = tracker.update(found((0.9, 10, 0), (0.8, 10, 1), (0.7, 12, 0), (0.6, 300, 0)), i / 25)
    assert seen == [1, 1, 1, 2]


def test_a_thing_out_of_sight_is_known_for_a_second_of_any_frame_rate():
    for step in (1 / 25, 1 / 5):
        tracker = Tracker(25, 0.5)
        clock = 0.0
        for _ in range(4):
            tracker.update(found((0.9, 10, 0)), clock)
            clock += 1 / 25
        while clock < 0.8:  # hidden
            tracker.update(found(), clock)
            clock += step
        tracker.update(found((0.9, 10, 0)), clock)
        assert tracker.update(found((0.9, 10, 0)), clock + 1 / 25) == [1]
        tracker.update(found(), clock + 3)
        tracker.update(found((0.9, 10, 0)), clock + 3.04)
        assert tracker.update(found((0.9, 10, 0)), clock + 3.08) == [2]
