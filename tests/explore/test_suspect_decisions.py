"""What was decided of suspects: which of another ranking is the same, and what is kept that is not found again."""

import pytest

pytest.importorskip("fiftyone")

from dfine.explore.suspect_decisions import holds, not_among, renewed, same


def suspect(kind="missing", box=(0.1, 0.1, 0.2, 0.2), label="cup", answer="", rank=1):
    return dict(kind=kind, bounding_box=list(box), label=label, answer_id=answer, rank=rank)


def test_nothing():
    assert not_among({}, {}) == [] and not_among({"s": [suspect()]}, {}) == []


@pytest.mark.parametrize(
    "one, other, expected",
    [
        (suspect(), suspect(box=(0.101, 0.099, 0.2, 0.2)), True),
        (suspect(), suspect(box=(0.25, 0.1, 0.2, 0.2)), False),
        (suspect(), suspect(label="jug"), False),
        (suspect("shifted", answer="a"), suspect("shifted", (0.5, 0.5, 0.1, 0.1), answer="a"), True),
        (suspect("shifted", answer="a"), suspect("shifted", answer="b"), False),
        (suspect("shifted", answer="a"), suspect("extra", answer="a"), False),
    ],
    ids=["nearly the same box", "another place", "another class", "the same answer", "another answer", "another kind"],
)
def test_which_are_the_same(one, other, expected):
    assert same(one, other) is same(other, one) is expected


def test_what_is_not_found_again_is_kept_in_its_order():
    late, early = suspect("extra", answer="a", rank=9), suspect("class", answer="b", rank=2)
    assert not_among({"s": [suspect()]}, {"s": [late, suspect()], "t": [early]}) == [("t", early), ("s", late)]


@pytest.mark.parametrize(
    "kind, was, answers, expected",
    [
        ("extra", None, {}, False),
        ("extra", None, {"a": ("cup", [0, 0, 1, 1])}, True),
        ("extra", [0, 0, 1, 1], {"a": ("cup", [0, 0, 1, 1])}, True),
        ("extra", [0, 0, 1, 1], {"a": ("cup", [0, 0, 1, 0.9])}, False),
        ("class", None, {"a": ("jug", [0, 0, 1, 1])}, False),
        ("shifted", [0, 0, 1, 1], {"a": ("cup", [0, 0, 1, 1])}, True),
        ("shifted", [0, 0, 1, 1], {"a": ("cup", [0, 0, 1, 0.9])}, False),
        ("shifted", None, {"a": ("cup", [0, 0, 1, 0.9])}, True),
        ("class", [0, 0, 1, 1], {"a": ("cup", [0, 0, 1, 0.9])}, True),
        ("missing", None, {"b": ("cup", [0.5, 0.5, 0.2, 0.2])}, True),
        ("missing", None, {"b": ("jug", [0.1, 0.1, 0.2, 0.21])}, False),
    ],
    ids="gone there left moved-extra renamed unmoved moved unknown moved-class free labelled".split(),
)
def test_what_holds(kind, was, answers, expected):
    one = suspect(kind, answer="" if kind == "missing" else "a") | {"labelled": "cup", "labelled_box": was}
    assert holds(one, answers) is expected


@pytest.mark.parametrize(
    "kind, review, box",
    [
        ("shifted", "accepted", "old"),
        ("missing", "accepted", "old"),
        ("shifted", "rejected", "new"),
        ("extra", "accepted", "new"),  # whose box is that of the answer
        ("class", "accepted", "new"),
    ],
)
def test_the_box_of_another_ranking_takes_no_place_of_one_that_was_accepted(kind, review, box):
    old, new = (suspect(kind) | dict(bounding_box=name, reason=name, edge=name, z=name) for name in ("old", "new"))
    found = renewed(new | {"rank": 7}, old | {"review": review})
    assert (found["rank"], found["review"]) == (7, review)
    assert {found[key] for key in ("bounding_box", "reason", "edge", "z")} == {box}
    assert renewed(new, None) == new | {"review": "open"}
