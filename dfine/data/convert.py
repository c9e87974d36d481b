"""A data set in another format: COCO, YOLO or Pascal VOC, split by split, with the pictures beside it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from tqdm import tqdm

from dfine.data.coco import CocoSet
from dfine.data.sources import open_data, splits
from dfine.data.voc import SETS

FORMATS = ("coco", "yolo", "voc")


def convert(source: str | Path, out: str | Path, form: str, *, link: bool = False, progress: bool = True) -> Path:
    """Write a data set anew. Classes keep their names, pictures their bytes; a split "all" stands for an unsplit set.

    Crowds go into COCO as they are and into VOC as *difficult*; YOLO knows neither, and loses them.

    Args:
        source: a data set in any of the formats (`dfine.data.sources`).
        out: a folder that is not there yet; it appears once it is complete.
        form: "coco", "yolo" or "voc".
        link: make symbolic links to the pictures in place of copies.
        progress: whether to show a bar.

    Raises:
        ValueError: there is no such format, `out` exists, two pictures have one name, or the data is damaged.
        FileNotFoundError: the data set, or one of its pictures, is not there.
    """
    out = Path(out)
    if form not in FORMATS:
        raise ValueError(f"there is no format {form!r}; choose {', '.join(FORMATS)}")
    if out.exists():
        raise ValueError(f"{out} is there already; choose a new folder")
    parts = {name or "all": open_data(source, name) for name in list(splits(source)) or [None]}
    names = list(dict.fromkeys(n for data in parts.values() for n in data.names))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".converting-", dir=out.parent) as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        for split, data in parts.items():
            write = {"coco": _coco, "yolo": _yolo, "voc": _voc}[form]
            places = write(folder, split, data, names)
            pairs = zip(range(len(data)), places)
            for index, place in tqdm(pairs, split, len(data), disable=not progress, leave=False):
                _bring(data.path(index), place, link)
        if form == "yolo":
            _describe(folder, list(parts), names)
        os.chmod(folder, 0o755)  # a temporary folder is for its owner alone
        os.replace(folder, out)
    return out


def _bring(picture: Path, place: Path, link: bool) -> None:
    """Put a picture at its place."""
    if not picture.is_file():
        raise FileNotFoundError(f"the picture {picture} is not there")
    place.parent.mkdir(parents=True, exist_ok=True)
    if link:
        place.unlink(missing_ok=True)  # VOC's splits share a folder, and may share pictures
        place.symlink_to(picture.resolve())
    else:
        shutil.copyfile(picture, place)


def _stems(data: CocoSet) -> list[str]:
    """A name for every picture's answers: that of its file, with folders as underscores."""
    stems = [Path(i["file_name"]).with_suffix("").as_posix().replace("/", "_") for i in data.ground_truth()["images"]]
    twice = next((s for s in stems if stems.count(s) > 1), None) if len(set(stems)) < len(stems) else None
    if twice:
        raise ValueError(f"two pictures of {data.source} are called {twice!r}, and would get one file of answers")
    return stems


def _coco(folder: Path, split: str, data: CocoSet, names: list[str]) -> list[Path]:
    """`annotations/instances_<split>.json` beside `<split>/`; ids stay as they are."""
    truth = data.ground_truth()
    annotations = [{k: v for k, v in a.items() if k != "where"} for a in truth["annotations"]]
    file = folder / "annotations" / f"instances_{split}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(truth | {"annotations": annotations}, ensure_ascii=False), encoding="utf-8")
    return [folder / split / i["file_name"] for i in truth["images"]]


def _yolo(folder: Path, split: str, data: CocoSet, names: list[str]) -> list[Path]:
    """`labels/<split>/*.txt` beside `images/<split>/`."""
    labels = folder / "labels" / split
    labels.mkdir(parents=True)
    places = []
    for index, stem in enumerate(_stems(data)):
        target = data.target(index)
        lines = [
            f"{names.index(data.names[label])} " + " ".join(f"{v:.6f}" for v in box)
            for label, box in zip(target.labels.tolist(), target.boxes.tolist())
        ]
        (labels / f"{stem}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        places.append(folder / "images" / split / f"{stem}{data.path(index).suffix}")
    return places


def _describe(folder: Path, parts: list[str], names: list[str]) -> None:
    """`data.yaml`; an unsplit set is for training."""
    import yaml

    keys = {"all": "train", "train2017": "train", "val2017": "val", "valid": "val"}
    content = {keys.get(split, split): f"images/{split}" for split in parts} | {"names": dict(enumerate(names))}
    (folder / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _voc(folder: Path, split: str, data: CocoSet, names: list[str]) -> list[Path]:
    """`Annotations/*.xml` beside `JPEGImages/`, and the split's list of names."""
    for part in ("Annotations", "JPEGImages", SETS):
        (folder / part).mkdir(parents=True, exist_ok=True)
    truth, stems, places = data.ground_truth(), _stems(data), []
    name = {c["id"]: str(c["name"]) for c in truth["categories"]}
    objects: dict[int, list[dict]] = {}
    for a in truth["annotations"]:
        objects.setdefault(a["image_id"], []).append(a)
    for index, (image, stem) in enumerate(zip(truth["images"], stems)):
        file = f"{stem}{data.path(index).suffix}"
        root = ElementTree.Element("annotation")
        ElementTree.SubElement(root, "filename").text = file
        _fields(ElementTree.SubElement(root, "size"), width=image["width"], height=image["height"], depth=3)
        for a in objects.get(image["id"], ()):
            x, y, w, h = a["bbox"]
            element = ElementTree.SubElement(root, "object")
            _fields(element, name=name[a["category_id"]], difficult=a["iscrowd"])
            corners = dict(xmin=x, ymin=y, xmax=x + w, ymax=y + h)
            _fields(ElementTree.SubElement(element, "bndbox"), **{k: f"{v:.2f}" for k, v in corners.items()})
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(folder / "Annotations" / f"{stem}.xml", encoding="utf-8")
        places.append(folder / "JPEGImages" / file)
    (folder / SETS / f"{split}.txt").write_text("".join(f"{s}\n" for s in stems), encoding="utf-8")
    return places


def _fields(element: ElementTree.Element, **values: object) -> None:
    for key, value in values.items():
        ElementTree.SubElement(element, key).text = str(value)
