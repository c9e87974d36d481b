"""The way out: weights in the layouts of the official release and of transformers, to be loaded by those.

`layouts.py` is the way in. Whatever is written here is read back by it first: the keys must lead to the same weights.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from dfine.config import Config
from dfine.files import replacing
from dfine.network.detector import DFINE
from dfine.network.queries import anchors
from dfine.weights.hub import HUB_FILES, CheckpointError
from dfine.weights.layouts import State, Table, translate

COUNTER = "num_batches_tracked"

TO_OFFICIAL: Table = [
    (r"^(backbone\..*)\.norm\.", r"\1.bn."),
    (r"\.affine\.", ".lab."),
    (r"^encoder\.project\.", "encoder.input_proj."),
    (r"^encoder\.transformer\.", "encoder.encoder.0.layers.0."),
    (r"^encoder\.lateral\.", "encoder.lateral_convs."),
    (r"^encoder\.top_down\.", "encoder.fpn_blocks."),
    (r"^encoder\.downsample\.(\d+)\.0\.", r"encoder.downsample_convs.\1.0.cv1."),
    (r"^encoder\.downsample\.(\d+)\.1\.", r"encoder.downsample_convs.\1.0.cv2."),
    (r"^encoder\.bottom_up\.", "encoder.pan_blocks."),
    (r"^encoder\.output\.", "decoder.input_proj."),
    (r"^decoder\.layers\.", "decoder.decoder.layers."),
    (r"^decoder\.heads\.(\d+)\.score\.", r"decoder.dec_score_head.\1."),
    (r"^decoder\.heads\.(\d+)\.edges\.", r"decoder.dec_bbox_head.\1."),
    (r"^decoder\.heads\.(\d+)\.lqe\.mlp\.", r"decoder.decoder.lqe_layers.\1.reg_conf."),
    (r"^decoder\.position\.", "decoder.query_pos_head."),
    (r"^decoder\.initial\.", "decoder.pre_bbox_head."),
    (r"^queries\.label\.", "decoder.denoising_class_embed."),
    (r"^queries\.output\.", "decoder.enc_output."),
    (r"^queries\.score\.", "decoder.enc_score_head."),
    (r"^queries\.box\.", "decoder.enc_bbox_head."),
    (r"\.cross_attn\.offsets\.", ".cross_attn.sampling_offsets."),
    (r"\.cross_attn\.weights\.", ".cross_attn.attention_weights."),
]

TO_TRANSFORMERS: Table = [
    (r"^(backbone\..*)\.conv\.", r"\1.convolution."),
    (r"^(backbone\..*)\.norm\.", r"\1.normalization."),
    (r"\.affine\.", ".lab."),
    (r"^backbone\.stem\.", "model.backbone.model.embedder."),
    (r"^backbone\.stages\.", "model.backbone.model.encoder.stages."),
    (r"^encoder\.(?:project\.(\d+)|output\.(\d+))\.conv\.", r"model.@\1-\2.0."),
    (r"^encoder\.(?:project\.(\d+)|output\.(\d+))\.norm\.", r"model.@\1-\2.1."),
    (r"^model\.@(\d+)-\.", r"model.encoder_input_proj.\1."),
    (r"^model\.@-(\d+)\.", r"model.decoder_input_proj.\1."),
    (r"^encoder\.transformer\.norm1\.", "model.encoder.encoder.0.layers.0.self_attn_layer_norm."),
    (r"^encoder\.transformer\.norm2\.", "model.encoder.encoder.0.layers.0.final_layer_norm."),
    (r"^encoder\.transformer\.", "model.encoder.encoder.0.layers.0."),
    (r"^encoder\.lateral\.", "model.encoder.lateral_convs."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.cv1\.", r"\1.conv1."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.cv2\.0\.", r"\1.csp_rep1."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.cv2\.1\.", r"\1.conv2."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.cv3\.0\.", r"\1.csp_rep2."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.cv3\.1\.", r"\1.conv3."),
    (r"^(encoder\.(?:top_down|bottom_up)\.\d+)\.cv4\.", r"\1.conv4."),
    (r"^encoder\.top_down\.", "model.encoder.fpn_blocks."),
    (r"^encoder\.bottom_up\.", "model.encoder.pan_blocks."),
    (r"^encoder\.downsample\.(\d+)\.0\.", r"model.encoder.downsample_convs.\1.conv1."),
    (r"^encoder\.downsample\.(\d+)\.1\.", r"model.encoder.downsample_convs.\1.conv2."),
    (r"^queries\.label\.", "model.denoising_class_embed."),
    (r"^queries\.output\.proj\.", "model.enc_output.0."),
    (r"^queries\.output\.norm\.", "model.enc_output.1."),
    (r"^queries\.score\.", "model.enc_score_head."),
    (r"^queries\.box\.", "model.enc_bbox_head."),
    (r"^decoder\.position\.", "model.decoder.query_pos_head."),
    (r"^decoder\.initial\.", "model.decoder.pre_bbox_head."),
    (r"^decoder\.heads\.(\d+)\.score\.", r"model.decoder.class_embed.\1."),
    (r"^decoder\.heads\.(\d+)\.edges\.", r"model.decoder.bbox_embed.\1."),
    (r"^decoder\.heads\.(\d+)\.lqe\.mlp\.", r"model.decoder.lqe_layers.\1.reg_conf."),
    (r"^decoder\.layers\.(\d+)\.norm1\.", r"model.decoder.layers.\1.self_attn_layer_norm."),
    (r"^decoder\.layers\.(\d+)\.norm3\.", r"model.decoder.layers.\1.final_layer_norm."),
    (r"^decoder\.layers\.", "model.decoder.layers."),
    (r"\.cross_attn\.offsets\.", ".encoder_attn.sampling_offsets."),
    (r"\.cross_attn\.weights\.", ".encoder_attn.attention_weights."),
    (r"\.linear1\.", ".fc1."),
    (r"\.linear2\.", ".fc2."),
]


def to_official(network: DFINE, size: tuple[int, int]) -> State:
    """The state dict that the published code saves, for an input of `size` = (height, width)."""
    c = network.config
    state = _renamed(network, TO_OFFICIAL)
    if c.freeze:  # frozen norms count nothing
        state = {k: v for k, v in state.items() if not (k.startswith("backbone.") and k.endswith(COUNTER))}
    for prefix in ("decoder.", "decoder.decoder."):
        state |= {f"{prefix}up": torch.tensor([c.a]), f"{prefix}reg_scale": torch.tensor([round(1 / c.c)])}
    shapes = tuple((-(-size[0] // s), -(-size[1] // s)) for s in c.strides)
    anchor, valid = anchors(shapes, like=torch.zeros(()))
    state |= {"decoder.anchors": anchor[None], "decoder.valid_mask": valid[None].bool()}
    state |= {f"decoder.decoder.layers.{i}.cross_attn.num_points_scale": _points(c) for i in range(c.layers)}
    return _checked(state, network)


def to_transformers(network: DFINE) -> State:
    """The state dict of transformers' `DFineForObjectDetection`, under the keys of the published Hub checkpoints."""
    c = network.config
    state: State = {}
    for key, tensor in _renamed(network, TO_TRANSFORMERS).items():
        joined = re.fullmatch(r"(.*\.self_attn)\.in_proj_(weight|bias)", key)
        parts = zip("qkv", tensor.chunk(3)) if joined else ()
        state |= {f"{joined[1]}.{p}_proj.{joined[2]}": t.contiguous() for p, t in parts} or {key: tensor}
    for i in range(c.layers):
        state[f"model.decoder.layers.{i}.encoder_attn.num_points_scale"] = _points(c)
    state |= {"model.decoder.up": torch.tensor([c.a]), "model.decoder.reg_scale": torch.tensor([1 / c.c])}
    return _checked(state, network)


