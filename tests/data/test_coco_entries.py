"""Ids of every kind lead where they should, and what is read is the same whatever they are."""

import pytest

from dfine.data.coco import CocoSet
from dfine.data.sources import open_data
from tests.data.test_coco import annotation, picture, write

ROBOFLOW = [{"id": 0, "name": "things", "supercategory": "none"}, {"id": 1, "name": "cup", "supercategory": "things"}]


def truth_of(data):
    """Every object by its picture's file and its class."""
    truth = data.ground_truth()
    file = {i["id"]: i["file_name"] for i in truth["images"]}
    name = {c["id"]: c["name"] for c in truth["categories"]}
    return [(file[a["image_id"]], name[a["category_id"]], a["bbox"]) for a in truth["annotations"]]


def given(image_ids, category_ids, ids):
    images = [picture(7) | {"id": image_ids[0]}, picture(8) | {"id": image_ids[1]}]
    categories = [{"id": category_ids[0], "name": "car"}, {"id": category_ids[1], "name": "bottle"}]
    boxes = [
        annotation(ids[0], image_ids[1], category_ids[0], (1, 1, 2, 2)),
        annotation(ids[1], image_ids[0], category_ids[1], (2, 2, 3, 3)),
    ]
    return images, boxes, categories


@pytest.mark.parametrize(
    "image_ids", [(0, 1), (-3, 5), ("a", "b"), ("12", "7"), (2**62, 2**62 + 1), (2**80, 3), (7.0, 8.0)]
)
@pytest.mark.parametrize("category_ids", [(0, 1), ("x", "y"), ("3", "44"), (-1, 2**70)])
@pytest.mark.parametrize("ids", [(0, 1), (-1, -1), ("a", "a"), (None, None), (5, 5)])
def test_ids_only_tie_entries_together(tmp_path, image_ids, category_ids, ids):
    write(tmp_path, [picture(7), picture(8)], [])
    images, boxes, categories = given(image_ids, category_ids, ids)
    content = {"images": images, "annotations": boxes, "categories": categories}
    data = CocoSet(tmp_path / "images", tmp_path / "annotations.json", content)
    assert truth_of(data) == [("8.png", "car", [1, 1, 2, 2]), ("7.png", "bottle", [2, 2, 3, 3])]
    assert data.names == ("car", "bottle")
    assert [data.names[i] for i in data[0][1].labels] == ["bottle"]
    truth = data.ground_truth()
    assert len({a["id"] for a in truth["annotations"]}) == 2
    assert [i["id"] for i in truth["images"]] == [data.target(i).image_id for i in range(2)]
    assert all(abs(entry["id"]) < 2**63 for kind in truth.values() for entry in kind)


def test_text_in_place_of_a_number_is_the_number(tmp_path):
    boxes = [annotation(1, category="44"), annotation(2, image="7", category=3.0)]
    data = open_data(write(tmp_path, [picture(7)], boxes))
    assert [name for _, name, _ in truth_of(data)] == ["bottle", "car"]


def test_an_annotation_without_an_id_is_named_by_its_picture(tmp_path):
    bare = {k: v for k, v in annotation(1, bbox=(1, 1, 0, 0)).items() if k != "id"}
    told = []
    open_data(write(tmp_path, [picture(7)], [bare]), fault=lambda message, **_about: told.append(message))
    assert len(told) == 1 and told[0].startswith("an annotation of image id 7 in "), told


def test_a_category_that_only_stands_above_the_others_is_no_class(tmp_path):
    data = open_data(write(tmp_path / "a", [picture(7)], [annotation(1, category=1)], ROBOFLOW))
    assert (data.names, data.category_ids) == (("cup",), [1])
    data = open_data(write(tmp_path / "b", [picture(7)], [annotation(1, category=0)], ROBOFLOW))
    assert data.names == ("things", "cup"), "an annotation uses it"
    others = [*ROBOFLOW, {"id": 2, "name": "key", "supercategory": "metal"}]
    data = open_data(write(tmp_path / "c", [picture(7)], [annotation(1, category=1)], others))
    assert data.names == ("things", "cup", "key"), "it does not stand above all others"


