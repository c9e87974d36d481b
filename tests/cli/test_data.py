"""`dfine data`: what the commands write and say, on three drawn scenes."""

import base64
import io
import json
import re

import pytest
from PIL import Image

from dfine.data.scenes import NAMES, Scenes, write
from tests.cli.runner import run, sentence


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    return write(tmp_path_factory.mktemp("data") / "three", Scenes(3, size=(96, 128), seed=4), workers=0)


def test_what_is_right_is_status_zero_and_counted(scenes, tmp_path):
    said = run("data", "check", scenes, "--json", tmp_path / "new" / "report.json").stdout
    objects = len(json.loads((scenes / "annotations.json").read_text())["annotations"])
    assert "3 pictures" in said and str(objects) in said
    assert json.loads((tmp_path / "new" / "report.json").read_text())["findings"] == []


def test_what_is_wrong_is_status_one_named_and_shown(scenes, tmp_path):
    truth = json.loads((scenes / "annotations.json").read_text())
    truth["annotations"][0]["bbox"][2] = 10_000
    (tmp_path / "images").mkdir()
    for image in truth["images"][:2]:  # and the third is not there
        (tmp_path / "images" / image["file_name"]).write_bytes((scenes / "images" / image["file_name"]).read_bytes())
    (tmp_path / "annotations.json").write_text(json.dumps(truth))
    said = run("data", "check", tmp_path, "--html", tmp_path / "page" / "report.html", "--json", "-", code=1).stdout
    found = json.loads(said)["findings"]
    assert found and any("000002.jpg" in json.dumps(one) for one in found)
    assert (tmp_path / "page" / "report.html").read_text().count("<img") >= 1


def test_the_page_shows_a_turned_picture_as_its_boxes_mean_it(tmp_path):
    """Where they are those of the picture as it is stored, and where of the picture as it is shown."""
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "images").mkdir()
    images, boxes = [], []
    for i, (width, height) in enumerate(((60, 40), (40, 60))):
        Image.new("RGB", (60, 40)).save(tmp_path / "images" / f"{i}.jpg", exif=exif)
        images.append({"id": i, "file_name": f"{i}.jpg", "width": width, "height": height})
        box = {"image_id": i, "category_id": 1, "bbox": [5, 5, 20, 10], "area": 200, "iscrowd": 0}
        boxes += [{"id": 2 * i, **box}, {"id": 2 * i + 1, **box}]
    truth = {"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "cup"}]}
    (tmp_path / "annotations.json").write_text(json.dumps(truth))
    run("data", "check", tmp_path, "--html", tmp_path / "report.html", code=1)
    held = re.findall(r"data:image/\w+;base64,([^\"]+)", (tmp_path / "report.html").read_text())
    shown = [Image.open(io.BytesIO(base64.b64decode(data))) for data in held]
    assert sorted(picture.width > picture.height for picture in shown) == [False, True]


def test_a_data_set_in_another_format_is_the_same_data_set(scenes, tmp_path):
    assert "is written" in run("data", "convert", scenes, tmp_path / "yolo", "--format", "yolo", "--link").stdout
    back = run("data", "convert", tmp_path / "yolo", tmp_path / "coco", "-f", "coco")
    assert str(tmp_path / "coco") in back.stdout
    (file,) = (tmp_path / "coco").rglob("*.json")
    truth, before = json.loads(file.read_text()), json.loads((scenes / "annotations.json").read_text())
    assert {c["name"] for c in truth["categories"]} == set(NAMES)
    boxes = [sorted(a["bbox"] for a in t["annotations"]) for t in (truth, before)]
    for mine, theirs in zip(*boxes, strict=True):
        assert mine == pytest.approx(theirs, abs=0.01)
    assert "yolo is there already; choose a new folder" in sentence(
        run("data", "convert", scenes, tmp_path / "yolo", "-f", "voc", code=1)
    )


def test_smaller_pictures_with_their_boxes(scenes, tmp_path):
    run("data", "shrink", scenes / "annotations.json", tmp_path / "small", "--longest", 64)
    truth, before = (json.loads((f / "annotations.json").read_text()) for f in (tmp_path / "small", scenes))
    assert {(i["width"], i["height"]) for i in truth["images"]} == {(64, 48)}
    assert all(Image.open(p).size == (64, 48) for p in (tmp_path / "small" / "images").iterdir())
    for mine, theirs in zip(truth["annotations"], before["annotations"]):
        assert mine["bbox"] == pytest.approx([v / 2 for v in theirs["bbox"]], abs=0.01)


def test_what_a_known_data_set_lacks_is_said_with_its_source(tmp_path):
    done = run("data", "prepare", "voc", tmp_path, code=1)
    assert "VOC" in done.stderr + done.stdout


@pytest.mark.parametrize(
    "arguments", [["check"], ["convert", "x", "y"], ["convert", "x", "y", "-f", "png"], ["prepare", "x", "y"]]
)
def test_wrong_usage_is_status_two(arguments):
    run("data", *arguments, code=2)
