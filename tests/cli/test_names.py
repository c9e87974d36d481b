"""Names for classes, on the command line of every command that loads a model."""

import json

import pytest
import torch
from PIL import Image

import dfine
from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.trace.disk import load_trace
from tests.cli.test_main import run, sentence
from tests.helpers import shaken


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A checkpoint that says nothing of itself: weights of three classes under our keys."""
    file = tmp_path_factory.mktemp("bare") / "a.pth"
    torch.save(shaken(DFINE(Config.of("n", classes=3))).state_dict(), file)
    return file


@pytest.fixture
def picture(tmp_path):
    Image.effect_noise((80, 60), 90).convert("RGB").save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_names_are_printed_one_a_line(bare):
    done = run("names", bare)
    assert done.stdout.split() == ["LABEL_0", "LABEL_1", "LABEL_2"]
    assert "warning: " in done.stderr and "called LABEL_0" in done.stderr
    assert run("names", "demo").stdout.split()[0] == dfine.load("demo", device="cpu").names[0]


def test_once_and_for_all(bare, tmp_path):
    run("names", bare, tmp_path / "named", "--names", "cup,hot dog,bus")
    model = dfine.load(tmp_path / "named", device="cpu")
    assert model.names == ("cup", "hot dog", "bus") and not model.card.notes
    kept = torch.load(bare, weights_only=True)
    assert all(torch.equal(value, kept[key]) for key, value in model.network.state_dict().items())


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["NAMED", "--names", "a,b"], "3 classes, but names= has 2"),
        (["NAMED", "--names", "nowhere.txt"], "the names in nowhere.txt cannot be read"),
        (["NAMED", "--names", "a,,b"], "names are written as a,b,c"),
        (["FULL", "--names", "a,b,c"], "is not an empty folder"),
    ],
)
def test_mistakes_are_a_sentence_and_write_nothing(bare, tmp_path, arguments, said):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    places = {"NAMED": tmp_path / "named", "FULL": tmp_path / "full"}
    assert said in sentence(run("names", bare, *(places.get(a, a) for a in arguments), code=1))
    assert not (tmp_path / "named").exists() and [p.name for p in (tmp_path / "full").iterdir()] == ["mine"]


def test_names_need_a_place(bare):
    assert "new folder" in run("names", bare, "--names", "a,b,c", code=2).stderr


def test_every_command_that_loads_a_model_takes_names(bare, picture, tmp_path):
    (tmp_path / "names.txt").write_text("cup\nhot dog\nbus\n")
    given = ["--names", tmp_path / "names.txt"]
    run("detect", picture, "-m", bare, *given, "-t", 0, "--device", "cpu", "--json", tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())["pictures"][0]["detections"]
    assert {d["name"] for d in found} <= {"cup", "hot dog", "bus"} and found

    run("trace", picture, tmp_path / "a.npz", "-m", bare, *given, "--device", "cpu")
    assert load_trace(tmp_path / "a.npz")[1].card.names == ("cup", "hot dog", "bus")


def test_export_and_evaluate_take_names(bare, tmp_path):
    pytest.importorskip("onnxruntime")
    run("export", bare, tmp_path / "a.onnx", "--names", "cup,key,bus", "--input", 64, 64)
    assert dfine.load(tmp_path / "a.onnx").names == ("cup", "key", "bus")
    run("evaluate", "-m", bare, "--names", "cup,key,bus", "--count", 2, "--input", 64, "--device", "cpu")
