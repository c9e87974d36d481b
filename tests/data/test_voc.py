import os
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from dfine.boxes import to_pixels
from dfine.data import sources, voc
from tests.data.test_coco import DATA, needs_data

OBJECT = """<object><name>{}</name><difficult>{}</difficult>
<bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


def data_set(folder, objects, lists=None):
    """`objects` maps names of pictures to lists of (name, difficult, x1, y1, x2, y2); `lists` maps splits to names."""
    for part in ("Annotations", "JPEGImages", voc.SETS):
        (folder / part).mkdir(parents=True)
    for stem, entries in objects.items():
        Image.new("RGB", (40, 20)).save(folder / "JPEGImages" / f"{stem}.jpg")
        answer(folder, stem, "".join(OBJECT.format(*entry) for entry in entries))
    for split, stems in (lists or {}).items():
        (folder / voc.SETS / f"{split}.txt").write_text("\n".join(stems) + "\n")
    return folder


def answer(folder, stem, inside, filename=None):
    size = "<size><width>40</width><height>20</height></size>"
    text = f"<annotation><filename>{filename or stem + '.jpg'}</filename>{size}{inside}</annotation>"
    (folder / "Annotations" / f"{stem}.xml").write_text(text)


def test_a_picture_without_objects(tmp_path):
    data = voc.read(data_set(tmp_path, {"a": []}))
    assert (len(data), data.names, len(data[0][1])) == (1, (), 0)


def test_corners_are_taken_as_they_stand(tmp_path):
    data = voc.read(data_set(tmp_path, {"a": [("key", 0, 10, 5, 30, 15), ("cup", 0, 0, 0, 40, 20)]}))
    _, target = data[0]
    assert [data.names[i] for i in target.labels] == ["key", "cup"]
    torch.testing.assert_close(to_pixels(target.boxes, target.size), torch.tensor([[10.0, 5, 30, 15], [0, 0, 40, 20]]))


def test_difficult_objects_are_no_targets_but_stay_in_the_truth(tmp_path):
    data = voc.read(data_set(tmp_path, {"a": [("cup", 1, 0, 0, 9, 9), ("cup", 0, 0, 0, 9, 9)]}))
    assert len(data[0][1]) == 1
    assert [a["iscrowd"] for a in data.ground_truth()["annotations"]] == [1, 0]


def test_what_else_is_said_of_objects_is_kept(tmp_path):
    folder = data_set(tmp_path, {"a": []})
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object>"
    said = (
        "<pose>Left</pose><truncated>1</truncated><difficult>0</difficult><occluded> 0 </occluded>",
        "<pose>Unspecified</pose><truncated>0</truncated>",
        "<pose/><truncated>yes</truncated>",
        "",
    )
    answer(folder, "a", "".join(f"<object><name>cup</name>{marks}{box}" for marks in said))
    kept = [a.get("attributes") for a in voc.read(folder).ground_truth()["annotations"]]
    assert kept == [{"truncated": 1, "occluded": 0, "pose": "Left"}, {"truncated": 0}, None, None]


def test_every_split_has_the_classes_of_all(tmp_path):
    folder = data_set(
        tmp_path,
        {"a": [("cup", 0, 0, 0, 9, 9)], "b": [("bag", 0, 0, 0, 9, 9)]},
        {"train": ["a"], "val": ["b"], "cup_train": ["a 1"]},
    )
    assert voc.splits(folder) == ["train", "val"]
    train, val = voc.read(folder, "train"), voc.read(folder, "val")
    assert train.names == val.names == ("bag", "cup")
    assert [train.path(0).name, val.path(0).name] == ["a.jpg", "b.jpg"]


def test_a_split_with_an_underscore_is_one(tmp_path):
    lists = {name: ["a"] for name in ("train_v2", "val_v2", "cup_train", "cup_train_v2")}
    folder = data_set(tmp_path, {"a": [("cup", 0, 0, 0, 9, 9)]}, lists)
    assert voc.splits(folder) == ["cup_train_v2", "train_v2", "val_v2"]


@pytest.mark.parametrize(("pictures", "answers"), voc.FOLDERS)
def test_every_pair_of_folders_is_read(tmp_path, pictures, answers):
    folder = data_set(tmp_path, {"a": [("cup", 0, 0, 0, 9, 9)]})
    (folder / "JPEGImages").rename(folder / "moved")
    (folder / "Annotations").rename(folder / answers)
    (folder / "moved").rename(folder / pictures)
    assert voc.is_voc(folder)
    assert len(voc.read(folder)[0][1]) == 1


def test_the_picture_is_found_by_the_name_of_the_answers_file(tmp_path):
    folder = data_set(tmp_path, {"a": []})
    answer(folder, "a", "", filename="C:/elsewhere/a")
    assert voc.read(folder).path(0).name == "a.jpg"


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        ("<object>", "is not an XML file"),
        ("<object><bndbox/></object>", r"an object in .*a\.xml has no name"),
        ("<object><name>cup</name></object>", r"an object \(cup\) in .*a\.xml has no box of four numbers"),
    ],
)
def test_a_wrong_file_is_named(tmp_path, inside, said):
    folder = data_set(tmp_path, {"a": []})
    answer(folder, "a", inside)
    with pytest.raises(ValueError, match=said):
        voc.read(folder)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there are no XML files"):
        voc.read(tmp_path)
    folder = data_set(tmp_path, {"a": []}, {"train": ["a", "b"]})
    with pytest.raises(FileNotFoundError, match="has no split 'val'; it has train"):
        voc.read(folder, "val")
    with pytest.raises(ValueError, match="lists 'b'"):
        voc.read(folder, "train")


@pytest.mark.parametrize("size", ["<size><width>0</width><height>0</height></size>", "", "<size/>"])
def test_a_size_that_is_not_said_is_that_of_the_picture(tmp_path, size):
    folder = data_set(tmp_path, {"a": [("cup", 0, 10, 5, 30, 15)]})
    text = (folder / "Annotations" / "a.xml").read_text()
    whole = "<size><width>40</width><height>20</height></size>"
    assert whole in text
    (folder / "Annotations" / "a.xml").write_text(text.replace(whole, size), encoding="utf-8-sig")
    assert voc.read(folder)[0][1].size == (40, 20)
    (folder / "JPEGImages" / "a.jpg").unlink()
    with pytest.raises(ValueError, match="a.xml does not say the size of its picture, which is not at"):
        voc.read(folder)


def test_folders_for_the_splits_among_pictures_and_answers(tmp_path):
    folder = data_set(tmp_path, {"a": [("cup", 0, 1, 1, 9, 9)], "b": [("bag", 0, 1, 1, 9, 9)]})
    for split, stem in (("train", "a"), ("val", "b")):
        for part, end in (("JPEGImages", "jpg"), ("Annotations", "xml")):
            (folder / part / split).mkdir()
            (folder / part / f"{stem}.{end}").rename(folder / part / split / f"{stem}.{end}")
    (folder / "JPEGImages").rename(folder / "images")
    (folder / "Annotations").rename(folder / "annotations")
    assert voc.splits(folder) == ["train", "val"]
    train, val = sources.train_and_val(folder)
    assert train.names == val.names == ("bag", "cup")
    assert [d.path(0) for d in (train, val)] == [folder / "images/train/a.jpg", folder / "images/val/b.jpg"]
    assert all(len(d[0][1]) == 1 for d in (train, val))
    assert len(voc.read(folder)) == 2


def test_answers_beside_the_pictures_of_each_split(tmp_path):
    for split, stem in (("train", "a"), ("valid", "b")):
        folder = data_set(tmp_path / "making", {stem: [("cup", 0, 1, 1, 9, 9)]})
        (tmp_path / split).mkdir()
        for file in (folder / "JPEGImages" / f"{stem}.jpg", folder / "Annotations" / f"{stem}.xml"):
            file.rename(tmp_path / split / file.name)
        shutil.rmtree(folder)
    assert [d.path(0).name for d in sources.train_and_val(tmp_path)] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("name", ["a", "Train/a", "Train\\a"])
def test_lists_may_name_folders_that_are_not_there(tmp_path, name):
    folder = data_set(tmp_path, {"a": [("cup", 0, 1, 1, 9, 9)]}, {"Train": [name]})
    assert voc.read(folder, "Train").path(0).name == "a.jpg"


def test_one_list_called_default_is_no_split(tmp_path):
    folder = data_set(tmp_path, {str(i): [("cup", 0, 1, 1, 9, 9)] for i in range(60)}, {"default": map(str, range(60))})
    with pytest.warns(UserWarning, match="held out"):
        assert sum(map(len, sources.train_and_val(folder))) == 60


@needs_data
def test_real_answers_agree_with_their_coco_conversion():
    from dfine.data.sources import open_data

    with pytest.warns(UserWarning, match="zero size"):  # two objects in it have no extent
        ours = {split: voc.read(DATA / "bccd" / "BCCD", split) for split in ("train", "val", "test")}
    theirs = {split: open_data(DATA / "bccd" / f"instances_{split}.json") for split in ours}
    for split, data in ours.items():
        assert boxes_of(data) == boxes_of(theirs[split])


def boxes_of(data):
    """Every box with its picture and class, in no order."""
    truth = data.ground_truth()
    file = {i["id"]: i["file_name"] for i in truth["images"]}
    name = {c["id"]: c["name"] for c in truth["categories"]}
    return sorted((file[a["image_id"]], name[a["category_id"]], *a["bbox"]) for a in truth["annotations"])


@pytest.mark.parametrize(
    "pictures, answers", [("Images", "annotations"), ("images", "xmls"), ("JPEGimages", "ANNOTATIONS")]
)
def test_other_folders_and_capitals(tmp_path, pictures, answers):
    folder = data_set(tmp_path, {"a": [("key", 0, 10, 5, 30, 15)]})
    (folder / "JPEGImages" / "a.jpg").rename(folder / "JPEGImages" / "a.JPG")
    (folder / "Annotations" / "a.xml").rename(folder / "Annotations" / "a.XML")
    shutil.move(folder / "JPEGImages", folder / pictures)
    shutil.move(folder / "Annotations", folder / answers)
    data = sources.open_data(folder)
    assert data.names == ("key",) and data[0][0].shape == (3, 20, 40)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gbk", "iso-8859-1", "shift_jis"])
def test_encodings(tmp_path, encoding):
    name = "Käse" if encoding == "iso-8859-1" else "猫"
    folder = data_set(tmp_path, {"a": []})
    head = "" if encoding == "utf-8-sig" else f'<?xml version="1.0" encoding="{encoding}"?>\r\n'
    inside = OBJECT.format(name, 0, 10, 5, 30, 15)
    (folder / "Annotations" / "a.xml").write_bytes(f"{head}<annotation>{inside}</annotation>".encode(encoding))
    assert voc.read(folder).names == (name,)


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0" encoding="klingon"?><annotation/>',
        '<!DOCTYPE l [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotation>&a;</annotation>',
        "<annotation>",
        "",
    ],
)
def test_what_is_no_xml_is_refused_by_name(tmp_path, text):
    folder = data_set(tmp_path, {"a": []})
    (folder / "Annotations" / "a.xml").write_text(text)
    with pytest.raises(ValueError, match="a.xml is not an XML file"):
        voc.read(folder)


def test_a_polygon_without_a_box_and_lists_with_endings(tmp_path):
    folder = data_set(tmp_path, {"a": [], "b": []}, {"train": ["a.jpg"], "val": ["./JPEGImages/b.jpg"]})
    corners = "".join(f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, (x, y) in enumerate([(5, 4), (25, 9), (8, 16.5)], 1))
    answer(folder, "a", f"<object><name>cup</name><polygon>{corners}</polygon></object>")
    train, val = (voc.read(folder, split) for split in ("train", "val"))
    assert [train.path(0).name, val.path(0).name] == ["a.jpg", "b.jpg"]
    assert train.ground_truth()["annotations"][0]["bbox"] == [5, 4, 20, 12.5]


@pytest.mark.parametrize("filename", ["a [1].jpg", "elsewhere", "a [1]"])
def test_names_with_spaces_and_brackets(tmp_path, filename):
    folder = data_set(tmp_path, {"a [1]": [], "b": []}, {"train": ["a [1]"], "val": ["b.jpg -1"]})
    (folder / "JPEGImages" / "a [1].json").write_text("{}")
    answer(folder, "a [1]", "", filename)
    data = voc.read(folder, "train")
    assert data.path(0) == folder / "JPEGImages" / "a [1].jpg" and len(data) == 1
    assert voc.read(folder, "val").path(0).name == "b.jpg"


def test_the_folder_of_pictures_is_listed_once(tmp_path, monkeypatch):
    folder, listed = data_set(tmp_path, {f"{i}": [] for i in range(9)}), []
    for i in range(9):
        answer(folder, f"{i}", "", filename=f"elsewhere-{i}.jpg")
    scan = os.listdir
    monkeypatch.setattr(os, "listdir", lambda place=".": listed.append(place) or scan(place))
    monkeypatch.setattr(Path, "glob", None)
    assert len(voc.read(folder, None)) == 9
    assert listed.count(folder / "JPEGImages") <= 2
