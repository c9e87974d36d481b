"""The layout of the official release and of the published code: keys as in `dfine_{n,s,m,l,x}_coco.pth`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from dfine.data.texts import yaml_content
from dfine.files import WriteError, replacing
from dfine.network.detector import DFINE
from dfine.network.queries import anchors
from dfine.trace.base import COARSEST, LARGEST, checked_size
from dfine.weights.exceptions import CheckpointError
from dfine.weights.layouts import COUNTER, Layout, State, sampling_scale

OFFICIAL = Layout(
    "official",
    sign="decoder.decoder.",
    table=(
        # the backbone keeps its names but for norms and affine blocks
        ("backbone.*.bn.", "backbone.*.norm."),
        (".lab.", ".affine."),
        # the hybrid encoder
        ("encoder.input_proj.", "encoder.project."),
        ("encoder.encoder.0.layers.0.", "encoder.transformer."),
        ("encoder.lateral_convs.", "encoder.lateral."),
        ("encoder.fpn_blocks.", "encoder.top_down."),
        ("encoder.downsample_convs.#.0.cv1.", "encoder.downsample.#.0."),
        ("encoder.downsample_convs.#.0.cv2.", "encoder.downsample.#.1."),
        ("encoder.pan_blocks.", "encoder.bottom_up."),
        ("decoder.input_proj.", "encoder.output."),  # only X has it
        # query selection
        ("decoder.denoising_class_embed.", "queries.label."),
        ("decoder.enc_output.", "queries.output."),
        ("decoder.enc_score_head.", "queries.score."),
        ("decoder.enc_bbox_head.", "queries.box."),
        # the decoder and its heads, one set a layer
        ("decoder.query_pos_head.", "decoder.position."),
        ("decoder.pre_bbox_head.", "decoder.initial."),
        ("decoder.dec_score_head.#.", "decoder.heads.#.score."),
        ("decoder.dec_bbox_head.#.", "decoder.heads.#.edges."),
        ("decoder.decoder.lqe_layers.#.reg_conf.", "decoder.heads.#.lqe.mlp."),
        ("decoder.decoder.layers.", "decoder.layers."),
        (".cross_attn.sampling_offsets.", ".cross_attn.offsets."),
        (".cross_attn.attention_weights.", ".cross_attn.weights."),
    ),
)

MASKS = "decoder.mask_decoder."  # keys of D-FINE-seg's mask head, beside those of its detector
SIDECAR = "config.yaml"  # what D-FINE-seg's training leaves beside its bare state dict


def read_sidecar(folder: Path) -> tuple[tuple[str, ...] | None, tuple[int, int] | None]:
    """Class names and input size (height, width) that D-FINE-seg's training leaves in a folder; None where it does not.

    A file that cannot be read says nothing: weights are weights without it.
    """
    try:
        about = yaml_content(folder / SIDECAR)["train"]
        table = about["label_to_name"]
        names = tuple(table[key] for key in sorted(table, key=int)) if isinstance(table, dict) else tuple(table)
        if not all(isinstance(name, str) for name in names):
            return None, None
    except (OSError, ValueError, TypeError, KeyError):
        return None, None
    try:
        return names, checked_size([int(side) for side in about["img_size"]])
    except (ValueError, TypeError, KeyError):
        return names, None


def size_of(kept: Tensor, strides: Sequence[int]) -> tuple[int, int] | None:
    """The input size (height, width) whose anchors the published code has kept, logits of cxcywh [1, T, 4].

    None where they are those of no size that the network takes.
    """
    if kept.shape[:1] + kept.shape[2:] != (1, 4) or not kept.is_floating_point():
        return None
    most, (cells, left) = LARGEST // COARSEST, divmod(kept.shape[1], sum((COARSEST // s) ** 2 for s in strides))
    for rows in range(1, 0 if left else min(cells, most) + 1):  # of the coarsest level
        if cells % rows or cells // rows > most:
            continue
        height, width = COARSEST * rows, COARSEST * cells // rows
        own, _ = anchors(tuple((height // s, width // s) for s in strides), like=torch.zeros(()))
        there = own.isfinite()
        if torch.allclose(own[there].sigmoid(), kept[0].float()[there].sigmoid(), atol=0.01):
            return height, width
    return None


def to_official(network: DFINE, input_size: tuple[int, int]) -> State:
    """The state dict that the published code saves, for an input of `input_size` = (height, width).

    Raises:
        CheckpointError: the network normalises its pictures, which that code does not.
    """
    c = network.config
    if c.mean:
        raise CheckpointError(
            "the official layout cannot say that pictures are normalised, as they are for this model; "
            "save it in the layout of this project or of transformers"
        )
    state = OFFICIAL.write(network.state_dict())
    if c.freeze:  # frozen norms count nothing
        state = {k: v for k, v in state.items() if not (k.startswith("backbone.") and k.endswith(COUNTER))}
    whole = round(1 / c.c)  # published as a whole number; another is written as what it is
    reg_scale = whole if abs(whole * c.c - 1) < 1e-6 else 1 / c.c
    for prefix in ("decoder.", "decoder.decoder."):
        state |= {f"{prefix}up": torch.tensor([c.a]), f"{prefix}reg_scale": torch.tensor([reg_scale])}
    height, width = input_size
    shapes = tuple((-(-height // s), -(-width // s)) for s in c.strides)
    anchor, valid = anchors(shapes, like=torch.zeros(()))
    state |= {"decoder.anchors": anchor[None], "decoder.valid_mask": valid[None].bool()}
    scale = {f"decoder.decoder.layers.{i}.cross_attn.num_points_scale": sampling_scale(c) for i in range(c.layers)}
    return state | scale


def save_official(file: str | os.PathLike, network: DFINE, input_size: tuple[int, int]) -> Path:
    """Write a .pth as the published code does, under "model"; the file is complete or not there.

    Raises:
        CheckpointError: the name does not end in .pth, or the file cannot be written.
    """
    file = Path(file)
    if file.suffix != ".pth":
        raise CheckpointError(f"the official layout is one .pth file, not {file.name!r}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as temporary:
            torch.save({"model": to_official(network, input_size)}, temporary)
    except WriteError as error:
        raise CheckpointError(str(error)) from None
    except OSError as error:
        raise CheckpointError(f"{file} cannot be written: {error}") from None
    return file
