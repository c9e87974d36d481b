"""Exported files say what torch says, and what they are; a predictor reads them back, story included."""

import importlib.util
import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import dfine
from dfine.config import Config
from dfine.engines import fastest
from dfine.engines.onnx import file as onnx_file
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options, export, published, tensors
from dfine.engines.onnx.packages import needed
from dfine.engines.onnx.parity import ExportError, check, compare
from dfine.engines.onnx.sessions import available, chain
from dfine.inference.looking import look
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from dfine.trace.postprocess import detections
from dfine.weights.exceptions import CheckpointError
from tests.helpers import predictor, shaken, synthetic_trace

pytest.importorskip("onnx", reason="onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

NAMES = ("cat", "dog", "fish")
SIZE = (64, 96)
ROOT = Path(__file__).parents[3]

# What TensorRT 10.15 reads, opsets 9 to 24 (docs/operators.md of onnx-tensorrt); of that list, what a file of ours may
# have. GridSample takes four axes alone, MaxPool no dilations; ours are such.
TENSORRT = set(
    "Abs Add And Cast Ceil Clip Concat Constant ConstantOfShape Conv Cos Div Equal Exp Expand Flatten Floor Gather "
    "GatherElements GatherND Gelu Gemm Greater GreaterOrEqual GridSample Identity LayerNormalization Less LessOrEqual "
    "Log MatMul Max MaxPool Min Mod Mul Neg Not Or Pad Pow Range Reciprocal ReduceMax ReduceMean ReduceSum Relu "
    "Reshape Resize Shape Sigmoid Sin Slice Softmax Split Sqrt Squeeze Sub TopK Transpose Unsqueeze Where".split()
)


@pytest.fixture(scope="module")
def model() -> Predictor:
    torch.manual_seed(0)
    network = shaken(DFINE(Config.of("n", classes=3, queries=20)))
    about = dict(source="test", digest="ab" * 32, temperature=(1.0, 1.5, 2.0, 0.5))
    about |= dict(threshold=0.4, class_thresholds=(0.3, None, 0.6))
    return predictor(network, NAMES, SIZE, **about)


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "model.onnx"
    parity = export(model.network, model.card, path)
    return path, parity


def picture(seed=0, size=(120, 80)) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 255, (5, 6, 3), np.uint8)
    return Image.fromarray(noise).resize(size)


def close(ours, theirs, tolerance=1e-4):
    """Whether two traces are the same within rounding, whatever the order of queries with equal scores."""
    return max(compare(tensors(ours), tensors(theirs)).values()) <= tolerance


def test_the_model_and_its_file_tell_the_same_story(model, file):
    back = dfine.load(file[0])
    assert (back.names, back.size, back.config, back.digest) == (NAMES, SIZE, model.config, model.digest)
    assert back.temperature == model.temperature
    assert back.lowest("best").tolist() == model.lowest("best").tolist() == pytest.approx([0.3, 0.4, 0.6])
    for seed in range(2):
        want, have = (m(picture(seed), threshold=0) for m in (model, back))
        assert close(have.trace, want.trace)
        assert torch.equal(have.trace.w, want.trace.w) and have.trace.shapes == want.trace.shapes
        torch.testing.assert_close(have.detections.scores, want.detections.scores, atol=1e-4, rtol=1e-4)
    assert have.history(0).temperature is not None


def test_the_parity_that_was_measured_is_returned_and_kept(file):
    path, parity = file
    about = OnnxEngine(path).about
    assert about["parity"] == parity and max(parity.values()) < 1e-4
    assert about["schema"] == 1 and about["precision"] == "single"


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_file_for_one_picture_answers_for_several(model, file, count):
    pixels = torch.rand(count, 3, *SIZE)
    with torch.no_grad():
        assert close(OnnxEngine(file[0])(pixels), model.network(pixels))


@pytest.mark.parametrize("gather", [True, False])
def test_a_file_for_any_batch(model, tmp_path, gather):
    export(model.network, model.card, tmp_path / "any.onnx", Options(batch=None, gather=gather, opset=18))
    network = OnnxEngine(tmp_path / "any.onnx")
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


def test_postprocessing_and_trace_in_one_file(model, tmp_path):
    export(model.network, model.card, tmp_path / "both.onnx", Options(postprocess=True))
    with torch.no_grad():
        pixels = torch.rand(1, 3, *SIZE)
        assert close(OnnxEngine(tmp_path / "both.onnx")(pixels), model.network(pixels))


def test_half_precision_keeps_distributions_in_single(model, tmp_path):
    export(model.network, model.card, tmp_path / "h.onnx", Options(half=True))
    have = onnx_file.run(tmp_path / "h.onnx", (torch.rand(1, 3, *SIZE),))
    assert {value.dtype.name for value in have.values()} == {"float32", "int64"}
    graph = needed("onnx").load(tmp_path / "h.onnx").graph
    kinds = {t.data_type for t in graph.initializer if len(t.dims) > 1}
    assert kinds == {needed("onnx").TensorProto.FLOAT16}


