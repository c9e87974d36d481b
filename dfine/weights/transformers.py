"""The layout of transformers: the keys of `DFineForObjectDetection.save_pretrained`, and the JSON beside them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import safe_open

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.network.families import family
from dfine.paths import as_json
from dfine.trace.base import COARSEST
from dfine.trace.card import Card, checked_names
from dfine.weights.cache import HUB_FILES
from dfine.weights.exceptions import CheckpointError, refused
from dfine.weights.layouts import Layout, State, sampling_scale
from dfine.weights.names import UNUSED_FILLER
from dfine.weights.preprocessor import FILE as PREPROCESSOR
from dfine.weights.preprocessor import Preprocessor
from dfine.weights.saving import write_folder

# What of a card transformers has no place for, and where it stands then: in the head of the file of weights, which who
# trains them further writes anew.
FITTED = ("temperature", "levels", "threshold", "class_thresholds")
KEY = "dfine"

# What transformers can express and no D-FINE was published with: the values that are supported. The shapes of weights
# say nothing of them, so that with others the boxes would be wrong without a word.
ONLY = {
    "activation_function": "silu",
    "batch_norm_eps": 1e-5,
    "decoder_method": "default",
    "decoder_offset_scale": 0.5,
    "encoder_activation_function": "gelu",
    "encoder_attention_heads": 8,
    "layer_norm_eps": 1e-5,
    "layer_scale": 1.0,
    "learn_initial_query": False,
    "normalize_before": False,
    "positional_encoding_temperature": 10000,
}

# First names are those of the published Hub checkpoints; second ones are what the modules are called since version 5.
# Heads are tied: they appear under the decoder, at the top, or twice.
TRANSFORMERS = Layout(
    "transformers",
    sign="model.decoder.lqe_layers.",
    split=True,
    table=(
        # the backbone
        ("model.backbone.model.embedder.", "backbone.stem."),
        ("model.backbone.model.encoder.stages.", "backbone.stages."),
        ("backbone.*.convolution.", "backbone.*.conv."),
        ("backbone.*.normalization.", "backbone.*.norm."),
        (".lab.", ".affine."),
        # the hybrid encoder
        ("model.encoder_input_proj.#.0.", "encoder.project.#.conv."),
        ("model.encoder_input_proj.#.1.", "encoder.project.#.norm."),
        (("model.encoder.encoder.0.layers.0.", "model.encoder.aifi.0.layers.0."), "encoder.transformer."),
        ("encoder.transformer.self_attn_layer_norm.", "encoder.transformer.norm1."),
        ("encoder.transformer.final_layer_norm.", "encoder.transformer.norm2."),
        (("encoder.transformer.fc1.", "encoder.transformer.mlp.layers.0."), "encoder.transformer.linear1."),
        (("encoder.transformer.fc2.", "encoder.transformer.mlp.layers.1."), "encoder.transformer.linear2."),
        ("model.encoder.lateral_convs.", "encoder.lateral."),
        ("model.encoder.fpn_blocks.", "encoder.top_down."),
        ("model.encoder.pan_blocks.", "encoder.bottom_up."),
        ("encoder.@.#.conv1.", "encoder.@.#.cv1."),
        ("encoder.@.#.csp_rep1.", "encoder.@.#.cv2.0."),
        ("encoder.@.#.conv2.", "encoder.@.#.cv2.1."),
        ("encoder.@.#.csp_rep2.", "encoder.@.#.cv3.0."),
        ("encoder.@.#.conv3.", "encoder.@.#.cv3.1."),
        ("encoder.@.#.conv4.", "encoder.@.#.cv4."),
        ("model.encoder.downsample_convs.#.conv1.", "encoder.downsample.#.0."),
        ("model.encoder.downsample_convs.#.conv2.", "encoder.downsample.#.1."),
        ("model.decoder_input_proj.#.0.", "encoder.output.#.conv."),  # only X has it
        ("model.decoder_input_proj.#.1.", "encoder.output.#.norm."),
        # query selection
        ("model.denoising_class_embed.", "queries.label."),
        ("model.enc_output.0.", "queries.output.proj."),
        ("model.enc_output.1.", "queries.output.norm."),
        ("model.enc_score_head.", "queries.score."),
        ("model.enc_bbox_head.", "queries.box."),
        # the decoder and its heads
        ("model.decoder.query_pos_head.", "decoder.position."),
        ("model.decoder.pre_bbox_head.", "decoder.initial."),
        (("model.decoder.class_embed.#.", "class_embed.#."), "decoder.heads.#.score."),
        (("model.decoder.bbox_embed.#.", "bbox_embed.#."), "decoder.heads.#.edges."),
        ("model.decoder.lqe_layers.#.reg_conf.", "decoder.heads.#.lqe.mlp."),
        ("model.decoder.layers.", "decoder.layers."),
        ("decoder.layers.#.self_attn_layer_norm.", "decoder.layers.#.norm1."),
        ("decoder.layers.#.final_layer_norm.", "decoder.layers.#.norm3."),
        (("decoder.layers.#.fc1.", "decoder.layers.#.mlp.layers.0."), "decoder.layers.#.linear1."),
        (("decoder.layers.#.fc2.", "decoder.layers.#.mlp.layers.1."), "decoder.layers.#.linear2."),
        (".encoder_attn.sampling_offsets.", ".cross_attn.offsets."),
        (".encoder_attn.attention_weights.", ".cross_attn.weights."),
        ((".self_attn.out_proj.", ".self_attn.o_proj."), ".self_attn.out_proj."),
    ),
)


def to_transformers(network: DFINE) -> State:
    """The state dict of transformers' `DFineForObjectDetection`, under the keys of the published Hub checkpoints."""
    c = network.config
    state = TRANSFORMERS.write(network.state_dict())
    state |= {"model.decoder.up": torch.tensor([c.a]), "model.decoder.reg_scale": torch.tensor([1 / c.c])}
    attention = "model.decoder.layers.{}.encoder_attn.num_points_scale"
    return state | {attention.format(i): sampling_scale(c) for i in range(c.layers)}


