"""The steps of `dfine explore`: pre-labels of pictures without answers, what to label next, calibrations, folds."""

import csv
import re

import pytest

pytest.importorskip("fiftyone")

from dfine.cli.explore_options import Look, Out
from dfine.cli.explore_steps import folds, keep
from dfine.evaluation.calibration import fitted, study
from dfine.inference.load import load
from tests.cli.test_explore import run
from tests.evaluation.test_calibration import drawn
from tests.helpers import small_predictor


def test_unlabelled_pictures_become_pre_labels(fo, scenes_folder, tmp_path):
    called = [f"thing {i}" for i in range(24)]
    done = run(
        *("--data", scenes_folder / "images", "--name", "bare", "--names", ",".join(called)),
        *("--prelabel", tmp_path / "out", "--format", "yolo"),
        *("--sampling", tmp_path / "next.csv"),
    )
    assert len((tmp_path / "next.csv").read_text().splitlines()) == 1 + 8
    assert "pre-labels are in" in done.stdout and "sure and wrong" not in done.stdout
    assert len((tmp_path / "out" / "order.csv").read_text().splitlines()) == 1 + 8
    assert len(list((tmp_path / "out" / "labels").rglob("*.txt"))) == 8
    found = set(fo.load_dataset("bare").distinct("dfine.detections.label"))
    assert found and found <= set(called)


def test_of_the_suspects_the_likely_ones_are_counted_and_all_are_listed(fo, scenes_folder, tmp_path):
    file = tmp_path / "list.csv"
    done = run("--data", scenes_folder, "--name", "listed", "--suspects", file, "--no-ask")
    with file.open() as lines:
        listed = list(csv.DictReader(lines))
    (said,) = [line for line in done.stdout.splitlines() if line.startswith("probable label errors: ")]
    likely = sum(float(one["score"]) >= 0.1 for one in listed)
    assert sum(int(n) for n, _ in re.findall(r"(\d+) (missing|class|shifted|extra)", said)) == likely < len(listed)
    assert f"{likely} likely" in said and f"the other {len(listed) - likely:,} are" in said and str(file) in done.stdout


def test_a_calibration_is_stored_where_it_beats_the_one_that_is_there(tmp_path, capsys):
    objects, folder = drawn(1500, (3.0,) * 4), small_predictor(("a", "b", "c")).save(tmp_path / "model")
    keep(study(objects, stored=fitted((0.3,) * 4, None)), str(folder))
    said = capsys.readouterr()
    assert "stored in" in said.out and "worse with the stored calibration than without any" in said.err
    first, card = (folder / "config.json").read_text(), load(folder, "cpu").card
    assert card.levels

    keep(study(objects, stored=fitted(card.temperature, card.levels)), str(folder))
    said = capsys.readouterr()
    assert "no better with it; the one that the checkpoint has stays" in said.err and "stored in" not in said.out
    assert (folder / "config.json").read_text() == first


def test_folds_start_from_a_checkpoint_not_from_an_exported_file(tmp_path):
    with pytest.raises(ValueError, match="model.onnx is an exported file, which cannot be trained: name a checkpoint"):
        folds(None, Look("scenes", "model.onnx"), Out(suspects=tmp_path / "list.csv", folds=2))
