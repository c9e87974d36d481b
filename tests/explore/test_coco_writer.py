"""A COCO file in the making: ids, sizes and boxes as they were read, what changed as it is now."""

import json
from types import SimpleNamespace

import pytest

fo = pytest.importorskip("fiftyone")

from dfine.explore import fields
from dfine.explore.coco_writer import CocoWriter
from tests.data.test_coco import annotation, picture, write


def dataset(folder, names, given=True):
    """All that the writer asks of a data set: where its pictures lie, and what it was read from."""
    source = {"path": str(folder / "annotations.json")} if given else {}
    paths = [str(folder / "images" / name) for name in names]
    return SimpleNamespace(info={fields.SOURCE: source, fields.TAGS: True}, values=lambda field: paths)


def sample(folder, name, **more):
    path = str(folder / "images" / name)
    return SimpleNamespace(filepath=path, metadata=SimpleNamespace(width=20, height=10), **dict(tags=[]) | more)


def box(label, rectangle, **more):
    x, y, w, h = rectangle
    return fo.Detection(label=label, bounding_box=[x / 20, y / 10, w / 20, h / 10], **more)


@pytest.fixture
def folder(tmp_path):
    answers = [annotation(11, bbox=(2, 2, 4, 4), area=7.5, segmentation=[[2, 2, 6, 2, 6, 6]]), annotation(12)]
    return write(tmp_path / "set", [picture(7)], answers)


def test_pictures_without_a_file_of_answers_are_numbered_anew(tmp_path):
    write(tmp_path, [picture(1), picture(2)], [])
    writer = CocoWriter(dataset(tmp_path, ["1.png", "2.png"], given=False), ["cup"])
    entries = [writer.picture(sample(tmp_path, name)) for name in ("1.png", "2.png")]
    assert [(e["id"], e["file_name"], e["width"], e["height"]) for e in entries] == [
        (1, "1.png", 20, 10),
        (2, "2.png", 20, 10),
    ]
    assert writer.categories == [{"id": 1, "name": "cup"}]


def test_pictures_of_one_name_in_several_folders_stay_apart(tmp_path):
    folder = write(tmp_path / "set", [picture(7), picture(8, "more/7.png")], [annotation(11), annotation(12, image=8)])
    (folder / "images" / "more").mkdir()
    (folder / "images" / "8.png").rename(folder / "images" / "more" / "7.png")
    writer = CocoWriter(dataset(folder, ["7.png", "more/7.png"]), ["car"])
    entries = [writer.picture(sample(folder, name)) for name in ("7.png", "more/7.png")]
    assert [(e["id"], e["file_name"]) for e in entries] == [(7, "7.png"), (8, "more/7.png")]
    (tmp_path / "out").mkdir()
    writer.write(tmp_path / "out")
    folders = (folder / "images", tmp_path / "out" / "images")
    before, after = ([(images / name).read_bytes() for name in writer.files] for images in folders)
    assert before == after and before[0] != before[1]


@pytest.mark.parametrize("name", ["{}/elsewhere/7.png", "../elsewhere/7.png"], ids=["absolute", "climbing"])
def test_a_picture_that_lies_elsewhere_keeps_what_was_said_of_it(tmp_path, name):
    image = picture(7, name.format(tmp_path / "set")) | {"license": 3}
    folder = write(tmp_path / "set", [image], [annotation(11)])
    (folder / "elsewhere").mkdir()
    (folder / "images" / "7.png").rename(folder / "elsewhere" / "7.png")
    writer = CocoWriter(dataset(folder, ["../elsewhere/7.png"]), [])
    entry = writer.picture(sample(folder, "../elsewhere/7.png"))
    assert (entry["id"], entry["file_name"], entry["license"]) == (7, "7.png", 3)
    (tmp_path / "out").mkdir()
    writer.write(tmp_path / "out")
    assert (tmp_path / "out" / "images" / "7.png").is_file()


def test_what_was_read_keeps_its_ids_and_all_that_was_said_of_it(folder):
    writer = CocoWriter(dataset(folder, ["7.png"]), ["car", "new"])
    assert [c["name"] for c in writer.categories] == ["car", "bottle", "new"] and writer.categories[2]["id"] == 45
    image = writer.picture(sample(folder, "7.png", tags=["train"]))
    assert image["id"] == 7 and image["tags"] == ["train"]
    same = writer.annotation(box("bottle", (2, 2, 4, 4), coco_id=11), image)
    assert (same["id"], same["area"], same["category_id"]) == (11, 7.5, 44) and same["segmentation"]
    again = writer.annotation(box("bottle", (2, 2, 4, 4), coco_id=11), image)
    assert again["id"] == 13, "an id is given once"
    moved = writer.annotation(box("car", (3, 2, 4, 4), coco_id=12, tags=["checked"]), image)
    assert (moved["id"], moved["bbox"], moved["area"], moved["category_id"]) == (12, [3, 2, 4, 4], 16, 3)
    assert "segmentation" not in moved and moved["tags"] == ["checked"]


