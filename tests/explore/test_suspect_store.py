"""Suspects from the stored run to the view, the CSV file, a person's decision and the corrected COCO file."""

import csv
import json

import pytest

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore import export, suspect_review, suspect_store
from dfine.explore.columns import corners
from dfine.explore.run import Pace
from dfine.explore.suspect_replies import Decoders

QUIET = Pace(progress=False)


@pytest.fixture(scope="module")
def found(explored):
    """A copy of the eight scenes with four errors in the answers of clean pictures, and its suspects. It stays so."""
    dataset = explored.clone()
    dataset.persistent = False
    planted = {}
    clean = list(dataset.match(fiftyone.ViewField("hard") == False))  # noqa: E712
    for kind, sample in zip(("missing", "class", "shifted", "extra"), clean):
        answers = sample.ground_truth.detections
        best = max(sample.dfine.detections, key=lambda d: d.confidence if d.error == "correct" else 0)
        (at,) = [i for i, a in enumerate(answers) if a.id == best.truth_id]
        planted[kind] = answers[at].id
        x, y, w, h = answers[at].bounding_box
        if kind == "missing":
            del answers[at]
        elif kind == "class":
            answers[at].label = next(n for n in dataset.classes["ground_truth"] if n != best.label)
        elif kind == "shifted":
            answers[at].bounding_box = [x + w / 4, y, w * 3 / 4, h]
        else:
            spot = next(s for s in spots() if not any(meets(s, a.bounding_box) for a in answers))
            answers.append(fiftyone.Detection(label=best.label, bounding_box=spot))
            planted[kind] = answers[-1].id
        sample.save()
    suspect_store.find(dataset)
    yield dataset, planted
    dataset.delete()


@pytest.fixture
def suspected(found):
    """A copy of that for one test."""
    dataset = found[0].clone()
    dataset.persistent = False
    yield dataset, found[1]
    dataset.delete()


def spots(side=0.12):
    return [[x / 20, y / 20, side, side] for x in range(18) for y in range(18)]


def meets(a, b):
    return all(min(a[i] + a[i + 2], b[i] + b[i + 2]) > max(a[i], b[i]) for i in (0, 1))


