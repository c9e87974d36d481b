"""A model by its name: from a folder, with other names and another input."""

from pathlib import Path

import pytest
import torch

import dfine
from dfine.engines.onnx.export import export
from dfine.weights.exceptions import CheckpointError
from tests.helpers import noise, small_predictor


def test_saving_and_loading(model, tmp_path):
    model.save(tmp_path)
    back = dfine.load(tmp_path, device="cpu", fast=False)
    assert (back.names, back.input_size, back.config) == (model.names, model.input_size, model.config)
    a, b = (m(noise(), threshold=0) for m in (model, back))
    assert torch.equal(a.detections.boxes, b.detections.boxes)
    assert all(torch.equal(x.edges, y.edges) for x, y in zip(a.trace.refinements, b.trace.refinements))
    assert len(back.digest) == 64 and back.source == str(tmp_path)


def lives_in(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("USERPROFILE", str(folder))  # of Windows


@pytest.fixture(scope="module")
def home(model, tmp_path_factory):
    """A home folder with a checkpoint and an exported file."""
    pytest.importorskip("onnxruntime")
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as monkeypatch:
        lives_in(folder, monkeypatch)
        model.save("~/runs/best")
        export(model.engine.network, model.card, "~/runs/best.onnx")
    return folder


def test_a_home_folder_is_found_by_its_sign(home, monkeypatch):
    lives_in(home, monkeypatch)
    back, exported = dfine.load("~/runs/best"), dfine.load(Path("~/runs/best.onnx"))
    assert back.source == str(home / "runs" / "best")  # so that a download can tell that it is a folder
    assert exported.source == str(home / "runs" / "best.onnx")
    noise().save(home / "a.png")
    assert back("~/a.png").picture.size == noise().size
    with pytest.raises(CheckpointError, match="there is no file, folder or known checkpoint '~nobody-here/best'"):
        dfine.load("~nobody-here/best")


@pytest.mark.parametrize("how", [{}, {"fast": False}, {"precision": "bfloat16"}])
def test_loading_and_looking_use_no_random_numbers_of_the_caller(model, tmp_path, how):
    model.save(tmp_path)
    before = torch.get_rng_state()
    dfine.load(tmp_path, device="cpu", **how)(noise())
    assert torch.equal(torch.get_rng_state(), before)


def test_another_input_size_and_other_names(model, tmp_path):
    model.save(tmp_path)
    other = dfine.load(tmp_path, device="cpu", size=(96, 64), names=["a", "b", "c"])
    assert other.input_size == other.size == (96, 64)
    assert set(other(noise(), threshold=0).detections.class_names) <= {"a", "b", "c"}


def test_all_arguments_come_to_what_they_say(model, tmp_path):
    model.save(tmp_path)
    early = dfine.load(str(tmp_path), device=torch.device("cpu"), layers=2)
    assert early.layers == 2 and len(early(noise()).trace.refinements) == 2
    assert early.engine.fast and not dfine.load(tmp_path, device="cpu", fast=False).engine.fast
    assert early.device == torch.device("cpu") and early.engine.runs_on == "torch on cpu"


@pytest.mark.parametrize(
    "given, said",
    [
        (dict(layers=4), "3 decoder layers; layers is 1 to 3, not 4"),
        (dict(layers="2"), "layers is 1 to 3, not '2'"),
        (dict(half="fp8"), "precision is 'fp8'"),
        (dict(fast=False, half="bf16"), "are for a checkpoint's fused copy"),
        (dict(names=["a"]), "3 classes, but names= has 1"),
        (dict(size=(64, 65)), "two multiples of 32"),
        (dict(device="gpu"), "there is no device 'gpu'"),
    ],
)
def test_what_cannot_be_is_a_sentence(model, tmp_path, given, said):
    model.save(tmp_path)
    with pytest.raises(ValueError, match=said):
        dfine.load(tmp_path, **{"device": "cpu"} | given)


def test_what_was_assumed_is_a_warning(tmp_path):
    bare = small_predictor(("LABEL_0", "LABEL_1", "LABEL_2"))
    torch.save(bare.network.state_dict(), tmp_path / "bare.pth")
    with pytest.warns(UserWarning, match="bare.pth: .*called LABEL_0"):
        dfine.load(tmp_path / "bare.pth", device="cpu")


def test_an_exported_file_knows_its_family(home):
    file = home / "runs" / "best.onnx"
    for family in ("deim", "d-fine"):
        with pytest.raises(CheckpointError, match=f"best.onnx is of family 'dfine', not '{family}'"):
            dfine.load(file, family=family)
    assert dfine.load(file, family="dfine").config.family == "dfine"


@pytest.mark.parametrize("given", [dict(half="bf16"), dict(compiled=True), dict(graphs=True)])
def test_an_exported_file_is_compiled_already(tmp_path, given):
    with pytest.raises(ValueError, match="is an exported file: it is compiled"):
        dfine.load(tmp_path / "a.onnx", **given)
