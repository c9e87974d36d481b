"""A data set that went through another format is the same data set."""

import errno
import json
import os
import sys
from pathlib import Path

import pytest
from PIL import Image

from dfine.boxes import to_pixels
from dfine.data.check import check
from dfine.data.convert import FORMATS, convert
from dfine.data.prepare import shrink
from dfine.data.sources import open_data, splits, train_and_val
from tests.data.test_coco import CATEGORIES, DATA, annotation, needs_data, picture, write
from tests.data.test_voc import data_set as voc_set


def content(data, crowds=True):
    """What a data set says, whatever its ids: of every picture its boxes with their classes, in tenths of a pixel."""
    truth = data.ground_truth()
    name = {c["id"]: c["name"] for c in truth["categories"]}
    said = {i["id"]: (i["width"], i["height"], []) for i in truth["images"]}
    for a in truth["annotations"]:
        if crowds or not a["iscrowd"]:
            said[a["image_id"]][2].append((name[a["category_id"]], a["iscrowd"], *(round(v, 1) for v in a["bbox"])))
    return {i["file_name"]: (*said[i["id"]][:2], sorted(said[i["id"]][2])) for i in truth["images"]}


@pytest.fixture
def small(tmp_path):
    boxes = [
        annotation(1),
        annotation(2, category=3, bbox=(0.5, 0, 19.5, 10)),
        annotation(3, bbox=(1, 1, 3, 3), iscrowd=1),
    ]
    return write(tmp_path / "small", [picture(7), picture(8)], boxes)


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("link", [False, True])
def test_there_and_back(small, tmp_path, form, link):
    before = open_data(small)
    data = open_data(convert(small, tmp_path / "out", form, link=link, progress=False))
    keeps_crowds = form != "yolo"
    assert content(data, keeps_crowds) == content(before, keeps_crowds)
    assert set(data.names) == set(before.names)
    pixels = [d[0][0] for d in (before, data)]
    assert (pixels[0] == pixels[1]).all()
    assert data.path(0).is_symlink() == link


def test_attributes_that_voc_has_go_there_and_back(tmp_path):
    given = [
        {"attributes": {"truncated": True, "occluded": 0, "pose": "Left", "colour": "red"}},
        {"truncated": 1},  # beside the box, as some tools write them
        {"attributes": {"truncated": "perhaps", "pose": 3}},
        {},
    ]
    boxes = [annotation(i, **more) for i, more in enumerate(given, 1)]
    convert(write(tmp_path / "coco", [picture(7)], boxes), tmp_path / "voc", "voc", progress=False)
    convert(tmp_path / "voc", tmp_path / "back", "coco", progress=False)
    kept = [
        [a.get("attributes") for a in open_data(tmp_path / name).ground_truth()["annotations"]]
        for name in ("voc", "back")
    ]
    assert kept == [[{"truncated": 1, "occluded": 0, "pose": "Left"}, {"truncated": 1}, None, None]] * 2


def test_an_empty_data_set_stays_one(tmp_path):
    folder = write(tmp_path / "empty", [], [])
    assert len(open_data(convert(folder, tmp_path / "out", "coco", progress=False))) == 0


