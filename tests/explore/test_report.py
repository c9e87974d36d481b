import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("faster_coco_eval")

from dfine import distribution
from dfine.evaluation.calibration import Matches
from dfine.evaluation.coco import Evaluation
from dfine.explore import fields, report, suspect_store

HEAD = {"data": "few", "model": "mini", "digest": "ab", "threshold": 0.05, "temperature": None}
NAMES = ("cat", "dog")


def truth(*objects, pictures=2, **image):
    """A COCO-format dict; objects are (image, category, bbox)."""
    return {
        "images": [
            {"id": i + 1, "file_name": f"/some/where/{i + 1}.png", "width": 100, "height": 100} | image
            for i in range(pictures)
        ],
        "annotations": [
            {"id": i + 1, "image_id": image, "category_id": c, "bbox": box, "area": box[2] * box[3], "iscrowd": 0}
            for i, (image, c, box) in enumerate(objects)
        ],
        "categories": [{"id": i + 1, "name": name} for i, name in enumerate(NAMES)],
    }


def rows(*found):
    """(image, bbox, score, category) as [n, 7]."""
    return np.array([[i, *box, score, c] for i, box, score, c in found], dtype=np.float64).reshape(-1, 7)


def matches(n):
    return Matches(torch.zeros(n, 1, 4, 33), torch.zeros(n, 4), distribution.weighting(), list(range(n)))


BOX, OFF = [10, 10, 40, 40], [30, 10, 40, 40]  # IoU 1/3


# ── the numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_anything_there_are_no_numbers():
    found = report.tally(truth(pictures=0), {"initial": rows(), "layer 1": rows()}, matches(0), HEAD)
    assert found["head"] == HEAD | {"pictures": 0, "objects": 0}
    assert found["stages"][-1]["AP"] is None and found["errors"]["all"]["ap50"] is None
    assert found["calibration"]["measured"]["objects"] == 0 and found["worst"] == [] == found["classes"]
    assert "at least 50 objects" in found["calibration"]["note"]
    json.dumps(found, allow_nan=False)


def test_numbers_by_hand():
    objects = truth((1, 1, BOX), (2, 2, BOX))
    stages = {"initial": rows((1, OFF, 0.9, 1)), "layer 1": rows((1, BOX, 0.9, 1), (2, BOX, 0.8, 1))}
    found = report.tally(objects, stages, matches(120), HEAD)
    assert [s["stage"] for s in found["stages"]] == ["initial", "layer 1"]
    assert [s["AP"] for s in found["stages"]] == [0, 0.5]
    assert found["by_threshold"] == {"initial": [0] * 10, "layer 1": [0.5] * 10}
    assert found["classes"] == [
        {"name": "cat", "objects": 1, "ap": {"initial": 0, "layer 1": 1}},
        {"name": "dog", "objects": 1, "ap": {"initial": 0, "layer 1": 0}},
    ]
    errors = found["errors"]
    assert errors["all"]["counts"]["Cls"] == 1 and errors["all"]["delta"]["Cls"] == 0.5
    assert list(errors["classes"]) == ["dog", "cat"], "the costliest first"
    assert set(errors["sizes"]) == {"small", "medium", "large"} and errors["cases"] == {}
    assert found["calibration"]["measured"]["objects"] == 120
    assert found["calibration"]["study"]["before"]["objects"] == 60
    reporting = found["reporting"]
    assert reporting["confusion"] == {"names": ["cat", "dog", ""], "counts": [[1, 0, 0], [1, 0, 0], [0, 0, 0]]}
    assert reporting["errors"]["reported"] == errors["all"]["counts"] | {"Miss": 0}
    assert [(c["name"], c["objects"]) for c in reporting["curves"]] == [("all classes", 2), ("cat", 1), ("dog", 1)]
    assert reporting["curves"][1]["best"]["f1"] == 1 and reporting["curves"][2]["best"] is None


