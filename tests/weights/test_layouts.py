"""A table of names, applied in both directions."""

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.network.detector import DFINE
from dfine.weights.exceptions import CheckpointError
from dfine.weights.layouts import Layout
from dfine.weights.official import OFFICIAL
from dfine.weights.transformers import TRANSFORMERS
from tests.helpers import shaken

TOY = Layout(
    "toy",
    sign="body.",
    table=(("body.*.bn.", "trunk.*.norm."), (("head.#.", "heads.#."), "answer.#.score."), (".lab.", ".affine.")),
)


@pytest.mark.parametrize(
    "theirs, ours",
    [
        ("body.stem.bn.weight", "trunk.stem.norm.weight"),
        ("head.12.bias", "answer.12.score.bias"),
        ("body.3.lab.scale", "body.3.affine.scale"),
        ("tail.bn.weight", "tail.bn.weight"),  # a piece that begins with no dot stands at the beginning of a key
        ("bodyx.a.bn.weight", "bodyx.a.bn.weight"),  # a dot is a dot
    ],
)
def test_one_table_leads_there_and_back(theirs, ours):
    weight = {theirs: torch.ones(1)}
    assert list(TOY.read(weight)) == [ours]
    assert list(TOY.write({ours: torch.ones(1)})) == [theirs]


def test_nothing_stays_nothing():
    assert TOY.read({}) == TOY.write({}) == {}


def test_of_several_names_all_are_read_and_the_first_is_written():
    assert list(TOY.read({"heads.0.bias": torch.ones(1)})) == ["answer.0.score.bias"]
    assert list(TOY.write({"answer.0.score.bias": torch.ones(1)})) == ["head.0.bias"]


def test_a_weight_under_two_names_must_be_the_same():
    two = {"head.0.bias": torch.ones(1), "heads.0.bias": torch.ones(1)}
    assert list(TOY.read(two)) == ["answer.0.score.bias"]
    with pytest.raises(CheckpointError, match="head.0.bias and heads.0.bias are the same weight, but they hold diff"):
        TOY.read(two | {"heads.0.bias": torch.zeros(1)})


def test_a_weight_that_would_not_come_back_is_not_written():
    with pytest.raises(CheckpointError, match="the toy layout has no place for these weights: body.a.bn.weight"):
        TOY.write({"body.a.bn.weight": torch.ones(1)})


@pytest.mark.parametrize("size", list(SIZES))
def test_weights_of_every_size_come_back(size):
    weights = shaken(DFINE(Config.of(size, classes=3))).state_dict()
    for layout in (OFFICIAL, TRANSFORMERS):
        back = layout.read(layout.write(weights))
        assert back.keys() == weights.keys(), layout.name
        assert all(torch.equal(back[key], value) for key, value in weights.items()), layout.name


@pytest.mark.parametrize(
    "layout, key, ours",
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
)
def test_names_of_others(layout, key, ours):
    assert list(layout.read({key: torch.ones(1)})) == [ours]


@pytest.mark.parametrize(
    "key", ["decoder.anchors", "decoder.valid_mask", "decoder.up", "decoder.decoder.reg_scale", "a.b.num_points_scale"]
)
def test_what_is_no_weight_is_left_out(key):
    assert OFFICIAL.read({key: torch.ones(1)}) == {}


def test_query_key_and_value_are_joined_in_this_order():
    name = "model.decoder.layers.0.self_attn.{}_proj.bias"
    state = {name.format(part): torch.full((2,), float(i)) for part, i in (("v", 2), ("q", 0), ("k", 1))}
    joined = TRANSFORMERS.read(state)
    assert {k: v.tolist() for k, v in joined.items()} == {"decoder.layers.0.self_attn.in_proj_bias": [0, 0, 1, 1, 2, 2]}


def test_a_projection_without_its_companions_keeps_its_name():
    key = "model.decoder.layers.0.self_attn.q_proj.bias"
    assert list(TRANSFORMERS.read({key: torch.ones(2)})) == ["decoder.layers.0.self_attn.q_proj.bias"]
