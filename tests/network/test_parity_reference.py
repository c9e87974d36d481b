"""The network, the criterion and its gradients against the published implementation's values, stage by stage."""

import copy

import pytest
import torch
from safetensors import safe_open

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.trace.records import Estimate, NoisedQueries, Refinement, Target, Trace
from dfine.training.criterion import Criterion, stages_of
from dfine.weights.identify import translate
from dfine.weights.official import OFFICIAL
from tests.helpers import NO_REFERENCE, REFERENCE, reference_weights

pytestmark = pytest.mark.skipif(not (REFERENCE / "dfine_n.safetensors").exists(), reason=NO_REFERENCE)
STAGES = {"initial": "pre_outputs.", "layer 1": "aux_outputs.0.", "layer 2": "aux_outputs.1.", "layer 3": ""}


@pytest.fixture(scope="module")
def reference():
    with safe_open(REFERENCE / "dfine_n.safetensors", "pt") as file:
        return {key: file.get_tensor(key) for key in file.keys()}


@pytest.fixture(scope="module")
def weights():
    return reference_weights()


@pytest.fixture(scope="module")
def network(weights):
    state = weights.official_state(REFERENCE / "dfine_n.keys.json", "n")
    network = DFINE(Config.of("n")).eval()
    network.load_state_dict(translate(state)[0], strict=True)
    return network


@pytest.fixture(scope="module")
def pixels(weights):
    return weights.pseudo_image(256, 256, batch=2)


@pytest.fixture(scope="module")
def targets(reference):
    return [Target(reference[f"targets.{i}.labels"], reference[f"targets.{i}.boxes"]) for i in range(2)]


def close(ours, theirs, tolerance=1e-4):
    """Within `tolerance` of the stage's scale: random weights let logits grow to tens, and rounding with them."""
    scale = max(1.0, theirs.abs().max().item())
    assert (ours - theirs).abs().max().item() <= tolerance * scale


def test_backbone_and_encoder(network, reference, pixels):
    with torch.no_grad():
        features = network.backbone(pixels)
        maps = network.encoder.fuse(features)
    for i in range(2):
        close(features[i], reference[f"stage.backbone.{i}"])
        close(maps[i], reference[f"stage.encoder.{i}"])


def test_every_stage_of_the_trace(network, reference, pixels):
    with torch.no_grad():
        trace = network(pixels)
    stages = stages_of(trace)
    for picture in range(2):
        theirs = torch.cat([reference[f"trace.enc_aux_outputs.0.pred_{k}"][picture] for k in ("logits", "boxes")], -1)
        ours = torch.cat([stages["proposals"].logits[picture], stages["proposals"].boxes[picture]], -1)
        nearest = torch.cdist(theirs, ours).min(1)
        same = nearest.values < 1e-2  # equally scored queries may be chosen differently
        assert same.float().mean() > 0.95
        assert nearest.indices[same].unique().numel() == int(same.sum())
        picked = picture, nearest.indices[same]
        for name, prefix in STAGES.items():
            want = {k: reference.get(f"trace.{prefix}pred_{k}") for k in ("boxes", "logits", "corners")}
            close(stages[name].boxes[picked], want["boxes"][picture][same])
            close(stages[name].logits[picked], want["logits"][picture][same])
            if name != "initial":
                close(stages[name].edges[picked].flatten(1), want["corners"][picture][same])
        close(trace.last.boxes[picked], reference["eval.boxes"][picture][same])
        close(trace.initial.boxes[picked], reference["trace.ref_points"][picture][same])


def stored_trace(reference, network):
    """The published training forward as one Trace, denoising queries in front."""

    def join(a, b):
        return torch.cat((reference[f"train.{a}"], reference[f"train.{b}"]), 1)

    def refinement(layer, prefix):
        def get(key):
            return join(f"dn_outputs.{layer}.pred_{key}", f"{prefix}pred_{key}")

        logits = get("logits")
        quality = torch.zeros_like(logits[..., :1])
        return Refinement(logits, quality, get("corners").unflatten(-1, (4, -1)), get("boxes"))

    initial = [join(f"dn_pre_outputs.pred_{k}", f"pre_outputs.pred_{k}") for k in ("logits", "boxes")]
    proposals = [reference[f"train.enc_aux_outputs.0.pred_{k}"] for k in ("logits", "boxes")]
    layers = [refinement(i, prefix) for i, prefix in enumerate(("aux_outputs.0.", "aux_outputs.1.", ""))]
    origin = torch.zeros(initial[0].shape[:2], dtype=torch.int64)
    return Trace(Estimate(*proposals), Estimate(*initial), tuple(layers), origin, ((16, 16), (8, 8)), network.decoder.w)


def published_name(name):
    """`vfl/denoising layer 1` -> `loss_vfl_dn_0`."""
    term, stage = name.split("/")
    term = {"l1": "bbox"}.get(term, term)
    denoising = stage.startswith("denoising ")
    stage = stage.removeprefix("denoising ")
    if stage in ("proposals", "initial"):
        suffix = {"proposals": "enc_0", "initial": "pre"}[stage]
    else:
        layer = int(stage.split()[1]) - 1
        suffix = f"{layer}" if denoising else ("" if layer == 2 else f"aux_{layer}")
    return "_".join(filter(None, ("loss", term, "dn" if denoising else "", suffix)))


def check_losses(terms, reference, prefix):
    for name, value in terms.items():
        want = reference[prefix + published_name(name)].item()
        assert value.item() == pytest.approx(want, rel=1e-6 if name.startswith("vfl") else 1e-4), name
    return {prefix + published_name(name) for name in terms}


def test_every_loss_term_of_the_stored_forward(network, reference, targets):
    positive = tuple(reference[f"train.dn_meta.dn_positive_idx.{i}"] for i in range(2))
    noise = NoisedQueries(torch.zeros(2, 198, dtype=torch.int64), torch.zeros(2, 198, 4), 33, positive)
    terms = Criterion()(stored_trace(reference, network), targets, noise)
    seen = check_losses(terms, reference, "loss.")
    published = {key for key in reference if key.startswith("loss.")}
    assert published - seen == {"loss.loss_ddf_dn_2"}  # the last layer towards itself
    assert reference["loss.loss_ddf_dn_2"].item() == 0


def test_losses_and_gradients_of_our_own_forward(network, reference, targets, pixels):
    """This is what sees a gradient that is cut where it should not be, or runs where it should not.

    Ours is computed in float64, so that what differs is the published run's own float32 rounding.
    """
    network = copy.deepcopy(network).double()
    terms = Criterion()(network(pixels.double()), targets)
    assert check_losses(terms, reference, "nodn.loss.") == {k for k in reference if k.startswith("nodn.loss.")}
    sum(terms.values()).backward()
    want = {k.removeprefix("nodn.grad_norm."): v for k, v in reference.items() if k.startswith("nodn.grad_norm.")}
    want = OFFICIAL.read(want)
    parameters = dict(network.named_parameters())
    assert len(want) > 400
    for name, norm in want.items():
        parameter = parameters[name]
        ours = 0.0 if parameter.grad is None else parameter.grad.norm().item()
        # A single number's gradient is a sum over a whole map that cancels to a thousandth of its parts.
        tolerance = 2e-2 if parameter.numel() == 1 else 1e-3
        assert ours == pytest.approx(norm.item(), rel=tolerance, abs=1e-4), name
