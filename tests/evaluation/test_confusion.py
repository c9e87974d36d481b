"""The confusion matrix: nothing, every kind of box, and that every object and box counts once."""

import numpy as np
import pytest

from dfine.evaluation.confusion import Confusion
from dfine.evaluation.tide import error_types
from tests.evaluation.by_hand import BOX, CAT, DOG, moved, rows, truth
from tests.evaluation.test_tide import world


def confusion(objects, *found):
    return Confusion.of(error_types(truth(*objects), rows(*found)))


def test_nothing():
    empty = confusion([])
    assert empty.names == () and empty.counts.tolist() == [[0]] and empty.pairs() == []
    assert confusion([]).to_dict() == {"names": [""], "counts": [[0]]}


@pytest.mark.parametrize(
    "found, expected",
    [
        ([], [[0, 1], [0, 0]]),
        ([(4, BOX, 0.9, CAT)], [[1, 0], [0, 0]]),
        ([(4, BOX, 0.9, CAT), (4, BOX, 0.8, CAT)], [[1, 0], [1, 0]]),
        ([(4, moved(16), 0.9, CAT)], [[0, 1], [1, 0]]),
    ],
    ids=["missed", "right", "twice", "loose"],
)
def test_one_cat(found, expected):
    assert confusion([(4, CAT, BOX)], *found).counts.tolist() == expected


def test_a_cat_taken_for_a_dog_counts_for_both_once():
    found = confusion([(4, CAT, BOX)], (4, BOX, 0.9, DOG), (4, BOX, 0.8, DOG))
    assert found.names == ("cat", "dog")
    assert found.counts.tolist() == [[0, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert found.pairs() == [("cat", "dog", 1)]
    right = confusion([(4, CAT, BOX)], (4, BOX, 0.9, DOG), (4, BOX, 0.8, CAT))
    assert right.counts.tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]], "the cat was found, so the dog is nothing"


def test_a_part_of_the_classes_leaves_the_others_out():
    errors = error_types(truth((4, CAT, BOX), (9, DOG, BOX)), rows((4, BOX, 0.9, DOG), (9, BOX, 0.8, DOG)))
    cat, dog = (Confusion.of(errors.only(categories=[category])) for category in (CAT, DOG))
    assert cat.names == ("cat",) and cat.counts.tolist() == [[0, 1], [0, 0]], "a cat that no cat was found at"
    assert dog.names == ("dog",) and dog.counts.tolist() == [[1, 0], [1, 0]], "a dog, and one where there is none"


@pytest.mark.parametrize("crowds", [False, True])
def test_every_object_and_every_box_counts_once(crowds):
    answers, found = world(3, crowds)
    errors = error_types(answers, found)
    counts = Confusion.of(errors).counts
    objects = sum(not a["iscrowd"] for a in answers["annotations"])
    assert counts[:-1].sum() == objects and counts[:, :-1].sum() == (errors.kind != "ignored").sum()
    assert np.trace(counts) == (errors.kind == "correct").sum() and counts[-1, -1] == 0