def save_official(file: str | os.PathLike, network: DFINE, size: tuple[int, int]) -> Path:
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
            torch.save({"model": to_official(network, size)}, temporary)
    except OSError as error:
        raise CheckpointError(f"{file} cannot be written: {error}") from None
    return file


def save_transformers(folder: str | os.PathLike, network: DFINE, names: Sequence[str], size: tuple[int, int]) -> Path:
    """Write a folder that transformers' `DFineForObjectDetection` and `AutoImageProcessor` load.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    folder = Path(folder)
    files = {
        HUB_FILES[0]: transformers_config(network.config, names),
        "preprocessor_config.json": preprocessor_config(size),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
            save_file(to_transformers(network), Path(scratch, HUB_FILES[1]), metadata={"format": "pt"})
            for name, content in files.items():
                Path(scratch, name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
            Path(scratch, HUB_FILES[1]).chmod(Path(scratch, HUB_FILES[0]).stat().st_mode)
            for name in (HUB_FILES[1], *files):
                Path(scratch, name).replace(folder / name)
    except OSError as error:
        raise CheckpointError(f"the checkpoint cannot be written to {folder}: {error}") from None
    return folder


def transformers_config(c: Config, names: Sequence[str]) -> dict:
    """The config.json of transformers for a configuration: what differs from its defaults, or might some day."""
    stages = c.spec.stages
    column = lambda key: [getattr(s, key) for s in stages]  # noqa: E731
    called = {i: name or f"unused {i}" for i, name in enumerate(names)}
    return {
        "architectures": ["DFineForObjectDetection"],
        "model_type": "d_fine",
        "backbone_config": {
            "model_type": "hgnet_v2",
            "stem_channels": [3, *c.spec.stem],
            "stage_in_channels": column("in_channels"),
            "stage_mid_channels": column("mid_channels"),
            "stage_out_channels": column("out_channels"),
            "stage_num_blocks": column("blocks"),
            "stage_numb_of_layers": column("layers"),
            "stage_light_block": column("light"),
            "stage_kernel_size": column("kernel"),
            "stage_downsample": column("downsample"),
            "hidden_sizes": column("out_channels"),
            "use_learnable_affine_block": c.affine,
            "out_indices": [2, 3, 4][-len(c.strides) :],
            "out_features": [f"stage{i}" for i in (2, 3, 4)[-len(c.strides) :]],
        },
        "freeze_backbone_batch_norms": c.freeze,
        "encoder_in_channels": list(c.channels),
        "feat_strides": list(c.strides),
        "num_feature_levels": len(c.strides),
        "encoder_hidden_dim": c.encoder_width,
        "encoder_ffn_dim": c.encoder_ffn,
        "encode_proj_layers": [len(c.strides) - 1],
        "hidden_expansion": c.expansion,
        "depth_mult": c.depth,
        "d_model": c.width,
        "decoder_in_channels": [c.encoder_width] * len(c.strides),
        "decoder_ffn_dim": c.ffn,
        "decoder_layers": c.layers,
        "decoder_n_points": list(c.points),
        "decoder_attention_heads": c.heads,
        "decoder_activation_function": c.activation,
        "num_queries": c.queries,
        "max_num_bins": c.bins,
        "reg_scale": 1 / c.c,
        "up": c.a,
        "id2label": called,
        "label2id": {name: i for i, name in called.items()},
        "torch_dtype": "float32",
    }


def preprocessor_config(size: tuple[int, int]) -> dict:
    """The preprocessor_config.json of transformers: our preprocessing, a plain resize to 0..1 and nothing else."""
    return {
        "image_processor_type": "RTDetrImageProcessor",
        "do_resize": True,
        "size": {"height": size[0], "width": size[1]},
        "resample": 2,  # bilinear
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": False,
        "do_pad": False,
        "do_convert_annotations": True,
        "format": "coco_detection",
    }


def _renamed(network: DFINE, table: Table) -> State:
    state = {}
    for key, tensor in network.state_dict().items():
        for pattern, replacement in table:
            key = re.sub(pattern, replacement, key)
        state[key] = tensor.detach().cpu().contiguous()
    return state


def _points(c: Config) -> Tensor:
    """1/n for each of the n sampling points of every level."""
    return torch.tensor([1 / n for n in c.points for _ in range(n)])


def _checked(state: State, network: DFINE) -> State:
    """The state dict, once reading it back gives the same weights."""
    weights, _, _ = translate(state)
    own = network.state_dict()
    wrong = [k for k in own.keys() ^ weights.keys() if not k.endswith(COUNTER)]
    wrong += [k for k in own.keys() & weights.keys() if not torch.equal(weights[k], own[k].cpu())]
    if wrong:
        raise CheckpointError(f"these weights would be lost in that layout: {', '.join(sorted(wrong)[:5])}")
    return state
