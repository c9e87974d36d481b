import json

import pytest
from PIL import Image

from dfine.data.sources import open_data, splits


def shape(name, points, kind="rectangle", group=None):
    return {"label": name, "points": points, "shape_type": kind, "group_id": group, "flags": {}}


def told(folder, stem, shapes, **more):
    """A picture of 40 x 20 pixels and its JSON file."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 20)).save(folder / f"{stem}.png")
    about = {"version": "5.0", "imagePath": f"{stem}.png", "imageWidth": 40, "imageHeight": 20, "shapes": shapes} | more
    (folder / f"{stem}.json").write_text(json.dumps(about))
    return folder


def boxes(data, index=0):
    truth = data.ground_truth()
    name = {c["id"]: c["name"] for c in truth["categories"]}
    mine = [a for a in truth["annotations"] if a["image_id"] == truth["images"][index]["id"]]
    return [(name[a["category_id"]], a["bbox"]) for a in mine]


def test_a_picture_without_shapes(tmp_path):
    data = open_data(told(tmp_path, "a", []))
    assert (len(data), data.names, len(data[0][1])) == (1, (), 0)


def test_boxes_are_those_around_the_shapes(tmp_path):
    shapes = [
        shape("cup", [[30, 15], [10, 5]]),  # drawn from the lower right corner
        shape("key", [[1, 2], [5, 2], [3, 9.5]], "polygon"),
        shape("cup", [[20, 10], [23, 14]], "circle"),  # radius 5
        shape("key", [[3, 4]], "point"),
    ]
    data = open_data(told(tmp_path, "a", shapes))
    assert boxes(data) == [("cup", [10, 5, 20, 10]), ("key", [1, 2, 4, 7.5]), ("cup", [15, 5, 10, 10])]
    assert data.names == ("cup", "key")
    assert [note.message.split(" in ")[0] for note in data.notes] == ["1 shapes (point)"]


def test_shapes_of_a_group_are_one_object(tmp_path):
    parts = [[[0, 0], [4, 4]], [[10, 2], [12, 9]]]
    shapes = [shape("cup", parts[0], group=1), shape("cup", parts[1], group=1), shape("key", parts[1], group=1)]
    data = open_data(told(tmp_path, "a", shapes))
    assert boxes(data) == [("cup", [0, 0, 12, 9]), ("key", [10, 2, 2, 7])]


def test_splits_are_folders(tmp_path):
    for split, stem in (("train", "a"), ("val", "b")):
        told(tmp_path / split, stem, [shape("cup", [[1, 1], [9, 9]])])
    assert list(splits(tmp_path)) == ["train", "val"]
    assert open_data(tmp_path, "valid").path(0) == tmp_path / "val" / "b.png"


def test_folders_that_are_no_splits_are_one_data_set(tmp_path):
    for part, stem in (("monday", "a"), ("tuesday", "b")):
        told(tmp_path / part, stem, [shape("cup", [[1, 1], [9, 9]])])
    data = open_data(tmp_path)
    assert [data.path(i).relative_to(tmp_path).as_posix() for i in range(2)] == ["monday/a.png", "tuesday/b.png"]


@pytest.mark.parametrize(
    "more",
    [
        {"imagePath": "..\\photos\\a.png"},
        {"imagePath": "C:\\a.png"},
        {"imagePath": "b.jpg"},
        {"imageWidth": None},
        {"imageHeight": 0},
    ],
)
def test_the_picture_is_the_one_beside_the_file(tmp_path, more):
    data = open_data(told(tmp_path, "a", [shape("cup", [[1, 1], [9, 9]])], **more))
    assert (data.path(0).name, data[0][1].size) == ("a.png", (40, 20))


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (shape("", [[1, 1], [9, 9]]), r"a shape in .*a\.json has no label"),
        (shape("cup", []), r"an object \(cup\) in .*a\.json has no points"),
        (shape("cup", [[1]]), "has no points"),
        (shape("cup", [["x", 1], [2, 2]]), "has no points"),
    ],
)
def test_a_wrong_shape_is_named(tmp_path, bad, said):
    with pytest.raises(ValueError, match=said):
        open_data(told(tmp_path, "a", [bad]))


def test_a_wrong_file_is_named(tmp_path):
    told(tmp_path, "a", [])
    (tmp_path / "b.json").write_text('{"a": 1}')
    with pytest.raises(ValueError, match="b.json is not a file of labelme: it has no list 'shapes'"):
        open_data(tmp_path)


def test_shapes_of_odd_kinds(tmp_path):
    told(tmp_path, "a", [shape(3, [[1, 2], [5, 6]])], imageData="////" * 10_000)
    assert boxes(open_data(tmp_path)) == [("3", [1, 2, 4, 4])]
    told(tmp_path, "b", [None, "x", {"label": "cup"}])
    with pytest.raises(ValueError, match="a shape in .*b.json is 'None', not a table"):
        open_data(tmp_path)
    (tmp_path / "b.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="b.json is not a JSON file"):
        open_data(tmp_path)


def test_a_picture_that_lies_elsewhere_on_this_machine(tmp_path):
    told(tmp_path / "pictures", "a", [])
    folder = told(tmp_path / "labels", "a", [], imagePath=str(tmp_path / "pictures" / "a.png"))
    (folder / "a.png").unlink()
    data = open_data(folder)
    assert data.path(0) == tmp_path / "pictures" / "a.png" and data[0][0].shape == (3, 20, 40)
