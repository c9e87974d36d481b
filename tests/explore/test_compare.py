"""Two runs: that a run ties with its copy, wins where the other lost boxes, and what cannot be compared."""

import pytest

pytest.importorskip("fiftyone")

from dfine.explore import compare as compared
from dfine.explore import fields


@pytest.fixture
def two(explored):
    """The run `dfine`, and a copy `other` that has lost the reported boxes of two pictures."""
    dataset = explored.clone()
    dataset.persistent = False
    for name in ("dfine", "dfine_run"):
        dataset.clone_sample_field(name, name.replace("dfine", "other"))
    dataset.info["dfine"] = dataset.info["dfine"] | {"other": dict(dataset.info["dfine"]["dfine"])}
    dataset.save()
    yield dataset
    dataset.delete()


def test_a_run_ties_with_its_copy(two):
    found = compared.compare(two, "dfine", "other", repeats=5)
    assert found.better == found.worse == [] and found.ap.ap == 0 and len(found.gains) == 8
    assert "as many in 8" in str(found)


def test_who_finds_more_wins(two):
    first = two.first()
    first["other"].detections = [d for d in first["other"].detections if d.confidence < 0.5]
    first.save()
    found = compared.compare(two, "dfine", "other", repeats=5)
    assert found.better == [first.id] and found.worse == [] and found.ap.ap > 0
    assert two[first.id]["dfine_against_other"] == found.gains[first.id] > 0
    assert two.load_saved_view("dfine better than other").values("id") == [first.id]
    assert len(two.load_saved_view("dfine worse than other")) == 0
    stored = fields.about(two, "dfine")["comparison"]
    assert stored["better"] == [[first.filename, found.gains[first.id]]] and stored["field"] == "dfine_against_other"
    back = compared.compare(two, "other", "dfine", repeats=5)
    assert back.worse == [first.id] and back.ap.ap == pytest.approx(-found.ap.ap)


def test_the_classes_are_those_of_today(two):
    """A run may have been evaluated before a class was added, or when they came in another order."""
    about = fields.about(two, "other")
    two.info["dfine"] = two.info["dfine"] | {"other": about | {"classes": about["classes"][::-1]}}
    first = two.first()
    first.ground_truth.detections[0].label = "aardvark"
    first.save()
    found = compared.compare(two, "dfine", "other", repeats=5)
    assert found.better == found.worse == [] and found.ap.first == found.ap.second > 0.3


def test_a_comparison_ends_when_either_run_changes(two):
    assert compared.latest(two, "dfine") is None
    found = compared.compare(two, "dfine", "other", repeats=5)
    stored = compared.latest(two, "dfine")
    assert stored == found.to_dict() | {"field": "dfine_against_other"} and compared.latest(two, "other") is None
    fields.note(two, "other", {"evaluated": "anew"})
    assert compared.latest(two, "dfine") is None


def test_runs_that_kept_other_boxes_are_told_of(two):
    fields.note(two, "other", {"threshold": 0.3})
    said = "'dfine' up to 100 boxes a picture with a score of 0.05 or more and 'other' up to 100 .* of 0.3 or more"
    with pytest.warns(UserWarning, match=f"{said}.*the same --threshold and --top"):
        compared.compare(two, "dfine", "other", repeats=5)


def test_what_cannot_be_compared(two):
    with pytest.raises(ValueError, match="not with itself"):
        compared.compare(two, "dfine", "dfine")
    with pytest.raises(ValueError, match="holds no exploration 'third'"):
        compared.compare(two, "dfine", "third")
    fields.note(two, "other", {"run": "of another model"})
    with pytest.raises(ValueError, match="no picture .* was seen by both"):
        compared.compare(two, "dfine", "other")
    about = {k: v for k, v in fields.about(two, "other").items() if k != "evaluation"}
    two.info["dfine"] = two.info["dfine"] | {"other": about}
    with pytest.raises(ValueError, match="'other' .* has not been evaluated"):
        compared.compare(two, "dfine", "other")
