"""Data sets of every form in which one value is another, and their labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from benchmarks.hostile_kinds.base import ODD, Case, as_json, changed
from benchmarks.hostile_kinds.texts import BOMBS, YAML_BOMBS
from dfine.data.sources import train_and_val

COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 8}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 4, 4], "area": 16, "iscrowd": 0}],
    "categories": [{"id": 1, "name": "cup"}],
}
LABELME = {
    "imagePath": "a.png",
    "imageWidth": 8,
    "imageHeight": 8,
    "shapes": [{"label": "cup", "points": [[1, 1], [4, 4]], "shape_type": "rectangle"}],
}
YOLO = {"path": ".", "train": "images", "val": "images", "names": ["cup"], "nc": 1}
VOC = (
    "<annotation><filename>a.png</filename><size><width>8</width><height>8</height></size><object><name>cup</name>"
    "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox></object></annotation>"
)


XML_BOMBS = {
    "a billion laughs": b'<!DOCTYPE a [<!ENTITY a "xxxxxxxxxx">'
    + b"".join(b'<!ENTITY %c "%s">' % (97 + i, b"&%c;" % (96 + i) * 10) for i in range(1, 10))
    + b"]><annotation>&j;</annotation>",
    "a file": b'<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]><annotation><filename>&f;</filename></annotation>',
    "an address": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><annotation/>',
    "ten thousand deep": b"<a>" * 10_000,
    "an unknown encoding": b'<?xml version="1.0" encoding="klingon"?><annotation/>',
    "cut off": b"<annotation><object>",
}
LINES = (
    "0 0.5 0.5",
    "0 0.5 0.5 0.2",
    "a 0.5 0.5 0.2 0.2",
    "-1 0.5 0.5 0.2 0.2",
    "9999999999 0.5 0.5 0.2 0.2",
    "0 nan 0.5 0.2 0.2",
    "0 inf 0.5 0.2 0.2",
    "0 1e999 0.5 0.2 0.2",
    "0 5 5 2 2",
    "0 -0.5 0.5 0.2 0.2",
    "0 0.5 0.5 -0.2 0.2",
    "0 0.5 0.5 0 0",
    "0 0,5 0,5 0,2 0,2",
    "0;0.5;0.5;0.2;0.2",
    "0.5 0.5 0.5 0.2 0.2",
    "0 0.5 0.5 0.2 0.2 0.9 0.9",
    "\ufeff0 0.5 0.5 0.2 0.2",
    "0 " + "0.5 " * 5_000,
    "x" * 100_000,
    "0 0x1 0.5 0.2 0.2",
    "0 \u0665 0.5 0.2 0.2",
    "0 0.5 0.5 0.2 0.2\0",
    "1e3 0.5 0.5 0.2 0.2",
)


def datasets() -> Iterator[Case]:
    """Data sets of every form in which one value is another."""
    for form, file, whole in (
        ("COCO", "annotations.json", COCO),
        ("labelme", "a.json", LABELME),
        ("YOLO", "data.yaml", YOLO),
    ):
        for name, value in changed(whole):
            yield Case(form, name, _dataset(file, as_json(value)))
    for tag in ("filename", "width", "height", "name", "xmin", "ymin", "xmax", "ymax"):
        for name, odd in ODD.items():
            if not isinstance(odd, (list, dict)):
                start, end = f"<{tag}>", f"</{tag}>"
                text = VOC[: VOC.index(start) + len(start)] + str(odd) + VOC[VOC.index(end) :]
                data = text.encode("utf-8", "surrogatepass")
                yield Case("VOC", f"{tag}: {name}", _dataset("a.xml", data))
        yield Case(
            "VOC",
            f"{tag}: missing",
            _dataset("a.xml", VOC.replace(f"<{tag}>", "<x>").replace(f"</{tag}>", "</x>").encode()),
        )
    for line in LINES:
        labels = {"labels/a.txt": line.encode(), "data.yaml": as_json(YOLO)}
        yield Case("YOLO", f"the line {line[:30]!r}", _dataset("labels/a.txt", line.encode(), labels))
    for name, data in XML_BOMBS.items():
        yield Case("VOC", name, _dataset("a.xml", data))
    for name, data in BOMBS.items():
        yield Case("COCO", name, _dataset("annotations.json", data))
    for name, data in YAML_BOMBS.items():
        yield Case("YOLO", name, _dataset("data.yaml", data))


def _dataset(name: str, data: bytes, more: dict[str, bytes] | None = None) -> Callable[[Path], object]:
    """A run that reads a data set which has this file, and a few pictures."""

    def run(folder: Path) -> None:
        for part in ("a.png", "images/a.png"):
            (folder / part).parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8)).save(folder / part)
        for part, content in {name: data, **(more or {})}.items():
            (folder / part).parent.mkdir(exist_ok=True)
            (folder / part).write_bytes(content)
        train, val = train_and_val(folder)
        for part in (train, val):
            for index in range(len(part or ())):
                part.target(index)

    return run
