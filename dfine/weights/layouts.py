"""Three ways to name the same weights: tables of renames, and what tensors say of the detector they belong to."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from dfine.config import SIZES, Config
from dfine.weights.hub import CheckpointError

State = dict[str, Tensor]
Table = list[tuple[str, str]]

# Not weights: anchors follow from the input size; the others say which D-FINE this is (`_describe`).
FACTS = re.compile(r"(?:^|\.)(anchors|valid_mask|up|reg_scale|num_points_scale)$")

# Official release: keys as in dfine_{n,s,m,l,x}_coco.pth. The backbone keeps its names but for norms and affine blocks.
OFFICIAL: Table = [
    (r"\.bn\.", ".norm."),
    (r"\.lab\.", ".affine."),
    # the hybrid encoder
    (r"^encoder\.input_proj\.", "encoder.project."),
    (r"^encoder\.encoder\.0\.layers\.0\.", "encoder.transformer."),
    (r"^encoder\.lateral_convs\.", "encoder.lateral."),
    (r"^encoder\.fpn_blocks\.", "encoder.top_down."),
    (r"^encoder\.downsample_convs\.(\d+)\.0\.cv1\.", r"encoder.downsample.\1.0."),
    (r"^encoder\.downsample_convs\.(\d+)\.0\.cv2\.", r"encoder.downsample.\1.1."),
    (r"^encoder\.pan_blocks\.", "encoder.bottom_up."),
    (r"^decoder\.input_proj\.", "encoder.output."),  # X alone
    # query selection
    (r"^decoder\.denoising_class_embed\.", "queries.label."),
    (r"^decoder\.enc_output\.", "queries.output."),
    (r"^decoder\.enc_score_head\.", "queries.score."),
    (r"^decoder\.enc_bbox_head\.", "queries.box."),
    # the decoder and its heads, one set a layer
    (r"^decoder\.query_pos_head\.", "decoder.position."),
    (r"^decoder\.pre_bbox_head\.", "decoder.initial."),
    (r"^decoder\.dec_score_head\.(\d+)\.", r"decoder.heads.\1.score."),
    (r"^decoder\.dec_bbox_head\.(\d+)\.", r"decoder.heads.\1.edges."),
    (r"^decoder\.decoder\.lqe_layers\.(\d+)\.reg_conf\.", r"decoder.heads.\1.lqe.mlp."),
    (r"^decoder\.decoder\.layers\.", "decoder.layers."),
    (r"\.cross_attn\.sampling_offsets\.", ".cross_attn.offsets."),
    (r"\.cross_attn\.attention_weights\.", ".cross_attn.weights."),
]

# transformers: keys as `DFineForObjectDetection.save_pretrained` writes them, and (second alternatives) as its modules
# are called since version 5. Query, key and value of self-attention are separate there: [q], [k], [v] are joined after.
# Heads are tied: they appear under the decoder, at the top, or twice.
TRANSFORMERS: Table = [
    # the backbone
    (r"^model\.backbone\.model\.embedder\.", "backbone.stem."),
    (r"^model\.backbone\.model\.encoder\.stages\.", "backbone.stages."),
    (r"\.convolution\.", ".conv."),
    (r"\.normalization\.", ".norm."),
    (r"\.lab\.", ".affine."),
    # the hybrid encoder
    (r"^model\.encoder_input_proj\.(\d+)\.0\.", r"encoder.project.\1.conv."),
    (r"^model\.encoder_input_proj\.(\d+)\.1\.", r"encoder.project.\1.norm."),
    (r"^model\.encoder\.(?:encoder|aifi)\.0\.layers\.0\.", "encoder.transformer."),
    (r"^encoder\.transformer\.self_attn_layer_norm\.", "encoder.transformer.norm1."),
    (r"^encoder\.transformer\.final_layer_norm\.", "encoder.transformer.norm2."),
    (r"^model\.encoder\.lateral_convs\.", "encoder.lateral."),
    (r"^model\.encoder\.fpn_blocks\.", "encoder.top_down."),
    (r"^model\.encoder\.pan_blocks\.", "encoder.bottom_up."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.conv1\.", r"\1.cv1."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.csp_rep1\.", r"\1.cv2.0."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.conv2\.", r"\1.cv2.1."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.csp_rep2\.", r"\1.cv3.0."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.conv3\.", r"\1.cv3.1."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.conv4\.", r"\1.cv4."),
    (r"^model\.encoder\.downsample_convs\.(\d+)\.conv1\.", r"encoder.downsample.\1.0."),
    (r"^model\.encoder\.downsample_convs\.(\d+)\.conv2\.", r"encoder.downsample.\1.1."),
    (r"^model\.decoder_input_proj\.(\d+)\.0\.", r"encoder.output.\1.conv."),  # X alone
    (r"^model\.decoder_input_proj\.(\d+)\.1\.", r"encoder.output.\1.norm."),
    # query selection
    (r"^model\.denoising_class_embed\.", "queries.label."),
    (r"^model\.enc_output\.0\.", "queries.output.proj."),
    (r"^model\.enc_output\.1\.", "queries.output.norm."),
    (r"^model\.enc_score_head\.", "queries.score."),
    (r"^model\.enc_bbox_head\.", "queries.box."),
    # the decoder and its heads
    (r"^model\.decoder\.query_pos_head\.", "decoder.position."),
    (r"^model\.decoder\.pre_bbox_head\.", "decoder.initial."),
    (r"^(?:model\.decoder\.)?class_embed\.(\d+)\.", r"decoder.heads.\1.score."),
    (r"^(?:model\.decoder\.)?bbox_embed\.(\d+)\.", r"decoder.heads.\1.edges."),
    (r"^model\.decoder\.lqe_layers\.(\d+)\.reg_conf\.", r"decoder.heads.\1.lqe.mlp."),
    (r"^model\.decoder\.layers\.", "decoder.layers."),
    (r"^(decoder\.layers\.\d+)\.self_attn_layer_norm\.", r"\1.norm1."),
    (r"^(decoder\.layers\.\d+)\.final_layer_norm\.", r"\1.norm3."),
    (r"\.encoder_attn\.sampling_offsets\.", ".cross_attn.offsets."),
    (r"\.encoder_attn\.attention_weights\.", ".cross_attn.weights."),
    # in both transformers
    (r"\.self_attn\.([qkv])_proj\.(weight|bias)$", r".self_attn.in_proj_\2[\1]"),
    (r"\.self_attn\.o_proj\.", ".self_attn.out_proj."),
    (r"^(encoder\.transformer|decoder\.layers\.\d+)\.(?:fc1|mlp\.layers\.0)\.", r"\1.linear1."),
    (r"^(encoder\.transformer|decoder\.layers\.\d+)\.(?:fc2|mlp\.layers\.1)\.", r"\1.linear2."),
]

# A key with the prefix gives the layout away; the first table is empty because those keys are ours.
LAYOUTS: dict[str, tuple[str, Table]] = {
    "this project": ("decoder.heads.", []),
    "official": ("decoder.decoder.", OFFICIAL),
    "transformers": ("model.decoder.", TRANSFORMERS),
}


def translate(state: State) -> tuple[State, State, str]:
    """Weights under this network's keys.

    Returns:
        The weights, what else there was under its last name (`reg_scale`, `up` …), and the layout.

    Raises:
        CheckpointError: the keys are not those of a D-FINE, or two keys for one weight disagree.
    """
    layout = next((k for k, (prefix, _) in LAYOUTS.items() if any(key.startswith(prefix) for key in state)), None)
    if layout is None:
        first = ", ".join(list(state)[:3]) or "none at all"
        raise CheckpointError(f"these are not the weights of a D-FINE detector; its first keys are {first}")

    facts: State = {}
    for key, tensor in state.items():
        fact = FACTS.search(key)
        if fact and fact[1] in ("up", "reg_scale") and not torch.equal(facts.get(fact[1], tensor), tensor):
            raise CheckpointError(f"{key} is {tensor.tolist()}, but elsewhere {facts[fact[1]].tolist()}")
        if fact:
            facts[fact[1]] = tensor
    return rename(state, LAYOUTS[layout][1]), facts, layout


def rename(state: State, table: Table) -> State:
    """Every weight's key after every row of the table, from top to bottom; what is no weight (`FACTS`) is left out.

    Raises:
        CheckpointError: two keys become one and their values differ.
    """
    renamed: State = {}
    origin: dict[str, str] = {}
    for key, tensor in state.items():
        if FACTS.search(key):
            continue
        name = key
        for pattern, replacement in table:
            name = re.sub(pattern, replacement, name)
        if name in renamed and not torch.equal(renamed[name], tensor):
            raise CheckpointError(f"{origin[name]} and {key} are the same weight, but they hold different values")
        renamed[name], origin[name] = tensor, key
    return _join(renamed)


def _join(weights: State) -> State:
    """Query, key and value projections as the one matrix that torch keeps: name[q], name[k], name[v] -> name."""
    joined = {k: v for k, v in weights.items() if not k.endswith("]")}
    for key in weights:
        name, part = key[:-3], key[-3:]
        parts = [weights.get(f"{name}[{p}]") for p in "qkv"]
        if part == "[q]" and all(p is not None for p in parts):
            joined[name] = torch.cat(parts)
        elif key.endswith("]") and any(p is None for p in parts):
            joined[key] = weights[key]  # stays, to be named as left over
    return joined


def describe(weights: State, facts: State, family: str) -> Config:
    """The configuration that weights were trained with, read off their shapes and the tensors that come with them.

    Raises:
        CheckpointError: no published size has such a stem and encoder.
    """
    try:
        stem, width = len(weights["backbone.stem.stem4.conv.weight"]), len(weights["encoder.project.0.conv.weight"])
        classes = len(weights["queries.score.weight"])
        bins = len(weights["decoder.heads.0.edges.layers.2.bias"]) // 4 - 1
    except KeyError as error:
        raise CheckpointError(f"the weight {error} is missing, without which the size cannot be told") from None

    sizes = [s for s, c in SIZES.items() if (c.spec.stem[1], c.encoder_width) == (stem, width)]
    if not sizes:
        raise CheckpointError(
            f"no size of D-FINE has a stem of {stem} channels and an encoder of {width}; "
            f"the sizes are {', '.join(SIZES)}"
        )
    layers = 1 + max(int(m[1]) for m in map(re.compile(r"decoder\.heads\.(\d+)\.").match, weights) if m)
    changes = dict(classes=classes, bins=bins, layers=layers, family=family)
    if "reg_scale" in facts:
        changes["c"] = 1 / abs(float(facts["reg_scale"]))
    if "up" in facts:
        changes["a"] = abs(float(facts["up"]))
    if "num_points_scale" in facts:
        changes["points"] = _points(facts["num_points_scale"].tolist())
    return Config.of(sizes[0], **changes)


def _points(scale: list[float]) -> tuple[int, ...]:
    """Sampling points per level, from a list that holds 1/n for each of the n points of each level."""
    points = []
    while scale:
        points.append(max(1, round(1 / scale[0])))
        scale = scale[points[-1] :]
    return tuple(points)
