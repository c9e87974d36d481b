"""Which shipped model a command opens with, and what it says where that one does not know what it sees."""

import json
from pathlib import Path

import pytest
from PIL import Image

import dfine
from dfine.cli.shipped import note_drawings, note_nothing, usual
from dfine.data.scenes import NAMES, Scenes, write
from dfine.inference.batch import Detector
from dfine.trace.disk import load_trace
from dfine.weights.cache import assets
from dfine.weights.zoo import ZOO
from tests.cli.runner import run

DRAWN = "note: the model demo knows drawings of 24 things, not photographs; for those, take --model photos, "
NOTHING = "note: the model photos found nothing: it finds person, car, cat, bus, train and nothing else, "
FOUND = NOTHING.replace(" found nothing: it", "").removesuffix(", ") + ": it may take other things for one of these"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write(tmp_path_factory.mktemp("drawn") / "set", Scenes(4, size=(320, 320), seed=7, clean=1.0), workers=0)


def notes(done):
    """What was said on stderr, without progress."""
    return [line for line in done.stderr.splitlines() if line.startswith("note: ")]


def test_scenes_open_with_the_model_of_drawings_and_everything_else_with_that_of_photographs(scenes, tmp_path):
    assert [usual(str(data)) for data in ("scenes", scenes, scenes / "images")] == ["demo"] * 3
    assert [usual(str(data)) for data in (tmp_path, "nowhere", "a set in FiftyOne")] == ["photos"] * 3


def test_what_the_sentences_say_of_the_two_models_is_so():
    assert {name for name, known in ZOO.items() if known.ships} == {"demo", "photos"}
    assert len(NAMES) == 24 and len(dfine.load("photos", device="cpu").names) == 5


@pytest.mark.parametrize("model, said", [("demo", True), ("photos", False), ("runs/demo", False)])
def test_only_the_model_of_drawings_says_so_and_only_of_other_things(model, said, scenes, tmp_path, capsys):
    note_drawings(model, [scenes, scenes / "images", assets() / "examples"])
    assert not capsys.readouterr().err
    note_drawings(model, [scenes, tmp_path])
    assert capsys.readouterr().err.startswith(DRAWN) is said


def test_only_the_model_of_photographs_lists_what_it_finds(capsys):
    note_nothing("demo", NAMES)
    assert not capsys.readouterr().err
    note_nothing("photos", ("person", "", "person", "dog"), "there is no less")
    said = capsys.readouterr().err
    assert "it finds person, dog and nothing else, and there is no less; for drawings, take --model demo" in said


def test_pictures_are_looked_at_by_the_model_of_photographs_and_where_it_finds_nothing_it_says_what_it_knows(pictures):
    done = run("detect", pictures, "--json", "-", "--device", "cpu")
    found = json.loads(done.stdout)
    assert found["model"] == "photos" and [p["detections"] for p in found["pictures"]] == [[], []]
    (said,) = notes(done)
    assert said.startswith(NOTHING) and "`dfine train`" in said and "--model demo" in said
    (said,) = notes(run("detect", pictures, "--threshold", 0, "--device", "cpu"))
    assert said == FOUND


def test_what_cannot_be_read_is_not_called_nothing_found(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    assert not notes(run("detect", tmp_path / "a.png", "--device", "cpu", code=1))


def test_the_model_of_drawings_says_once_that_it_does_not_know_photographs(pictures, scenes, tmp_path, monkeypatch):
    asked = "detect", "--model", "demo", "--device", "cpu", "--json", "-"
    done = run(*asked, pictures, scenes / "images")
    assert json.loads(done.stdout)["model"] == "demo"
    assert len(notes(done)) == 1 and notes(done)[0].startswith(DRAWN)
    done = run(*asked, scenes / "images")
    assert not notes(done) and all(p["detections"] for p in json.loads(done.stdout)["pictures"])
    monkeypatch.chdir(tmp_path)
    Path("scenes").mkdir()
    Image.new("RGB", (64, 64)).save("scenes/a.png")
    assert notes(run(*asked, "scenes/a.png")), "a folder is not what --data calls scenes"


def test_a_trace_is_made_by_the_model_of_photographs(pictures, tmp_path):
    done = run("trace", pictures / "a.png", tmp_path / "a.npz", "--device", "cpu")
    assert len(load_trace(tmp_path / "a.npz")[1].card.names) == 5 and not notes(done)
    done = run("trace", pictures / "a.png", tmp_path / "b.npz", "--model", "demo", "--device", "cpu")
    assert load_trace(tmp_path / "b.npz")[1].card.names == NAMES and notes(done)[0].startswith(DRAWN)


def test_a_clip_is_looked_at_by_the_model_of_photographs(tmp_path):
    pytest.importorskip("av")
    from tests.video.clips import clip

    film = clip(tmp_path / "a.mp4")
    done = run("detect", film, "--every", 6, "--device", "cpu", "--json", "-")
    assert json.loads(done.stdout)["model"] == "photos" and notes(done)[0].startswith(NOTHING)
    assert notes(run("detect", film, "--every", 6, "--device", "cpu", "--threshold", 0)) == [FOUND]
    done = run("detect", film, "--every", 6, "--device", "cpu", "--model", "demo")
    assert len(notes(done)) == 1 and notes(done)[0].startswith(DRAWN)


def test_a_data_set_is_measured_with_the_model_that_knows_it(scenes, tmp_path):
    pytest.importorskip("faster_coco_eval")
    plain = tmp_path / "plain"
    (plain / "images").mkdir(parents=True)
    said = json.loads((scenes / "annotations.json").read_text())
    for image in said["images"]:
        (plain / "images" / image["file_name"]).write_bytes((scenes / "images" / image["file_name"]).read_bytes())
    (plain / "annotations.json").write_text(json.dumps({k: v for k, v in said.items() if k != "info"}))
    for data, given, model, noted in (
        (scenes, [], "demo", False),
        (plain, [], "photos", False),
        (plain, ["--model", "demo"], "demo", True),
        (scenes, ["--model", "photos"], "photos", False),
    ):
        asked = "--data", data, "--count", 1, "--workers", 0, "--device", "cpu", "--json", "-"
        done = run("evaluate", *asked, *given)
        assert json.loads(done.stdout)["model"] == model
        assert [line.startswith(DRAWN) for line in notes(done)] == [True] * noted


@pytest.mark.parametrize("command", ["evaluate", "explore"])
def test_the_help_says_which_model_falls_due(command):
    words = " ".join(run(command, "--help").stdout.replace("│", " ").split())
    assert "by default demo for" in words and "photos for" in words


def test_batches_are_looked_at_by_the_model_of_photographs():
    assert Detector(device="cpu").model.names == ("person", "car", "cat", "bus", "train")
