"""OpenVINO in bfloat16: the part that reads the picture is rounded, and nothing after it."""

import pytest

pytest.importorskip("openvino", reason="openvino is not installed")

import torch

import dfine
from dfine.engines.onnx import file as onnx_file
from dfine.engines.onnx import openvino_session as session
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options
from dfine.engines.shift import shift
from dfine.weights.exceptions import CheckpointError
from tests.engines.onnx.same import ANY, SIZE, close
from tests.engines.onnx.test_file import Padded, written

needs_bfloat16 = pytest.mark.skipif(not session.has_bfloat16(), reason="this CPU has no bfloat16")
PIXELS = torch.rand(3, 3, *SIZE, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("options", [Options(), ANY], ids=["one", "any"])
def test_two_halves_say_what_the_whole_says(model, exported, monkeypatch, options):
    """Both in float32: cutting changes nothing."""
    file = exported(options)[0]
    monkeypatch.setitem(session.HINT, "bfloat16", "f32")
    monkeypatch.setattr(session, "has_bfloat16", lambda: True)
    cut = OnnxEngine(file, "openvino", precision="bfloat16")
    assert len(cut.session._requests) == 2 and close(cut(PIXELS), model.engine(PIXELS))
    core = session._core()
    assert cut.session.outputs == [node.get_any_name() for node in core.read_model(str(file)).outputs]


@needs_bfloat16
def test_bfloat16_is_near_and_says_that_it_is(model, file):
    half = dfine.load(file[0], "openvino", precision="bfloat16")
    assert half.engine.precision == "bfloat16" and "OpenVINO" in repr(half) and "bfloat16" in half.engine.runs_on
    want, have = model.engine(PIXELS), half.engine(PIXELS)
    assert not close(have, want)
    moved = shift(want, have, SIZE[::-1])
    assert moved.edges < 0.4 and moved.lost <= 0.1 * moved.objects


def test_what_is_not_there_is_said(file, monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="runs in bfloat16 where OpenVINO does: choose the device openvino"):
        dfine.load(file[0], "cpu", precision="bfloat16")
    for wish in ("int8", "float16"):
        with pytest.raises(
            ValueError, match=f"model.onnx is in float32; export the model again with --precision {wish}"
        ):
            dfine.load(file[0], "openvino", precision=wish)
    monkeypatch.setattr(session, "has_bfloat16", lambda: False)
    with pytest.raises(ValueError, match="this CPU has no bfloat16"):
        dfine.load(file[0], "openvino", precision="bfloat16")


def test_a_file_without_an_encoder_cannot_be_cut(tmp_path, monkeypatch):
    written(Padded(True), tmp_path / "a.onnx")
    onnx_file.describe(tmp_path / "a.onnx", {"dfine": "1"})
    monkeypatch.setattr(session, "has_bfloat16", lambda: True)
    with pytest.raises(CheckpointError, match="a.onnx cannot run in bfloat16: 0 tensors leave its encoder"):
        session.OpenVino(tmp_path / "a.onnx", "bfloat16")
