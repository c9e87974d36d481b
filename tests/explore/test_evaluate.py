"""FiftyOne's evaluation against faster-coco-eval, on real answers with crowds, and what follows from it by hand."""

import numpy as np
import pytest

from tests.explore.worlds import NO_TINY, TINY, predictor

STAGES = ["initial", "layer 1", "layer 2", "layer 3"]
tiny = pytest.mark.skipif(not TINY.is_dir(), reason=NO_TINY)


def noisy(dataset, rng, classes, spread):
    """For every sample boxes near its answers (crowds too), some twice, some of another class, and some anywhere."""
    from bson import ObjectId

    pictures = {}
    for sample in dataset:
        size = np.array([sample.metadata.width, sample.metadata.height] * 2)
        truth = sample.ground_truth.detections if sample.ground_truth else []
        found = []
        seen = [t for t in truth if rng.random() < 0.85]
        for t in [t for t in seen for _ in range(1 + (rng.random() < 0.3) + 6 * t.iscrowd)]:  # noqa: B020
            x, y, w, h = t.bounding_box
            if t.iscrowd:  # many small ones inside
                x, y, w, h = x + w * rng.random() * 0.7, y + h * rng.random() * 0.7, 0.3 * w, 0.3 * h
            label = t.label if rng.random() < 0.9 else str(rng.choice(classes))
            found.append((label, np.array([x, y, w, h]) + spread * rng.normal(size=4) * [w, h, w, h]))
        found += [(str(rng.choice(classes)), np.r_[rng.random(2) * 0.7, 0.05 + 0.25 * rng.random(2)]) for _ in range(6)]
        documents = []
        for i, (label, (x, y, w, h)) in enumerate(found):
            w, h = max(w, 0.01), max(h, 0.01)
            corners = (np.array([x, y, x + w, y + h]) * size).tolist()
            documents.append(
                {
                    "_id": ObjectId(),
                    "_cls": "Detection",
                    "attributes": {},
                    "tags": [],
                    "label": label,
                    "query": i,
                    "bounding_box": [x, y, w, h],
                    "confidence": float(rng.random()),
                    "boxes": [corners] * 4,
                }
            )
        pictures[sample.id] = {"_cls": "Detections", "detections": documents}
    return pictures


@pytest.fixture(scope="module")
def judged(fo):
    """tiny_coco's val, explored by a model with COCO's 80 names whose boxes are noise around the answers."""
    from dfine.data.labels import COCO
    from dfine.explore import datasets, evaluate, run, store
    from dfine.explore.model import DFineModel

    dataset = datasets.open_dataset(TINY, split="val", name="tiny-judged")
    model = DFineModel(predictor(COCO), classes=datasets.classes(dataset))
    assert model.names.matched == {name: name for name in COCO}  # one to one
    run.prepare(dataset, model)
    rng = np.random.default_rng(0)
    stages = {stage: noisy(dataset, rng, COCO, 0.15 - 0.04 * i) for i, stage in enumerate(STAGES)}
    pictures = {id: {stage: stages[stage][id] for stage in STAGES} for id in stages["initial"]}
    store.save(dataset, "dfine", pictures, model.run)
    return dataset, evaluate.evaluate(dataset, progress=False)


@tiny
def test_fiftyone_and_faster_coco_eval_agree(judged):
    dataset, measured = judged
    evaluation = dataset.info["dfine"]["dfine"]["evaluation"]
    assert evaluation["pictures"] == 50 and evaluation["objects"] == 377  # 382 less 5 crowds
    for stage in STAGES:
        assert 0.1 < measured.ap[stage] < 0.9
        assert evaluation["fiftyone"][stage] == pytest.approx(measured.ap[stage], abs=1e-3), stage
        key = {"initial": "dfine_eval_initial", "layer 3": "dfine_eval"}.get(
            stage, f"dfine_eval_{stage.replace(' ', '_')}"
        )
        assert dataset.load_evaluation_results(key).mAP() == pytest.approx(evaluation["fiftyone"][stage])
    assert measured.ap["layer 3"] > measured.ap["initial"]


