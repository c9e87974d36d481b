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


def test_attributes_that_have_changed_on_disk_are_read_too_and_a_persons_own_stay(tmp_path):
    from dfine.explore import fields
    from dfine.explore.datasets import open_dataset
    from dfine.explore.samples import pictured, told_apart

    coco(tmp_path / "set")
    file = tmp_path / "set" / "annotations.json"
    content = json.loads(file.read_text())
    first, _, last = content["annotations"]
    first |= {"truncated": 0, "attributes": {"occluded": False, "pose": "left"}}
    file.write_text(json.dumps(content))
    dataset = open_dataset(file, name="attributes")
    sample = dataset.first()
    (one,) = sample.ground_truth.detections
    one.tags, one["mine"], before = ["seen"], "yes", one.id
    sample.save()
    first |= {"truncated": 1, "attributes": {"occluded": True, "pose": "left"}}
    last["difficult"] = 1
    file.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="the answers in .*json have changed .* --reread takes"):
        open_dataset(file, name="attributes")
    with pytest.warns(UserWarning, match="2 pictures of .*'attributes' had other answers than .*json; now"):
        open_dataset(file, name="attributes", reread=True)
    dataset.reload()
    (one,) = dataset.first().ground_truth.detections
    assert (one.truncated, one.occluded, one.pose) == (1, True, "left")
    assert (one.id, one.tags, one["mine"]) == (before, ["seen"], "yes")
    assert [d["difficult"] for sample in dataset.skip(1) for d in sample.ground_truth.detections] == [1]
    with pytest.warns(UserWarning, match="0 pictures of .*'attributes' had other answers"):
        open_dataset(file, name="attributes", reread=True)
    # What an earlier version has written down knows of no attributes, and is no change.
    from dfine.data.sources import open_data

    told = pictured({"": open_data(file)})
    dataset.info[fields.ANSWERS] = told_apart(told, attributes=False)
    dataset.save()
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*have changed since")
        open_dataset(file, name="attributes")
    assert dataset.info[fields.ANSWERS] == told_apart(told) != told_apart(told, attributes=False)


def test_an_attribute_that_an_answer_lost_on_disk_is_lost_while_others_have_it(tmp_path):
    from dfine.explore.datasets import open_dataset

    coco(tmp_path / "set")
    file = tmp_path / "set" / "annotations.json"
    content = json.loads(file.read_text())
    first, _, last = content["annotations"]
    first["truncated"], last["truncated"] = 1, 0
    file.write_text(json.dumps(content))
    dataset = open_dataset(file, name="lost")
    del first["truncated"]
    file.write_text(json.dumps(content))
    with pytest.warns(UserWarning, match="1 picture of .*'lost' had other answers than .*json; now"):
        open_dataset(file, name="lost", reread=True)
    dataset.reload()
    assert [d["truncated"] for sample in dataset for d in sample.ground_truth.detections] == [None, 0]


def test_pictures_that_were_all_renamed_come_in_addition_with_a_warning(tmp_path):
    from dfine.explore.datasets import open_dataset

    coco(tmp_path / "set")
    file = tmp_path / "set" / "annotations.json"
    many = len(open_dataset(file, name="renamed"))
    content = json.loads(file.read_text())
    for image in content["images"]:
        before = file.parent / "images" / image["file_name"]
        image["file_name"] = f"new-{image['file_name']}"
        before.rename(file.parent / "images" / image["file_name"])
    file.write_text(json.dumps(content))
    with pytest.warns(
        UserWarning, match=f"none of the {many} pictures of .*'renamed' is in .*json any more, .* --name"
    ):
        assert len(open_dataset(file, name="renamed")) > many