@pytest.mark.parametrize("options", [Options(gather=False), Options(gather=True, postprocess=True, batch=None)])
def test_tensorrt_reads_every_operator(model, tmp_path, options):
    export(model.network, model.card, tmp_path / "t.onnx", options)
    assert onnx_file.operators(tmp_path / "t.onnx") <= TENSORRT


# ── what cannot be ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "wrong, said", [({"size": (64, 65)}, "multiples of 32"), ({"batch": 0}, "at least 1"), ({"opset": 17}, "18 to")]
)
def test_options_that_cannot_be(wrong, said):
    with pytest.raises(ExportError, match=said):
        Options(**wrong)


def test_nothing_is_left_of_an_export_that_failed(model, tmp_path, monkeypatch):
    (tmp_path / "m.onnx").write_text("what was there")
    monkeypatch.setattr(onnx_file, "simplify", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("broken")))
    with pytest.raises(RuntimeError, match="broken"):
        export(model.network, model.card, tmp_path / "m.onnx")
    assert [p.name for p in tmp_path.iterdir()] == ["m.onnx"]
    assert (tmp_path / "m.onnx").read_text() == "what was there"


def test_a_file_that_says_something_else_is_not_written():
    trace = synthetic_trace()
    want = tensors(trace)
    have = {name: value.clone() for name, value in want.items()}
    have["trace.layers.edges"][0, 1, 2, 3, 4] += 1
    parity = compare(have, want)
    assert max(v for k, v in parity.items() if k != "trace.layers.edges") == 0
    with pytest.raises(ExportError, match="trace.layers.edges"):
        check(parity, half=False)
    check(compare(want, want), half=False)


def test_queries_in_another_order_are_the_same_answer():
    want = tensors(synthetic_trace(queries=5))
    order = torch.tensor([3, 0, 4, 1, 2])
    have = {n: value.index_select(2 if n.startswith("trace.layers.") else 1, order) for n, value in want.items()}
    assert max(compare(have, want).values()) == 0


@pytest.mark.parametrize("query, gap", [(4, 0.0), (3, 1 / 5), (0, 4 / 5)], ids=["last", "last but one", "first"])
def test_a_token_that_one_side_alone_chose_is_as_far_off_as_its_score(query, gap):
    """Scores 5, 4, 3, 2, 1: whoever chose another token than the last may have rounded, than the first has not."""
    want = tensors(synthetic_trace(queries=5))
    want["trace.proposals.logits"] = torch.arange(5.0, 0, -1)[None, :, None] - torch.arange(3.0)
    have = want | {"trace.origin": want["trace.origin"].clone()}
    have["trace.origin"][0, query] = 99
    assert compare(have, want)["trace.origin"] == pytest.approx(gap)
    have["trace.origin"][0, :3] = torch.tensor([97, 98, 99])
    assert compare(have, want)["trace.origin"] == float("inf")


def test_a_nan_is_a_difference():
    want = tensors(synthetic_trace())
    have = want | {"trace.layers.boxes": want["trace.layers.boxes"] * float("nan")}
    assert compare(have, want)["trace.layers.boxes"] == float("inf")


def test_published_boxes_by_hand():
    """One query, two classes: a box of half the picture in its middle."""
    last = synthetic_trace(queries=1, classes=2).last
    last = type(last)(torch.tensor([[[0.0, 2.0]]]), last.quality, last.edges, torch.tensor([[[0.5, 0.5, 0.5, 0.5]]]))
    labels, boxes, scores = published(last, torch.tensor([[200, 100]]))
    assert labels.tolist() == [[1, 0]] and boxes[0, 0].tolist() == [50, 25, 150, 75]
    assert torch.allclose(scores, torch.tensor([[0.8808, 0.5]]), atol=1e-4)


def test_files_that_are_none_of_ours(tmp_path, model, file):
    with pytest.raises(CheckpointError, match="no file"):
        dfine.load(tmp_path / "nowhere.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a graph")
    with pytest.raises(CheckpointError, match="bad.onnx cannot be run"):
        dfine.load(tmp_path / "bad.onnx")
    export(model.network, model.card, tmp_path / "mute.onnx", Options(trace=False))
    with pytest.raises(CheckpointError, match="without their story"):
        dfine.load(tmp_path / "mute.onnx")
    onnx = needed("onnx")
    graph = onnx.load(file[0])
    del graph.metadata_props[:]
    onnx.save(graph, tmp_path / "strange.onnx")
    with pytest.raises(CheckpointError, match="not written by"):
        dfine.load(tmp_path / "strange.onnx")
    onnx.helper.set_model_props(graph, {"dfine": json.dumps({"schema": 99})})
    onnx.save(graph, tmp_path / "future.onnx")
    with pytest.raises(CheckpointError, match="schema 99"):
        dfine.load(tmp_path / "future.onnx")


