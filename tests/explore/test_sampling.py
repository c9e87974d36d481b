"""What to label next: nothing, doubt alone, diversity alone, both, and what is labelled already."""

import numpy as np
import pytest

pytest.importorskip("fiftyone")

from dfine.explore.sampling import doubt_of, ordered, write_csv

EAST, NORTH, WEST = [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]
NONE = np.zeros((0, 2))


def order(doubt, z, known=NONE, count=9, **options):
    return ordered(np.array(doubt, float), np.array(z, float).reshape(-1, 2), known, count, **options)


def test_nothing():
    assert order([], []) == [] and order([0.5], [EAST], count=0) == []
    assert doubt_of(np.zeros(0), np.zeros(0)) == 0


def test_only_doubt_or_only_diversity():
    doubt, z = [0.9, 0.8, 0.1, 0.2], [EAST, EAST, EAST, WEST]
    assert order(doubt, z, mix=0.0) == [0, 1, 3, 2]
    assert order(doubt, z, mix=1.0)[:2] == [0, 3], "the first are equally far from nothing"
    with pytest.raises(ValueError, match="between 0 and 1, not 2"):
        order(doubt, z, mix=2)


def test_both_take_the_most_doubtful_of_each_kind_first():
    doubt, z = [0.9, 0.8, 0.5, 0.4, 0.1], [EAST, EAST, NORTH, NORTH, WEST]
    first = order(doubt, z)[:3]
    assert first[0] == 0 and set(first) == {0, 2, 4}
    assert sorted(order(doubt, z)) == [0, 1, 2, 3, 4], "every picture once"


def test_equal_doubts_are_no_order():
    assert order([0.9, 0, 0, 0, 0], [EAST, WEST, NORTH, NORTH, NORTH])[:2] == [0, 1], "the one that is farther"
    assert order([0, 0, 0, 0, 0.9], [NORTH, NORTH, NORTH, WEST, EAST])[:2] == [4, 3]


def test_what_is_like_a_labelled_picture_comes_last():
    known = np.array([EAST])
    assert order([0.9, 0.1], [EAST, WEST], known) == [1, 0]


def test_the_doubt_of_a_picture_is_that_of_its_most_doubtful_box():
    scores, edges = np.array([0.95, 0.5, 0.1]), np.array([0.0, 0.4, 0.9])
    assert doubt_of(scores, edges) == pytest.approx(0.5 + 0.2), "a box with a score of 0.1 does not count"
    assert doubt_of(scores[:1], edges[:1]) == pytest.approx(0.05)


def test_the_list_as_a_file(tmp_path):
    row = {"rank": 1, "sample": "a", "picture": "/p/ä.jpg", "boxes": 3, "doubt": 0.7}
    path = write_csv([row], tmp_path / "new" / "list.csv")
    assert path.read_text(encoding="utf-8").splitlines() == ["rank,picture,boxes,doubt", "1,/p/ä.jpg,3,0.7"]
