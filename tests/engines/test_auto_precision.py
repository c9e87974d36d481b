"""Precision "auto": measured once, within the budget, and remembered."""

import importlib.util
import json
from dataclasses import replace
from functools import partial

import pytest
import torch

from dfine.config import Config
from dfine.data.scenes import NAMES
from dfine.engines import auto_precision
from dfine.engines.auto_precision import choose, knows_scenes, within
from dfine.engines.fastest import file_of
from dfine.engines.onnx.export import export
from dfine.engines.torch_engine import TorchEngine
from dfine.inference.load import load
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from tests.helpers import predictor, shaken

SIDE = 64


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return predictor(shaken(DFINE(Config.of("n", classes=3, queries=20))), ("cat", "dog", "fish"), (SIDE, SIDE))


@pytest.mark.parametrize(
    "name, moved, fits",
    [
        ("torch float32", 9.0, True),
        ("openvino bfloat16", 0.4, True),
        ("openvino bfloat16", 0.41, False),
        ("onnx int8", 0.7, True),
        ("onnx int8", 0.71, False),
    ],
)
def test_the_budget(name, moved, fits):
    assert within(name, moved) == fits


def test_only_a_model_of_scenes_is_calibrated_on_them():
    assert knows_scenes(Card((*NAMES[:2], ""), (64, 64))) and not knows_scenes(Card(("cat",), (64, 64)))


def test_it_is_measured_once_and_the_fastest_within_the_budget_answers(model, tmp_path, monkeypatch, capsys):
    """What was measured is written down; a note with other numbers is believed as long as the setting is the same."""
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr(auto_precision, "MEASURED", 2)
    monkeypatch.setenv("DFINE_CACHE", str(tmp_path / "cache"))
    model.save(tmp_path / "model")
    best = load(tmp_path / "model", "cpu", precision="auto")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2 and said[0].startswith("precision auto: measuring once which engine is the fastest here")
    assert (
        best.engine.runs_on in said[1] and f", {best.engine.precision}: " in said[1] and "ms for a picture" in said[1]
    )
    note = next((tmp_path / "cache").glob("*.auto.json"))
    known = json.loads(note.read_text())
    assert {"torch float32", "torch bfloat16", "onnx float32"} <= set(known["found"])
    assert not any(name.endswith("int8") for name in known["found"])  # these classes are not drawn in scenes
    assert known["found"]["torch float32"]["shift"] == 0
    pixels = torch.rand(1, 3, SIDE, SIDE)
    assert (best.engine(pixels).last.boxes - model.engine(pixels).last.boxes).abs().mean() < 0.05

    monkeypatch.setattr(auto_precision, "_measured", lambda *a: pytest.fail("it has been measured"))
    fast, far = {"ms": 1.0, "shift": 0.1}, {"ms": 0.5, "shift": 9.0}
    for found, winner in (
        ({"torch bfloat16": fast}, "torch on cpu, bfloat16"),
        ({"onnx float32": fast}, "ONNX Runtime"),
        ({"torch bfloat16": far, "onnx float32": fast}, "ONNX Runtime"),
        ({"torch bfloat16": far, "no such engine": fast}, "torch on cpu"),
    ):
        rows = {"torch float32": {"ms": 2.0, "shift": 0.0}} | found
        note.write_text(json.dumps(known | {"found": rows}))
        assert load(tmp_path / "model", "cpu", precision="auto").engine.runs_on.startswith(winner)
        said = capsys.readouterr().err
        assert (
            said.startswith(f"precision auto: {winner}") and said.count("\n") == 1 and "torch float32 takes 2\n" in said
        )


def test_without_what_writes_files_torch_answers_and_the_package_is_named(model, tmp_path, monkeypatch, capsys):
    """OpenVINO is there, and would run a file; ONNX Runtime, which tidies the file at its export, is not."""
    pytest.importorskip("openvino")
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find(name))
    monkeypatch.setattr(auto_precision, "MEASURED", 2)
    assert isinstance(choose(model.engine, model.card, tmp_path), TorchEngine)  # in the precision that is faster here
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3 and said[1].startswith("precision auto: openvino takes no part: ")
    assert said[1].endswith("pip install onnx onnxruntime")


