"""What COCO files said: of one file as it stands, of one for each split as of one, and nothing where there is none."""

import json

import pytest
from PIL import Image

fiftyone = pytest.importorskip("fiftyone")

from dfine.explore import datasets, export, fields
from dfine.explore.coco_given import Given, given
from tests.data.test_coco import annotation, picture, write

OUTLINE = [[2, 2, 6, 2, 6, 6]]
OTHER = [{"id": 3, "name": "bottle", "supercategory": "glass"}, {"id": 44, "name": "cup"}]  # ids of the other file


@pytest.fixture
def splits(tmp_path):
    """Two splits as COCO's own: the same ids stand for other pictures, answers, classes and licences."""
    home = tmp_path / "set"
    for split, more in (
        ("train", {"info": {"year": 2017}, "licenses": [{"id": 1, "name": "CC BY"}, {"id": 2, "name": "none"}]}),
        ("val", {"info": {"year": 2018}, "licenses": [{"id": 1, "name": "CC0"}, {"id": 2, "name": "none"}]}),
    ):
        (home / split).mkdir(parents=True)
        Image.new("RGB", (20, 10), "teal").save(home / split / "7.png")
        answers = [annotation(11, segmentation=OUTLINE, by=split, category=44), annotation(12, category=3)]
        said = {"images": [picture(7) | {"license": 1, "flickr": split}], "annotations": answers}
        classes = [{"id": 44, "name": "bottle"}, {"id": 3, "name": "car"}] if split == "train" else OTHER
        place = home / "annotations" / f"instances_{split}.json"
        place.parent.mkdir(exist_ok=True)
        place.write_text(json.dumps(more | said | {"categories": classes}))
    return home


def test_nothing_where_there_is_no_file(tmp_path):
    write(tmp_path / "set", [picture(7)], [])
    for source in ({}, {"kind": "coco", "path": str(tmp_path / "gone.json")}, {"kind": "voc", "path": str(tmp_path)}):
        assert given(source, tmp_path) == Given()
    assert given({"kind": "coco", "path": str(tmp_path)}, tmp_path) == Given()


def test_a_single_file_says_what_it_says(tmp_path):
    write(tmp_path, [picture(7), picture(8, "7.png")], [annotation(11), annotation(12, image=8)])
    found = given({"path": str(tmp_path / "annotations.json")}, tmp_path)
    assert [image["id"] for image in found.images["7.png"]] == [7, 8]
    assert {key: entry["image_id"] for key, entry in found.annotations.items()} == {("7.png", 11): 7, ("7.png", 12): 8}
    assert found.names == {str(tmp_path / "images" / "7.png"): "7.png"}


def test_several_files_come_out_as_one_with_all_that_they_said(splits, tmp_path):
    there = datasets.open_dataset(splits, name="two splits of COCO")
    try:
        fields.note(there, "dfine", {"truth": "ground_truth"})
        found = json.loads((export.reviewed(there, tmp_path / "out") / "annotations.json").read_text())
    finally:
        there.delete()
    assert found["info"] == {"year": 2017}
    assert found["licenses"] == [{"id": i + 1, "name": name} for i, name in enumerate(("CC BY", "none", "CC0"))]
    assert [(c["id"], c["name"]) for c in found["categories"]] == [(3, "car"), (44, "bottle"), (45, "cup")]
    assert [(i["id"], i["file_name"], i["license"], i["flickr"], i["tags"]) for i in found["images"]] == [
        (7, "train/7.png", 1, "train", ["train"]),
        (8, "val/7.png", 3, "val", ["val"]),
    ]
    ids = [(a["id"], a["image_id"], a["category_id"]) for a in found["annotations"]]
    assert ids == [(11, 7, 44), (12, 7, 3), (13, 8, 45), (14, 8, 44)]
    told = [(a.get("segmentation"), a.get("by")) for a in found["annotations"]]
    assert told == [(OUTLINE, "train"), (None, None), (OUTLINE, "val"), (None, None)]


def test_of_a_picture_in_two_files_the_first_one_counts(splits, tmp_path):
    """As in FiftyOne, which has its answers once."""
    answers = [annotation(11, by="trainval"), annotation(12, category=3)]
    said = {"images": [picture(7, "train/7.png")], "annotations": answers}
    said["categories"] = [{"id": 1, "name": "bottle"}, {"id": 3, "name": "car"}]
    (splits / "annotations" / "instances_trainval.json").write_text(json.dumps(said))
    found = given({"kind": "coco", "path": str(splits)}, splits)
    assert {key: (entry["id"], entry.get("by")) for key, entry in found.annotations.items() if "train" in key[0]} == {
        ("train/7.png", 11): (11, "train"),
        ("train/7.png", 12): (12, None),
    }