@pytest.mark.parametrize("used", [0, 1])
def test_a_category_above_of_the_same_name_is_the_same_class(tmp_path, used):
    categories = [ROBOFLOW[0] | {"name": "cup"}, ROBOFLOW[1] | {"supercategory": "cup"}]
    data = open_data(write(tmp_path, [picture(7)], [annotation(1, category=used)], categories))
    assert data.names == ("cup",)
    assert data[0][1].labels.tolist() == [0]


def test_a_segmentation_stands_in_for_a_missing_box(tmp_path):
    outline = [[1, 2, 5, 2, 5, 9]]
    boxes = [
        annotation(i, bbox=()) | {"segmentation": outline} | more for i, more in enumerate(({}, {"bbox": None}), 1)
    ]
    del boxes[1]["bbox"]
    data = open_data(write(tmp_path, [picture(7)], boxes))
    assert [bbox for _, _, bbox in truth_of(data)] == [[1, 2, 4, 7]] * 2
    assert [a["area"] for a in data.ground_truth()["annotations"]] == [28.0] * 2
    with pytest.raises(ValueError, match="annotation id 1 .* not 4 numbers"):
        open_data(write(tmp_path / "b", [picture(7)], [annotation(1, bbox=())]))


def test_boxes_between_0_and_1_are_refused(tmp_path):
    with pytest.raises(ValueError, match="lie between 0 and 1, but those of COCO files are in pixels"):
        open_data(write(tmp_path, [picture(7)], [annotation(1, bbox=(0.1, 0.1, 0.5, 0.5))]))


def test_a_part_has_the_classes_of_all(tmp_path):
    data = open_data(write(tmp_path, [picture(7), picture(8)], [annotation(1), annotation(2, image=8, category=3)]))
    part = data.only(lambda name: name == "8.png")
    assert (len(part), part.names, part.path(0).name) == (1, data.names, "8.png")
    assert truth_of(part) == [("8.png", "car", [2, 2, 4, 4])]
    assert part[0][1].labels.tolist() == [0]
    assert len(data) == 2


def test_numbers_that_are_written_as_text(tmp_path):
    image = picture(7) | {"width": "20", "height": "10.0"}
    entry = annotation(1, bbox=("2", "2", "4.5", "4"), area="18", iscrowd="0")
    data = open_data(write(tmp_path, [image], [entry]))
    assert truth_of(data) == [("7.png", "bottle", [2, 2, 4.5, 4])]
    assert data.ground_truth()["annotations"][0]["area"] == 18.0 and data[0][1].size == (20, 10)


def test_a_file_without_sizes_takes_those_of_its_pictures(tmp_path):
    image = {"id": 7, "file_name": "7.png"}
    assert open_data(write(tmp_path, [image], [annotation(1)])).target(0).size == (20, 10)
    (tmp_path / "images" / "7.png").write_bytes(b"")
    with pytest.raises(ValueError, match="image id 7 in .* has no 'width'"):
        open_data(tmp_path)


@pytest.mark.parametrize("value", [10**400, float("nan"), "nan", "1e999", "9" * 5000, None, {}, [1]])
def test_numbers_that_are_none(tmp_path, value):
    with pytest.raises(ValueError, match="annotation id 1 in .* has the bbox"):
        open_data(write(tmp_path, [picture(7)], [annotation(1, bbox=(value, 2, 4, 4))]))


def test_half_a_letter_is_no_name(tmp_path):
    write(tmp_path, [picture(7)], [annotation(1, category=1)], [{"id": 1, "name": "a\ud800"}])
    with pytest.raises(ValueError, match="category id 1 in .* holds half a letter"):
        open_data(tmp_path)


def test_many_categories_take_no_longer_each(tmp_path):
    """With a root as Roboflow writes it; each was once compared with every other."""
    root = {"id": 0, "name": "things", "supercategory": "none"}
    many = [root, *({"id": i, "name": f"thing {i}", "supercategory": "things"} for i in range(1, 20_001))]
    data = open_data(write(tmp_path, [picture(7)], [annotation(1, category=9)], many))
    assert len(data.names) == 20_000 and truth_of(data)[0][1] == "thing 9"
