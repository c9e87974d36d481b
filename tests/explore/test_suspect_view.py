"""What a patch of a suspect shows: the answers and the reported boxes around it, without all that is stored of them."""

import pytest

fo = pytest.importorskip("fiftyone")

from dfine.explore import low_scores, suspect_review, suspect_store, suspect_view, views, workspace


def meets(a, b):
    return all(min(a[i] + a[i + 2], b[i] + b[i + 2]) > max(a[i], b[i]) for i in (0, 1))


def test_a_patch_shows_the_suspect_beside_the_answers_and_reported_boxes_that_meet_it(suspected):
    view = suspected.load_saved_view("suspects")
    patch = view.first()
    assert isinstance(patch.dfine_suspects, fo.Detection) and patch.dfine_suspects["rank"] == 1
    seen, wholes = {"ground_truth": 0, "dfine": 0}, {sample.id: sample for sample in suspected}
    for patch in view:
        whole, box = wholes[patch.sample_id], patch.dfine_suspects.bounding_box
        reported = [d for d in whole.dfine.detections if d.confidence >= views.SHOWN]
        for field, labels in (("ground_truth", whole.ground_truth.detections), ("dfine", reported)):
            mine = patch[field].detections if patch[field] else []
            assert [d.id for d in mine] == [d.id for d in labels if meets(d.bounding_box, box)]
            seen[field] += len(mine)
        answer = patch.dfine_suspects["answer_id"]
        assert not answer or answer in [a.id for a in patch.ground_truth.detections], "so it can be judged"
    assert min(seen.values()) > 0
    found = next(patch.dfine.detections[0] for patch in view if patch.dfine and patch.dfine.detections)
    stored = next(d for sample in wholes.values() for d in sample.dfine.detections if d.id == found.id)
    assert found.bounding_box == stored.bounding_box and found.confidence == stored.confidence
    assert not found.has_field("record") and stored.has_field("record"), "which would be copied for every patch"


def test_what_is_decided_leaves_the_view_and_the_data_set_as_it_was(suspected):
    paths = [f"dfine.detections.{what}" for what in ("id", "record")] + ["ground_truth.detections.label"]
    before, (first, *_) = suspected.values(paths[:1] + paths[2:]), suspect_store.listed(suspected)
    suspect_review.decide(suspected, suspect_review.shown(suspected.load_saved_view("suspects").limit(1)), "rejected")
    assert suspected.load_saved_view("suspects").first().dfine_suspects["rank"] == 2
    assert suspected.values(paths[:1] + paths[2:]) == before
    assert suspected.first().dfine.detections[0]["record"] is not None
    suspect_review.decide(suspected, [first["id"]], "open")


def test_the_field_of_suspects_is_active_where_they_are_asked_for(suspected):
    workspace.show(suspected)
    assert suspected.app_config.active_fields.paths == ["ground_truth", "dfine"]
    workspace.show(suspected, suspects=True)
    assert suspected.app_config.active_fields.paths == ["ground_truth", "dfine", "dfine_suspects"]
    workspace.show(suspected)
    assert suspected.app_config.active_fields.paths == ["ground_truth", "dfine"]


def test_the_switch_of_low_scores_shows_the_reported_boxes_of_whole_pictures(suspected):
    """As from any view but that of the reported boxes, though suspects stand beside no others."""
    shown = low_scores.switched(suspected, suspected.load_saved_view("suspects"))
    assert len(shown) == len(suspected) and min(shown.values("dfine.detections.confidence", unwind=True)) >= views.SHOWN


def test_the_view_of_another_run_has_its_name():
    assert [suspect_view.saved(field).name for field in ("dfine", "mine")] == ["suspects", "suspects (mine)"]
