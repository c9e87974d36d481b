"""An exported file is an engine: it gives the trace of its checkpoint, and says what it cannot do."""

import json

import pytest
import torch

import dfine
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options, export
from dfine.engines.onnx.packages import needed
from dfine.inference.looking import look
from dfine.weights.exceptions import CheckpointError
from tests.engines.onnx.same import SIZE, close
from tests.helpers import NAMES, noise, predictor


def test_the_model_and_its_file_tell_the_same_story(model, file):
    back = dfine.load(file[0])
    assert (back.names, back.size, back.config, back.digest) == (NAMES, SIZE, model.config, model.digest)
    assert back.temperature == model.temperature
    assert back.lowest("best").tolist() == model.lowest("best").tolist() == pytest.approx([0.3, 0.4, 0.6])
    for seed in range(2):
        want, have = (m(noise(seed), threshold=0) for m in (model, back))
        assert close(have.trace, want.trace)
        assert torch.equal(have.trace.w, want.trace.w) and have.trace.shapes == want.trace.shapes
        torch.testing.assert_close(have.detections.scores, want.detections.scores, atol=1e-4, rtol=1e-4)
    assert have.history(0).temperature is not None


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_file_for_one_picture_answers_for_several(model, file, count):
    pixels = torch.rand(count, 3, *SIZE)
    with torch.no_grad():
        assert close(OnnxEngine(file[0])(pixels), model.network(pixels))


def test_files_that_are_none_of_ours(tmp_path, model, file):
    with pytest.raises(CheckpointError, match="no file"):
        dfine.load(tmp_path / "nowhere.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"not a graph")
    with pytest.raises(CheckpointError, match="bad.onnx cannot be run"):
        dfine.load(tmp_path / "bad.onnx")
    export(model.network, model.card, tmp_path / "mute.onnx", Options(trace=False))
    with pytest.raises(CheckpointError, match="without their trace"):
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
        ({"input_size": [64, 95]}, "two multiples of 32"),
        ({"input_size": [64, 32 * 10**6]}, "at most"),
        ({"temperature": [1, 1, 1, -1]}, "4 positive numbers"),
        ({"threshold": 1.5}, "no score in 0..1"),
        ({"class_thresholds": [0.5, 0.5]}, "names 3 classes"),
        ({"batch": 10**12}, "its batch is"),
        ({"shapes": [[2, "3"]]}, "height, width"),
        ({"w": [0.0, 1.0]}, "33 rising numbers"),
        ({"w": [float("nan")] * 33}, "33 rising numbers"),
        ({"config": {"layers": 10**12}}, "does not describe a D-FINE"),
        ({"config": None}, "config"),
        ({"source": 5}, "must be text"),
        ({"digest": None}, "does not say the digest"),
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
    for wish in (lambda: look(back, noise(), 0), lambda: back.save(tmp_path / "again"), lambda: back.network):
        with pytest.raises(ValueError, match="model.onnx is an exported file.*load its checkpoint to save, export"):
            wish()
    with pytest.raises(ValueError, match=r"takes pixels \[B, 3, 64, 96\]"):
        back.engine(torch.rand(1, 3, 64, 64))
    with pytest.raises(CheckpointError, match="exported for an input of 64 x 96"):
        dfine.load(file[0], size=(96, 96))


def test_early_exit_of_a_file_cuts_the_story(model, file):
    early = dfine.load(file[0], layers=2)(noise(), threshold=0)
    assert len(early.trace.refinements) == 2
    assert close(early.trace, predictor(model.network, NAMES, SIZE, layers=2)(noise()).trace)
