"""Where a file can run, and what is said where it cannot."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import dfine
from dfine.engines.onnx import sessions
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options
from dfine.engines.onnx.sessions import available, chain
from dfine.weights.exceptions import CheckpointError
from tests.engines.onnx.same import GRID, SIZE, TWO, close
from tests.helpers import NAMES, noise

ROOT = Path(__file__).parents[3]
CPU, CUDA, TENSOR = "CPUExecutionProvider", "CUDAExecutionProvider", "TensorrtExecutionProvider"


def test_providers_are_chosen_and_reported(file):
    assert "cpu" in available()
    assert OnnxEngine(file[0], "cpu").provider == "cpu"
    assert "ONNX Runtime 1." in repr(dfine.load(file[0])) and "on cpu" in repr(dfine.load(file[0]))
    for absent in {"tensorrt", "openvino", "cuda"} - set(available()):
        with pytest.raises(ValueError, match=f"cannot run on '{absent}' here; it can on cpu.*pip install "):
            dfine.load(file[0], absent)


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


@pytest.mark.parametrize("options", [Options(), GRID, TWO], ids=["one", "grid", "two"])
def test_openvino_tells_the_same_story(model, exported, options):
    pytest.importorskip("openvino")
    back = dfine.load(exported(options)[0], "openvino")
    assert back.engine.provider == "openvino" and "OpenVINO 20" in repr(back) and "on cpu" in repr(back)
    assert (back.names, back.digest) == (NAMES, model.digest)
    first = back(noise(0), threshold=0).trace
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


def test_what_cannot_be_imported_runs_nothing(monkeypatch):
    def needed(package):
        if package == "openvino":
            raise ImportError("libtbb.so.12: cannot open shared object file")
        return importlib.import_module(package)

    monkeypatch.setattr(sessions, "needed", needed)
    assert sessions.on_cpu() == {"onnx": needed("onnxruntime").__version__}