def test_what_the_model_has_no_class_for_is_told_apart_from_its_errors():
    there = [60, 60, 30, 30]
    objects = truth((1, 1, BOX), (2, 2, BOX), (2, 2, there))
    stages = {"initial": rows((1, BOX, 0.9, 1)), "layer 1": rows((1, BOX, 0.9, 1), (2, BOX, 0.8, 1))}
    found = report.tally(objects, stages, matches(0), HEAD | {"unknown": ["dog", "bird"]})
    assert found["unknown"] == {"classes": ["dog"], "of": 2, "objects": 2, "known": 1.0}
    assert found["stages"][-1]["AP"] == 0.5, "COCO's, over all classes"
    errors = found["errors"]
    assert (errors["all"]["ap50"], errors["known"]["ap50"]) == (0.5, 1)
    assert errors["known"]["delta"]["Cls"] == 0 < errors["all"]["delta"]["Cls"]
    assert list(errors["classes"]) == ["cat"] and sum(s["objects"] for s in errors["sizes"].values()) == 1
    assert found["reporting"]["errors"]["reported"] == errors["known"]["counts"] | {"Cls": 1, "Miss": 0}
    assert [(c["name"], c["objects"]) for c in found["reporting"]["curves"]] == [("all classes", 1), ("cat", 1)]
    (worst,) = found["worst"]
    assert (worst["picture"], worst["mistakes"], worst["objects"]) == ("2.png", 1, 0), "what it reports there is wrong"
    assert [b["role"] for b in worst["boxes"]] == ["wrong"]
    everything = report.tally(objects, stages, matches(0), HEAD)
    assert everything["unknown"] is None and "known" not in everything["errors"]


def test_what_is_measured_is_what_the_evaluation_measures():
    objects = truth((1, 1, BOX), (1, 2, OFF), (2, 2, BOX))
    stages = {"initial": rows((1, OFF, 0.3, 2)), "layer 1": rows((1, BOX, 0.9, 1), (1, OFF, 0.2, 2), (2, OFF, 0.8, 2))}
    found, measured = report.tally(objects, stages, matches(0), HEAD), Evaluation.of(objects, stages)
    for mine, theirs in zip(found["stages"], measured.rows()):
        assert mine == pytest.approx({k: None if v != v else v for k, v in theirs.items()}, abs=1e-6)
    for stage, ap in found["by_threshold"].items():
        assert sum(ap) / 10 == pytest.approx(measured.ap[stage], abs=1e-5)


def test_nothing_of_this_machine_leaves_with_the_numbers():
    found = report.tally(truth((1, 1, BOX)), {"initial": rows(), "layer 1": rows()}, matches(0), HEAD)
    assert len(found["worst"]) == 1 and "/some/where" not in json.dumps(found)


def test_a_picture_that_cannot_be_read_any_more_stops_no_report():
    entries = report.worst_pictures(truth((1, 1, BOX)), rows())
    assert len(entries) == 1 and list(report._pictures(truth((1, 1, BOX)), entries)) == []


# ── from FiftyOne ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_explored_data_set_becomes_a_page_and_its_numbers(explored, tmp_path):
    page = report.write(explored, folder=tmp_path / "out" / "report")
    assert sorted(p.name for p in page.parent.iterdir()) == ["report.html", "report.json"]
    found = json.loads(page.with_suffix(".json").read_text(encoding="utf-8"))
    assert found == report.numbers(explored)
    info = explored.info["dfine"]["dfine"]
    assert found["head"]["digest"] == info["digest"] and found["head"]["pictures"] == 8
    stored = info["evaluation"]["stages"]
    assert {s["stage"]: s["AP"] for s in found["stages"]} == pytest.approx({k: v["AP"] for k, v in stored.items()})
    kinds = explored.count_values("dfine.detections.error")
    for kind in ("Cls", "Loc", "Both", "Dupe", "Bkg"):
        assert found["errors"]["all"]["counts"][kind] == kinds.get(kind, 0)
    text = page.read_text(encoding="utf-8")
    assert json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1]) == found
    assert text.count("<img ") == len(found["worst"]) <= 12
    assert str(Path(explored.first().filepath).parent) not in text
    assert not math.isnan(found["calibration"]["measured"]["coverage"][0][0])


def test_suspects_of_the_run_before_are_not_those_of_this_one(explored, tmp_path):
    """Another model in the same field leaves them, since decisions on them are a person's, and says no more of them."""
    dataset = explored.clone()
    suspect_store.find(dataset)
    page = report.write(dataset, folder=tmp_path)
    said, counts = json.loads((tmp_path / "report.json").read_text()), suspect_store.kinds(dataset)
    assert (said["suspects"], said["suspects_likely"]) == (counts["all"], counts["likely"])
    about = {key: value for key, value in fields.about(dataset, "dfine").items() if key != "suspects"}
    dataset.info["dfine"] = {"dfine": about}  # as `prepare` leaves it
    report.write(dataset, folder=tmp_path)
    assert "suspects" not in json.loads((tmp_path / "report.json").read_text())
    assert "Probable label errors" not in page.read_text(encoding="utf-8")
    dataset.delete()


def test_what_was_not_explored_is_said(explored, tmp_path):
    with pytest.raises(ValueError, match="nothing|holds no exploration"):
        report.write(explored, "other", tmp_path)
    assert list(tmp_path.iterdir()) == []