@tiny
def test_it_is_what_fiftyones_own_call_gives(judged):
    """On two pictures, one of them with crowds; FiftyOne's own way takes long."""
    from fiftyone import ViewField as F

    from dfine.explore import evaluate

    dataset, _ = judged
    crowded = dataset.match(F("ground_truth.detections").filter(F("iscrowd")).length() > 0).values("id")
    few = dataset.select([crowded[0], next(id for id in dataset.values("id") if id not in crowded)]).clone()
    evaluate.evaluate(few, progress=False)
    classes = list(few.info["dfine"]["dfine"]["classes"])
    for key, classwise in (("dfine_eval", True), ("dfine_eval_any", False)):
        own = few.evaluate_detections(
            "dfine",
            gt_field="ground_truth",
            eval_key="own",
            classes=classes,
            classwise=classwise,
            compute_mAP=classwise,
            progress=False,
        )
        mine = few.load_evaluation_results(key)
        if classwise:
            np.testing.assert_array_equal(mine.precision, own.precision)
            np.testing.assert_array_equal(mine.thresholds, own.thresholds)
        np.testing.assert_array_equal(mine.confusion_matrix(), own.confusion_matrix())
        for field in ("ground_truth", "dfine"):
            for mark in ("", "_id", "_iou"):
                path = f"{field}.detections."
                assert few.values(path + key + mark) == few.values(path + "own" + mark), (field, mark)
        for count in ("tp", "fp", "fn"):
            assert few.values(f"{key}_{count}") == few.values(f"own_{count}")
    few.delete()


def confused(matrix):
    """How many pairs of a confusion matrix are of two classes."""
    return int(matrix.sum() - np.trace(matrix))


@tiny
def test_classes_are_confused_only_across_classes(judged):
    dataset, _ = judged
    strict = dataset.load_evaluation_results("dfine_eval").confusion_matrix()
    free = dataset.load_evaluation_results("dfine_eval_any").confusion_matrix()
    assert confused(strict) == 0 < confused(free)


def columns(dataset, field, *attributes):
    """Attributes of all labels in a field, one dict a label."""
    values = dataset.exists(field).values([f"{field}.detections.{a}" for a in attributes], unwind=True)
    return [dict(zip(attributes, row)) for row in zip(*values)]


@tiny
def test_crowds_are_neither_missed_nor_anybodys_truth(judged):
    dataset, _ = judged
    objects = columns(dataset, "ground_truth", "id", "label", "iscrowd", "dfine_error", "dfine_found", "dfine_eval")
    crowds = {o["id"] for o in objects if o["iscrowd"]}
    labels = {o["id"]: o["label"] for o in objects}
    assert len(crowds) == 5 and len(objects) == 382
    for o in objects:
        if o["iscrowd"]:
            assert o["dfine_error"] == "" and o["dfine_found"] is None
        else:
            assert o["dfine_error"] in ("found", "Miss", "Cls", "Loc")
            assert (o["dfine_error"] == "found") == (o["dfine_eval"] == "tp")
    kinds = dataset.count_values("dfine.detections.error")
    assert kinds["ignored"] > 0 and set(kinds) <= {"correct", "Cls", "Loc", "Both", "Dupe", "Bkg", "ignored"}
    derived = ("truth_id", "truth_iou", "gain", "right_50", "right_75", "error")
    for d in columns(dataset, "dfine", "label", "dfine_eval_id", "dfine_eval_iou", *derived):
        assert d["truth_id"] not in crowds
        if d["error"] == "correct":
            assert d["truth_id"] == d["dfine_eval_id"] and labels[d["truth_id"]] == d["label"]
            assert d["truth_iou"] == pytest.approx(d["dfine_eval_iou"], abs=1e-3)
            assert d["gain"] == 0 and d["right_50"] == 0  # the boxes of the stages are the same here
        if not d["truth_id"]:
            assert d["truth_iou"] == 0 and d["gain"] is None is d["right_50"]


