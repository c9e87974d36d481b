"""A data set that went through another format is the same data set."""

import pytest

from dfine.data.convert import FORMATS, convert
from dfine.data.sources import open_data, splits
from tests.data.test_coco import DATA, annotation, needs_data, picture, write


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