def test_nothing_is_left_half_written(small, tmp_path):
    (small / "images" / "8.png").unlink()
    with pytest.raises(FileNotFoundError, match="8.png is not there"):
        convert(small, tmp_path / "out", "voc", progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["small"]


def test_mistakes_are_named(small, tmp_path):
    with pytest.raises(ValueError, match="no format 'csv'; choose coco, yolo, voc"):
        convert(small, tmp_path / "out", "csv")
    with pytest.raises(ValueError, match="is there already"):
        convert(small, small, "coco")


def test_two_pictures_of_one_name_are_refused(tmp_path):
    folder = write(tmp_path / "a", [picture(7), picture(8, "7.jpg")], [])
    with pytest.raises(ValueError, match="two pictures of .* are called '7'"):
        convert(folder, tmp_path / "out", "yolo", progress=False)


def many(folder, **named):
    """A COCO set of several splits; `named` maps a split to the names of its pictures, each with an object."""
    (folder / "annotations").mkdir(parents=True)
    for number, (split, names) in enumerate(named.items(), 1):
        images = [picture(i, name) for i, name in enumerate(names)]
        boxes = [annotation(i, i, bbox=(1, 1, number, 3)) for i in range(len(names))]
        content = {"images": images, "annotations": boxes, "categories": CATEGORIES}
        (folder / f"annotations/instances_{split}.json").write_text(json.dumps(content))
        for i, name in enumerate(names):
            (folder / split / name).parent.mkdir(parents=True, exist_ok=True)
            Image.effect_noise((20, 10), 99 + 10 * number + i).save(folder / split / name)
    return folder


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("climbing", [False, True])
def test_originals_stay_where_names_lead_out_of_their_folder(tmp_path, form, link, climbing):
    home = tmp_path / "set"
    for i in (1, 2):
        (home / "elsewhere").mkdir(parents=True, exist_ok=True)
        (home / "train").mkdir(exist_ok=True)
        Image.effect_noise((20, 10), 100 * i).save(home / "elsewhere" / f"{i}.png")
    before = {p: p.read_bytes() for p in (home / "elsewhere").iterdir()}
    where = "../elsewhere" if climbing else str(home / "elsewhere")
    images = [picture(i, f"{where}/{i}.png") for i in (1, 2)]
    content_ = {"images": images, "annotations": [annotation(1, 1)], "categories": CATEGORIES}
    (home / "train.json").write_text(json.dumps(content_))
    out = convert(home / "train.json", tmp_path / "out", form, link=link, progress=False)
    assert {p: p.read_bytes() for p in before if not p.is_symlink()} == before
    data = open_data(out)
    assert all(data.path(i).absolute().is_relative_to(out) for i in range(2))
    assert [data.path(i).read_bytes() for i in range(2)] == [before[p] for p in sorted(before)]
    assert not check(out, progress=False).findings


def test_pictures_of_one_name_in_two_splits_stay_two(tmp_path):
    source = many(tmp_path / "set", train=["0.png", "1.png"], val=["0.png", "2.png"])
    out = convert(source, tmp_path / "out", "voc", progress=False)
    train, val = open_data(out, "train"), open_data(out, "val")
    assert [[d.path(i).name for i in range(2)] for d in (train, val)] == [
        ["train_0.png", "1.png"],
        ["val_0.png", "2.png"],
    ]
    assert [len(d.target(0)) for d in (train, val)] == [1, 1]
    assert train.path(0).read_bytes() == (source / "train" / "0.png").read_bytes()
    assert val.path(0).read_bytes() == (source / "val" / "0.png").read_bytes()
    source = many(tmp_path / "odd", train=["0.png"], val=["0.png", "train_0.png"])
    with pytest.raises(ValueError, match="two pictures would be called 'train_0'"):
        convert(source, tmp_path / "none", "voc", progress=False)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("link", [False, True])
def test_splits_that_share_their_pictures_go_on_doing_so(tmp_path, link):
    lists = {"train": ["a"], "val": ["b"], "trainval": ["a", "b"]}
    source = voc_set(tmp_path / "set", {"a": [("cup", 0, 1, 1, 9, 9)], "b": []}, lists)
    out = convert(source, tmp_path / "out", "voc", link=link, progress=False)
    assert {
        split: [open_data(out, split).path(i).stem for i in range(n)]
        for split, n in (("train", 1), ("val", 1), ("trainval", 2))
    } == lists
    assert list(splits(convert(source, tmp_path / "yolo", "yolo", progress=False) / "data.yaml")) == ["train", "val"]


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (["test2017"], ["test"]),
        (["default"], ["train"]),
        (["train_v2"], ["train"]),
        (["training", "validation"], ["train", "val"]),
        (["default", "val2017"], ["train", "val"]),
    ],
)
def test_splits_get_the_names_that_yolo_has(tmp_path, given, written):
    source = many(tmp_path / "set", **{split: [f"{split}.png"] for split in given})
    out = convert(source, tmp_path / "out", "yolo", progress=False)
    assert list(splits(out)) == written
    for before, after in zip(given, written):
        assert len(open_data(out, after).target(0)) == 1
        assert open_data(out, after).path(0).stem == before


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["red", "blue"], "'blue', 'red', and YOLO only knows train, val and test"),
        (["train", "extra"], "'extra', and YOLO only knows"),
        (["train2014", "train2017"], "'train2014' and 'train2017', and both are train in YOLO"),
    ],
)
def test_splits_without_a_name_in_yolo_are_refused(tmp_path, given, said):
    source = many(tmp_path / "set", **{split: [f"{split}.png"] for split in given})
    with pytest.raises(ValueError, match=said):
        convert(source, tmp_path / "out", "yolo", progress=False)
    assert [p.name for p in tmp_path.iterdir()] == ["set"]