def test_scenes_are_explored_layer_by_layer(explored):
    info = explored.info["dfine"]["dfine"]
    assert info["evaluation"]["pictures"] == 8
    for stage, figures in info["evaluation"]["stages"].items():
        assert figures["AP"] == pytest.approx(info["evaluation"]["fiftyone"][stage], abs=1e-3)
    stages = ["dfine_eval_initial", "dfine_eval_layer_1", "dfine_eval_layer_2", "dfine_eval"]
    assert sorted(explored.list_evaluations()) == sorted([*stages, "dfine_eval_any"])
    for t in columns(explored, "ground_truth", "dfine_found", *stages):
        right = [i for i, key in enumerate(stages) if t[key] == "tp"]
        assert t["dfine_found"] == (right[0] if right else None)
    found = columns(explored, "dfine", "gain", "right_50", "right_75", "error", "dfine_eval")
    assert {d["error"] == "correct" for d in found} == {True, False}
    for d in found:
        assert (d["error"] == "correct") == (d["dfine_eval"] == "tp")
        assert d["right_75"] is None or 0 <= d["right_50"] <= d["right_75"] <= 3
    for picture in zip(*explored.values([f"dfine.detections.{a}" for a in ("iou", "gain", "truth_iou", "boxes")])):
        for iou, gain, last, boxes in zip(*picture):
            assert len(boxes) == 4 and (iou is None) == (gain is None)
            assert iou is None or (iou[-1] == last and gain == pytest.approx(iou[-1] - iou[0]))


def test_a_new_answer_is_seen_when_it_is_judged_again(fo, explored):
    from dfine.explore import evaluate

    copy = explored.clone()
    before = copy.info["dfine"]["dfine"]["evaluation"]["objects"]
    sample = copy.first()
    sample.ground_truth.detections.append(fo.Detection(label="a new class", bounding_box=[0, 0, 0.05, 0.05]))
    sample.save()
    evaluate.evaluate(copy, progress=False)
    info = copy.info["dfine"]["dfine"]
    assert info["evaluation"]["objects"] == before + 1 and "a new class" in info["classes"]
    assert sample.ground_truth.detections[-1].dfine_error == "Miss"
    assert len(copy.list_evaluations()) == 5

    assert evaluate.is_current(copy), "so that another run need not evaluate it again"
    sample.reload()
    sample.ground_truth.detections[0].label = "a new class"
    sample.save()
    assert not evaluate.is_current(copy)
    copy.delete()


def test_nothing_found_and_nothing_read(fo, demo, scenes_folder, tmp_path):
    """No detection at all: everything is missed. No picture at all: there is nothing to measure."""
    from dfine.explore.run import Pace, explore
    from dfine.explore.store import Keep

    settings = dict(keep=Keep(threshold=1.0), pace=Pace(progress=False))
    dataset = explore(scenes_folder, demo, name="nothing-found", **settings)
    evaluation = dataset.info["dfine"]["dfine"]["evaluation"]
    objects = dataset.count("ground_truth.detections")
    assert evaluation["stages"]["layer 3"]["AP"] == 0 == evaluation["fiftyone"]["layer 3"]
    assert evaluation["objects"] == objects > 0 == dataset.count("dfine.detections")
    assert dataset.count_values("ground_truth.detections.dfine_error") == {"Miss": objects}
    assert dataset.count_values("ground_truth.detections.dfine_found") == {None: objects}
    assert dataset.sum("dfine_eval_fn") == objects

    (tmp_path / "images").mkdir()
    for file in (scenes_folder / "images").iterdir():
        (tmp_path / "images" / file.name).write_bytes(b"broken")
    (tmp_path / "annotations.json").write_text((scenes_folder / "annotations.json").read_text())
    with pytest.warns(UserWarning, match="8 of 8 pictures cannot be read"):
        dataset = explore(tmp_path, demo, name="nothing-read", **settings)
    evaluation = dataset.info["dfine"]["dfine"]["evaluation"]
    assert evaluation["pictures"] == 0 and evaluation["fiftyone"]["layer 3"] is None


def test_without_answers_there_is_nothing_to_judge(fo):
    from dfine.explore import evaluate

    dataset = fo.Dataset()
    with pytest.raises(ValueError, match="no exploration 'dfine'"):
        evaluate.evaluate(dataset)
    dataset.info["dfine"] = {"dfine": {"truth": "ground_truth", "layers": 3, "run": "x"}}
    with pytest.raises(ValueError, match="no answers in 'ground_truth'"):
        evaluate.evaluate(dataset)