def save_transformers(folder: str | os.PathLike, network: DFINE, card: Card) -> Path:
    """Write a folder that transformers' `DFineForObjectDetection` and `AutoImageProcessor` load.

    What was fitted to the weights goes with them, see `read_fitted`.

    Raises:
        CheckpointError: the folder cannot be written.
    """
    config = network.config
    preprocessor = Preprocessor(card.input_size, config.mean, config.deviation)
    files = {HUB_FILES[0]: transformers_config(config, card.names), PREPROCESSOR: preprocessor.to_dict()}
    texts = {name: as_json(content, indent=2) for name, content in files.items()}
    fitted = {name: value for name, value in card.to_dict().items() if name in FITTED}
    metadata = {"format": "pt"} | ({KEY: as_json(fitted)} if fitted else {})
    return write_folder(folder, to_transformers(network), texts, metadata=metadata)


def read_fitted(file: Path, classes: int) -> dict:
    """What `save_transformers` wrote into a file of weights, by the names of a card's fields; {} where it did not.

    Raises:
        CheckpointError: a value is of another kind.
    """
    if file.suffix != ".safetensors":
        return {}
    with safe_open(file, "pt") as opened:
        text = (opened.metadata() or {}).get(KEY)
    if text is None:
        return {}
    with refused(f"what {file.name} says of its calibration"):
        content = json.loads(text)
        if not isinstance(content, dict):
            raise ValueError("it is no table of names and values")
        card = Card.from_dict(content | {"names": [], "input_size": (COARSEST, COARSEST)})
        if len(card.class_thresholds) not in (0, classes):
            raise ValueError(f"it has {len(card.class_thresholds)} thresholds for {classes} classes")
    return {name: getattr(card, name) for name in FITTED}


def transformers_config(c: Config, names: Sequence[str]) -> dict:
    """The config.json of transformers for a configuration: what differs from its defaults, or might some day."""
    stages = c.spec.stages

    def column(key: str) -> list:
        return [getattr(stage, key) for stage in stages]

    called = {i: name or UNUSED_FILLER.format(i) for i, name in enumerate(names)}
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
        "decoder_activation_function": family(c).activation,
        "num_queries": c.queries,
        "max_num_bins": c.bins,
        "reg_scale": 1 / c.c,
        "up": c.a,
        "id2label": called,
        "label2id": {name: i for i, name in called.items()},
        "torch_dtype": "float32",
    }


def check_config(config: dict, built: Config, family: str) -> None:
    """Refuse what transformers can express and no D-FINE was ever published with; `built` is read off the weights."""
    if config.get("model_type", "d_fine") != "d_fine":
        raise CheckpointError(f"its config.json describes a {config['model_type']} model, not a d_fine")
    for key, value in ONLY.items():
        if config.get(key, value) != value:
            raise CheckpointError(f"its config.json has {key}={config[key]!r}; only {value!r} is supported")
    coarsest = len(built.strides) - 1
    if config.get("encode_proj_layers", [coarsest]) not in ([coarsest], [-1]):
        raise CheckpointError(
            f"its config.json has encode_proj_layers={config['encode_proj_layers']!r}; attention among the cells of "
            f"the coarsest level only, [{coarsest}], is supported"
        )
    if config.get("eval_idx", -1) not in (-1, built.layers - 1):
        raise CheckpointError(
            f"its config.json stops at decoder layer {config['eval_idx']}; only the last is supported"
        )
    activation = config.get("decoder_activation_function", "relu")
    if family == "dfine" and activation != "relu":
        raise CheckpointError(
            f"its config.json has {activation!r} in the decoder where D-FINE has 'relu'; "
            "for DEIM's weights say family='deim'"
        )


def own_names(config: dict) -> tuple[str, ...] | None:
    """Class names of a transformers config.json, its fillers (LABEL_0 …) too; None where it has none."""
    table = config.get("id2label") or {}
    try:
        names = [str(table[key]) for key in sorted(table, key=int)]
    except (ValueError, TypeError):
        return None
    with refused(f"its {HUB_FILES[0]}"):
        return checked_names(names) or None
