"""The fused engine follows its network, and a predictor on it tells the same story, sooner or after fewer layers."""

import copy
import pickle
from dataclasses import replace

import pytest
import torch

import dfine
from dfine.engines.folded import folded
from dfine.engines.fused import fused
from dfine.engines.precision import half_type
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.inference.looking import look
from dfine.network.detector import DFINE
from tests.engines.test_fused import apart
from tests.helpers import NAMES, noise, predictor, shaken

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
TOLERANCE = 1e-4


@torch.no_grad()
def test_the_engine_says_what_the_network_says(network):
    engine, pixels = TorchEngine(network), torch.rand(2, 3, 64, 96)
    assert apart(engine(pixels), network(pixels)) <= TOLERANCE
    assert engine(pixels).last.edges.dtype == torch.float32


@torch.no_grad()
def test_changed_weights_are_heard_of(network):
    engine, pixels = TorchEngine(network), torch.rand(1, 3, 64, 64)
    before = engine(pixels)
    copy = engine._copy
    engine(pixels)
    assert engine._copy is copy  # and nothing is made anew without a reason
    network.decoder.heads[0].score.bias.add_(1)
    assert apart(engine(pixels), network(pixels)) <= TOLERANCE
    assert (engine(pixels).initial.logits - before.initial.logits).mean() > 0.9
    network.load_state_dict(shaken(DFINE(network.config), seed=2).state_dict())
    assert apart(engine(pixels), network(pixels)) <= TOLERANCE


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@torch.no_grad()
def test_half_precision_keeps_distributions_and_boxes_in_single(network, precision):
    trace = TorchEngine(network, TorchOptions(precision=precision))(torch.rand(1, 3, 64, 64))
    kinds = {t.dtype for r in trace.refinements for t in (r.edges, r.boxes)} | {trace.initial.boxes.dtype}
    assert kinds == {torch.float32}
    assert trace.last.edges.isfinite().all()


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@torch.no_grad()
def test_on_a_cpu_only_what_reads_the_picture_is_rounded_and_once_is_enough(network, precision):
    """What autocast says that rounds backbone and encoder for every picture anew, and nothing after them."""
    pixels = torch.rand(2, 3, 64, 96).to(memory_format=torch.channels_last)
    engine, plain = TorchEngine(network, TorchOptions(precision=precision)), folded(fused(network))
    with torch.autocast("cpu", half_type(precision)):
        memory = plain.encoder(plain.backbone(plain.normalise(pixels)))
    memory = replace(memory, tokens=memory.tokens.float())
    expected = plain.decoder(plain.queries(memory), memory)
    assert apart(engine(pixels), expected) == 0
    assert engine.runs_on == f"torch on cpu, {precision}"


def test_a_model_is_loaded_in_half_precision(network, tmp_path):
    predictor(network, NAMES, (64, 96)).save(tmp_path)
    whole, half = dfine.load(tmp_path, device="cpu"), dfine.load(tmp_path, device="cpu", half="bf16")
    a, b = (m(noise(), threshold=0).trace for m in (whole, half))
    assert b.last.edges.dtype == torch.float32 and 0 < apart(a, b)
    assert (a.initial.logits - b.initial.logits).abs().mean() < 0.1 * a.initial.logits.std()


@pytest.mark.parametrize("options", [{"precision": "bfloat16"}, {"compiled": True}, {"graphs": True}])
def test_what_is_for_the_fused_copy_is_refused_without_it(network, options):
    with pytest.raises(ValueError, match="are for a checkpoint's fused copy, on cpu or cuda"):
        TorchOptions(fast=False, **options)


@pytest.mark.parametrize("options", [{"half": "bf16"}, {"precision": "auto"}, {"compiled": True}, {"graphs": True}])
def test_what_an_exported_file_has_decided_already(options):
    with pytest.raises(ValueError, match="n.onnx is an exported file: it is compiled, in the precision chosen"):
        dfine.load("n.onnx", **options)


@torch.no_grad()
def test_early_exit_stops_after_so_many_layers(network):
    """The layers that are there say what they say in a whole run; the rest is not computed."""
    pixels = torch.rand(1, 3, 64, 64)
    whole, engine = network(pixels), TorchEngine(network)
    ran = []
    for i, layer in enumerate(network.decoder.layers):
        layer.register_forward_hook(lambda *_, i=i: ran.append(i))
    for k in (1, 2, 3):
        ran.clear()
        early = network(pixels, layers=k)
        assert ran == list(range(k)) and len(early.refinements) == k
        for a, b in zip(early.refinements, whole.refinements):
            assert torch.equal(a.boxes, b.boxes) and torch.equal(a.logits, b.logits)
        assert apart(engine(pixels, layers=k), early) <= TOLERANCE


@pytest.mark.parametrize("layers", [0, 4, -1])
def test_layers_that_are_not_there(network, layers):
    with pytest.raises(ValueError, match="3 decoder layers; layers is 1 to 3"):
        network(torch.rand(1, 3, 64, 64), layers=layers)
    with pytest.raises(ValueError, match="3 decoder layers; layers is 1 to 3"):
        predictor(network, NAMES, layers=layers)


def test_a_loaded_model_is_fast_and_can_be_plain(network, tmp_path):
    predictor(network, NAMES, (64, 96)).save(tmp_path)
    fast, plain = dfine.load(tmp_path, device="cpu"), dfine.load(tmp_path, device="cpu", fast=False)
    assert fast.engine.fast and not plain.engine.fast
    a, b = (m(noise(), threshold=0) for m in (fast, plain))
    assert apart(a.trace, b.trace) <= TOLERANCE
    torch.testing.assert_close(a.detections.scores, b.detections.scores, atol=1e-4, rtol=1e-4)


def test_where_a_fast_model_looked_can_be_told(network):
    fast = predictor(network, NAMES, (64, 96), fast=True)
    seen = look(fast, noise(), 3, fast(noise()).trace)
    plain = predictor(network, NAMES, (64, 96))
    assert torch.allclose(seen.points, look(plain, noise(), 3, fast(noise()).trace).points, atol=1e-4)
    early = predictor(network, NAMES, (64, 96), fast=True, layers=2)
    result = early(noise(), threshold=0)
    assert len(result.trace.refinements) == result.history(0).layers == look(early, noise(), 3).layers == 2


def test_a_model_can_be_loaded_in_inference_mode(network, tmp_path):
    """As a server may do at its first request; it is an ordinary network nevertheless."""
    predictor(network, NAMES, (64, 96)).save(tmp_path)
    pixels = torch.rand(1, 3, 64, 96)
    with torch.inference_mode():
        model = dfine.load(tmp_path, device="cpu")
        inside = model.engine(pixels)
        other = TorchEngine(copy.deepcopy(network))  # whose weights are such as inference mode makes
        assert apart(other(pixels), inside) == 0
    assert apart(model.engine(pixels), inside) == 0
    assert not any(t.is_inference() for t in model.network.state_dict().values())


def test_a_model_can_be_copied_and_sent_to_other_processes(network):
    """Also after a picture, when its fused copy holds what no library can copy."""
    model = predictor(network, NAMES, (64, 96))
    want = model(noise(), 0).detections
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(noise(), 0).detections.boxes, want.boxes) and other.card == model.card
        assert other.engine.options == model.engine.options and other.network is not model.network