def test_a_picture_that_the_file_lists_twice_comes_out_twice_with_both_ids(tmp_path):
    folder = write(tmp_path / "set", [picture(7), picture(8, "7.png")], [annotation(11), annotation(12, image=8)])
    writer = CocoWriter(dataset(folder, ["7.png", "7.png", "9.png"]), [])
    entries = [writer.picture(sample(folder, name)) for name in ("7.png", "7.png", "7.png", "9.png")]
    assert [(e["id"], e["file_name"]) for e in entries] == [(7, "7.png"), (8, "7.png"), (11, "7.png"), (12, "9.png")]


def test_tags_are_those_of_today(tmp_path):
    images = [picture(7) | {"tags": ["seen"]}, picture(8) | {"tags": {"by": "a tool"}}]
    answers = [annotation(11, tags=["label error"]), annotation(12, tags=["worn"]), annotation(13, image=8, tags="own")]
    folder = write(tmp_path, images, answers)
    writer = CocoWriter(dataset(folder, ["7.png", "8.png"]), [])
    first, second = (writer.picture(sample(folder, name)) for name in ("7.png", "8.png"))
    assert "tags" not in first and second["tags"] == {"by": "a tool"}, "what a person took away is gone"
    given = [(11, [], first), (12, ["worn", "checked"], first), (13, [], second)]
    out = [writer.annotation(box("bottle", (2, 2, 4, 4), coco_id=id, tags=tags), image) for id, tags, image in given]
    assert [a.get("tags") for a in out] == [None, ["worn", "checked"], "own"]


def test_a_data_set_of_before_that_has_not_read_the_files_tags_does_not_lose_them(tmp_path):
    answers = [annotation(11, tags=["worn"]), annotation(12)]
    there = dataset(write(tmp_path, [picture(7) | {"tags": ["night", "rain"]}], answers), ["7.png"])
    del there.info[fields.TAGS]
    writer = CocoWriter(there, [])
    image = writer.picture(sample(tmp_path, "7.png", tags=["checked", "rain"]))
    assert image["tags"] == ["night", "rain", "checked"]
    out = [writer.annotation(box("bottle", (2, 2, 4, 4), coco_id=id), image) for id in (11, 12)]
    assert [a.get("tags") for a in out] == [["worn"], None]


def test_a_box_that_was_moved_loses_its_outline_and_nothing_else(tmp_path):
    said = dict(attributes={"occluded": True}, visible=0.5, keypoints=[3, 3, 2])
    answers = [annotation(11, bbox=(2, 2, 4, 4), segmentation=[[2, 2, 6, 2, 6, 6]], **said)]
    writer = CocoWriter(dataset(write(tmp_path, [picture(7)], answers), ["7.png"]), [])
    image = writer.picture(sample(tmp_path, "7.png"))
    moved = writer.annotation(box("bottle", (3, 2, 4, 4), coco_id=11), image)
    where = dict(id=11, image_id=7, category_id=44, bbox=[3, 2, 4, 4], area=16, iscrowd=0)
    assert moved == where | said
    assert writer.given.annotations["7.png", 11]["bbox"] == [2, 2, 4, 4], "what was read stays"


def test_a_file_whose_ending_is_in_capitals_is_the_same_file(folder):
    (folder / "annotations.json").rename(folder / "Answers.JSON")
    there = dataset(folder, ["7.png"])
    there.info[fields.SOURCE]["path"] = str(folder / "Answers.JSON")
    writer = CocoWriter(there, [])
    same = writer.annotation(box("bottle", (2, 2, 4, 4), coco_id=11), writer.picture(sample(folder, "7.png")))
    assert same["id"] == 11 and same["segmentation"]


def test_a_prediction_has_its_score_and_no_id(folder):
    writer = CocoWriter(dataset(folder, ["7.png"]), [])
    entry = writer.prediction(box("car", (1, 1, 2, 2), confidence=0.5), writer.picture(sample(folder, "7.png")))
    assert entry == {"image_id": 7, "category_id": 3, "bbox": [1, 1, 2, 2], "area": 4, "iscrowd": 0, "score": 0.5}


def test_the_file_is_a_coco_file_with_its_pictures(folder, tmp_path):
    writer = CocoWriter(dataset(folder, ["7.png"]), [])
    image = writer.picture(sample(folder, "7.png"))
    writer.annotations.append(writer.annotation(box("car", (1, 1, 2, 2)), image))
    out = tmp_path / "out"
    out.mkdir()
    writer.write(out)
    truth = json.loads((out / "annotations.json").read_text())
    assert truth["images"] == [image] and truth["annotations"] == writer.annotations
    assert (out / "images" / "7.png").read_bytes() == (folder / "images" / "7.png").read_bytes()
