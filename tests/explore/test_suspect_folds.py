"""Folds: how pictures are dealt, what their models start from, and that each is judged by a model that never saw it."""

import json
from collections import Counter
from dataclasses import replace

import pytest

pytest.importorskip("fiftyone")

from dfine.explore import fields, suspect_store
from dfine.explore.columns import looked_at
from dfine.explore.run import Pace, explore
from dfine.explore.suspect_folds import ABOUT, Folds, deal, decoders, judge, start
from dfine.explore.suspect_training import OPTIONS
from tests.explore.worlds import predictor

QUIET = Pace(batch=8, progress=False)


def test_every_picture_has_a_fold_whatever_their_order():
    assert deal([], 3) == []
    names = [f"a/{i}.png" for i in range(11)]
    fold = deal(names, 3)
    assert sorted(Counter(fold).values()) == [3, 4, 4]
    assert dict(zip(reversed(names), deal(names[::-1], 3))) == dict(zip(names, fold))
    assert deal([f"b/{i}.png" for i in range(11)], 3) == fold  # a data set that was moved keeps its folds


def test_they_start_from_what_does_not_know_the_pictures(tmp_path, scenes_folder):
    pictures = [str(path) for path in (scenes_folder / "images").iterdir()]
    assert start("demo", pictures) == "demo"
    for name, init in (("second", str(tmp_path / "first" / "best")), ("first", "demo")):
        (tmp_path / name / "best").mkdir(parents=True)
        known = {"data": str(scenes_folder), "val": "elsewhere", "init": init}
        (tmp_path / name / OPTIONS).write_text(json.dumps(known))
    assert start(str(tmp_path / "second" / "best"), pictures) == "demo"
    assert start(str(tmp_path / "second"), ["elsewhere.png"]) == str(tmp_path / "second")
    (tmp_path / "first" / OPTIONS).write_text(json.dumps(known | {"init": None}))
    with pytest.raises(ValueError, match="from nothing: name with --start a checkpoint"):
        start(str(tmp_path / "second"), pictures)


@pytest.fixture(scope="module")
def begins(tmp_path_factory):
    """A small checkpoint of two of the scenes' classes."""
    folder = tmp_path_factory.mktemp("begins")
    predictor(("cup", "house"), queries=10, size=(64, 64)).save(folder)
    return str(folder)


def test_each_picture_is_judged_by_a_model_that_never_saw_it(fo, scenes_folder, begins, tmp_path):
    import dfine

    dataset = explore(scenes_folder, dfine.load(begins, device="cpu"), name="in-folds", pace=QUIET)
    folds, said = Folds(2, tmp_path / "folds", begins, epochs=1, device="cpu"), []
    assert judge(dataset, "dfine", folds, QUIET, said.append) == "dfine_folds"
    assert [line.split(",")[0] for line in said] == [
        "fold 1 of 2: trained on 4 pictures",
        "fold 2 of 2: trained on 4 pictures",
    ]
    files = dict(zip(dataset.values("filepath"), dataset.values(fields.run_field("dfine_folds"))))
    runs = fields.about(dataset, "dfine_folds")["runs"]
    for k, run in enumerate(runs, 1):
        parts = {p: names(tmp_path / "folds" / str(k) / f"instances_{p}.json") for p in ("train", "val")}
        assert parts["val"] == {file for file, mine in files.items() if mine == run} and len(parts["val"]) == 4
        assert not parts["val"] & parts["train"] and parts["val"] | parts["train"] == set(files)
    assert len(looked_at(dataset, "dfine_folds")) == 8 and list(dataset.info["dfine"])[-1] == "dfine"

    # One merged list over all pictures, from what those models found, and told as such.
    asked = decoders(dataset, "dfine_folds", folds, QUIET)
    assert list(asked.open) == runs and len(set(runs)) == 2
    suspect_store.find(dataset, judge="dfine_folds", decoders=asked)
    assert dataset.count("dfine_folds_replies") == 8 and not dataset.has_sample_field("dfine_replies")
    listed = suspect_store.listed(dataset)
    found = set(dataset.values("dfine_folds.detections.id", unwind=True))
    assert listed and {one["found_id"] for one in listed} - {""} <= found
    assert {one["seen_in_training"] for one in listed} == {False}
    assert "each of these 8 pictures was judged by one of 2 models" in suspect_store.judge_note(dataset)

    about = fields.about(dataset, "dfine")["suspects"]
    for ap, told in (
        ([0.0997, 0.0989], "reach an AP of 0.10 there: judges as weak as that list mostly their own mistakes; train"),
        ([0.31, None], "reach an AP of 0.31 there"),
        ([0.15, 0.42], "reach an AP of 0.15 to 0.42 there"),
        ([None, None], "trained on others, from demo"),
    ):
        about_folds = {"count": 2, "start": "demo", "ap": {"1": ap[0], "2": ap[1]}}
        fields.note(dataset, "dfine", {"suspects": about | {"folds": about_folds}})
        note = suspect_store.judge_note(dataset)
        assert told in note and ("as weak as that" in note) == ("as weak as that" in told)
    fields.note(dataset, "dfine", {"suspects": about})

    # The same call again trains nothing and looks at nothing; a fold that is gone is made again.
    ids, model = dataset.values("dfine_folds.detections.id"), tmp_path / "folds" / "1" / "run" / "model"
    made = (model / "model.safetensors").stat().st_mtime_ns
    judge(dataset, "dfine", folds, QUIET, said.append)
    assert dataset.values("dfine_folds.detections.id") == ids and said[:2] == said[2:]
    assert (model / "model.safetensors").stat().st_mtime_ns == made

    # What lies there of other folds is neither used nor lost.
    with pytest.raises(ValueError, match=r"holds models of other folds \(not the same: count"):
        judge(dataset, "dfine", replace(folds, count=3), QUIET, said.append)
    with pytest.raises(ValueError, match=r"not the same: options\)"):
        judge(dataset, "dfine", replace(folds, epochs=2), QUIET, said.append)
    with pytest.raises(ValueError, match="8 pictures with answers are too few for 5 folds"):
        judge(dataset, "dfine", replace(folds, count=5), QUIET, said.append)
    sample = dataset.first()
    sample.ground_truth.detections.pop()
    sample.save()
    with pytest.raises(ValueError, match=r"not the same: answers\)"):
        judge(dataset, "dfine", folds, QUIET, said.append)
    (tmp_path / "folds" / ABOUT).write_text("{")
    with pytest.raises(ValueError, match="folds.json cannot be read; remove the folder"):
        judge(dataset, "dfine", folds, QUIET, said.append)
    with pytest.raises(ValueError, match="two folds or more, not in 1"):
        replace(folds, count=1)


def names(file):
    return {image["file_name"] for image in json.loads(file.read_text())["images"]}
