"""Counts in the words of a sentence."""

import pytest

from dfine.wording import counted, more, some


def test_a_count_has_its_noun_in_the_right_number():
    assert [counted(n, "class", "es") for n in (0, 1, 2400)] == ["0 classes", "1 class", "2,400 classes"]
    assert counted(1, "layer") == "1 layer"


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
    assert some("abc", 1) == "a and 2 more"
    assert (more(3, 3), more(2003, 3)) == ("", " and 2,000 more")
