"""`dfine export --precision int8`: calibrated on the user's pictures or on scenes, and the price is printed."""

import pytest

pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

import dfine
from dfine.cli import int8
from dfine.data.scenes import Scenes, write
from dfine.engines.onnx import calibrated
from tests.cli.runner import run
from tests.helpers import small_predictor


@pytest.mark.parametrize(
    "available, most, chosen", [(3, 9, [0, 1, 2]), (101, 3, [0, 50, 100]), (1, 1, [0]), (0, 5, [])]
)
def test_pictures_are_taken_from_all_over(available, most, chosen):
    assert int8._spread(available, most) == chosen


def test_a_file_calibrated_on_a_data_set(tmp_path, monkeypatch):
    monkeypatch.setattr(int8, "MEASURED", 4)
    monkeypatch.setattr(calibrated, "available", lambda: ["cpu"])  # OpenVINO takes longer to open a file
    write(tmp_path / "data", Scenes(24, size=(64, 64), seed=1, clean=1.0), workers=0)
    out = tmp_path / "out.onnx"
    how = ("--input", 64, 64, "--precision", "int8", "--data", tmp_path / "data", "--count", 9)
    done = run("export", "demo", out, *how)
    assert "AP int8" in done.stdout and "layer 3" in done.stdout
    assert done.stderr == "calibrating, and measuring what it costs: some minutes\n"  # no word on validation
    said = dfine.load(out, "cpu").engine.about["int8"]
    assert int8.cost(said) in done.stdout and (said["pictures"], said["measured_on"]) == (6, 3)
    assert said["calibrated_on"] == "9 pictures of data" and said["ap"]["pictures"] >= 1
    assert set(said["ap"]["int8"]) == set(said["ap"]["float32"]) >= {"initial", "layer 3"}


@pytest.mark.parametrize(
    "widths, words", [(-0.0783, "7.8 % narrower"), (0.0124, "1.2 % wider"), (0.0, "0.0 % wider"), (-0.0, "0.0 % wider")]
)
def test_what_is_said_of_the_cost(widths, words):
    moved = dict(edges=0.314, late=1.2, widths=widths, objects=120, lost=3)
    said = dict(layers=86, calibrated_on="64 pictures of voc", pictures=48, measured_on=16, shift=moved)
    said["ap"] = {"pictures": 9}
    assert int8.cost(said) == (
        "86 layers in int8, calibrated on 48 of 64 pictures of voc. On the other 16, edges move by 0.31 px of the "
        f"input on average (95 %: 1.20), 80 % intervals are {words}, and 3 of 120 objects are lost. "
        "AP was measured on 9 pictures."
    )


def test_scenes_to_calibrate_on_fill_an_input_that_is_longer_than_scenes_are(tmp_path, monkeypatch):
    monkeypatch.setattr(int8, "MEASURED", 2)
    monkeypatch.setattr(calibrated, "available", lambda: ["cpu"])
    out = tmp_path / "out.onnx"
    run("export", "demo", out, "--input", 64, 320, "--precision", "int8", "--count", 8)
    model = dfine.load(out)
    assert model.input_size == (64, 320) and model.engine.about["int8"]["calibrated_on"] == "8 drawn scenes"


def test_what_is_asked_for_in_vain(tmp_path):
    small_predictor(("cat", "dog", "fish")).save(tmp_path / "model")
    out = ("export", tmp_path / "model", tmp_path / "a.onnx")
    for wish, said in (
        (("--precision", "int8"), "name a data set of them"),
        (("--data", "scenes"), "add --precision int8"),
        (("--half", "--precision", "int8"), "older form of --precision float16"),
    ):
        told = run(*out, *wish, code=2).stderr.replace("│", " ")
        assert said in " ".join(told.split())
    assert not (tmp_path / "a.onnx").exists()
