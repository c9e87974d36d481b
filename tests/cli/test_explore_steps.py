"""The steps of `dfine explore`: pre-labels of pictures without answers, what to label next, calibrations, folds."""

import csv
import re

import pytest
from PIL import Image

pytest.importorskip("fiftyone")

from dfine.cli.explore_options import Look, Out
from dfine.cli.explore_steps import folds, keep
from dfine.evaluation.calibration import fitted, study
from dfine.inference.load import load
from tests.cli.test_explore import run, sentence
from tests.evaluation.test_calibration import drawn
from tests.explore.worlds import coco_json
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


def test_what_nothing_can_be_made_of_is_said_before_the_looking(fo, scenes_folder, tmp_path):
    bare = "--data", scenes_folder / "images", "--name", "bare-early"
    said = sentence(
        *bare, "--suspects", tmp_path / "a.csv", "--report", tmp_path / "r", "--sampling", tmp_path / "b.csv"
    )
    assert said == "error: --suspects and --report need answers, and the data set 'bare-early' has none"
    assert "--export needs answers" in sentence(*bare, "--export", tmp_path / "out")
    full = "--data", scenes_folder, "--name", "full-early"
    said = sentence(*full, "--sampling", tmp_path / "b.csv")
    assert "--sampling is for pictures without answers, and every picture of 'full-early' has some; " in said
    assert "--sampling and --prelabel are for" in sentence(
        *full, "--sampling", tmp_path / "b.csv", "--prelabel", tmp_path / "p"
    )
    assert "holds no exploration 'other'" in sentence(*full, "--compare", "other")
    assert not {"bare-early", "full-early"} & set(fo.list_datasets()), "what was made for it goes again"
    assert list(tmp_path.iterdir()) == []


def test_pictures_that_were_added_to_a_data_set_come_among_those_to_label_next(fo, scenes_folder, tmp_path):
    added = tmp_path / "pool"
    added.mkdir()
    for color in ("red", "blue"):
        Image.new("RGB", (64, 64), color).save(added / f"{color}.png")
    asked = "--data", scenes_folder, "--name", "added"
    run(*asked)
    fo.load_dataset("added").add_images_dir(str(added), progress=False)
    run(*asked, "--sampling", tmp_path / "next.csv", "--prelabel", tmp_path / "out")
    with (tmp_path / "next.csv").open() as lines:
        listed = [row["picture"] for row in csv.DictReader(lines)]
    assert sorted(listed) == [str(added / "blue.png"), str(added / "red.png")]
    assert len((tmp_path / "out" / "order.csv").read_text().splitlines()) == 1 + 2


def test_classes_can_be_put_right_after_the_model_knew_none(fo, tmp_path):
    Image.new("RGB", (64, 48)).save(tmp_path / "0.png")
    file = tmp_path / "answers.json"
    asked = "--data", file, "--name", "put-right"
    file.write_text(coco_json(["0.png"], [(0, 0, [1, 1, 30, 30], 0)], ["Auto"]))
    assert "share no class name" in sentence(*asked, "--model", "photos")
    assert not fo.dataset_exists("put-right")
    file.write_text(coco_json(["0.png"], [(0, 0, [1, 1, 30, 30], 0)], ["car"]))
    done = run(*asked, "--model", "photos")
    assert "have changed" not in done.stderr and fo.load_dataset("put-right").distinct("ground_truth.detections.label")


def test_a_slice_of_which_there_is_none_is_told_beside_the_others(fo, scenes_folder):
    done = run("--data", scenes_folder, "--name", "untagged", "--slice", "size", "--slice", "tags")
    assert re.search(r"^size +small ", done.stdout, re.M)
    assert "there are no slices by tags: no picture or answer has a value to tell them by" in done.stdout


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