@needs_data
@pytest.mark.parametrize("form", FORMATS)
def test_a_real_data_set_with_its_splits(tmp_path, form):
    source = DATA / "tiny_coco"
    out = convert(source, tmp_path / "out", form, link=True, progress=False)
    names = {"yolo": ["train", "val"]}.get(form, ["train2017", "val2017"])
    assert list(splits(out)) == names
    for split in ("train", "val"):
        a, b = open_data(source, split), open_data(out, split)
        counts = [sum(len(d.target(i)) for i in range(len(d))) for d in (a, b)]
        assert counts[0] == counts[1] > 300


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_stay_where_they_are_in_a_picture_that_is_stored_lying_down(tmp_path, form, orientation):
    """The tool that wrote the boxes knew nothing of EXIF; what is black is in the box."""
    folder = write(tmp_path / "turned", [picture(7, "7.png")], [annotation(1, bbox=(2, 1, 6, 3))])
    exif, stored = Image.Exif(), Image.new("RGB", (20, 10), "white")
    exif[0x0112] = orientation if orientation > 4 else 1
    stored.paste("black", (2, 1, 8, 4))
    stored.save(folder / "images" / "7.png", exif=exif)
    pixels, target = open_data(convert(folder, tmp_path / "out", form, progress=False))[0]
    x1, y1, x2, y2 = (round(v) for v in to_pixels(target.boxes, target.size)[0].tolist())
    assert (x2 - x1) * (y2 - y1) == 18
    assert pixels[:, y1:y2, x1:x2].max() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="names of files are Unicode here")
def test_names_that_are_no_utf8(tmp_path):
    names = [os.fsdecode(b"caf\xe9.png"), *(f"{i}.png" for i in range(40))]
    for folder, end in (("images", None), ("labels", ".txt")):
        (tmp_path / "odd" / folder).mkdir(parents=True)
        for name in names:
            place = tmp_path / "odd" / folder / name
            place.with_suffix(end).write_text("0 0.5 0.5 0.5 0.5") if end else Image.new("RGB", (20, 10)).save(place)
    (tmp_path / "odd" / "classes.txt").write_text("cup")
    assert sum(map(len, train_and_val(tmp_path / "odd"))) == 41, "one of them is held out or not, like any other"
    for form in ("yolo", "coco"):
        data = open_data(convert(tmp_path / "odd", tmp_path / form, form, progress=False))
        assert os.fsencode(data.path(len(data) - 1).name) == b"caf\xe9.png" and data.objects == 41
    small = shrink(data, tmp_path / "small", 10, progress=False)
    assert len(open_data(small)) == 41 and len(os.listdir(small / "images")) == 41
    with pytest.raises(ValueError, match=r"the picture caf.udce9.png is not UTF-8"):
        convert(tmp_path / "odd", tmp_path / "voc", "voc", progress=False)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EPERM, errno.EIO])
def test_where_there_can_be_no_links_that_is_said(small, tmp_path, monkeypatch, number):
    """As on Windows without its developer mode, and on the disks of cameras."""

    def refused(place, target):
        raise OSError(number, "a required privilege is not held", str(target))

    monkeypatch.setattr(Path, "symlink_to", refused)
    said = "links .* not held.; leave --link out" if number != errno.EIO else "not held"
    with pytest.raises(ValueError if number != errno.EIO else OSError, match=said):
        convert(small, tmp_path / "out", "coco", link=True, progress=False)
    assert not (tmp_path / "out").exists()