def test_planted_errors_come_first_and_are_said_in_words(suspected, tmp_path):
    dataset, planted = suspected
    listed = suspect_store.listed(dataset)
    assert [one["rank"] for one in listed] == list(range(1, len(listed) + 1))
    best = {one["answer_id"] or "missing": one for one in listed[:12]}
    found = {kind for kind, id in planted.items() if ("missing" if kind == "missing" else id) in best}
    assert len(found) >= 3, [(one["kind"], one["reason"]) for one in listed[:12]]
    for one in listed:
        assert one["review"] == "open" and one["reason"] and one["fix"] and one["seen_in_training"] is False
        assert (one["answer_id"] == "") == (one["kind"] == "missing") == (one["box"] is None)
        assert (one["z"] is None) == (one["edge"] == "")
        assert (
            one["z"] is not None if one["kind"] in ("class", "shifted") else one["kind"] != "missing" or not one["edge"]
        )
    answers = [one["answer_id"] for one in listed if one["answer_id"]]
    assert len(set(answers)) == len(answers)
    scores = sorted((one["confidence"] for one in listed), reverse=True)
    assert scores == [one["confidence"] for one in listed]
    counts = suspect_store.kinds(dataset)
    assert sum(counts["all"].values()) == len(listed)
    assert sum(counts["likely"].values()) == sum(one["confidence"] >= 0.1 for one in listed) < len(listed)

    with suspect_store.write_csv(dataset, tmp_path / "new" / "list.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["rank"] for row in rows] == [str(one["rank"]) for one in listed]
    assert all((row["box_x"] == "") == (row["kind"] == "missing") for row in rows)
    assert all((row["to_x"] == "") == (row["kind"] == "extra") for row in rows)


def test_the_view_is_a_queue_of_those_that_are_open(suspected):
    dataset, _ = suspected
    listed = suspect_store.listed(dataset)
    view = dataset.load_saved_view("suspects")
    assert view.values("dfine_suspects.rank") == [one["rank"] for one in listed]
    assert suspect_review.shown(view) == [one["id"] for one in listed]
    assert sorted(suspect_review.shown(dataset)) == sorted(one["id"] for one in listed)
    assert suspect_review.shown(view.limit(2)) == [one["id"] for one in listed[:2]]
    assert suspect_review.decide(dataset, [listed[0]["id"], "0" * 24], "rejected") == 1
    assert dataset.load_saved_view("suspects").values("dfine_suspects.rank") == [one["rank"] for one in listed[1:]]
    assert suspect_review.decide(dataset, [], "rejected") == 0
    kept = suspect_store.listed(dataset)
    assert [one["id"] for one in kept] == [one["id"] for one in listed] and kept[1]["reason"] == listed[1]["reason"]
    with pytest.raises(ValueError, match="open, accepted, rejected, not 'maybe'"):
        suspect_review.decide(dataset, [listed[0]["id"]], "maybe")


def test_decisions_outlast_another_ranking_and_the_decoder_is_asked_once(suspected, demo):
    dataset, planted = suspected
    run = dataset.info["dfine"]["dfine"]["run"]
    suspect_store.find(dataset, decoders=Decoders.of(demo, run, QUIET))
    before = suspect_store.listed(dataset)
    assert len({one["answer_id"] for one in before[:12]} & set(planted.values())) >= 2
    suspect_review.decide(dataset, [one["id"] for one in before[:3]], "rejected")
    suspect_store.find(dataset, decoders=Decoders({run: never}, QUIET))
    after = suspect_store.listed(dataset)
    assert [one["review"] for one in after[:4]] == ["rejected"] * 3 + ["open"]
    assert [one["reason"] for one in after] == [one["reason"] for one in before]


def test_decisions_outlast_a_ranking_that_suspects_the_place_no_more(suspected, tmp_path):
    dataset, planted = suspected
    before = suspect_store.listed(dataset)
    chosen = [next(one for one in before[2:] if one["kind"] == kind) for kind in ("extra", "missing")]
    suspect_review.decide(dataset, [one["id"] for one in chosen], "accepted")
    first = content(export.reviewed(dataset, tmp_path / "first"))["annotations"]
    suspect_store.find(dataset, most=2)
    after = suspect_store.listed(dataset)
    assert [one["rank"] for one in after] == [1, 2, 3, 4]
    assert [one["review"] for one in after] == ["open"] * 2 + ["accepted"] * 2
    assert {one["id"] for one in after[2:]} == {one["id"] for one in chosen}
    assert content(export.reviewed(dataset, tmp_path / "second"))["annotations"] == first
    assert len(list(csv.reader(suspect_store.write_csv(dataset, tmp_path / "s.csv").open()))) == 5
    assert dataset.load_saved_view("suspects").values("dfine_suspects.rank") == [1, 2]
    extra, missing = chosen
    sample = dataset[extra["sample"]]  # the answer is taken away by hand, and the other one added
    sample.ground_truth.detections = [a for a in sample.ground_truth.detections if a.id != extra["answer_id"]]
    sample.save()
    sample, box = dataset[missing["sample"]], missing["suggested"]
    x, y, u, v = (value / side for value, side in zip(box, missing["size"] * 2))
    sample.ground_truth.detections.append(fiftyone.Detection(label=missing["label"], bounding_box=[x, y, u - x, v - y]))
    sample.save()
    suspect_store.find(dataset, most=2)
    assert {one["review"] for one in suspect_store.listed(dataset)} == {"open"}


def test_an_accepted_box_is_exported_though_another_judge_suggests_another_one(suspected, tmp_path):
    dataset, _ = suspected
    chosen = next(one for one in suspect_store.listed(dataset) if one["kind"] == "shifted")
    suspect_review.decide(dataset, [chosen["id"]], "accepted")
    first = content(export.reviewed(dataset, tmp_path / "first"))["annotations"]
    for sample in dataset.select(chosen["sample"]).iter_samples(autosave=True):  # as if others had looked at it
        for found in sample.dfine.detections:
            x, y, w, h = found.bounding_box
            found.bounding_box = [x, y, w * 0.95, h * 0.95]
    suspect_store.find(dataset)
    (again,) = [one for one in suspect_store.listed(dataset) if one["review"] == "accepted"]
    assert (again["answer_id"], again["kind"]) == (chosen["answer_id"], "shifted")
    assert again["suggested"] == pytest.approx(chosen["suggested"]) and again["reason"] == chosen["reason"]
    assert content(export.reviewed(dataset, tmp_path / "second"))["annotations"] == first


def never():
    raise AssertionError("nothing has changed, so no model is needed")


def test_what_is_accepted_is_put_right_in_the_export(suspected, tmp_path):
    dataset, planted = suspected
    first = {}
    for one in suspect_store.listed(dataset):
        first.setdefault(one["kind"], one)
    before = content(export.reviewed(dataset, tmp_path / "before"))
    said = [f"ground_truth.detections.{what}" for what in ("id", "label", "bounding_box")]
    answers = dataset.values(said)
    suspect_review.decide(dataset, [one["id"] for one in first.values()], "accepted")
    after = content(export.reviewed(dataset, tmp_path / "after"))
    boxes = [[tuple(round(v) for v in a["bbox"]) for a in c["annotations"]] for c in (before, after)]
    for kind, one in first.items():
        x1, y1, x2, y2 = one["suggested"]
        to = tuple(round(v) for v in (x1, y1, x2 - x1, y2 - y1))
        if kind in ("missing", "shifted"):
            assert boxes[1].count(to) == boxes[0].count(to) + 1
        if kind == "extra":
            assert boxes[1].count(to) == boxes[0].count(to) - 1
    assert len(boxes[1]) - len(boxes[0]) == ("missing" in first) - ("extra" in first)
    assert dataset.values(said) == answers, "the answers themselves stay as they are"


def test_an_answer_that_was_changed_since_its_fix_was_accepted_stays_as_it_is(suspected, tmp_path):
    dataset, _ = suspected
    chosen = {one["kind"]: one for one in reversed(suspect_store.listed(dataset)) if one["kind"] != "missing"}
    assert len(chosen) >= 2
    suspect_review.decide(dataset, [one["id"] for one in chosen.values()], "accepted")
    for one in chosen.values():
        sample = dataset[one["sample"]]
        (answer,) = [a for a in sample.ground_truth.detections if a.id == one["answer_id"]]
        answer.bounding_box = [0.25, 0.25, 0.125, 0.0625]
        if one["kind"] != "shifted":
            answer.label = "by hand"
        sample.save()
    written = content(export.reviewed(dataset, tmp_path / "out"))
    names = {c["id"]: c["name"] for c in written["categories"]}
    found = [names[a["category_id"]] for a in written["annotations"] if a["bbox"] == [160, 160, 80, 40]]
    assert len(found) == len(chosen) and found.count("by hand") == len(chosen) - ("shifted" in chosen)
    suspect_store.find(dataset)
    assert {one["review"] for one in suspect_store.listed(dataset)} == {"open"}


def test_the_report_leaves_out_what_was_put_right_by_hand(suspected):
    dataset, _ = suspected
    gone = next(one for one in suspect_store.listed(dataset) if one["kind"] == "extra")
    ranks = [about["rank"] for _, about in suspect_store.details(dataset, most=1000)]
    sample = dataset[gone["sample"]]
    sample.ground_truth.detections = [a for a in sample.ground_truth.detections if a.id != gone["answer_id"]]
    sample.save()
    left = [about["rank"] for _, about in suspect_store.details(dataset, most=1000)]
    assert left == [rank for rank in ranks if rank != gone["rank"]] != ranks
    assert [one["rank"] for one in suspect_store.listed(dataset) if not one["holds"]] == [gone["rank"]]


def content(folder):
    return json.loads((folder / "annotations.json").read_text())


def test_a_picture_of_unknown_size_does_not_keep_the_others_from_being_listed(suspected, fo, tmp_path):
    dataset, _ = suspected
    gone = fo.Sample(filepath=str(tmp_path / "gone.png"), ground_truth=dataset.first().ground_truth.copy())
    dataset.add_sample(gone)
    listed = suspect_store.listed(dataset)
    assert listed and gone.id not in {one["sample"] for one in listed}


def test_without_suspects_or_answers(fo, explored):
    with pytest.raises(ValueError, match="--suspects FILE.csv` finds them"):
        suspect_store.listed(explored)
    with pytest.raises(ValueError, match="has no suspects"):
        suspect_review.decide(explored, ["x"], "open")
    bare = fo.Dataset()
    bare.info["dfine"] = {"dfine": {"truth": "ground_truth", "layers": 3, "run": "x"}}
    with pytest.raises(ValueError, match="no answers, so none of them can be wrong"):
        suspect_store.find(bare)
    assert corners([], (4, 4)).shape == (0, 4)
    bare.delete()


def test_pictures_of_the_training_are_told_apart(suspected):
    dataset, _ = suspected
    assert suspect_store.judge_note(dataset) == ""
    path = dataset.first().filepath
    suspect_store.find(dataset, trained={path})
    assert {one["seen_in_training"] for one in suspect_store.listed(dataset) if one["picture"] == path} == {True}
    assert "trained on 1 of these 8 pictures" in suspect_store.judge_note(dataset)


def test_too_few_answers_to_learn_from_are_told_of(suspected):
    dataset, _ = suspected
    for sample in dataset.iter_samples(autosave=True):
        sample.ground_truth.detections = sample.ground_truth.detections[:1]
    suspect_store.find(dataset)
    assert {one["confidence"] for one in suspect_store.listed(dataset)} == {0}
    assert "too few answers to learn what tells missing and" in suspect_store.judge_note(dataset)


def test_in_a_picture_that_nobody_has_labelled_no_label_is_missing(suspected):
    dataset, _ = suspected
    sample = dataset.first()
    sample["ground_truth"] = None
    sample.save()
    suspect_store.find(dataset)
    listed = suspect_store.listed(dataset)
    assert listed and sample.id not in {one["sample"] for one in listed}


def test_answers_of_a_class_that_the_model_does_not_know_are_no_suspects(suspected):
    dataset, _ = suspected
    sample = dataset.first()
    for answer in sample.ground_truth.detections:
        answer.label = "unheard of"
    sample.save()
    suspect_store.find(dataset)
    listed = suspect_store.listed(dataset)
    assert listed and "unheard of" not in {one["labelled"] for one in listed}
