"""What precisions are called: older names, two wishes at once, and what commands offer."""

import typing

import pytest

from dfine.cli import options, speed
from dfine.engines.precision_names import IN_FILES, NAMES, OLDER, agreed, named


@pytest.mark.parametrize("name, meant", [*OLDER.items(), *((name, name) for name in NAMES)])
def test_a_name_or_an_older_one_means_a_precision(name, meant):
    assert named(name) == agreed(name) == meant


@pytest.mark.parametrize(
    "precision, half, one",
    [
        ("float32", "off", "float32"),
        ("float32", "bf16", "bfloat16"),
        ("bfloat16", "bf16", "bfloat16"),
        ("auto", "off", "auto"),
        ("int8", "off", "int8"),
    ],
)
def test_a_precision_and_its_older_form_are_one(precision, half, one):
    assert agreed(precision, half) == one


@pytest.mark.parametrize("precision", ["auto", "int8", "float16"])
def test_two_wishes_are_refused(precision):
    with pytest.raises(ValueError, match=f"precision {precision} and half bfloat16 contradict each other"):
        agreed(precision, "bf16")


def offered(command, option):
    """The words among which an option of a command chooses."""
    return typing.get_args(typing.get_args(typing.get_type_hints(command, include_extras=True)[option])[0])


def test_commands_offer_what_there_is():
    assert typing.get_args(typing.get_args(options.Precision)[0]) == ("auto", *NAMES)
    assert offered(speed.benchmark, "precision") == NAMES and offered(speed.benchmark, "half") == tuple(OLDER)
    assert offered(speed.export, "precision") == tuple(IN_FILES.values()) and {*IN_FILES.values()} <= set(NAMES)