def test_what_was_measured_and_cannot_be_made_any_more_takes_no_part(model, tmp_path, monkeypatch):
    """As where the file is gone from the cache, and the disk is full."""
    pytest.importorskip("onnxruntime")

    def full(*_):
        raise OSError("the disk is full")

    known = {"onnx float32": 1.0, "torch float32": 2.0, "torch bfloat16": 3.0}
    monkeypatch.setattr(auto_precision, "_known", lambda *_: {n: {"ms": ms, "shift": 0.0} for n, ms in known.items()})
    monkeypatch.setattr(auto_precision, "cached", full)
    assert choose(model.engine, model.card, tmp_path).runs_on == "torch on cpu"


def test_a_file_in_int8_that_is_torn_is_made_anew(model, tmp_path, monkeypatch):
    pytest.importorskip("onnxruntime")
    made = []

    def exported(network, card, path, calibration):
        made.append(path)
        export(network, card, path)

    monkeypatch.setattr(auto_precision, "CALIBRATED", 1)
    monkeypatch.setattr(auto_precision, "export_int8", exported)
    torn = file_of(model.network, model.card, tmp_path)
    torn = torn.with_name(f"{torn.stem}-int8.onnx")
    torn.write_bytes(b"\x08\x08" + bytes(1000))
    for _ in range(2):
        assert auto_precision._int8(model.engine, model.card, tmp_path, "cpu").path == torn
    assert made == [torn]


def test_answers_that_nobody_would_be_shown_are_left_out(model, monkeypatch):
    """A model of photographs is unsure of all but a few things in scenes, and what is unsure moves the furthest."""

    def unsure(pixels, by=0.0):
        trace = model.engine(pixels)
        last = replace(trace.last, logits=trace.last.logits - 9)
        sure = last.logits.amax(-1, keepdim=True)
        far = by * (sure < sure.amax(1, keepdim=True))  # all but the best one
        return replace(trace, refinements=(*trace.refinements[:-1], replace(last, boxes=last.boxes + far)))

    monkeypatch.setattr(auto_precision, "MEASURED", 2)
    makers = {"torch float32": lambda: unsure, "torch bfloat16": lambda: partial(unsure, by=0.01)}
    assert auto_precision._measured(makers, model.card)["torch bfloat16"]["shift"] == 0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"setting": 1}', '{"setting": [], "found": {"torch float32": 3}}'])
def test_a_note_that_says_nothing_is_no_note(tmp_path, text):
    (tmp_path / "note").write_text(text)
    assert auto_precision._known(tmp_path / "note", []) is None
    assert auto_precision._known(tmp_path / "none", []) is None


def test_an_exported_file_has_no_choice(model):
    file = object()  # whatever is not a network of torch
    assert choose(file, model.card) is file


def test_options_that_choose_themselves_are_refused(tmp_path, model):
    model.save(tmp_path / "model")
    for option in ({"compiled": True}, {"graphs": True}, {"fast": False}):
        with pytest.raises(ValueError, match="auto chooses the engine itself"):
            load(tmp_path / "model", "cpu", precision="auto", **option)


def test_what_fails_at_its_first_picture_or_loses_the_objects_takes_no_part(model, monkeypatch):
    """Torch makes its copy only then; and boxes of NaN move no edge that could be compared."""

    def fails(_pixels):
        raise RuntimeError('"slow_conv2d_cpu" not implemented for BFloat16')

    def loses(pixels):
        trace = model.engine(pixels)
        return trace.map(lambda tensor: tensor * float("nan") if tensor.shape[-1] == 4 else tensor)

    monkeypatch.setattr(auto_precision, "MEASURED", 2)
    makers = {"torch float32": model.engine, "torch bfloat16": fails, "onnx int8": loses}
    found = auto_precision._measured({name: lambda e=engine: e for name, engine in makers.items()}, model.card)
    assert list(found) == ["torch float32"] and found["torch float32"]["shift"] == 0


@pytest.mark.parametrize("size", [(32, 160), (160, 32), (64, 96)])
def test_scenes_fill_an_input_that_is_longer_than_scenes_are(size):
    pixels = auto_precision._scenes(2, 5, size)
    assert pixels.shape == (2, 3, *size) and 0 <= pixels.min() and pixels.max() <= 1 and pixels.std() > 0.05
