"""One picture judged: every kind of error by hand."""

import pytest

from dfine.evaluation.tide import error_types
from tests.evaluation.by_hand import BOX, CAT, DOG, moved, rows, truth


# One cat at BOX. IoU of a box moved by 12 is 0.538, by 20 0.333, by 30 0.143, by 36 0.053.
@pytest.mark.parametrize(
    "detections, kinds, state",
    [
        ([(BOX, CAT)], ["correct"], "found"),
        ([(moved(12), CAT)], ["correct"], "found"),
        ([(moved(20), CAT)], ["Loc"], "Loc"),
        ([(moved(30), CAT)], ["Loc"], "Loc"),
        ([(moved(36), CAT)], ["Bkg"], "Miss"),
        ([(moved(90), CAT)], ["Bkg"], "Miss"),
        ([(BOX, DOG)], ["Cls"], "Cls"),
        ([(moved(12), DOG)], ["Cls"], "Cls"),
        ([(moved(20), DOG)], ["Both"], "Miss"),
        ([(moved(36), DOG)], ["Bkg"], "Miss"),
        ([(moved(12), CAT), (BOX, CAT)], ["correct", "Dupe"], "found"),  # the better score wins, not the better box
        ([(BOX, CAT), (moved(20), CAT)], ["correct", "Loc"], "found"),  # also on an object that is found already
        ([(BOX, CAT), (BOX, DOG)], ["correct", "Cls"], "found"),
        ([(moved(20), CAT), (BOX, DOG)], ["Loc", "Cls"], "Loc"),  # the better of the two would find it
        ([(BOX, DOG), (moved(20), CAT)], ["Cls", "Loc"], "Cls"),
    ],
)
def test_what_a_detection_and_its_object_are(detections, kinds, state):
    found = rows(*((4, box, 0.9 - 0.1 * i, c) for i, (box, c) in enumerate(detections)))
    errors = error_types(truth((4, CAT, BOX)), found)
    assert errors.kinds == kinds
    assert errors.objects == {1: state}
    assert errors.missed == {1: state == "Miss"}
    assert errors.matched == [None if kind == "Bkg" else 1 for kind in kinds]


def test_a_loose_box_on_its_own_class_is_loc_though_it_lies_well_on_another():
    errors = error_types(truth((4, CAT, BOX), (4, DOG, moved(20))), rows((4, moved(20), 0.9, CAT)))
    assert errors.kinds == ["Loc"] and errors.matched == [1]


@pytest.mark.parametrize("box, label, kind", [(BOX, CAT, "ignored"), (BOX, DOG, "Bkg"), (moved(30), CAT, "Bkg")])
def test_a_detection_in_a_crowd_of_its_class_is_no_error(box, label, kind):
    errors = error_types(truth((4, CAT, BOX, 1)), rows((4, box, 0.9, label)))
    assert errors.kinds == [kind]
    assert errors.missed == {}


def test_beyond_a_hundred_of_a_class_nothing_counts():
    found = rows(*((4, moved(90), 0.9, CAT) for _ in range(100)), (4, BOX, 0.1, CAT), (4, BOX, 0.1, DOG))
    errors = error_types(truth((4, CAT, BOX)), found)
    assert errors.kinds == ["Bkg"] * 100 + ["ignored", "Cls"]
