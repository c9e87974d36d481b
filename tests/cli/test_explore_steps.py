"""The steps of `dfine explore` on pictures without answers: pre-labels, and what to label next."""

import pytest

pytest.importorskip("fiftyone")

from dfine.cli.explore_options import Look, Out
from dfine.cli.explore_steps import folds
from tests.cli.test_explore import run


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


def test_folds_start_from_a_checkpoint_not_from_an_exported_file(tmp_path):
    with pytest.raises(ValueError, match="model.onnx is an exported file, which cannot be trained: name a checkpoint"):
        folds(None, Look("scenes", "model.onnx"), Out(suspects=tmp_path / "list.csv", folds=2))
