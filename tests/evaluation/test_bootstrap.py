"""AP from weights: nothing, that it is COCO's, that a picture drawn twice counts twice; and intervals."""

import json

import numpy as np
import pytest

from dfine.evaluation.bootstrap import Ranked, difference
from dfine.evaluation.coco import measure
from tests.evaluation.by_hand import BOX, CAT, moved, rows, truth
from tests.evaluation.test_tide import world


def test_nothing():
    empty = difference(truth(images=()), rows(), rows(), repeats=3)
    assert str(empty) == "there is no object to measure AP on" and not empty.sure
    json.dumps(empty.to_dict(), allow_nan=False)
    assert np.isnan(Ranked.of(truth(), rows()).ap()).all()
    assert Ranked.of(truth((4, CAT, BOX)), rows()).ap().tolist() == [0.0]


@pytest.mark.parametrize("crowds", [False, True])
def test_with_every_picture_once_it_is_cocos_ap(crowds):
    pytest.importorskip("faster_coco_eval")
    answers, found = world(5, crowds)
    assert Ranked.of(answers, found).ap()[0] == pytest.approx(measure(answers, found)[0]["AP"], abs=1e-9)


def test_a_picture_that_is_drawn_twice_counts_as_two():
    pytest.importorskip("faster_coco_eval")
    answers, found = world(6, crowds=False, pictures=8)
    twice = {
        "categories": answers["categories"],
        "images": [i | {"id": i["id"] + 100 * k} for k in range(2) for i in answers["images"] if i["id"] < 1 + 7 * k],
        "annotations": [
            a | {"id": a["id"] + 1000 * k, "image_id": a["image_id"] + 100 * k}
            for k in range(2)
            for a in answers["annotations"]
            if a["image_id"] < 1 + 7 * k
        ],
    }
    again = [f + np.eye(7)[0] * 100 * k for k in range(2) for f in found if f[0] < 1 + 7 * k]
    drawn = Ranked.of(answers, found).ap(np.array([[2, 1, 1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 1, 1, 1, 0]]))
    assert drawn[0] == pytest.approx(measure(twice, np.array(again))[0]["AP"], abs=1e-3)
    seven = {**answers, "images": answers["images"][:7]}
    assert drawn[1] == pytest.approx(measure(seven, found)[0]["AP"], abs=1e-9)


def test_a_model_against_itself_and_against_a_worse_one():
    answers, found = world(7, crowds=False, pictures=30)
    same = difference(answers, found, found, repeats=20)
    assert (same.ap, same.low, same.high, same.above, same.sure) == (0, 0, 0, 0, False)
    assert "which may be chance" in str(same)
    worse = found[found[:, 5] > 0.9]
    better = difference(answers, found, worse, repeats=60)
    assert better.low < better.ap < better.high and better.low > 0 and better.sure and better.above == 1
    back = difference(answers, worse, found, repeats=60)
    assert (back.ap, back.low, back.high) == pytest.approx((-better.ap, -better.high, -better.low))
    assert better == difference(answers, found, worse, repeats=60), "the same seed draws the same pictures"


def test_better_boxes_of_the_same_objects_raise_ap_by_hand():
    answers = truth((4, CAT, BOX), (9, CAT, BOX))
    exact, loose = rows((4, BOX, 0.9, CAT), (9, BOX, 0.9, CAT)), rows((4, moved(8), 0.9, CAT), (9, moved(8), 0.9, CAT))
    found = difference(answers, exact, loose, repeats=10)  # IoU 32/48: right at 0.5, 0.55, 0.6 and 0.65
    assert (found.first, found.second) == pytest.approx((1.0, 0.4)) and found.pictures == 2
