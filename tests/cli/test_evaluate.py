"""`dfine evaluate` measures what `dfine train` made of drawn scenes."""

import json

import pytest

from dfine.cli.evaluate import _by_class
from tests.cli.runner import run, sentence


def test_drawn_scenes_can_be_evaluated_on_and_trained_on(model, tmp_path):
    pytest.importorskip("faster_coco_eval")
    data, out, figures = tmp_path / "scenes", tmp_path / "run", tmp_path / "figures.json"
    run("scenes", "--count", 4, "--seed", 3, "--size", 64, "--workers", 0, data)
    assert len(list((data / "images").iterdir())) == 4

    done = run("evaluate", "-m", model, "--data", data, "--json", figures, "--device", "cpu")
    assert "Clean (all dials at 0): 2 pictures" in done.stdout
    assert "AP of the last layer by class: " in done.stdout and " –, " in done.stdout and "nan" not in done.stdout
    content = json.loads(figures.read_text())
    assert (content["split"], content["seed"], content["scores"]) == (None, None, "own")
    assert (content["engine"], content["precision"]) == ("torch on cpu", "float32")
    assert list(content["all"]["stages"]) == ["initial", "layer 1", "layer 2", "layer 3"]
    assert content["clean"]["pictures"] + content["hard"]["pictures"] == content["all"]["pictures"] == 4

    small = ["--input", 64, "--queries", 10, "--batch", 4, "--watch", 0, "--device", "cpu"]
    run("train", "--data", data, "--val", data, "--out", out, "--epochs", 1, *small)
    assert "already holds a training run" in sentence(run("train", "--data", data, "--out", out, *small, code=1))
    done = run("evaluate", "-m", out / "model", "--count", 2, "--scores", "last", "--device", "cpu")
    assert done.stdout.startswith("All: 2 pictures")


def test_pictures_that_cannot_be_read_are_named_and_counted_and_the_others_measured(model, tmp_path):
    pytest.importorskip("faster_coco_eval")
    data, figures = tmp_path / "scenes", tmp_path / "figures.json"
    run("scenes", "--count", 4, "--seed", 3, "--size", 64, "--workers", 0, data)
    damaged = [data / "images" / f"00000{i}.jpg" for i in (0, 2)]
    damaged[0].write_bytes(damaged[0].read_bytes()[:600])
    damaged[1].write_bytes(b"")
    common = "evaluate", "-m", model, "--data", data, "--device", "cpu", "--workers", 0
    done = run(*common, "--json", figures, code=1)
    assert done.stdout.startswith("All: 2 pictures (2 more could not be read), ")
    assert all(f"warning: {path}: " in done.stderr for path in damaged)
    assert sentence(done).startswith("error: 2 pictures of 4 could not be read: these figures are those of the other 2")
    whole = json.loads(figures.read_text())["all"]
    assert (
        whole["pictures"] == 2 and [str(path) in said for path, said in zip(damaged, whole["left_out"])] == [True] * 2
    )
    for path in (data / "images").iterdir():
        path.write_bytes(b"")
    assert "none of the 4 pictures can be read; the first: " in sentence(run(*common, "--json", "-", code=1))


def test_which_of_several_splits_is_asked_for_with_the_option_named(model, tmp_path):
    for split in ("train", "val"):
        run("scenes", "--count", 1, "--size", 64, "--workers", 0, tmp_path / "made" / split)
        (tmp_path / "data" / "annotations").mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / split / "images").rename(tmp_path / "data" / split)
        file = tmp_path / "made" / split / "annotations.json"
        file.rename(tmp_path / "data" / "annotations" / f"instances_{split}.json")
    asked = "evaluate", "-m", model, "--data", tmp_path / "data", "--device", "cpu"
    assert "holds several splits (train, val); say which with --split" in sentence(run(*asked, code=1))
    assert run(*asked, "--split", "val").stdout.startswith("All: 1 pictures")


def test_of_many_classes_those_that_the_model_knows_are_listed():
    lacking = {f"thing {i}": 0.0 for i in range(30)} | {"nothing": float("nan")}
    ap = {"cat": 0.5, "car": 0.25, "bus": float("nan")} | lacking
    said = _by_class(ap, {"cat", "car", "bus"})
    assert said.splitlines() == [
        "AP of the last layer by class: cat 0.500, car 0.250, bus –",
        "over the 2 classes with objects that the model knows AP is 0.375; the 30 others have an AP of 0",
    ]
    assert _by_class({"cat": 0.5, "dog": 0.0}, {"cat"}).startswith(
        "AP of the last layer by class: cat 0.500, dog 0.000"
    )
    assert _by_class(ap, set(ap)) == "", "too many to be read in a row"
    assert _by_class({"cat": 0.5}, {"cat"}) == "AP of the last layer by class: cat 0.500"
