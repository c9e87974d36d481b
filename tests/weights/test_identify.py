"""Whose weights these are, told by their keys and shapes."""

import pytest
import torch

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.weights.exceptions import CheckpointError
from dfine.weights.identify import OURS, describe, translate


def own(**changes):
    """Weights of a size N under our keys."""
    return DFINE(Config.of("n", **changes)).state_dict()


def test_our_own_keys_stay():
    state = own()
    weights, facts, layout = translate(state)
    assert (layout, facts) == (OURS, {})
    assert list(weights) == list(state)


@pytest.mark.parametrize("changes", [{}, {"classes": 3}, {"layers": 2}, {"bins": 16}])
def test_shapes_say_which_it_is(changes):
    assert describe(own(**changes), {}, "dfine") == Config.of("n", **changes)


@pytest.mark.parametrize(
    "facts, changes",
    [
        ({"reg_scale": [8.0]}, {"c": 1 / 8}),
        ({"reg_scale": [4.0], "up": [0.5]}, {}),
        ({"up": [0.25]}, {"a": 0.25}),
        ({"num_points_scale": [1 / 6] * 12}, {}),
        ({"num_points_scale": [1 / 4] * 4 + [1 / 8] * 8}, {"points": (4, 8)}),
        ({"num_points_scale": [1 / 3] * 3 + [1 / 6] * 6}, {"points": (3, 6)}),
    ],
)
def test_tensors_that_are_no_weights_say_the_rest(facts, changes):
    facts = {k: torch.tensor(v) for k, v in facts.items()}
    assert describe(own(), facts, "dfine") == Config.of("n", **changes)


def test_the_family_is_what_was_asked_for():
    assert describe(own(), {}, "deim") == Config.of("n", family="deim")


@pytest.mark.parametrize("state", [{}, {"conv1.weight": torch.zeros(3)}])
def test_other_weights_are_refused(state):
    with pytest.raises(CheckpointError, match=f"not the weights of a D-FINE.*{next(iter(state), 'none at all')}"):
        translate(state)


def test_reg_scales_that_differ_are_an_error():
    keys = {"decoder.decoder.layers.0.norm1.weight": torch.zeros(1)}
    scales = {"decoder.reg_scale": torch.tensor([4.0]), "decoder.decoder.reg_scale": torch.tensor([8.0])}
    with pytest.raises(CheckpointError, match=r"decoder.decoder.reg_scale is \[8.0\], but elsewhere \[4.0\]"):
        translate(keys | scales)


def test_a_stem_of_no_size_is_an_error():
    state = own()
    state["backbone.stem.stem4.conv.weight"] = torch.zeros(20, 16, 1, 1)
    with pytest.raises(CheckpointError, match="a stem of 20 channels and an encoder of 128"):
        describe(state, {}, "dfine")


def test_without_a_stem_the_size_cannot_be_told():
    state = {k: v for k, v in own().items() if not k.startswith("backbone.")}
    with pytest.raises(CheckpointError, match="backbone.stem.stem4.conv.weight.* is missing"):
        describe(state, {}, "dfine")


def test_detectors_of_other_kinds_are_told_apart():
    """RT-DETR's decoder has the same names, and some detectors have D-FINE's decoder behind another backbone."""
    state = own()
    with pytest.raises(CheckpointError, match="four coordinates, as RT-DETR's, and no distributions"):
        describe(state | {"decoder.heads.0.edges.layers.2.bias": torch.zeros(4)}, {}, "dfine")
    other = {key.replace("backbone.stem.", "backbone.res_layers."): value for key, value in state.items()}
    with pytest.raises(CheckpointError, match="no HGNetV2, as that of every D-FINE: it holds backbone.res_layers."):
        describe(other, {}, "dfine")
