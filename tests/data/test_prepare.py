"""Recipes name what is missing, and what they write is a data set to train on."""

import json

import pytest
from PIL import Image

from dfine.data import prepare, scenes
from dfine.data.convert import convert
from dfine.data.prepare import RECIPES, follow, shrink
from dfine.data.sources import open_data, splits, train_and_val
from tests.data.test_coco import annotation, picture, write
from tests.data.test_voc import data_set as voc_set


def photo(path, size=(20, 10)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (90, 30, 60)).save(path)


@pytest.mark.parametrize("name", list(RECIPES))
def test_what_is_missing_is_named_with_where_to_get_it(name, tmp_path):
    with pytest.raises(FileNotFoundError) as error:
        follow(name, tmp_path)
    assert all(file in str(error.value) for file in RECIPES[name].files)
    assert "http" in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_recipe_is_said(tmp_path):
    with pytest.raises(ValueError, match="no recipe 'cake'; there are coco, objects365"):
        follow("cake", tmp_path)


def test_coco_needs_no_preparation(tmp_path):
    (tmp_path / "annotations").mkdir()
    for split in ("train2017", "val2017"):
        photo(tmp_path / split / "7.png")
        content = {"images": [picture(7)], "annotations": [], "categories": [{"id": 1, "name": "cup"}]}
        (tmp_path / f"annotations/instances_{split}.json").write_text(json.dumps(content))
    assert follow("coco", tmp_path) == [f"train with --data {tmp_path}"]
    assert list(splits(tmp_path)) == ["train2017", "val2017"]


def test_objects365_trains_on_all_but_the_first_of_validation(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare, "HELD_OUT", 1)
    (tmp_path / "annotations").mkdir()
    for split, ids in (("train", (5, 6)), ("val", (5, 8, 9))):  # ids of the two files overlap, as the real ones do
        images = [picture(i, f"images/v1/patch{i}/{split}_{i}.jpg") for i in ids]
        for i in ids:
            photo(tmp_path / split / f"patch{i}" / f"{split}_{i}.jpg")
        content = {"images": images, "annotations": [annotation(i, i, 3) for i in ids]}
        categories = [{"id": 3, "name": "Cup"}]
        path = tmp_path / f"annotations/zhiyuan_objv2_{split}.json"
        path.write_text(json.dumps(content | {"categories": categories}))
    said = follow("objects365", tmp_path)
    assert "instances_train.json: 4 pictures, 4 objects" in said[0] and "val.json: 1 pictures, 1 objects" in said[1]
    train, val = train_and_val(tmp_path)
    assert [train.path(i).relative_to(tmp_path).as_posix() for i in range(4)] == [
        "train/patch5/train_5.jpg",
        "train/patch6/train_6.jpg",
        "val/patch8/val_8.jpg",
        "val/patch9/val_9.jpg",
    ]
    assert val.path(0).name == "val_5.jpg"
    assert all(len(train[i][1]) == 1 for i in range(4))
    assert follow("objects365", tmp_path)[0] == said[0]  # again: the same


def test_crowdhuman_keeps_whole_bodies_and_ignores_what_it_says_to_ignore(tmp_path):
    boxes = [
        {"tag": "person", "fbox": [1, 2, 5, 6], "extra": {}},
        {"tag": "person", "fbox": [2, 2, 5, 6], "extra": {"ignore": 1}},
        {"tag": "mask", "fbox": [0, 0, 9, 9]},
    ]
    for split in ("train", "val"):
        photo(tmp_path / "Images" / f"{split}.jpg")
        (tmp_path / f"annotation_{split}.odgt").write_text(json.dumps({"ID": split, "gtboxes": boxes}) + "\n")
    follow("crowdhuman", tmp_path)
    data = open_data(tmp_path, "train")
    assert data.names == ("person",)
    assert [a["iscrowd"] for a in data.ground_truth()["annotations"]] == [0, 1, 1]
    assert len(data[0][1]) == 1


@pytest.mark.parametrize(
    "line", ['{"ID": "val", "gtbo', "[1]", '{"ID": "val"}', '{"ID": "a", "gtboxes": [{"fbox": 3}]}']
)
def test_a_torn_list_of_crowdhuman_is_named_with_the_line(tmp_path, line):
    photo(tmp_path / "Images" / "a.jpg")
    whole = json.dumps({"ID": "a", "gtboxes": []})
    (tmp_path / "annotation_train.odgt").write_text(whole)
    (tmp_path / "annotation_val.odgt").write_text(f"{whole}\n{line}")
    with pytest.raises(ValueError, match=r"line 2 of .*annotation_val.odgt is no entry of CrowdHuman; unpack"):
        follow("crowdhuman", tmp_path)


@pytest.mark.parametrize("content", ["[]", '{"images": []}'])
def test_a_file_of_objects365_that_is_another_is_named(tmp_path, content):
    photo(tmp_path / "train" / "a.jpg")
    photo(tmp_path / "val" / "a.jpg")
    (tmp_path / "annotations").mkdir()
    for split in ("train", "val"):
        (tmp_path / f"annotations/zhiyuan_objv2_{split}.json").write_text(content)
    with pytest.raises(ValueError, match=r"zhiyuan_objv2_train.json is not a COCO file: it has no list"):
        follow("objects365", tmp_path)


