import pytest
import torch

from dfine import distribution
from dfine.evaluation.matches import Matches

W = distribution.weighting()


def some(n: int, **given) -> Matches:
    return Matches(torch.arange(n).reshape(n, 1, 1, 1).expand(n, 2, 4, 33) * 1.0, torch.zeros(n, 4), W, **given)


def test_none_are_none():
    assert len(some(0)) == 0 and list(some(0, groups={"size": []}).by("size")) == []
    assert [len(part) for part in some(0).split()] == [0, 0]


def test_some_are_taken_with_all_that_belongs_to_them():
    part = some(4, images=list("abcd"), groups={"size": ["s", "l", "s", "l"]}).at([2, 0])
    assert (
        part.edges[:, 0, 0, 0].tolist() == [2, 0] and part.images == ["c", "a"] and part.groups == {"size": ["s", "s"]}
    )


def test_groups_are_listed_the_most_frequent_first_and_may_overlap():
    found = some(4, groups={"case": [("a", "b"), ("b",), (), "a b"]})
    assert list(found.by("case")) == [("b", [0, 1]), ("a", [0]), ("a b", [3])]


def test_the_two_parts_of_a_split_hold_every_object_once():
    whole = some(9, images=[i // 2 for i in range(9)])
    parts = whole.split(0.4)
    assert sorted(v for part in parts for v in part.edges[:, 0, 0, 0].tolist()) == list(range(9))
    with pytest.raises(ValueError, match="between 0 and 1, not 0"):
        whole.split(0)
