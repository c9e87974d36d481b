"""Options that several commands have: what text they take, and what comes of it."""

import re

import pytest
from typer import BadParameter

from dfine.cli.options import called, score, sides


@pytest.mark.parametrize("value", [None, 32, 640, (64, 96), (None, 64), []])
def test_sides_that_the_network_takes(value):
    assert sides(value) == value


@pytest.mark.parametrize("value", [0, 16, 100, (64, 65)])
def test_sides_that_it_does_not_take(value):
    said = value if isinstance(value, tuple) else (value, value)
    with pytest.raises(BadParameter, match=re.escape(f"two multiples of 32, not {said}")):
        sides(value)


@pytest.mark.parametrize("text, value", [("0", 0.0), ("0.5", 0.5), ("1", 1.0), ("5e-1", 0.5), ("best", "best")])
def test_a_score_is_a_number_or_the_best(text, value):
    assert score(text) == value and type(score(text)) is type(value)


@pytest.mark.parametrize("text", ["", "-0.1", "1.1", "nan", "Best", "half"])
def test_what_is_no_score(text):
    with pytest.raises(BadParameter, match="neither a score between 0 and 1 nor 'best'"):
        score(text)


def test_names_are_a_list_or_a_file(tmp_path):
    (tmp_path / "names.txt").write_text("cup\nhot dog\n")
    assert called(None) is None
    assert called("cup,hot dog") == called(str(tmp_path / "names.txt")) == ("cup", "hot dog")
