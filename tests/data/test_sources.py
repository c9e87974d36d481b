import shutil

import pytest
from PIL import Image

from dfine.data.coco_layout import ROBOFLOW
from dfine.data.sources import open_data, splits, train_and_val
from tests.data.test_coco import DATA, annotation, needs_data, picture, write
from tests.data.test_voc import data_set as voc_set
from tests.data.test_yolo import data_set as yolo_set


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no data set"):
        open_data(tmp_path / "no")
    with pytest.raises(FileNotFoundError, match="holds no data set: neither COCO's"):
        open_data(tmp_path)


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
    with pytest.raises(ValueError, match=r"several splits \(train, val\); say which"):
        open_data(folder)
    assert open_data(folder, "valid").path(0).name == "b.jpg"
    with pytest.raises(FileNotFoundError, match="has no split 'test'; it has train, val"):
        open_data(folder, "test")


def test_without_a_validation_split_the_test_split_serves(tmp_path):
    folder = voc_set(tmp_path, {"a": [], "b": []}, {"train": ["a"], "test": ["b"]})
    assert [data.path(0).name for data in train_and_val(folder)] == ["a.jpg", "b.jpg"]


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