@pytest.mark.parametrize(
    "change, said",
    [
        ({"names": ["a", 2, "c"]}, "a list of strings"),
        ({"names": ["a"]}, "names 1 classes where its network has 3"),
        ({"size": [64, 95]}, "two multiples of 32"),
        ({"size": [64, 32 * 10**6]}, "at most"),
        ({"temperature": [1, 1, 1, -1]}, "4 positive numbers"),
        ({"threshold": 1.5}, "scores in 0..1"),
        ({"class_thresholds": [0.5, 0.5]}, "names 3 classes"),
        ({"batch": 10**12}, "its batch is"),
        ({"shapes": [[2, "3"]]}, "height, width"),
        ({"w": [0.0, 1.0]}, "33 rising numbers"),
        ({"w": [float("nan")] * 33}, "33 rising numbers"),
        ({"config": {"layers": 10**12}}, "does not describe a D-FINE"),
        ({"config": None}, "config"),
        ({"source": None}, "must be text"),
        ([], "schema None"),
        ("[" * 10_000, "not valid JSON"),
        ("{", "not valid JSON"),
    ],
)
def test_what_a_file_says_of_itself_is_checked(file, tmp_path, change, said):
    onnx = needed("onnx")
    graph = onnx.load(file[0])
    about = json.loads(graph.metadata_props[0].value)
    text = change if isinstance(change, str) else json.dumps(about | change if isinstance(change, dict) else change)
    onnx.helper.set_model_props(graph, {"dfine": text})
    onnx.save(graph, tmp_path / "odd.onnx")
    with pytest.raises(CheckpointError, match="odd.onnx") as raised:
        dfine.load(tmp_path / "odd.onnx")
    assert said in str(raised.value)


def test_what_an_exported_file_cannot_do(file, tmp_path):
    back = dfine.load(file[0])
    for wish in (lambda: look(back, picture(), 0), lambda: back.save(tmp_path / "again"), lambda: back.network):
        with pytest.raises(ValueError, match="model.onnx is an exported file.*load its checkpoint to save, export"):
            wish()
    with pytest.raises(ValueError, match=r"takes pixels \[B, 3, 64, 96\]"):
        back.engine(torch.rand(1, 3, 64, 64))
    with pytest.raises(CheckpointError, match="exported for an input of 64 x 96"):
        dfine.load(file[0], size=(96, 96))


def test_providers_are_chosen_and_reported(file):
    assert "cpu" in available()
    assert OnnxEngine(file[0], "cpu").provider == "cpu"
    assert "ONNX Runtime 1." in repr(dfine.load(file[0])) and "on cpu" in repr(dfine.load(file[0]))
    for absent in {"tensorrt", "openvino", "cuda"} - set(available()):
        with pytest.raises(ValueError, match=f"cannot run on '{absent}' here; it can on cpu.*pip install "):
            dfine.load(file[0], absent)


CPU, CUDA, TENSOR = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


@pytest.mark.parametrize(
    "provider, index, there, expected",
    [
        ("cpu", 0, [CPU], [(CPU, {})]),
        ("cpu", 0, [CUDA, CPU], [(CPU, {})]),
        ("cuda", 0, [CUDA, CPU], [(CUDA, {}), (CPU, {})]),
        ("cuda", 1, [TENSOR, CUDA, CPU], [(CUDA, {"device_id": 1}), (CPU, {})]),
        ("tensorrt", 2, [TENSOR, CUDA, CPU], [(TENSOR, {"device_id": 2}), (CUDA, {"device_id": 2}), (CPU, {})]),
        ("tensorrt", 0, [TENSOR, CPU], [(TENSOR, {}), (CPU, {})]),
    ],
)
def test_what_a_provider_cannot_run_goes_to_the_next_one_on_the_same_gpu(provider, index, there, expected):
    assert chain(provider, index, there) == expected


def test_a_gpu_has_a_number(file):
    with pytest.raises(ValueError, match="'first' is none"):
        dfine.load(file[0], "cuda:first")


@pytest.mark.parametrize("options", [Options(), Options(batch=None, gather=False), Options(batch=2, postprocess=True)])
def test_openvino_tells_the_same_story(model, tmp_path, options):
    pytest.importorskip("openvino")
    export(model.network, model.card, tmp_path / "a.onnx", options)
    back = dfine.load(tmp_path / "a.onnx", "openvino")
    assert back.engine.provider == "openvino" and "OpenVINO 20" in repr(back) and "on cpu" in repr(back)
    assert (back.names, back.digest) == (NAMES, model.digest)
    first = back(picture(0), threshold=0).trace
    kept = first.last.edges.clone()
    for count in (1, 3):
        pixels = torch.rand(count, 3, *SIZE)
        with torch.no_grad():
            assert close(back.engine(pixels), model.network(pixels))
    assert torch.equal(first.last.edges, kept)  # later pictures leave earlier answers alone


