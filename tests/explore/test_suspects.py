"""The ranking on hand-made arrays: nothing there, each kind, each place once, ties; then on planted errors."""

import numpy as np
import pytest

from dfine.explore.suspect_clues import KINDS, Candidate
from dfine.explore.suspects import Suspect, once, rank
from tests.explore.evidence import evidence


def world(count=60, seed=0):
    """Pictures of four objects of three classes that the detector finds within a pixel or two."""
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        answers, found = [], []
        for corner in ((20, 20), (340, 20), (20, 340), (340, 340)):
            box = np.array([*corner, *(np.array(corner) + rng.uniform(80, 280, 2))])
            label = int(rng.integers(3))
            answers.append((box, label))
            found.append((box + rng.normal(0, 1, 4), label, float(rng.uniform(0.6, 0.95))))
            found.append((box + rng.normal(0, 1, 4), (label + 1) % 3, float(rng.uniform(0.05, 0.2))))
        pictures.append([answers, found])
    return pictures


def ranked(pictures):
    return rank([evidence(*p) for p in pictures])


def test_nothing_at_all():
    assert rank([]) == []
    assert rank([evidence()]) == []
    assert len(rank([evidence([([0, 0, 9, 9], 0)])])) == 1  # nothing is found at it, and nothing can be learned


def wrong_class(answers, found):
    answers[0] = (answers[0][0], (answers[0][1] + 1) % 3)


def missing(answers, found):
    del answers[0]


def moved(answers, found):
    answers[0] = (answers[0][0] + np.array([25, 0, 0, 0]), answers[0][1])


def extra(answers, found):
    answers.append((np.array([310, 200, 335, 330]), 1))


@pytest.mark.parametrize(
    "kind, plant", [("class", wrong_class), ("missing", missing), ("shifted", moved), ("extra", extra)]
)
def test_each_kind_comes_first(kind, plant):
    pictures = world()
    answers, found = pictures[7]
    plant(answers, found)
    first = ranked(pictures)[0]
    assert (first.picture, first.kind) == (7, kind)
    about = first.about
    assert about.answer == {"missing": None, "extra": 4}.get(kind, 0)
    assert about.found == (None if kind == "extra" else 0)
    if kind == "shifted":
        worst = about.worst
        assert worst.edge == 0 and worst.z == pytest.approx(12.5, abs=2) and worst.pixels == pytest.approx(25, abs=4)


def test_every_place_once_and_scores_fall():
    pictures = world()
    for at, plant in enumerate((wrong_class, missing, moved, extra)):
        plant(*pictures[at])
    list_ = ranked(pictures)
    assert {(s.picture, s.kind) for s in list_[:4]} == set(zip(range(4), ("class", "missing", "shifted", "extra")))
    assert [s.score for s in list_] == sorted((s.score for s in list_), reverse=True)
    answers = [(s.picture, s.about.answer) for s in list_ if s.about.answer is not None]
    found = [(s.picture, s.about.found) for s in list_ if s.about.found is not None]
    assert len(set(answers)) == len(answers) and len(set(found)) == len(found)
    assert list_ == ranked(pictures)


def test_equal_scores_stay_in_the_order_of_the_pictures():
    pictures = world(30)
    for at in (20, 10):
        pictures[at] = [[*pictures[3][0]], pictures[3][1]]
    places = [(s.picture, s.score) for s in ranked(pictures) if s.picture in (3, 10, 20)]
    assert [p for p, _ in places] == [3, 10, 20] * (len(places) // 3)


def test_crowds_are_no_suspects_and_explain_what_lies_in_them():
    box = np.array([0, 0, 400, 400])
    pictures = [evidence(*p) for p in world(20)]
    crowd = evidence([(box, 0)], [([10, 10, 390, 390], 0, 0.9)], crowds=[True])
    assert [s for s in rank([*pictures, crowd]) if s.picture == 20] == []


def test_once_keeps_the_likeliest_of_one_place():
    p = evidence(
        [([0, 0, 100, 100], 0), ([300, 300, 400, 400], 0)], [([0, 0, 100, 90], 0, 0.9), ([0, 0, 90, 100], 1, 0.8)]
    )
    told = [("class", 0, 1, 0.4), ("shifted", 0, 0, 0.7), ("extra", 1, None, 0.1), ("missing", None, 1, 0.6)]
    suspects = [Suspect(0, score, Candidate(kind, (), answer, found)) for kind, answer, found, score in told]
    assert [(s.kind, s.score) for s in once(p, suspects)] == [("shifted", 0.7), ("extra", 0.1)]
    assert once(p, []) == []


def test_all_kinds_are_named():
    assert KINDS == ("missing", "class", "shifted", "extra")
