"""A suspect in words."""

import pytest

from dfine.explore.suspect_clues import KINDS, Candidate, Worst
from dfine.explore.suspect_text import fix, reason
from tests.explore.evidence import evidence

SEEN = evidence([([0, 0, 9, 9], 0)], [([0, 0, 9, 9], 1, 0.7)])
NAMES = ["cup", "key"]


@pytest.mark.parametrize(
    "about, said",
    [
        (dict(kind="missing", found=0, seen=0.7), "key was found with a score of 0.70, and nothing is labelled there"),
        (
            dict(kind="missing", found=0, seen=0.7, support=0.3),
            "key was found with a score of 0.70, and no answer overlaps it by more than 0.30",
        ),
        (
            dict(kind="class", answer=0, found=0, seen=0.7),
            "labelled cup, but key was found there with a score of 0.70, and cup not at all",
        ),
        (
            dict(kind="class", answer=0, found=0, seen=0.7, support=0.2),
            "labelled cup, but key was found there with a score of 0.70, and cup at most with 0.20",
        ),
        (
            dict(kind="shifted", answer=0, found=0, seen=0.7, worst=Worst(2, 6.25, 12.4)),
            "the right edge of this cup is 12 px from where it was found (score 0.70): 6.2 times the half-width of its "
            "80 % interval",
        ),
        (dict(kind="extra", answer=0), "labelled cup, but nothing was found there"),
        (
            dict(kind="extra", answer=0, support=0.15),
            "labelled cup, but nothing was found there with a score over 0.15",
        ),
    ],
)
def test_why_a_place_is_suspected(about, said):
    assert reason(Candidate(**dict(clues=(), answer=None, found=None) | about), SEEN, NAMES) == said


def test_what_accepting_does():
    assert [fix(Candidate(kind, (), None, None), "key") for kind in KINDS] == [
        "add a label key",
        "change the class to key",
        "move the box to where it was found",
        "remove the label key",
    ]