def test_openvino_needs_no_onnxruntime(file, monkeypatch):
    pytest.importorskip("openvino")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # cannot be imported
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    assert available() == ["openvino"]
    assert dfine.load(file[0], "openvino").engine.provider == "openvino"
    with pytest.raises(ImportError, match="pip install onnx onnxruntime"):
        dfine.load(file[0])


def test_signals_are_heard_after_openvino_has_gone(file):
    """Engines come and go, and a Python handler still runs: each plugin of its own would leave a freed signal stack."""
    pytest.importorskip("openvino")
    code = (
        "import gc, os, signal, sys\nfrom pathlib import Path\nfrom dfine.engines.onnx.sessions import OpenVino\n"
        "first, second = (OpenVino(Path(sys.argv[1])) for _ in range(2))\n"
        "del first; gc.collect()\ndel second; gc.collect()\n"
        "signal.signal(signal.SIGTERM, lambda *_: print('heard'))\nos.kill(os.getpid(), signal.SIGTERM)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(file[0])], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout.strip()) == (0, "heard"), done.stderr


def test_openvino_refuses_what_is_no_such_file(tmp_path):
    pytest.importorskip("openvino")
    (tmp_path / "no.onnx").write_bytes(b"not a file of ONNX")
    with pytest.raises(CheckpointError, match="no.onnx cannot be run"):
        dfine.load(tmp_path / "no.onnx", "openvino")


def test_early_exit_of_a_file_cuts_the_story(model, file):
    early = dfine.load(file[0], layers=2)(picture(), threshold=0)
    assert len(early.trace.refinements) == 2
    assert close(early.trace, predictor(model.network, NAMES, SIZE, layers=2)(picture()).trace)


# ── the cache ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_model_is_exported_once(model, tmp_path, monkeypatch):
    first = fastest.cached(model.network, model.card, tmp_path)
    monkeypatch.setattr(fastest, "export", lambda *a: pytest.fail("it is there already"))
    again = fastest.cached(model.network, model.card, tmp_path)
    assert first.path == again.path
    quick = model.with_engine(again)
    assert close(quick(picture()).trace, model(picture()).trace)
    assert quick.network is model.network  # saving and looking work as before
    assert torch.equal(look(quick, picture(), 0).points, look(model, picture(), 0).points)


def test_other_weights_and_sizes_have_their_own_file(model, tmp_path):
    cards = [model.card, replace(model.card, input_size=(64, 64)), replace(model.card, digest="")]
    files = [fastest._file(model.network, card, tmp_path) for card in cards]
    assert len(set(files)) == 3 and fastest._file(model.network, cards[-1], tmp_path) in files


def test_the_faster_engine_is_measured_once(model, tmp_path, monkeypatch):
    best = fastest.fastest(model.engine, model.card, tmp_path)
    pixels = torch.rand(1, 3, *SIZE)
    assert close(best(pixels), model.engine(pixels))
    note = next(tmp_path.glob("*.json"))
    known = json.loads(note.read_text())
    assert set(known["times"]) == {"fused", "onnx"} | ({"openvino"} & set(available()))
    opened = []
    monkeypatch.setattr(fastest, "OnnxEngine", lambda *a, **k: opened.append(a[1]) or OnnxEngine(*a, **k))
    for winner in known["times"]:
        opened.clear()
        note.write_text(json.dumps(known | {"times": {name: 2.0 - (name == winner) for name in known["times"]}}))
        engine = fastest.fastest(model.engine, model.card, tmp_path)
        provider = {"onnx": "cpu"}.get(winner, winner)
        assert getattr(engine, "provider", "fused") == provider
        assert opened == [provider] * (winner != "fused")  # and the others are left alone


def test_where_no_file_can_be_written_torch_answers(model, tmp_path):
    (tmp_path / "taken").write_text("a file where the folder would be")
    best = fastest.fastest(model.engine, model.card, tmp_path / "taken")
    assert best.fast and best.network is model.network and not model.engine.fast


def test_the_fastest_engine_is_found_in_the_background(model, tmp_path, monkeypatch):
    monkeypatch.setenv("DFINE_CACHE", str(tmp_path))
    found, ready = [], threading.Event()
    thread = fastest.in_background(model.engine, model.card, found.append, ready.is_set)
    assert not found
    ready.set()
    thread.join(120)
    pixels = torch.rand(1, 3, *SIZE)
    assert close(found[0](pixels), model.engine(pixels))
