"""The decoder asked about boxes and classes: what a reply tells, on real pictures and of a mirrored one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dfine.data.pictures import to_pixels
from dfine.data.scenes import Scenes
from dfine.explore.suspect_asking import AT_ONCE, Questions, cannot, replies
from dfine.explore.suspect_clues import REPLY, asked
from tests.explore.worlds import predictor

OWN, OTHER, WORST, SECOND, FITS, SHARP = range(6)
NOTHING = Questions.of([])


@pytest.fixture(scope="module")
def pictures(demo):
    """Clean scenes as pixels, each with its answers as questions."""
    scenes, found = Scenes(6, seed=77, clean=1.0), []
    truth = scenes.ground_truth()
    for i in range(len(scenes)):
        mine = [a for a in truth["annotations"] if a["image_id"] == i]
        boxes = [np.array([*a["bbox"][:2], a["bbox"][0] + a["bbox"][2], a["bbox"][1] + a["bbox"][3]]) for a in mine]
        questions = Questions.of([(box, a["category_id"] - 1) for box, a in zip(boxes, mine)])
        image = scenes.scene(i).image
        found.append((to_pixels(image, demo.input_size), image.shape[1::-1], questions))
    return found


def said(demo, pictures, change=lambda q: q):
    """The replies to all answers as `change` leaves them: [n, REPLY]."""
    return np.concatenate([replies(demo, pixels, size, change(q)) for pixels, size, q in pictures])


def shortened(q):
    """Boxes without a fifth of their width, on the left."""
    boxes = q.boxes.copy()
    boxes[:, 0] += (boxes[:, 2] - boxes[:, 0]) / 5
    return replace(q, boxes=boxes)


def test_without_questions_there_are_no_replies(demo, pictures):
    pixels, size, _ = pictures[0]
    assert replies(demo, pixels, size, NOTHING).shape == (0, REPLY) and NOTHING.replies(None) == {}


def test_right_answers_come_back_and_wrong_ones_do_not(demo, pictures):
    right = said(demo, pictures)
    wrong = said(demo, pictures, lambda q: replace(q, classes=(q.classes + 1) % len(demo.names)))
    moved = said(demo, pictures, shortened)
    assert len(right) > 10 and np.isfinite(right).all() and right.dtype == np.float32
    assert np.median(right[:, OWN]) > 0 > np.median(right[:, OTHER])
    assert (wrong[:, OWN] < right[:, OWN]).mean() > 0.8 and (wrong[:, OTHER] > right[:, OTHER]).mean() > 0.8
    assert (moved[:, WORST] > right[:, WORST]).mean() > 0.8 and (moved[:, FITS] < right[:, FITS]).mean() > 0.8
    assert (right[:, WORST] >= right[:, SECOND]).all() and (right[:, SHARP] < 0).all()


def test_each_question_is_answered_for_itself(demo, pictures):
    """However many are asked, and in whatever order: no question sees another, in one pass or in several."""
    pixels, size, few = pictures[0]
    alone = replies(demo, pixels, size, few)
    many = Questions(np.tile(few.boxes, (AT_ONCE, 1)), np.tile(few.classes, AT_ONCE))
    some = Questions(many.boxes[: AT_ONCE + 3], many.classes[: AT_ONCE + 3])
    np.testing.assert_allclose(replies(demo, pixels, size, some)[-1], alone[(AT_ONCE + 2) % len(few)], atol=2e-3)


def test_a_mirrored_picture_says_the_same(demo, pictures):
    pixels, size, q = pictures[1]
    x1, y1, x2, y2 = q.boxes.T
    mirrored = replace(q, boxes=np.stack((size[0] - x2, y1, size[0] - x1, y2), 1))
    here, there = replies(demo, pixels, size, q), replies(demo, pixels.flip(-1), size, mirrored)
    np.testing.assert_allclose(here, there, atol=2e-3)


def test_of_a_class_that_the_network_does_not_know_it_sees_nothing(demo, pictures):
    pixels, size, q = pictures[0]
    told = replies(demo, pixels, size, replace(q, classes=np.full(len(q), -1)))
    assert told[:, OWN].max() == pytest.approx(np.log(0.01 / 0.99))


def test_replies_by_question():
    q = Questions.of([(np.array([1.004, 2, 3, 4]), 5)])
    assert q.replies(np.ones((1, REPLY))) == {asked(np.array([1.0, 2, 3, 4]), 5): (1.0,) * REPLY}
    assert q.digest == Questions.of([(np.array([1.0, 2, 3, 4]), 5)]).digest
    assert len({q.digest, NOTHING.digest, Questions.of([(np.array([1.0, 2, 3, 4]), 6)]).digest}) == 3


def test_who_cannot_be_asked_is_told_in_a_sentence(demo):
    small = predictor(("cup", "house"), queries=10, size=(64, 64))
    assert cannot(demo) == cannot(small) == ""
    assert "was not trained with denoising, so that its decoder cannot be asked" in cannot(small, denoised=False)
    with torch.no_grad():
        small.network.queries.label.weight.zero_()
    assert "was not trained with denoising" in cannot(small)
    small.engine.network = None
    assert "is an exported file, whose decoder cannot be asked" in cannot(small)