def test_both_years_of_voc_are_trained_on_and_one_is_held_out(tmp_path):
    voc_set(
        tmp_path / "VOC2007",
        {"a": [("cup", 0, 1, 1, 9, 9)], "t": [("cup", 1, 0, 0, 9, 9), ("cup", 0, 1, 1, 9, 9)]},
        {"trainval": ["a"], "test": ["t"]},
    )
    voc_set(tmp_path / "VOC2012", {"b": [("cup", 0, 2, 2, 8, 8), ("cup", 0, 0, 0, 3, 3)]}, {"trainval": ["b"]})
    follow("voc", tmp_path)
    train, val = train_and_val(tmp_path)
    assert [len(train[i][1]) for i in range(2)] == [1, 2]
    assert [a["iscrowd"] for a in val.ground_truth()["annotations"]] == [1, 0]


def test_shrunk_pictures_take_their_boxes_along(tmp_path):
    source = write(tmp_path / "big", [picture(7), picture(8)], [annotation(1, bbox=(4, 2, 8, 6))])
    data = open_data(shrink(source / "annotations.json", tmp_path / "small", 10, progress=False))
    truth = data.ground_truth()
    assert [(i["width"], i["height"]) for i in truth["images"]] == [(10, 5)] * 2
    assert truth["annotations"][0]["bbox"] == [2, 1, 4, 3]
    assert data[0][0].shape == (3, 5, 10)
    with pytest.raises(ValueError, match="at least one pixel"):
        shrink(source / "annotations.json", tmp_path / "none", 0)


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_shrinking_leaves_everything_as_it_was(tmp_path):
    source = write(tmp_path / "big", [picture(7)], [])
    before = contents(tmp_path)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "annotations.json").write_text("of somebody else")
    for out in (source, tmp_path / "other"):
        with pytest.raises(FileExistsError, match="is not an empty folder; name a new one"):
            shrink(source / "annotations.json", out, 10, progress=False)
    assert contents(source) == before
    assert list(contents(tmp_path / "other").values()) == [b"of somebody else"]


def test_shrinking_takes_absolute_names_for_names(tmp_path):
    source = tmp_path / "big"
    write(source, [picture(7, str(source / "images" / "7.png")), picture(8, "images/8.png")], [])
    before = contents(source)
    data = open_data(shrink(source / "annotations.json", tmp_path / "small", 10, progress=False))
    assert contents(source) == before
    assert [i["file_name"] for i in data.ground_truth()["images"]] == ["7.png", "8.png"]
    assert data.path(0).parent == tmp_path / "small" / "images"
    assert [data[i][0].shape[1:] for i in range(2)] == [(5, 10)] * 2


def test_shrinking_a_broken_picture_leaves_nothing(tmp_path):
    source = write(tmp_path / "big", [picture(i) for i in range(5)], [])
    (source / "images" / "3.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="'3.png' is not a picture in a format that can be read"):
        shrink(source / "annotations.json", tmp_path / "small", 10, progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["big"]


@pytest.mark.parametrize("upright", [True, False])
def test_a_turned_photo_is_shrunk_as_its_answers_mean_it(tmp_path, upright):
    sides = (10, 20) if upright else (20, 10)  # the file is stored lying down
    source = write(tmp_path / "big", [picture(7, "7.jpg", *sides)], [annotation(1, bbox=(0, 0, sides[0], 4))])
    exif, stored = Image.Exif(), Image.new("RGB", (20, 10), "white")
    exif[0x0112] = 6
    stored.paste("black", (0, 0, 4, 10) if upright else (0, 0, 20, 4))  # what is on top, as it is shown
    stored.save(source / "images" / "7.jpg", exif=exif, quality=100)
    data = open_data(shrink(source / "annotations.json", tmp_path / "small", 10, progress=False))
    pixels, target = data[0]
    assert target.size == (sides[0] // 2, sides[1] // 2)
    assert data.ground_truth()["annotations"][0]["bbox"] == [0, 0, sides[0] / 2, 2]
    assert pixels[:, 0].max() < 60 < 190 < pixels[:, -1].min()


def test_outlines_and_keypoints_shrink_with_their_boxes(tmp_path):
    more = {"segmentation": [[4, 2, 12, 2, 12, 8]], "keypoints": [4, 2, 2, 0, 0, 0], "num_keypoints": 1}
    odd = {"segmentation": {"size": [10, 20], "counts": [0, 200]}}, {"segmentation": [4, 2]}
    boxes = [annotation(i, bbox=(4, 2, 8, 6)) | said for i, said in enumerate((more, *odd), 1)]
    source = write(tmp_path / "big", [picture(7)], boxes)
    for longest, scale in ((10, 0.5), (40, 1)):
        out = shrink(source / "annotations.json", tmp_path / f"{longest}", longest, progress=False)
        first, *others = open_data(out).ground_truth()["annotations"]
        assert first["segmentation"] == [[v * scale for v in more["segmentation"][0]]]
        assert first["keypoints"] == [4 * scale, 2 * scale, 2, 0, 0, 0]
        assert [("segmentation" in a) for a in others] == [scale == 1] * 2


def test_a_home_folder_is_meant_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # of Windows
    write(tmp_path / "coco", [picture(7)], [annotation(1)])
    assert shrink("~/coco/annotations.json", "~/small", 8, progress=False) == tmp_path / "small"
    assert convert("~/small", "~/voc", "voc", progress=False) == tmp_path / "voc" and (tmp_path / "voc").is_dir()
    assert scenes.write("~/drawn", scenes.Scenes(1, size=(64, 64)), workers=0) == tmp_path / "drawn"
    assert (tmp_path / "drawn" / "annotations.json").is_file()
    with pytest.raises(FileNotFoundError, match=f"{tmp_path.name}.*lacks"):
        follow("coco", "~/coco")
