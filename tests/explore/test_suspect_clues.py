"""What speaks for and against an answer, by hand."""

import numpy as np
import pytest

from dfine.explore.suspect_clues import SAME, clues, iou, logit
from tests.explore.evidence import evidence

HERE, THERE = [0, 0, 100, 100], [300, 300, 400, 400]


def kinds(candidates):
    return {c.kind: c for c in candidates}


def test_iou_by_hand():
    a = np.array([[0, 0, 10, 10], [0, 0, 0, 0]], float)
    b = np.array([[0, 0, 10, 10], [0, 0, 10, 5], [10, 0, 20, 10], [5, 5, 5, 5]], float)
    np.testing.assert_allclose(iou(a, b), [[1, 0.5, 0, 0], [0, 0, 0, 0]])
    assert iou(a[:0], b).shape == (0, 4) and iou(a, b[:0]).shape == (2, 0)


def test_log_odds_are_held():
    assert logit(0.5) == 0 and logit(0.8) == pytest.approx(np.log(4))
    assert [logit(0), logit(1)] == pytest.approx([-np.log(99), np.log(99)])


def test_an_empty_picture_has_no_candidates():
    assert clues(evidence(), 0.5).candidates() == []


def test_an_answer_that_is_found_has_support_and_no_gap():
    seen = clues(evidence([(HERE, 0)], [(HERE, 0, 0.9)]), 0.5)
    assert seen.support.tolist() == [0.9] and seen.gaps().tolist() == []
    found = kinds(seen.candidates())
    assert set(found) == {"shifted", "extra"}, "nothing says another class"
    assert found["shifted"].worst.z == 0 and found["shifted"].worst.pixels == 0 and found["extra"].support == 0.9


def test_support_is_by_class_and_place():
    near = [0, 0, 100, 49]  # IoU 0.49 with HERE
    assert iou(np.array([near]), np.array([HERE]))[0, 0] < SAME
    for found, support in (([(HERE, 1, 0.9)], 0), ([(near, 0, 0.9)], 0), ([(HERE, 0, 0.2), (HERE, 0, 0.6)], 0.6)):
        assert clues(evidence([(HERE, 0)], found), 0.5).support.tolist() == [support]


def test_a_detection_on_nothing_is_a_missing_answer_once_a_place():
    twice = [(THERE, 1, 0.8), ([301, 300, 400, 400], 1, 0.5)]
    seen = clues(evidence([(HERE, 0)], [(HERE, 0, 0.9), *twice]), 0.5)
    assert seen.gaps().tolist() == [1]
    (missing,) = [c for c in seen.candidates() if c.kind == "missing"]
    assert (missing.answer, missing.found, missing.seen, missing.support) == (None, 1, 0.8, 0)


def test_in_a_crowd_nothing_is_missing_and_the_crowd_is_no_suspect():
    seen = clues(evidence([([0, 0, 400, 400], 0)], [([10, 10, 390, 390], 0, 0.9)], crowds=[True]), 0.5)
    assert seen.candidates() == []


def test_an_answer_of_a_class_that_the_detector_cannot_say_is_no_suspect_and_no_reason_for_doubt():
    others = [(THERE, 1), ([500, 500, 600, 600], 1)]
    found = [(HERE, 0, 0.9), (THERE, 0, 0.6)]
    seen = clues(evidence([(HERE, 0), *others], found, known=[True, False, False]), 0.5)
    alone = clues(evidence([(HERE, 0)], found[:1]), 0.5)
    assert {c.answer for c in seen.candidates()} == {0}, "what was found on one of them is not missing either"
    assert seen.context(seen.overlap[:, 0], 0)[0] == alone.context(alone.overlap[:, 0], 0)[0]


def test_another_class_is_said_by_the_best_other_detection():
    seen = clues(evidence([(HERE, 0)], [(HERE, 0, 0.3), (HERE, 1, 0.7), (HERE, 2, 0.6)]), 0.5)
    about = kinds(seen.candidates())["class"]
    assert (about.answer, about.found, about.seen, about.support) == (0, 1, 0.7, 0.3)


@pytest.mark.parametrize("edge", range(4))
def test_a_shift_is_measured_in_half_widths_of_the_edge_that_is_furthest_off(edge):
    answer = np.array(THERE, float)
    answer[edge] += 10
    about = kinds(clues(evidence([(answer, 0)], [(THERE, 0, 0.9)]), 0.5).candidates())["shifted"].worst
    assert (about.edge, about.pixels) == (edge, 10) and about.z == pytest.approx(5)  # intervals are ± 2 px


def test_the_worst_edge_is_told_wherever_a_detection_lies_on_the_answer():
    answer = [300, 300, 412, 400]
    found = kinds(clues(evidence([(answer, 0), (HERE, 0)], [(THERE, 1, 0.9), (THERE, 2, 0.2)]), 0.5).candidates()[:2])
    assert {kind: (c.worst.edge, c.worst.z) for kind, c in found.items()} == {"class": (2, 6), "extra": (2, 6)}
    (alone,) = clues(evidence([(HERE, 0)], [(THERE, 0, 0.9)]), 0.5).candidates()[1:]
    assert alone.kind == "extra" and alone.worst is None


def test_an_answer_that_is_thought_away_leaves_a_gap():
    seen = clues(evidence([(HERE, 0)], [(HERE, 0, 0.9)]), 0.5)
    assert seen.gaps(without=0).tolist() == [0] and seen.gap(0, without=0).kind == "missing"


def test_a_picture_is_believed_less_where_the_detector_sees_things_that_are_not_there():
    at = np.zeros(3)
    calm = clues(evidence([(HERE, 0)], [(HERE, 0, 0.9)]), 0.5).context(at[:1], None)
    wild = clues(evidence([(HERE, 0)], [(HERE, 0, 0.9), (THERE, 1, 0.9), ([500, 500, 600, 600], 1, 0.9)]), 0.5)
    assert wild.context(at, None)[1] > calm[1] and wild.context(at, None)[0] == calm[0]


def test_every_candidate_of_a_kind_has_as_many_clues():
    seen = clues(evidence([(HERE, 0), (THERE, 1)], [(HERE, 1, 0.5), (THERE, 1, 0.9), ([500, 0, 600, 90], 0, 0.4)]), 0.5)
    counts = {}
    for c in seen.candidates():
        counts.setdefault(c.kind, set()).add(len(c.clues))
    assert set(counts) == {"missing", "class", "shifted", "extra"} and all(len(n) == 1 for n in counts.values())
