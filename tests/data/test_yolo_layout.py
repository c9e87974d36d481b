"""The files that describe a data set in YOLO format, as different tools write them."""

import shutil

import pytest
import yaml
from PIL import Image

from dfine.data.sources import open_data, splits, train_and_val
from dfine.data.yolo_layout import describe
from tests.data.test_yolo import data_set

BOX = "1 0.5 0.5 0.5 0.5\n"


def pictures(folder, stems, labels=None):
    """Pictures in a folder, with a box each in another."""
    for stem in stems:
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 20)).save(folder / f"{stem}.jpg")
        if labels is not None:
            labels.mkdir(parents=True, exist_ok=True)
            (labels / f"{stem}.txt").write_text(BOX)


def test_nothing_there(tmp_path):
    assert describe(tmp_path) is None
    (tmp_path / "config.yaml").write_text("a: 1\n")
    assert describe(tmp_path) is None


@pytest.mark.parametrize(
    "names",
    [
        "[no, yes]",
        "{0: no, 1: yes}",
        "{0: off, 1: on}",
        "[null, ~]",
        "[1.0, 1e3]",
        "[2024-01-01, 0x1F]",
        "['no', \"yes\"]",
    ],
)
def test_names_are_what_is_written(tmp_path, names):
    path = data_set(tmp_path, {"a": BOX})
    path.write_text(f"names: {names}\ntrain: images/train\n")
    written = [name.split(":")[-1].strip(" '\"") for name in names.strip("[]{}").split(",")]
    assert open_data(path).names == tuple(written)


def test_a_split_that_is_not_there_is_missed_by_those_who_ask_for_it(tmp_path):
    path = data_set(tmp_path, {"a": BOX}, val="images/train", test="../test/images")
    assert list(splits(path)) == list(splits(tmp_path)) == ["train", "val"]
    assert [len(data) for data in train_and_val(path)] == [1, 1]
    with pytest.raises(FileNotFoundError, match="data.yaml names '../test/images', which is not at"):
        open_data(path, "test")


def test_where_no_split_is_there_the_first_is_named(tmp_path):
    path = data_set(tmp_path, {"a": BOX})
    shutil.rmtree(tmp_path / "images")
    for place in (path, tmp_path):
        with pytest.raises(FileNotFoundError, match="names 'images/train', which is not at"):
            open_data(place)


@pytest.mark.parametrize("nothing", ["", "~", "null", "[]"])
def test_entries_may_say_nothing(tmp_path, nothing):
    path = data_set(tmp_path, {"a": BOX})
    path.write_text(f"names: [cup, key]\ntrain: images/train\nval: {nothing}\ntest: {nothing}\nkpt_shape: {nothing}\n")
    assert list(splits(path)) == ["train"]


def test_several_places_of_a_split(tmp_path):
    pictures(tmp_path / "a" / "images", "xy", tmp_path / "a" / "labels")
    pictures(tmp_path / "b" / "images", "z", tmp_path / "b" / "labels")
    (tmp_path / "data.yml").write_text(yaml.safe_dump({"names": ["cup", "key"], "train": ["a/images", "b/images"]}))
    data = open_data(tmp_path)
    assert [data.path(i).stem for i in range(len(data))] == ["x", "y", "z"]


@pytest.mark.parametrize(
    "place", ["images\\train", ".\\images\\train", "C:\\set\\images\\train", "/data/set/images/train"]
)
def test_places_of_other_systems(tmp_path, place):
    path = data_set(tmp_path, {"a": BOX}, train=place)
    assert len(open_data(path)[0][1]) == 1


@pytest.mark.parametrize(
    "line", ["data/images/train/a.jpg", "images\\train\\a.jpg", "./images/train/a.jpg", "/x/images/train/a.jpg"]
)
def test_lists_of_other_systems(tmp_path, line):
    path = data_set(tmp_path, {"a": BOX}, train="train.txt")
    (tmp_path / "train.txt").write_text(f"{line}\n", encoding="utf-8-sig")
    data = open_data(path)
    assert len(data[0][1]) == 1
    assert data.path(0) == tmp_path / "images" / "train" / "a.jpg"


def test_hidden_files_and_copies_of_notebooks_are_no_pictures(tmp_path):
    path = data_set(tmp_path, {"a": BOX})
    pictures(tmp_path / "images" / "train" / ".ipynb_checkpoints", ["a-checkpoint"])
    (tmp_path / "images" / "train" / "._a.jpg").write_bytes(b"\0")
    (tmp_path / "images" / "train" / "Thumbs.db").write_bytes(b"\0")
    assert len(open_data(path)) == 1


def test_darknet_with_lists(tmp_path):
    pictures(tmp_path / "obj_train_data", "ab", tmp_path / "obj_train_data")
    pictures(tmp_path / "obj_valid_data", "c", tmp_path / "obj_valid_data")
    (tmp_path / "obj.names").write_text("cup\nkey\n")
    (tmp_path / "train.txt").write_text("data/obj_train_data/a.jpg\ndata/obj_train_data/b.jpg\n")
    (tmp_path / "valid.txt").write_text("data/obj_valid_data/c.jpg\n")
    assert list(splits(tmp_path)) == ["train", "val"]
    train, val = train_and_val(tmp_path)
    assert (len(train), len(val), train.names) == (2, 1, ("cup", "key"))
    assert train[0][1].labels.tolist() == [1]


def test_darknet_without_splits(tmp_path):
    pictures(tmp_path / "data", "ab", tmp_path / "data")
    (tmp_path / "obj.names").write_text("cup\nkey\n")
    assert len(open_data(tmp_path)) == 2
    (tmp_path / "images.txt").write_text("data/b.jpg\n")
    assert open_data(tmp_path).path(0).name == "b.jpg"


def test_label_studio(tmp_path):
    pictures(tmp_path / "images", "ab", tmp_path / "labels")
    (tmp_path / "classes.txt").write_text("cup\nkey\n", encoding="utf-8-sig")
    (tmp_path / "notes.json").write_text('{"categories": [{"id": 0, "name": "cup"}], "info": {}}')
    data = open_data(tmp_path)
    assert (len(data), data.names, data[0][1].labels.tolist()) == (2, ("cup", "key"), [1])
    assert splits(tmp_path) == {}


@pytest.mark.parametrize("file", ["classes.txt", "obj.names"])
def test_an_empty_line_in_a_list_of_classes_counts(tmp_path, file):
    pictures(tmp_path / "images", "ab", tmp_path / "labels" if file == "classes.txt" else tmp_path / "images")
    (tmp_path / file).write_text("\ncup\nkey\n")
    data = open_data(tmp_path)
    assert [data.names[i] for i in data[0][1].labels.tolist()] == ["cup"]  # number 1


@pytest.mark.parametrize("order", ["images/{}", "{}/images"])
def test_folders_for_the_splits_and_a_list_of_classes(tmp_path, order):
    for split, stems in (("train", "abc"), ("val", "d")):
        place = order.format(split)
        pictures(tmp_path / place, stems, tmp_path / place.replace("images", "labels"))
    (tmp_path / "classes.txt").write_text("cup\nkey\n")
    assert [(len(d), len(d[0][1])) for d in train_and_val(tmp_path)] == [(3, 1), (1, 1)]
