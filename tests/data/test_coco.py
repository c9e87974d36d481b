import json
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dfine.boxes import to_pixels
from dfine.data.coco import CocoSet
from dfine.data.sources import open_data

DATA = Path(os.environ.get("DFINE_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs real pictures; DFINE_DATA names their folder")

CATEGORIES = [{"id": 44, "name": "bottle"}, {"id": 3, "name": "car"}]  # sparse, and not in order


def picture(id, name=None, width=20, height=10):
    return {"id": id, "file_name": name or f"{id}.png", "width": width, "height": height}


def annotation(id, image=7, category=44, bbox=(2, 2, 4, 4), **more):
    return {"id": id, "image_id": image, "category_id": category, "bbox": list(bbox)} | more


def write(folder, images, annotations, categories=CATEGORIES):
    (folder / "images").mkdir(parents=True, exist_ok=True)
    for image in images:
        Image.new("RGB", (20, 10), (image["id"], 0, 0)).save(folder / "images" / f"{image['id']}.png")
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


def load(folder):
    return CocoSet(folder / "images", folder / "annotations.json")


def test_no_pictures(tmp_path):
    data = load(write(tmp_path, [], []))
    assert len(data) == 0
    assert data.ground_truth()["images"] == []


def test_a_picture_without_objects(tmp_path):
    pixels, target = load(write(tmp_path, [picture(7)], []))[0]
    assert pixels.shape == (3, 10, 20)
    assert pixels.dtype == torch.uint8
    assert len(target) == 0
    assert target.boxes.shape == (0, 4)


def test_printed_it_says_what_is_in_it(tmp_path):
    data = load(write(tmp_path, [picture(7)], [annotation(1), annotation(2, iscrowd=1)]))
    assert repr(data) == f"<1 picture, 1 object, 2 classes, of {str(tmp_path / 'annotations.json')!r}>"


def test_sparse_ids_become_labels_in_the_order_of_the_ids(tmp_path):
    images = [picture(200), picture(7)]
    data = load(write(tmp_path, images, [annotation(1, 7, 44), annotation(2, 200, 3, (0, 0, 20, 10))]))
    assert data.names == ("car", "bottle")
    assert data.category_ids == [3, 44]
    (first, a), (second, b) = data[0], data[1]
    assert (a.image_id, b.image_id) == (200, 7)
    assert (first[0, 0, 0], second[0, 0, 0]) == (200, 7), "each target has its own picture"
    assert (a.labels.tolist(), b.labels.tolist()) == ([0], [1])
    assert a.size == (20, 10)
    assert a.boxes.tolist() == [[0.5, 0.5, 1, 1]]
    assert b.boxes[0].tolist() == pytest.approx([0.2, 0.4, 0.2, 0.4])


def test_boxes_are_clipped_to_the_picture(tmp_path):
    data = load(write(tmp_path, [picture(7)], [annotation(1, bbox=(-4, 6, 8, 20))]))
    assert to_pixels(data[0][1].boxes, (20, 10))[0].tolist() == pytest.approx([0, 6, 4, 10])


def test_crowds_stay_in_the_ground_truth_but_are_no_targets(tmp_path):
    data = load(write(tmp_path, [picture(7)], [annotation(1, iscrowd=1), annotation(2)]))
    assert len(data[0][1]) == 1
    assert [a["iscrowd"] for a in data.ground_truth()["annotations"]] == [1, 0]


def test_missing_areas_are_filled_in_and_given_ones_kept(tmp_path):
    data = load(write(tmp_path, [picture(7)], [annotation(1), annotation(2, area=5)]))
    assert [a["area"] for a in data.ground_truth()["annotations"]] == [16.0, 5.0]


def test_boxes_without_extent_are_dropped_and_counted(tmp_path):
    flat = [annotation(1, bbox=(2, 2, 0, 4)), annotation(2, bbox=(30, 2, 4, 4)), annotation(3)]
    with pytest.warns(UserWarning, match="2 boxes of zero size were dropped from .*annotations.json"):
        data = load(write(tmp_path, [picture(7)], flat))
    assert len(data[0][1]) == 1
    assert [a["id"] for a in data.ground_truth()["annotations"]] == [3]


def test_nothing_dropped_is_no_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(write(tmp_path, [picture(7)], [annotation(1)]))


BAD = {
    "annotation id 5 .* names image id 8": ([picture(7)], [annotation(5, image=8)]),
    "annotation id 5 .* names category id 1": ([picture(7)], [annotation(5, category=1)]),
    "image id 7 occurs twice": ([picture(7), picture(7)], []),
    "annotation id 5 .* has the bbox": ([picture(7)], [annotation(5, bbox=(1, 2, 3))]),
    "annotation id 5 .* bbox .*nan": ([picture(7)], [annotation(5, bbox=(1, 2, 3, float("nan")))]),
    "image id 7 .* has no 'width'": ([{"id": 7, "file_name": "7.png", "height": 10}], []),
    "image id 7 .* has no 'height'": ([picture(7, height=None)], []),
    "image id 7 .* has the width 'wide', which is no whole number above 0": ([picture(7, width="wide")], []),
    "image id 7 .* has the width 0,": ([picture(7, width=0)], []),
    "image id 7 .* has the height -5,": ([picture(7, height=-5)], []),
    "image id 7 .* has the file name 5, which is no text": ([picture(7, 5)], []),
    r"annotation id 5 .* names image id \[7\], unknown": ([picture(7)], [annotation(5, image=[7])]),
    r"annotation id 5 .* names category id \[3\]": ([picture(7)], [annotation(5, category=[3])]),
    "annotation id 5 .* has the area 'abc', which is no number": ([picture(7)], [annotation(5, area="abc")]),
    "annotation id 5 .* has the iscrowd 'no', which is no number": ([picture(7)], [annotation(5, iscrowd="no")]),
}


@pytest.mark.parametrize("message", BAD)
def test_errors_name_the_offending_id(tmp_path, message):
    with pytest.raises(ValueError, match=message):
        load(write(tmp_path, *BAD[message]))


BAD_CATEGORIES = {
    "the category .*'name': 'bottle'.* has no id": {"name": "bottle"},
    "the category .*True.* has no id": {"id": True, "name": "bottle"},
    "the category bottle .* has no id": "bottle",
    "category id 44 .* has no name": {"id": 44},
}


@pytest.mark.parametrize("message", BAD_CATEGORIES)
def test_errors_name_the_offending_category(tmp_path, message):
    with pytest.raises(ValueError, match=message):
        load(write(tmp_path, [picture(7)], [], [{"id": 3, "name": "car"}, BAD_CATEGORIES[message]]))


def test_null_stands_for_nothing_said(tmp_path):
    data = load(write(tmp_path, [picture(7)], [annotation(1, area=None, iscrowd=None)]))
    assert [(a["area"], a["iscrowd"]) for a in data.ground_truth()["annotations"]] == [(16.0, 0)]


def test_two_categories_of_one_name(tmp_path):
    with pytest.raises(ValueError, match="called 'car'"):
        load(write(tmp_path, [], [], [{"id": 1, "name": "car"}, {"id": 2, "name": "car"}]))


def test_a_file_that_is_not_coco(tmp_path):
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(ValueError, match="a.json is not a JSON file"):
        CocoSet(tmp_path, tmp_path / "a.json")
    (tmp_path / "b.json").write_text("[]")
    with pytest.raises(ValueError, match="b.json is not a COCO file: it has no list 'images'"):
        CocoSet(tmp_path, tmp_path / "b.json")
    with pytest.raises(FileNotFoundError, match="no annotation file .*c.json"):
        CocoSet(tmp_path, tmp_path / "c.json")
    with pytest.raises(FileNotFoundError, match="no folder of pictures"):
        CocoSet(tmp_path / "none", tmp_path / "b.json")


def test_pictures_that_are_missing_broken_or_of_another_size(tmp_path):
    folder = write(tmp_path, [picture(1), picture(2), picture(3, width=21)], [])
    (folder / "images" / "1.png").unlink()
    (folder / "images" / "2.png").write_bytes(b"no picture")
    data = load(folder)
    with pytest.raises(FileNotFoundError, match="1.png of image id 1"):
        data[0]
    with pytest.raises(ValueError, match="2.png"):
        data[1]
    with pytest.raises(ValueError, match="3.png has 20x10 pixels, but annotations.json says 21x10"):
        data[2]


def test_the_rotation_that_the_annotations_mean_is_the_one_that_is_read(tmp_path):
    folder = write(tmp_path, [picture(1, "1.jpg"), picture(2, "2.jpg", 10, 20)], [])
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying down
    for name in ("1.jpg", "2.jpg"):
        Image.new("RGB", (20, 10)).save(folder / "images" / name, exif=exif)
    data = load(folder)
    assert data[0][0].shape == (3, 10, 20)
    assert data[1][0].shape == (3, 20, 10)


@pytest.mark.parametrize("give", ["folder", "file"])
def test_find_a_folder_as_scenes_writes_it(tmp_path, give):
    write(tmp_path, [picture(7)], [annotation(1)])
    data = open_data(tmp_path if give == "folder" else tmp_path / "annotations.json")
    assert len(data[0][1]) == 1


@pytest.mark.parametrize("pictures", ["val2017", "images/val2017"])
def test_find_a_coco_folder(tmp_path, pictures):
    for split in ("train2017", "val2017"):
        made = write(tmp_path / "made", [picture(7)], [annotation(1)])
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (made / "annotations.json").rename(tmp_path / "annotations" / f"instances_{split}.json")
        target = tmp_path / pictures.replace("val2017", split)
        target.parent.mkdir(exist_ok=True)
        (made / "images").rename(target)
    assert open_data(tmp_path, "val").path(0) == tmp_path / pictures / "7.png"
    with pytest.raises(ValueError, match="several splits .train2017, val2017."):
        open_data(tmp_path)


def test_find_says_what_it_looked_for(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no data set .*nowhere"):
        open_data(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="holds no data set: neither COCO"):
        open_data(tmp_path)
    (tmp_path / "a.json").write_text(json.dumps({"images": [picture(7)], "annotations": [], "categories": []}))
    with pytest.raises(FileNotFoundError, match="the first is '7.png'"):
        open_data(tmp_path / "a.json")


@pytest.mark.parametrize("name", ["annotations.json", "train.json"])
def test_find_pictures_by_absolute_names(tmp_path, name):
    folder = write(tmp_path / "set", [], [])
    Image.new("RGB", (20, 10)).save(folder / "images" / "7.png")
    content = {"images": [picture(7, str(folder / "images" / "7.png"))], "annotations": [], "categories": []}
    (folder / "annotations.json").unlink()
    (folder / name).write_text(json.dumps(content))
    data = open_data(folder / name)
    assert data[0][0].shape == (3, 10, 20)
    assert data.places() == ["7.png"]


def test_places_stay_below_a_folder(tmp_path):
    names = ["../a/1.png", "2.png"]
    write(tmp_path / "set", [picture(i, name) for i, name in enumerate(names)], [])
    assert load(tmp_path / "set").places() == ["a/1.png", "images/2.png"]


@needs_data
def test_real_coco():
    data = open_data(DATA / "tiny_coco", "val")
    assert len(data) == 50
    assert len(data.names) == 80
    assert data.category_ids[-1] == 90
    assert data.names[data.category_ids.index(44)] == "bottle"
    truth = data.ground_truth()
    crowds = sum(a["iscrowd"] for a in truth["annotations"])
    targets = [data[i][1] for i in range(50)]
    assert sum(len(t) for t in targets) + crowds == len(truth["annotations"])
    assert sum(len(t) == 0 for t in targets) >= 2


@needs_data
def test_real_cells():
    data = open_data(DATA / "bccd" / "instances_val.json")
    assert len(data) == 87
    assert data[0][0].shape == (3, 480, 640)


def test_of_a_picture_without_a_size_it_is_its_own(tmp_path):
    images = [{"id": 1, "file_name": "1.png"}, {"id": 2, "file_name": "2.png", "width": None, "height": None}]
    folder = write(tmp_path, [picture(1), picture(2)], [])
    answers = json.loads((folder / "annotations.json").read_text())
    (folder / "annotations.json").write_text(json.dumps(answers | {"images": images}))
    assert [load(folder).target(i).size for i in range(2)] == [(20, 10)] * 2


def test_a_turned_picture_that_is_read_as_stored_is_converted_like_any_other(tmp_path):
    folder = write(tmp_path, [picture(1), picture(2)], [])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.full((10, 20), 128 * 257, np.uint16)).save(folder / "images" / "1.png", exif=exif)
    Image.new("RGBA", (20, 10)).save(folder / "images" / "2.png", exif=exif)
    data = load(folder)
    assert [data[i][0].unique().tolist() for i in range(2)] == [[128], [255]]  # 16 bits scaled; laid over white
