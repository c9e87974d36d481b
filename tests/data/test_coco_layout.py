"""COCO's files as different tools lay them out: the same pictures and answers, split as they are."""

import json
import shutil

import pytest

from dfine.data.coco_layout import ROBOFLOW, layout
from dfine.data.sources import open_data, splits, train_and_val
from tests.data.test_coco import annotation, picture, write


def made(folder, *ids):
    """A data set with one object in every picture; `images/` and `annotations.json`."""
    return write(folder, [picture(i) for i in ids], [annotation(k, image=i) for k, i in enumerate(ids)])


def placed(folder, splits, answers, pictures):
    """A data set of several files: {split: ids}, and where the answers and the pictures of each go."""
    for split, ids in splits.items():
        part = made(folder / "making", *ids)
        for place, source in ((answers, part / "annotations.json"), (pictures, part / "images")):
            target = folder / place.format(split=split)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
        shutil.rmtree(part)
    return folder


def test_no_data_set(tmp_path):
    assert layout(tmp_path) is None
    (tmp_path / "a.json").write_text('{"images": []}')
    (tmp_path / "b.json").write_text("{")
    assert layout(tmp_path) is None


LAYOUTS = {
    "COCO": (("train2017", "val2017"), "annotations/instances_{split}.json", "{split}"),
    "COCO under images": (("train2017", "val2017"), "annotations/instances_{split}.json", "images/{split}"),
    "CVAT": (("Train", "Validation", "Test"), "annotations/instances_{split}.json", "images/{split}"),
    "names of the splits only": (("train", "val"), "annotations/{split}.json", "images/{split}"),
    "beside each other": (("train", "valid"), "{split}.json", "{split}"),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_splits(tmp_path, name):
    names, answers, pictures = LAYOUTS[name]
    placed(tmp_path, {split: (i, i + 10) for i, split in enumerate(names)}, answers, pictures)
    assert list(splits(tmp_path)) == sorted(names)
    train, val = train_and_val(tmp_path)
    assert [d[1][1].image_id for d in (train, val)] == [10, 11]
    assert open_data(tmp_path, "val").path(0) == tmp_path / pictures.format(split=names[1]) / "1.png"


def test_each_file_of_roboflow_lies_among_its_pictures(tmp_path):
    for i, split in enumerate(("train", "valid", "test")):
        part = made(tmp_path / split, i)
        shutil.move(part / "images" / f"{i}.png", part)
        (part / "annotations.json").rename(part / ROBOFLOW)
    assert list(splits(tmp_path)) == ["test", "train", "valid"]
    assert open_data(tmp_path, "val")[0][1].image_id == 1
    assert open_data(tmp_path / "train")[0][1].image_id == 0


UNSPLIT = {
    "as scenes are written": ("annotations.json", "images"),
    "CVAT": ("annotations/instances_default.json", "images"),
    "Label Studio": ("result.json", "images"),
    "any name": ("labels_my-project_2024.json", "images"),
    "any name among annotations": ("annotations/all.json", "JPEGImages"),
}


@pytest.mark.parametrize("name", UNSPLIT)
def test_one_file_for_all(tmp_path, name):
    answers, pictures = UNSPLIT[name]
    placed(tmp_path, {"": range(60)}, answers, pictures)
    for place in (tmp_path, tmp_path / answers):
        data = open_data(place)
        assert len(data) == 60 and data.path(0) == tmp_path / pictures / "0.png"
        with pytest.warns(UserWarning, match="held out"):
            train, val = train_and_val(place)
        assert len(train) + len(val) == 60


NAMES = [
    "JPEGImages\\{}.png",
    "images\\train\\{}.png",
    "C:\\somewhere\\{}.png",
    "/home/somebody/{}.png",
    "../upload/{}.png",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_of_other_systems_lead_to_the_pictures(tmp_path, name):
    made(tmp_path, 7, 8)
    content = json.loads((tmp_path / "annotations.json").read_text())
    for image in content["images"]:
        image["file_name"] = name.format(image["id"])
    (tmp_path / "annotations.json").write_text(json.dumps(content), encoding="utf-8-sig")
    data = open_data(tmp_path)
    assert [data.path(i).resolve() for i in range(2)] == [tmp_path / "images" / f"{i}.png" for i in (7, 8)]
    assert data[1][1].image_id == 8
    assert [image["file_name"] for image in data.ground_truth()["images"]] == ["7.png", "8.png"]


def test_pictures_that_are_nowhere(tmp_path):
    made(tmp_path, 7)
    shutil.rmtree(tmp_path / "images")
    with pytest.raises(FileNotFoundError, match="the first is '7.png'. are in none of the folders around it"):
        open_data(tmp_path)


@pytest.mark.parametrize("name", ["{}.png", "C:\\data\\images\\{}.png"])
def test_a_missing_picture_costs_no_other_wherever_it_stands(tmp_path, name):
    made(tmp_path, 7, 8, 9)
    (tmp_path / "images" / "7.png").unlink()
    content = json.loads((tmp_path / "annotations.json").read_text())
    for image in content["images"]:
        image["file_name"] = name.format(image["id"])
    (tmp_path / "annotations.json").write_text(json.dumps(content))
    data = open_data(tmp_path)
    assert [data[i][1].image_id for i in (1, 2)] == [8, 9]
    with pytest.raises(FileNotFoundError, match="7.png of image id 7 in .* is not there"):
        data[0]


@pytest.mark.parametrize(
    "answers, pictures",
    [
        ("{split}/labels.json", "{split}/data"),  # FiftyOne
        ("{split}/annotations.json", "{split}/images"),
        ("{split}/Annotations.JSON", "{split}/Images"),
        ("Annotations/instances_{split}.json", "Images/{split}"),
        ("Annotations/{split}.json", "{split}"),
    ],
)
def test_other_places_and_capitals(tmp_path, answers, pictures):
    folder = placed(tmp_path, {"train": [1, 2], "Val": [3]}, answers, pictures)
    assert {split: len(opened()) for split, opened in splits(folder).items()} == {"train": 2, "Val": 1}
    train, val = train_and_val(folder)
    assert train[0][0].shape == val[0][0].shape == (3, 10, 20)


def test_fiftyone_without_splits_and_endings_in_capitals(tmp_path):
    made(tmp_path, 1, 2)
    (tmp_path / "images").rename(tmp_path / "data")
    (tmp_path / "annotations.json").rename(tmp_path / "labels.JSON")
    (tmp_path / "data" / "1.png").rename(tmp_path / "data" / "1.PNG")
    data = open_data(tmp_path)
    assert [data[i][0].shape for i in range(2)] == [(3, 10, 20)] * 2
    assert len(open_data(tmp_path / "labels.JSON")) == 2


def test_an_entry_that_is_no_picture_is_named_beside_names_of_another_system(tmp_path):
    folder = write(tmp_path, [picture(1)], [])
    answers = json.loads((folder / "annotations.json").read_text())
    answers["images"] = [answers["images"][0] | {"file_name": "C:\\data\\1.png"}, None, {"id": 2, "file_name": ["2"]}]
    (folder / "annotations.json").write_text(json.dumps(answers))
    said = []
    data = open_data(folder, fault=lambda message, **about: said.append(message))
    assert data.path(0).is_file() and len(data) == 1
    assert "the image None in" in said[0] and "has no 'width'" in said[1]


def test_a_picture_that_does_not_tell_the_size_that_the_file_lacks_is_named(tmp_path):
    folder = write(tmp_path, [picture(1)], [])
    answers = json.loads((folder / "annotations.json").read_text())
    del answers["images"][0]["width"], answers["images"][0]["height"]
    (folder / "annotations.json").write_text(json.dumps(answers))
    assert len(open_data(folder)) == 1
    name = answers["images"][0]["file_name"]
    next(folder.rglob(name)).write_bytes(b"")
    with pytest.raises(ValueError, match=f"image id 1 in .* has no 'width', and its picture {name} cannot be read"):
        open_data(folder)
