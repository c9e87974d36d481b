import shutil
import zlib

import pytest
from PIL import Image

from dfine.data.coco import CocoSet
from dfine.data.coco_layout import ROBOFLOW
from dfine.data.loader import subset
from dfine.data.sources import open_data, require_pictures, splits, train_and_val, validation
from tests.data.test_coco import DATA, annotation, needs_data, picture, write
from tests.data.test_voc import data_set as voc_set
from tests.data.test_yolo import data_set as yolo_set


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no data set"):
        open_data(tmp_path / "no")
    with pytest.raises(FileNotFoundError, match="holds no data set: neither COCO's"):
        open_data(tmp_path)


def test_a_home_folder_is_found_by_its_sign(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # of Windows
    place = write(tmp_path / "coco", [picture(7)], [annotation(1)])
    assert len(open_data("~/coco")) == len(CocoSet("~/coco", "~/coco/annotations.json")) == 1
    assert open_data("~/coco").path(0).is_relative_to(place)


def test_the_format_is_told_from_what_lies_there(tmp_path):
    coco = write(tmp_path / "coco", [picture(7)], [annotation(1)])
    yolo = yolo_set(tmp_path / "yolo", {"a": "0 0.5 0.5 0.5 0.5"})
    voc = voc_set(tmp_path / "voc", {"a": [("cup", 0, 1, 1, 9, 9)]})
    found = [open_data(p) for p in (coco, coco / "annotations.json", yolo, yolo.parent, voc)]
    assert [data.names for data in found] == [("car", "bottle")] * 2 + [("cup", "key")] * 2 + [("cup",)]
    assert all(len(data) == 1 for data in found)


def test_a_folder_for_each_split_with_answers_of_its_own(tmp_path):
    for split in ("train", "valid"):
        folder = write(tmp_path / split, [picture(7)], [annotation(1)])
        Image.new("RGB", (20, 10)).save(folder / "7.png")
        shutil.move(folder / "annotations.json", folder / ROBOFLOW)
    assert list(splits(tmp_path)) == ["train", "valid"]
    train, val = train_and_val(tmp_path)
    assert (train.folder.name, val.folder.name) == ("train", "valid")
    assert val[0][1].labels.tolist() == [1]
    assert len(open_data(tmp_path / "valid")) == 1


def test_several_splits_must_be_chosen_from(tmp_path):
    folder = voc_set(tmp_path, {"a": [], "b": []}, {"train": ["a"], "val": ["b"]})
    with pytest.raises(ValueError, match=r"several splits \(train, val\); say which with --split"):
        open_data(folder)
    assert open_data(folder, "valid").path(0).name == "b.jpg"
    with pytest.raises(FileNotFoundError, match="has no split 'test'; it has train, val"):
        open_data(folder, "test")


def test_without_a_validation_split_the_test_split_serves(tmp_path):
    cup = [("cup", 0, 1, 1, 9, 9)]
    folder = voc_set(tmp_path, {"a": cup, "b": cup}, {"train": ["a"], "test": ["b"]})
    assert [data.path(0).name for data in train_and_val(folder)] == ["a.jpg", "b.jpg"]


def test_a_split_that_may_be_either_of_two_is_not_guessed(tmp_path):
    cup, lists = [("cup", 0, 1, 1, 9, 9)], {"train": ["a"], "val": ["b"], "valid": ["c"]}
    folder = voc_set(tmp_path / "a", {"a": cup, "b": cup, "c": cup}, lists)
    assert [open_data(folder, split).path(0).name for split in ("val", "valid")] == ["b.jpg", "c.jpg"]
    folder = voc_set(
        tmp_path / "b", {"a": cup, "b": cup, "c": cup}, {"train": ["a"], "val2014": ["b"], "val2017": ["c"]}
    )
    assert open_data(folder, "val2017").path(0).name == "c.jpg"
    for ask in (lambda: open_data(folder, "val"), lambda: train_and_val(folder)):
        with pytest.raises(ValueError, match="has the splits 'val2014' and 'val2017', and 'val' may mean either; name"):
            ask()
    assert train_and_val(folder, hold_out=False)[0].path(0).name == "a.jpg"


def unsplit(folder, count, names="{}.png", objects=True):
    """A data set of COCO's form without splits."""
    images = [picture(i, names.format(i)) for i in range(count)]
    boxes = [annotation(i + 1, image=i) for i in range(count)] if objects else []
    write(folder, images, boxes)
    for image in images:
        (folder / "images" / image["file_name"]).parent.mkdir(exist_ok=True)
        (folder / "images" / f"{image['id']}.png").rename(folder / "images" / image["file_name"])
    return folder


@pytest.mark.parametrize("names", ["{}.png", "ü{}.png", "part/{}.png"])
def test_of_an_unsplit_set_a_tenth_is_held_out_by_the_names_of_the_files(tmp_path, names):
    folder = unsplit(tmp_path, 60, names)
    with pytest.warns(UserWarning, match="no validation split: [1-9][0-9]* of its 60 pictures, .* are held out"):
        train, val = train_and_val(folder)
    every = [(folder / "images" / names.format(i)) for i in range(60)]
    kept = [path for path in every if zlib.crc32(path.name.encode("utf-8")) % 10]
    out = [path for path in every if not zlib.crc32(path.name.encode("utf-8")) % 10]
    assert [train.path(i) for i in range(len(train))] == kept
    assert [val.path(i) for i in range(len(val))] == out
    assert 0 < len(out) < len(kept) and train.names == val.names == ("car", "bottle")
    for split, part in (("train", train), ("training", train), ("val", val), ("valid", val)):
        again = open_data(folder / "annotations.json", split)
        assert again.ground_truth() == part.ground_truth()
        assert [again.target(i).image_id for i in range(len(again))] == [i["id"] for i in part.ground_truth()["images"]]
    assert len(open_data(folder)) == len(validation(folder)) == 60
    assert [None if d is None else len(d) for d in train_and_val(folder, hold_out=False)] == [60, None]
    with pytest.raises(FileNotFoundError, match="has no split 'test'; it has none"):
        open_data(folder, "test")


def test_nothing_is_held_out_of_a_few_pictures(tmp_path):
    data, val = train_and_val(unsplit(tmp_path, 19))
    assert (len(data), val) == (19, None)
    with pytest.raises(FileNotFoundError, match="no split 'val'; .* too small to hold a part of it out"):
        open_data(tmp_path, "val")


def test_only_a_training_split_is_as_no_splits(tmp_path):
    path = yolo_set(tmp_path, {str(i): "0 0.5 0.5 0.5 0.5" for i in range(60)})
    with pytest.warns(UserWarning, match="are held out"):
        train, val = train_and_val(path)
    assert [len(d) for d in (train, val)] == [len(open_data(path, s)) for s in ("train", "val")]
    assert len(train) + len(val) == len(open_data(path)) == 60


NOTHING = {
    r"annotations.json has 2 pictures, but no objects to learn from: there are no annotations": [],
    "all 2 annotations are marked as crowds or difficult": [annotation(1, iscrowd=1), annotation(2, iscrowd=1)],
    "none of the 1 boxes has an extent": [annotation(1, bbox=(2, 2, 0, 4))],
}


@pytest.mark.parametrize("message", NOTHING)
def test_nothing_to_learn_from_is_said_before_the_work(tmp_path, message, recwarn):
    folder = write(tmp_path, [picture(7), picture(8)], NOTHING[message])
    with pytest.raises(ValueError, match=message):
        train_and_val(folder)
    with pytest.raises(ValueError, match="no objects to measure AP on"):
        validation(folder)
    assert len(open_data(folder)) == 2, "what only looks at the data may have it"


def test_what_is_exported_or_packed_otherwise_is_said(tmp_path):
    packed = tmp_path / "export.ZIP"
    packed.write_bytes(b"PK")
    with pytest.raises(ValueError, match="export.ZIP is an archive; unpack it"):
        open_data(packed)
    cvat = tmp_path / "cvat"
    (cvat / "images").mkdir(parents=True)
    (cvat / "annotations.xml").write_text("<annotations><version>1.1</version><image id='0'/></annotations>")
    with pytest.raises(ValueError, match="annotations.xml is an export in CVAT's own format.*: export the task as"):
        open_data(cvat)


def test_missing_pictures_are_counted(tmp_path):
    unsplit(tmp_path, 4)
    data = open_data(tmp_path)
    require_pictures(data)
    data.path(1).unlink(), data.path(3).unlink()
    with pytest.raises(FileNotFoundError, match="of 4 pictures 2 cannot be found: .*1.png, .*3.png; put"):
        require_pictures(data)
    require_pictures(subset(data, [0, 2]))  # the others are not asked for


def test_boxes_that_look_like_corners_are_said_before_the_work(tmp_path):
    boxes = [annotation(i, bbox=b) for i, b in enumerate([(0, 0, 20, 10), (3, 1, 19, 9), (4, 2, 18, 9)])]
    with pytest.warns(UserWarning, match="look like two corners .x1, y1, x2, y2.; the format has x, y, width, height"):
        train_and_val(write(tmp_path, [picture(7)], boxes))


def test_a_validation_split_without_objects_is_said_too(tmp_path):
    folder = voc_set(tmp_path, {"a": [("cup", 0, 1, 1, 9, 9)], "b": []}, {"train": ["a"], "val": ["b"]})
    with pytest.raises(ValueError, match="1 pictures, but no objects to measure AP on"):
        train_and_val(folder)
    train, val = train_and_val(folder, hold_out=False)
    assert (len(train), val) == (1, None)


def test_a_validation_split_that_is_named_but_not_there_is_missed_by_training_only(tmp_path):
    path = yolo_set(tmp_path, {"a": "0 0.5 0.5 0.5 0.5"}, val="images/val")
    assert len(open_data(path)) == len(open_data(path, "train")) == 1
    with pytest.raises(FileNotFoundError, match="names 'images/val', which is not at"):
        train_and_val(path)


def test_an_unsplit_set_has_nothing_to_validate_on(tmp_path):
    data, val = train_and_val(write(tmp_path, [picture(7)], [annotation(1)]))
    assert (len(data), val) == (1, None)


@needs_data
@pytest.mark.parametrize(
    ("folder", "split", "pictures"),
    [("tiny_coco", "val", 50), ("tiny_coco", "train2017", 50), ("bccd", "test", 72), ("bccd/BCCD", "val", 87)],
)
def test_real_data_sets(folder, split, pictures):
    data = open_data(DATA / folder, split)
    assert len(data) == len(data.ground_truth()["images"]) == pictures
    assert all(data.path(i).is_file() for i in range(pictures))
