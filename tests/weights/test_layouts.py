import json

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.network.detector import DFINE
from dfine.weights.hub import CheckpointError
from dfine.weights.layouts import OFFICIAL, TRANSFORMERS, describe, rename, translate
from tests.helpers import NO_REFERENCE, REFERENCE, reference_weights

needs_reference = pytest.mark.skipif(not (REFERENCE / "dfine_n.keys.json").exists(), reason=NO_REFERENCE)


@pytest.mark.parametrize(
    "table, key, ours",
    [
        (OFFICIAL, "backbone.stem.stem1.bn.weight", "backbone.stem.stem1.norm.weight"),
        (OFFICIAL, "backbone.stages.2.blocks.0.layers.1.lab.scale", "backbone.stages.2.blocks.0.layers.1.affine.scale"),
        (OFFICIAL, "encoder.encoder.0.layers.0.self_attn.in_proj_bias", "encoder.transformer.self_attn.in_proj_bias"),
        (OFFICIAL, "encoder.downsample_convs.1.0.cv2.conv.weight", "encoder.downsample.1.1.conv.weight"),
        (OFFICIAL, "decoder.decoder.lqe_layers.2.reg_conf.layers.1.bias", "decoder.heads.2.lqe.mlp.layers.1.bias"),
        (OFFICIAL, "decoder.dec_bbox_head.0.layers.2.weight", "decoder.heads.0.edges.layers.2.weight"),
        (TRANSFORMERS, "model.backbone.model.embedder.stem2a.convolution.weight", "backbone.stem.stem2a.conv.weight"),
        (TRANSFORMERS, "model.encoder.fpn_blocks.0.csp_rep2.conv1.conv.w", "encoder.top_down.0.cv3.0.conv1.conv.w"),
        (TRANSFORMERS, "model.encoder.pan_blocks.1.conv3.norm.bias", "encoder.bottom_up.1.cv3.1.norm.bias"),
        (TRANSFORMERS, "model.encoder.encoder.0.layers.0.final_layer_norm.weight", "encoder.transformer.norm2.weight"),
        (TRANSFORMERS, "model.decoder.layers.1.final_layer_norm.weight", "decoder.layers.1.norm3.weight"),
        (TRANSFORMERS, "model.decoder.layers.1.fc2.bias", "decoder.layers.1.linear2.bias"),
        (TRANSFORMERS, "model.decoder.lqe_layers.0.reg_conf.layers.0.bias", "decoder.heads.0.lqe.mlp.layers.0.bias"),
        (TRANSFORMERS, "class_embed.4.weight", "decoder.heads.4.score.weight"),
    ],
)  # fmt: skip
def test_rename(table, key, ours):
    assert list(rename({key: torch.ones(1)}, table)) == [ours]


@pytest.mark.parametrize(
    "key", ["decoder.anchors", "decoder.valid_mask", "decoder.up", "decoder.decoder.reg_scale", "a.b.num_points_scale"]
)
def test_what_is_no_weight_is_left_out(key):
    assert rename({key: torch.ones(1)}, OFFICIAL) == {}


def test_query_key_and_value_are_joined_in_this_order():
    name = "model.decoder.layers.0.self_attn.{}_proj.bias"
    state = {name.format(part): torch.full((2,), float(i)) for part, i in (("v", 2), ("q", 0), ("k", 1))}
    joined = rename(state, TRANSFORMERS)
    assert {k: v.tolist() for k, v in joined.items()} == {"decoder.layers.0.self_attn.in_proj_bias": [0, 0, 1, 1, 2, 2]}


@needs_reference
@pytest.mark.parametrize("size", list(SIZES))
def test_every_official_key_has_its_place(size):
    """Nothing missing, nothing left over, every shape equal; and the configuration is read off the tensors."""
    state = reference_weights().official_state(REFERENCE / f"dfine_{size}.keys.json", size)
    weights, facts, layout = translate(state)
    assert layout == "official"
    assert describe(weights, facts, "dfine") == Config.of(size)
    with torch.device("meta"):
        expected = {k: v.shape for k, v in DFINE(Config.of(size)).state_dict().items()}
    if not Config.of(size).freeze:
        assert {k: v.shape for k, v in weights.items()} == expected
    else:  # frozen norms do not count batches
        missing = {k for k in expected if k not in weights}
        assert missing and all(k.startswith("backbone.") and k.endswith("num_batches_tracked") for k in missing)
        assert {k: v.shape for k, v in weights.items()} == {k: v for k, v in expected.items() if k not in missing}


@needs_reference
def test_no_two_official_keys_become_one():
    for size in SIZES:
        keys = json.loads((REFERENCE / f"dfine_{size}.keys.json").read_text())
        state = {k: torch.zeros(()) for k in keys}
        facts = ("anchors", "valid_mask", "up", "reg_scale", "num_points_scale")
        assert len(rename(state, OFFICIAL)) == len([k for k in keys if not k.endswith(facts)])


def own(**changes):
    """Weights of a size N under our keys."""
    return DFINE(Config.of("n", **changes)).state_dict()


def test_our_own_keys_stay():
    state = own()
    weights, facts, layout = translate(state)
    assert (layout, facts) == ("this project", {})
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
        ({"num_points_scale": [1 / 3] * 3 + [1 / 6] * 6 + [1 / 3] * 3}, {"points": (3, 6, 3)}),
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
