"""A few of many names, and errors that whoever catches ValueError catches."""

import pytest

from dfine.weights.exceptions import CheckpointError, OfflineError, some


@pytest.mark.parametrize(
    "names, said",
    [
        ([], ""),
        (["a"], "a"),
        (list("abcde"), "a, b, c, d, e"),
        (list("abcdef"), "a, b, c, d, e and 1 more"),
        (iter("abcdefgh"), "a, b, c, d, e and 3 more"),
    ],
)
def test_the_first_five_are_named_and_the_rest_counted(names, said):
    assert some(names) == said


def test_another_count_of_names():
    assert some("abc", count=1) == "a and 2 more"


def test_what_is_offline_is_a_checkpoint_that_cannot_be_had():
    assert issubclass(OfflineError, CheckpointError) and issubclass(CheckpointError, ValueError)
