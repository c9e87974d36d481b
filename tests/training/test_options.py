"""Options have one home: their ranges hold wherever a value comes from, and the command line is made from them."""

import re
from dataclasses import MISSING, fields

import pytest

from dfine.cli.train import PARAMETERS
from dfine.training.options import TrainOptions, sides


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (640, 640),
        ("640", 640),
        ("640x640", 640),
        ("448x1280", (448, 1280)),
        ("448, 1280", (448, 1280)),
        ((448, 1280), (448, 1280)),
        ([64, 64], 64),
    ],
)
def test_an_input_is_a_side_or_a_height_and_a_width(written, meant):
    assert sides(written) == meant
    assert TrainOptions(out="x", input=written).input_size == (meant if isinstance(meant, tuple) else (meant, meant))


def test_the_folder_may_lie_in_a_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # of Windows
    assert TrainOptions(out="~/run").out == str(tmp_path / "run")


@pytest.mark.parametrize("side, said", [(100, (100, 100)), (16, (16, 16)), (0, (0, 0)), ("448x100", (448, 100))])
def test_a_side_that_is_no_multiple_of_32_is_refused(side, said):
    with pytest.raises(ValueError, match=re.escape(f"two multiples of 32, not {said}")):
        TrainOptions(out="x", input=side)


@pytest.mark.parametrize("value", ["wide", "", "1x2x3", None, 3.5j])
def test_what_is_no_input_is_refused(value):
    with pytest.raises(ValueError, match="a side like 640 or a height and width like 448x1280"):
        sides(value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"scales": "maybe"}, "--scales is 'maybe'; it must be one of auto, on, off"),
        ({"size": "xl"}, "--size is 'xl'; it must be one of n, s, m, l, x"),
        ({"mosaic": 40}, "--mosaic is 40; it must be between 0 and 1"),
        ({"copy_paste": 2}, "--copy-paste is 2; it must be between 0 and 1"),
        ({"repeat_threshold": 1.5}, "--repeat-threshold is 1.5; it must be between 0 and 1"),
        ({"cover": -1}, "--cover is -1; it must be between 0 and 1"),
        ({"drawn": 3}, "--drawn is 3; it must be between 0 and 1"),
        ({"posterize": -0.5}, "--posterize is -0.5; it must be between 0 and 1"),
        ({"downscale": 1.1}, "--downscale is 1.1; it must be between 0 and 1"),
        ({"seed": 1000}, "--seed is 1000; it must be between 0 and 999"),
        ({"batch": 0}, "--batch is 0; it must be at least 1"),
        ({"rate": float("nan")}, "--rate is nan; it must be at least 0"),
        ({"plain_epochs": -1}, "--plain-epochs is -1; it must be at least 0"),
    ],
)
def test_a_value_out_of_its_range_is_named(wrong, said):
    with pytest.raises(ValueError, match=said):
        TrainOptions(out="x", **wrong)


def test_the_command_line_has_every_option_with_its_default():
    for one in fields(TrainOptions):
        parameter = PARAMETERS[one.name]
        if one.default is MISSING:
            assert parameter.default is parameter.empty
        else:
            assert str(parameter.default) == str(one.default)
        assert parameter.annotation.__metadata__[0].help == one.metadata["help"]
