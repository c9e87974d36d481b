from dataclasses import replace

import numpy as np
import pytest
import torch

from dfine.trace.detections import Detections

NAMES = ("cat", "dog", "fish")


def some(n=3) -> Detections:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 60.0], [0.0, 0.0, 64.0, 48.0], [1.5, 2.0, 3.5, 5.0]])[:n]
    return Detections(
        boxes,
        torch.tensor([1, 0, 2])[:n],
        torch.tensor([0.9, 0.5, 0.25])[:n],
        torch.tensor([4, 4, 0])[:n],
        NAMES,
        (64, 48),
    )


@pytest.mark.parametrize(
    "make, said",
    [
        (
            lambda: Detections(torch.zeros(1, 4), torch.tensor([3]), torch.ones(1), torch.zeros(1), NAMES, (1, 1)),
            "labels run to 3, but there are only 3 names",
        ),
        (lambda: Detections(torch.zeros(2, 4), torch.zeros(1), torch.ones(1), torch.zeros(1), NAMES, (1, 1)), "boxes"),
    ],
)
def test_wrong_shapes_are_named(make, said):
    with pytest.raises(ValueError, match=said):
        make()


def test_no_detections_convert_to_nothing():
    none = some(0)
    assert len(none) == 0 and len(none.above(0.5)) == 0
    assert none.to_list() == none.to_coco() == none.class_names == []


def test_threshold_includes_its_own_value():
    assert len(some().above(0.5)) == 2
    assert len(some().above(0.51)) == 1


def test_they_are_equal_where_all_of_their_numbers_are():
    assert some() == some() and some(0) == some(0) and hash(some()) == hash(some())
    assert some() != some(2) and some() != replace(some(), scores=some().scores / 2) and some() != some().to_list()
    assert some() != replace(some(), size=(64, 47)) and some() in [some(2), some()]


def test_one_after_the_other_they_are_still_detections():
    assert [one.class_names for one in some()] == [["dog"], ["cat"], ["fish"]]
    assert next(iter(some())) == some()[0] and list(some(0)) == []
    assert hasattr(Detections, "__iter__"), "checkers of types take no __getitem__ for it"


@pytest.mark.parametrize(
    "index, want",
    [
        (0, [0.9]),
        (-1, [0.25]),
        (slice(1, None), [0.5, 0.25]),
        (torch.tensor([2, 0]), [0.25, 0.9]),
        (torch.tensor(1), [0.5]),
        (np.int64(1), [0.5]),
        (np.array([True, False, True]), [0.9, 0.25]),
        ("cat", [0.5]),
    ],
)
def test_selection(index, want):
    assert some()[index].scores.tolist() == pytest.approx(want)
    assert isinstance(some()[index], Detections)


def test_a_class_of_which_there_is_none_and_one_that_is_none():
    assert len(some(1)["fish"]) == len(some(0)["fish"]) == 0
    with pytest.raises(KeyError, match="there is no class 'bird'; the classes are cat, dog, fish"):
        some()["bird"]


def test_to_list():
    assert some(1).to_list() == [
        {"label": 1, "name": "dog", "score": pytest.approx(0.9), "box": [10, 20, 30, 60], "query": 4}
    ]


def test_printed_they_say_what_was_found():
    assert repr(some(0)) == "Detections(0 in 64 x 48)"
    assert repr(some()) == "Detections(3 in 64 x 48: dog 0.90, cat 0.50, fish 0.25)"
    assert repr(some()[[0, 1, 2, 0, 1, 2, 0]]).endswith("fish 0.25, dog 0.90, cat 0.50, 2 more)")


def test_they_draw_themselves():
    assert "dog" in some()._repr_html_() and "No detections" in some(0)._repr_html_()
