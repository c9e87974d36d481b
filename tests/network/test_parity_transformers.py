"""All five sizes against transformers' independent implementation, through the loader of its layout."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from dfine.config import Config
from dfine.weights import checkpoints

transformers = pytest.importorskip("transformers", reason="transformers is not installed")

INPUT = {"n": 256, "s": 160, "m": 160, "l": 128, "x": 128}  # pixels a side
TOLERANCE = 1e-4


def theirs(size: str, classes: int = 80, **changes):
    """A `DFineForObjectDetection` of a published size, every parameter and buffer perturbed."""
    c = Config.of(size, classes=classes)
    stages = c.spec.stages
    backbone = transformers.HGNetV2Config(
        stem_channels=[3, *c.spec.stem],
        stage_in_channels=[s.in_channels for s in stages],
        stage_mid_channels=[s.mid_channels for s in stages],
        stage_out_channels=[s.out_channels for s in stages],
        stage_num_blocks=[s.blocks for s in stages],
        stage_numb_of_layers=[s.layers for s in stages],
        stage_light_block=[s.light for s in stages],
        stage_kernel_size=[s.kernel for s in stages],
        stage_downsample=[s.downsample for s in stages],
        hidden_sizes=[s.out_channels for s in stages],
        use_learnable_affine_block=c.affine,
        out_indices=[2, 3, 4][-len(c.strides) :],
    )
    config = transformers.DFineConfig(
        backbone_config=backbone,
        num_labels=classes,
        encoder_in_channels=list(c.channels),
        feat_strides=list(c.strides),
        num_feature_levels=len(c.strides),
        encoder_hidden_dim=c.encoder_width,
        encoder_ffn_dim=c.encoder_ffn,
        encode_proj_layers=[len(c.strides) - 1],
        hidden_expansion=c.expansion,
        depth_mult=c.depth,
        d_model=c.width,
        decoder_in_channels=[c.encoder_width] * len(c.strides),
        decoder_ffn_dim=c.ffn,
        decoder_layers=c.layers,
        num_queries=c.queries,
        **{"decoder_n_points": list(c.points)} | changes,
    )
    torch.manual_seed(0)
    model = transformers.DFineForObjectDetection(config)
    perturb(model, 1 / c.c)
    return model.eval()


@torch.no_grad()
def perturb(model, reg_scale: float) -> None:
    """Draw everything anew: heads that start at zero would hide any error behind them."""
    untouched = ("num_batches_tracked", "num_points_scale", "up", "reg_scale")
    generator = torch.Generator().manual_seed(1)
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        noise = torch.randn(tensor.shape, generator=generator) if tensor.is_floating_point() else None
        if name.endswith("reg_scale"):
            tensor.fill_(reg_scale)
        elif name.endswith(untouched) or noise is None:
            continue
        elif name.endswith("running_var"):
            tensor.copy_(torch.exp(0.2 * noise))
        elif tensor.ndim <= 1:
            near_one = name.endswith(("weight", "scale"))
            tensor.copy_(near_one + (0.8 if "sampling_offsets" in name else 0.1) * noise)
        else:
            gain = 0.3 if "sampling_offsets" in name else 1.2
            tensor.copy_(noise * gain / tensor[0].numel() ** 0.5)


def pixels(side: int, batch: int = 1) -> torch.Tensor:
    """A smooth picture with some noise."""
    generator = torch.Generator().manual_seed(7)
    low = torch.rand(batch, 3, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(low, size=(side, side), mode="bilinear")
    return (smooth + 0.05 * torch.randn(smooth.shape, generator=generator)).clamp(0, 1)


@torch.no_grad()
def compare(model, network, image) -> tuple[float, float]:
    """Largest difference of last-layer logits and boxes."""
    tokens = sum((image.shape[-1] // s) ** 2 for s in network.config.strides)
    model.config.num_queries = min(network.config.queries, tokens)  # theirs does not look how many there are
    want, ours = model(image), network(image)
    logits, boxes = [], []
    for i in range(len(image)):
        # Queries whose scores lie within rounding of each other may come in another order: match them by their start.
        start = torch.cdist(
            torch.cat((want.init_reference_points[i], want.enc_topk_logits[i]), -1),
            torch.cat((ours.proposals.boxes[i].logit(), ours.proposals.logits[i]), -1),
        )
        at = start.argmin(1)
        assert at.unique().numel() == len(at)
        logits.append((ours.last.logits[i, at] - want.logits[i]).abs().max().item())
        boxes.append((ours.last.boxes[i, at] - want.pred_boxes[i]).abs().max().item())
    assert want.logits.std() > 0.1 and want.pred_boxes.std() > 0.01  # there is something to compare
    return max(logits), max(boxes)


@pytest.fixture(scope="module")
def nano(tmp_path_factory):
    """A size N of transformers, and the folder it was saved to."""
    folder = tmp_path_factory.mktemp("nano")
    model = theirs("n", id2label={i: f"thing {i}" for i in range(80)})
    model.save_pretrained(folder)
    return model, folder


@pytest.mark.parametrize("size", list(INPUT))
def test_last_layer(size, tmp_path):
    model = theirs(size)
    model.save_pretrained(tmp_path)
    checkpoint = checkpoints.open_checkpoint(tmp_path)
    assert checkpoint.config == Config.of(size)  # X too, whose config.json says reg_scale 4
    logits, boxes = compare(model, checkpoint.network(), pixels(INPUT[size]))
    assert logits <= TOLERANCE
    assert boxes <= TOLERANCE


def test_a_batch(nano):
    model, folder = nano
    logits, boxes = compare(model, checkpoints.open_checkpoint(folder).network(), pixels(160, batch=3))
    assert max(logits, boxes) <= TOLERANCE


def test_the_names_are_the_files_own(nano):
    assert checkpoints.open_checkpoint(nano[1]).card.names[:2] == ("thing 0", "thing 1")


def test_other_sampling_points_are_read_off_the_tensors(tmp_path):
    model = theirs("s", decoder_n_points=[4, 4, 4])
    model.save_pretrained(tmp_path)
    checkpoint = checkpoints.open_checkpoint(tmp_path)
    assert checkpoint.config.points == (4, 4, 4)
    assert max(compare(model, checkpoint.network(), pixels(128))) <= TOLERANCE


def copied(folder, target, change, **config):
    """The checkpoint in `folder`, with its tensors and its config.json changed, in `target`."""
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, target / "model.safetensors")
    about = json.loads((folder / "config.json").read_text()) | config
    (target / "config.json").write_text(json.dumps(about))
    return target


def twice(tensors, difference=0.0):
    """Tied heads at the top level too, as older files have them."""
    for key in [k for k in tensors if k.startswith(("model.decoder.class_embed.", "model.decoder.bbox_embed."))]:
        tensors[key.removeprefix("model.decoder.")] = tensors[key] + difference


def test_tied_heads_may_appear_twice(nano, tmp_path):
    once, both = checkpoints.open_checkpoint(nano[1]), checkpoints.open_checkpoint(copied(nano[1], tmp_path, twice))
    assert once.weights.keys() == both.weights.keys()
    assert all(torch.equal(once.weights[k], both.weights[k]) for k in once.weights)


def test_tied_heads_that_differ_are_an_error(nano, tmp_path):
    folder = copied(nano[1], tmp_path, lambda tensors: twice(tensors, 1e-3))
    with pytest.raises(checkpoints.CheckpointError, match="class_embed.*same weight|bbox_embed.*same weight"):
        checkpoints.open_checkpoint(folder)


def newer(tensors):
    """The keys that version 5 uses in memory, should it ever write them."""
    for old in list(tensors):
        key = old.replace(".out_proj.", ".o_proj.").replace("encoder.encoder.0.", "encoder.aifi.0.")
        key = key.replace(".fc1.", ".mlp.layers.0.").replace(".fc2.", ".mlp.layers.1.")
        tensors[key] = tensors.pop(old)


def test_newer_key_names(nano, tmp_path):
    network = checkpoints.open_checkpoint(copied(nano[1], tmp_path, newer)).network()
    assert max(compare(nano[0], network, pixels(128))) <= TOLERANCE


@pytest.mark.parametrize(
    "config, said",
    [
        ({"model_type": "rt_detr"}, "rt_detr"),
        ({"decoder_method": "discrete"}, "decoder_method"),
        ({"eval_idx": 0}, "decoder layer 0"),
        ({"decoder_activation_function": "silu"}, "family='deim'"),
    ],
)
def test_what_is_no_published_dfine_is_refused(nano, tmp_path, config, said):
    with pytest.raises(checkpoints.CheckpointError, match=said):
        checkpoints.open_checkpoint(copied(nano[1], tmp_path, lambda tensors: None, **config))


def test_a_missing_query_projection_is_named(nano, tmp_path):
    key = "model.decoder.layers.0.self_attn.k_proj.weight"
    folder = copied(nano[1], tmp_path, lambda tensors: tensors.pop(key))
    with pytest.raises(
        checkpoints.CheckpointError, match=r"missing: decoder.layers.0.self_attn.in_proj_weight.*left over"
    ):
        checkpoints.open_checkpoint(folder).network()
