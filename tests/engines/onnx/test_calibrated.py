"""An int8 file of the shipped model: near its checkpoint, with its price in it; parts that cost too much stay out."""

import shutil
from fnmatch import fnmatch

import pytest
import torch

import dfine
from dfine.data.scenes import Scenes
from dfine.engines.onnx import calibrated, openvino_session
from dfine.engines.onnx.calibrated import Calibration, export_int8
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options, export
from dfine.engines.onnx.int8 import PARTS
from dfine.engines.onnx.parity import ExportError
from dfine.engines.onnx.sessions import available, placed
from dfine.engines.shift import Shift, shift
from dfine.processes import Ranks

SIDE = 128


@pytest.fixture(scope="module")
def demo():
    return dfine.load("demo", device="cpu", size=(SIDE, SIDE))


@pytest.fixture(scope="module")
def pictures():
    scenes = Scenes(12, size=(SIDE, SIDE), seed=3_000_000, clean=0.5)
    return torch.stack([scenes[i][0] for i in range(12)]).float() / 255


@pytest.fixture(scope="module")
def whole(demo, tmp_path_factory):
    """The model as a file in float32, from which those in int8 are made."""
    path = tmp_path_factory.mktemp("float32") / "demo.onnx"
    export(demo.network, demo.card, path)
    return path


@pytest.fixture
def stem(monkeypatch, whole):
    """No part but the first is tried, of a file that is exported once, and without OpenVINO, which is slow to begin."""
    monkeypatch.setattr(calibrated, "export", lambda network, card, path, options: shutil.copy(whole, path))
    monkeypatch.setattr(calibrated, "available", lambda: ["cpu"])
    monkeypatch.setattr(calibrated, "PARTS", ("backbone.stem",))


@pytest.fixture(scope="module")
def made(demo, pictures, tmp_path_factory):
    path = tmp_path_factory.mktemp("int8") / "demo.onnx"
    seen = []
    calibration = Calibration(pictures, "12 scenes", lambda *engines: seen.append(engines) or {"ap": {"more": 1}})
    return path, export_int8(demo.network, demo.card, path, calibration), seen


@pytest.fixture(scope="module")
def loaded(made):
    return dfine.load(made[0])


def test_the_file_says_what_it_was_calibrated_on_and_what_it_costs(made, loaded, demo):
    (path, said, seen), back = made, loaded
    assert back.engine.about["int8"] == said and back.engine.precision == "int8" and "int8" in back.engine.runs_on
    assert (said["calibrated_on"], said["pictures"], said["measured_on"]) == ("12 scenes", 9, 3)
    assert said["parts"] == list(PARTS) and said["layers"] == 86 and said["ap"] == {"more": 1}
    assert 0 < said["shift"]["edges"] <= 0.7 and said["shift"]["lost"] <= 0.1 * said["shift"]["objects"]
    for engine in seen[0]:  # of a process that is killed, the next one finds its scratch folder by this name
        assert fnmatch(engine.path.parent.name, ".demo.onnx.*-*.tmp")
    assert [engine.precision for engine in seen[0]] == ["float32", "int8"]
    assert (back.names, back.digest, back.config) == (demo.names, demo.digest, demo.config)
    assert path.stat().st_size < 11e6 and list(path.parent.iterdir()) == [path]


def test_beside_int8_there_is_bfloat16_where_the_processor_has_it(made, pictures, monkeypatch):
    """Under OpenVINO, without being asked, and near the file in float32 as well."""
    pytest.importorskip("openvino", reason="openvino is not installed")
    if not openvino_session.has_bfloat16():
        pytest.skip("this CPU has no bfloat16")
    mixed, asked = OnnxEngine(made[0], "openvino"), OnnxEngine(made[0], "openvino", precision="bfloat16")
    assert mixed.precision == asked.precision == "int8" and "int8 and bfloat16" in mixed.runs_on
    monkeypatch.setattr(openvino_session, "has_bfloat16", lambda: False)
    plain = OnnxEngine(made[0], "openvino")
    assert plain.runs_on.endswith("int8") and plain.precision == "int8"
    told = [engine(pictures[:2]) for engine in (mixed, asked, plain)]
    assert torch.equal(told[0].last.edges, told[1].last.edges)
    assert 0 < shift(told[2], told[0], (SIDE, SIDE)).edges < 0.4


