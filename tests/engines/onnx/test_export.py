"""Exported files say what torch says, and what they are; a predictor reads them back, trace included."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

import dfine
from dfine.engines.onnx import export as export_module
from dfine.engines.onnx import file as onnx_file
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Exported, Options, about, card_of, export, published, sample
from dfine.engines.onnx.packages import needed
from dfine.engines.onnx.parity import ExportError
from dfine.trace.postprocess import detections
from tests.engines.onnx.same import ANY, GRID, SIZE, TWO, close
from tests.helpers import NAMES, full_card, synthetic_trace

# What TensorRT 10.15 reads, opsets 9 to 24 (docs/operators.md of onnx-tensorrt); of that list, what a file of ours may
# have. GridSample takes only four axes, MaxPool no dilations; ours are such.
TENSORRT = set(
    "Abs Add And Cast Ceil Clip Concat Constant ConstantOfShape Conv Cos Div Equal Erf Exp Expand Flatten Floor Gather "
    "GatherElements GatherND Gelu Gemm Greater GreaterOrEqual GridSample Identity LayerNormalization Less LessOrEqual "
    "Log MatMul Max MaxPool Min Mod Mul Neg Not Or Pad Pow Range Reciprocal ReduceMax ReduceMean ReduceSum Relu "
    "Reshape Resize Shape Sigmoid Sin Slice Softmax Split Sqrt Squeeze Sub TopK Transpose Unsqueeze Where".split()
)


def test_the_parity_that_was_measured_is_returned_and_kept(file):
    path, parity = file
    about = OnnxEngine(path).about
    assert about["parity"] == parity and max(parity.values()) < 1e-4
    assert about["schema"] == 1 and about["precision"] == "single"


@pytest.mark.parametrize("options", [ANY, replace(GRID, opset=18)], ids=["gather", "grid"])
def test_a_file_for_any_batch(model, exported, options):
    network = OnnxEngine(exported(options)[0])
    for count in (1, 2, 5):
        pixels = torch.rand(count, 3, *SIZE)
        with torch.no_grad():
            assert close(network(pixels), model.network(pixels))


def test_another_input_size(model, tmp_path):
    export(model.network, model.card, tmp_path / "a.onnx", Options(size=(96, 64), batch=2))
    back = dfine.load(tmp_path / "a.onnx")
    assert back.size == (96, 64)
    pixels = torch.rand(3, 3, 96, 64)  # the last run is filled up
    with torch.no_grad():
        assert close(back.engine(pixels), model.network(pixels))


def test_the_published_interface(model, tmp_path):
    """images and (width, height) in; labels, boxes in pixels and scores out, as our own postprocessing has them."""
    export(model.network, model.card, tmp_path / "p.onnx", Options(postprocess=True, trace=False, batch=None))
    images, sizes = torch.rand(2, 3, *SIZE), torch.tensor([[200, 100], [64, 300]])
    have = onnx_file.run(tmp_path / "p.onnx", (images, sizes))
    assert list(have) == ["labels", "boxes", "scores"]
    with torch.no_grad():
        want = detections(model.network(images), NAMES, sizes.tolist())
    assert have["labels"].dtype == np.int64 and have["boxes"].shape == (2, 60, 4)
    for i, (w, h) in enumerate(sizes.tolist()):
        boxes = torch.from_numpy(have["boxes"][i]).clamp(min=0).minimum(torch.tensor([w, h, w, h]))
        torch.testing.assert_close(torch.from_numpy(have["scores"][i]), want[i].scores, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(boxes, want[i].boxes, atol=1e-2, rtol=1e-4)


@pytest.mark.parametrize("half", [False, True])
def test_only_the_batch_of_an_output_varies(model, tmp_path, half):
    """Servers plan their memory by the sizes that a file states."""
    options = Options(postprocess=True, batch=None, half=half)
    export(model.network, model.card, tmp_path / "a.onnx", options)
    graph = needed("onnx").load(tmp_path / "a.onnx").graph
    have = onnx_file.run(tmp_path / "a.onnx", sample(replace(options, batch=3), SIZE))
    for node in graph.output:
        batch, *sizes = node.type.tensor_type.shape.dim
        assert batch.dim_param == "batch" and have[node.name].shape == (3, *(size.dim_value for size in sizes))


def test_postprocessing_and_trace_in_one_file(model, exported):
    with torch.no_grad():
        pixels = torch.rand(1, 3, *SIZE)
        assert close(OnnxEngine(exported(TWO)[0])(pixels), model.network(pixels))


def test_half_precision_keeps_distributions_in_single(model, tmp_path):
    export(model.network, model.card, tmp_path / "h.onnx", Options(half=True))
    have = onnx_file.run(tmp_path / "h.onnx", (torch.rand(1, 3, *SIZE),))
    assert {value.dtype.name for value in have.values()} == {"float32", "int64"}
    graph = needed("onnx").load(tmp_path / "h.onnx").graph
    kinds = {t.data_type for t in graph.initializer if len(t.dims) > 1}
    assert kinds == {needed("onnx").TensorProto.FLOAT16}


@pytest.mark.parametrize("options", [Options(), GRID, TWO, ANY], ids=["one", "grid", "two", "any"])
def test_tensorrt_reads_every_operator(exported, options):
    assert onnx_file.operators(exported(options)[0]) <= TENSORRT


@pytest.mark.parametrize(
    "wrong, said", [({"size": (64, 65)}, "multiples of 32"), ({"batch": 0}, "at least 1"), ({"opset": 17}, "18 to")]
)
def test_options_that_cannot_be(wrong, said):
    with pytest.raises(ExportError, match=said):
        Options(**wrong)


def test_what_is_no_network_with_its_card_is_refused_in_a_sentence(model, tmp_path):
    for given in ((model, model.card), (model.network, tmp_path / "m.onnx"), (model.card, model.network)):
        with pytest.raises(TypeError, match=r"dfine\.export\(model\.network, model\.card, path\), not \(\w+, \w+, …\)"):
            export(*given, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_of_an_export_that_failed(model, tmp_path, monkeypatch):
    (tmp_path / "m.onnx").write_text("what was there")
    monkeypatch.setattr(onnx_file, "simplify", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("broken")))
    with pytest.raises(RuntimeError, match="broken"):
        export(model.network, model.card, tmp_path / "m.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_text() == "what was there"


def test_published_boxes_by_hand():
    """One query, two classes: a box of half the picture in its middle."""
    last = synthetic_trace(queries=1, classes=2).last
    last = type(last)(torch.tensor([[[0.0, 2.0]]]), last.quality, last.edges, torch.tensor([[[0.5, 0.5, 0.5, 0.5]]]))
    labels, boxes, scores = published(last, torch.tensor([[200, 100]]))
    assert labels.tolist() == [[1, 0]] and boxes[0, 0].tolist() == [50, 25, 150, 75]
    assert torch.allclose(scores, torch.tensor([[0.8808, 0.5]]), atol=1e-4)


def test_weights_are_folded_on_the_cpu(model, monkeypatch):
    """In double precision, which the GPU of a Mac does not have."""
    order, to_cpu, fold = [], torch.nn.Module.cpu, export_module.folded
    monkeypatch.setattr(torch.nn.Module, "cpu", lambda module: order.append("moved") or to_cpu(module))
    monkeypatch.setattr(export_module, "folded", lambda network: order.append("folded") or fold(network))
    Exported(model.network, Options())
    assert order == ["moved", "folded"]


def test_an_export_uses_no_random_numbers_of_the_caller(model):
    before = torch.get_rng_state()
    Exported(model.network, Options(half=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_file_says_all_of_its_models_card_and_files_of_earlier_versions_are_read(model):
    card = full_card(model.names, SIZE)
    trace = model.trace(torch.zeros(1, 3, *SIZE))
    told = json.loads(json.dumps(about(card, model.network, Options(), trace)))
    assert card_of(told) == card
    older = {key: value for key, value in told.items() if key not in ("input_size", "words", "notes")}
    assert card_of(older) == replace(card, words=None, notes=())
