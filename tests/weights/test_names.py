"""What the columns of a detector are called."""

import pytest

from dfine.data import labels
from dfine.weights.exceptions import CheckpointError
from dfine.weights.names import label_map

O365 = labels.KNOWN["objects365"]


@pytest.mark.parametrize(
    "classes, given, own, want",
    [
        (2, ["a", "b"], None, ("a", "b")),
        (2, ["a", "b"], ["x", "y"], ("a", "b")),
        (2, None, ["x", "y"], ("x", "y")),
        (1, "thing", None, ("thing",)),
        (80, None, None, labels.COCO),
        (366, None, None, O365),
        (366, labels.OBJECTS365, None, O365),
        (366, None, ["N/A", *labels.OBJECTS365], O365),
    ],
)
def test_label_map(classes, given, own, want):
    assert label_map(classes, given, own) == want


@pytest.mark.parametrize(
    "classes, given, own, said",
    [
        (2, ["a"], None, "2 classes, but names= has 1"),
        (2, [], None, "2 classes, but names= has 0"),
        (80, list("abc"), None, "80 classes, but names= has 3"),
        (2, None, ["x"], "2 classes, but 1 names come with it"),
        (2, None, None, "2 classes and no names"),
        (366, ["a"] * 364, None, "366 classes, but names= has 364"),
    ],
)
def test_a_count_that_does_not_fit(classes, given, own, said):
    with pytest.raises(CheckpointError, match=said):
        label_map(classes, given, own)