def test_openvino_runs_it_where_nothing_else_is_named(made, loaded, monkeypatch):
    """ONNX Runtime is slow in int8 on a CPU; it answers where OpenVINO cannot be imported."""
    pytest.importorskip("openvino", reason="openvino is not installed")
    if "cuda" in available():
        pytest.skip("a GPU goes first")
    assert placed(str(made[0]), "auto", Ranks()) == "auto"
    assert loaded.engine.runs_on.startswith("OpenVINO") and OnnxEngine(made[0]).provider == "openvino"
    assert dfine.load(made[0], "cpu").engine.runs_on.startswith("ONNX Runtime")

    def broken(package):
        raise ImportError("libtbb.so.12: cannot open shared object file")

    monkeypatch.setattr(openvino_session, "needed", broken)
    assert dfine.load(made[0]).engine.runs_on.startswith("ONNX Runtime")


def test_it_finds_what_the_checkpoint_finds(loaded, demo):
    picture = "assets/examples/1-clean.jpg"
    mine, theirs = (m(picture, threshold=0.5).detections for m in (loaded, demo))
    assert sorted(mine.labels.tolist()) == sorted(theirs.labels.tolist()) and len(mine)


def test_the_part_that_costs_the_most_stays_in_float32(demo, pictures, tmp_path, monkeypatch, stem):
    """A budget a little below what all parts cost; with none at all there is no file."""
    tight = {"int8": 0.0}
    monkeypatch.setattr(calibrated, "BUDGET", tight)
    with pytest.raises(ExportError, match="no part of this model stays within 0.0 px"):
        export_int8(demo.network, demo.card, tmp_path / "none.onnx", Calibration(pictures, "scenes"))
    assert not list(tmp_path.iterdir())
    tight["int8"] = 0.02
    monkeypatch.setattr(calibrated, "PARTS", ("backbone.stages.3", "backbone.stem"))
    said = export_int8(demo.network, demo.card, tmp_path / "some.onnx", Calibration(pictures, "scenes"))
    assert said["parts"] == ["backbone.stages.3"] and said["shift"]["edges"] <= 0.02


def test_what_cannot_be_calibrated_is_said(demo, pictures, tmp_path):
    few, enough = Calibration(pictures[:7], "few"), Calibration(pictures, "enough")
    with pytest.raises(ExportError, match="at least 8 pictures of 128 x 128, not on 7 pictures of 128 x 128"):
        export_int8(demo.network, demo.card, tmp_path / "a.onnx", few)
    with pytest.raises(ExportError, match="of 64 x 64, not on 12 pictures of 128 x 128"):
        export_int8(demo.network, demo.card, tmp_path / "a.onnx", enough, Options(size=(64, 64)))
    for options in (Options(half=True), Options(trace=False)):
        with pytest.raises(ExportError, match="needs its trace, and cannot be in half precision"):
            export_int8(demo.network, demo.card, tmp_path / "a.onnx", enough, options)
    assert not list(tmp_path.iterdir())


def test_a_file_that_loses_the_objects_is_not_written(demo, pictures, tmp_path, monkeypatch, stem):
    """Edges that are not there do not move."""
    monkeypatch.setattr(calibrated, "shift", lambda *_: Shift(0.0, 0.0, 0.0, 15, 15))
    with pytest.raises(ExportError, match="stays within 0.7 px and finds what it found before; nothing was written"):
        export_int8(demo.network, demo.card, tmp_path / "none.onnx", Calibration(pictures, "scenes"))
    assert not list(tmp_path.iterdir())


def test_a_calibration_that_refuses_nothing_rounds_every_part(demo, pictures, tmp_path, monkeypatch, stem):
    """What times random weights has no objects to keep."""
    monkeypatch.setattr(calibrated, "shift", lambda *_: Shift(9.0, 9.0, 0.0, 15, 15))
    calibration = Calibration(pictures, "noise", refuse=False)
    said = export_int8(demo.network, demo.card, tmp_path / "whole.onnx", calibration)
    assert said["parts"] == ["backbone.stem"] and said["shift"]["lost"] == 15 and said["layers"]
