"""Answers that have changed on disk take the places of those in FiftyOne; what is the same stays."""

import json
import warnings

import pytest

from tests.explore.test_datasets import coco

pytestmark = pytest.mark.usefixtures("fo")


def test_answers_that_have_changed_on_disk_are_read_where_that_is_asked_for(tmp_path):
    """Those that are the same stay as they are in FiftyOne, whatever a person said of them."""
    from dfine.explore.datasets import open_dataset

    coco(tmp_path / "set")
    file = tmp_path / "set" / "annotations.json"
    dataset = open_dataset(file, name="reread", reread=True)  # there is nothing yet to read anew
    before = {one.id: one for sample in dataset for one in sample.ground_truth.detections}
    for sample in dataset:
        for one in sample.ground_truth.detections:
            one.tags = ["seen"]
        sample.save()
    content = json.loads(file.read_text())
    moved, _, kept = content["annotations"]  # the second has no size
    extra = kept | {"id": 900, "bbox": [1, 2, 9, 9], "iscrowd": 0}
    moved["bbox"], kept["id"] = [5, 6, 16, 12], 500
    content["annotations"] = [moved, kept, extra, extra | {"id": 901}]
    file.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="2 pictures of .*'reread' had other answers than .*json; now"):
        assert open_dataset(file, name="reread", reread=True) is dataset
    after = [one for sample in dataset for one in sample.ground_truth.detections]
    assert len(after) == len(content["annotations"]) == len(before) + 2
    assert {one.coco_id for one in after} == {one["id"] for one in content["annotations"]}
    same = [one for one in after if one.tags == ["seen"]]
    assert len(same) == len(before) - 1 and {one.id for one in same} < set(before)
    assert [one.bounding_box[0] for one in after if one.coco_id == moved["id"]] == [5 / 64]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        open_dataset(file, name="reread")
    with pytest.warns(UserWarning, match="0 pictures of .*'reread' had other answers"):
        open_dataset(file, name="reread", reread=True)
    assert {one.id for sample in dataset for one in sample.ground_truth.detections} == {one.id for one in after}
