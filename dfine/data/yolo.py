"""Data sets in YOLO format: a text file of boxes for every picture, with the names of the classes in a file of its own.

Each line of a text file is `class cx cy width height`, the class counted from 0 and the box relative to the picture. A
line of more numbers is a polygon or an oriented box, of which the upright box around it is taken, or a pose: a box with
keypoints, of which the box is taken. The text file of `…/images/…/a.jpg` is `…/labels/…/a.txt`, or `a.txt` beside it.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from dfine.data import folders, texts
from dfine.data.coco import CocoSet
from dfine.data.coco_entries import Fault, Note, stop
from dfine.data.layout import Layout
from dfine.data.yolo_layout import Description, describe
from dfine.paths import around

LABELS = {"images": "labels", "Images": "Labels", "IMAGES": "LABELS"}  # the folder of the text files beside pictures
PIXELS = 2.0  # above, a number is no share of a picture's side but pixels


def layout(path: Path) -> Layout | None:
    """The splits of a YOLO data set at a place; None where there is none. Raises as `describe`."""
    found = describe(path)
    if found is None:
        return None
    parts = {split: partial(_open, found, split) for split in found.pictures}
    return Layout("yolo", found.source, parts, found.absent)


def splits(path: str | Path) -> dict[str, list[Path]]:
    """The pictures of every split that a YAML file names and that is there. Raises as `describe`."""
    found = describe(Path(path))
    return {} if found is None else found.pictures


def read(path: str | Path, split: str, fault: Fault = stop) -> CocoSet:
    """One split of a data set; its category ids are the classes' numbers in the file. `fault` as for `CocoSet`.

    Raises:
        FileNotFoundError: the file, or a folder that it names, is not there.
        ValueError: there is no such split, a line of a text file is no box of a known class, or it cannot be told what
            the lines are; the message names it.
    """
    found = describe(Path(path))
    if found is None or split not in found.pictures:
        there = ", ".join(found.pictures) if found else "none"
        if found and split in found.absent:
            raise FileNotFoundError(found.absent[split])
        raise ValueError(f"{path} has no split {split!r}; it has {there}")
    return _open(found, split, fault)


def _open(description: Description, split: str, fault: Fault = stop) -> CocoSet:
    pictures, names = description.pictures[split], description.names
    root = around(pictures)
    answers = {picture: list(_numbers(_labels(picture), fault)) for picture in pictures}
    form = description.form or _form(answers, description.source)
    images, annotations, unread = [], [], []
    for picture, lines in answers.items():
        try:
            size = folders.size_shown(picture)
        except (ValueError, OSError) as error:
            unread.append(str(error))
            if fault is not stop:  # else all of them are named at once
                fault(str(error), kind="broken picture")
            continue
        image = {"id": len(images) + 1, "file_name": picture.relative_to(root).as_posix()}
        images.append(image | {"width": size[0], "height": size[1]})
        for where, values in lines:
            try:
                label, (cx, cy, w, h) = _box(values, names, form)
            except ValueError as error:
                fault(f"{where} {error}")
                continue
            bbox = [(cx - w / 2) * size[0], (cy - h / 2) * size[1], w * size[0], h * size[1]]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image["id"], "category_id": label, "bbox": bbox}
                | {"area": bbox[2] * bbox[3], "iscrowd": 0, "where": where}
            )
    if unread and fault is stop:
        others = "`dfine data check` names them all"
        many = f"{len(unread):,} of {len(answers):,} pictures cannot be read; the first: {unread[0]}; {others}"
        stop(many if len(unread) > 1 else unread[0])
    categories = [{"id": i, "name": name} for i, name in names.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    notes = [Note("unread photograph", text) for text in description.unread]
    notes += [] if annotations or not pictures else [Note("no labels", _why_nothing(pictures, description.source))]
    if fault is stop:
        for text in description.unread:
            warnings.warn(text, stacklevel=2)
    return CocoSet(root, description.source, content, fault=fault, notes=notes)


def _labels(picture: Path) -> Path:
    """The text file that belongs to a picture; it need not exist."""
    places = [place.with_suffix(end) for place in (_beside_images(picture), picture) for end in (".txt", ".TXT")]
    return next((place for place in places if place.exists()), places[2])


def _beside_images(picture: Path) -> Path:
    """The text file's place in the folder `labels` beside the last `images` of the path; without one, its own place."""
    parts = picture.parts
    for i in reversed(range(len(parts) - 1)):
        if parts[i] in LABELS:
            return Path(*parts[:i], LABELS[parts[i]], *parts[i + 1 :]).with_suffix(".txt")
    return picture.with_suffix(".txt")


def _numbers(path: Path, fault: Fault) -> Iterator[tuple[str, list[float]]]:
    """Yields (which line it is, its numbers); a picture without a text file has no objects."""
    if not path.is_file():
        return
    try:
        lines = texts.text(path).splitlines()
    except ValueError as error:
        return fault(str(error))
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"line {number} of {path}"
        try:
            values = [float(field) for field in line.split()]
        except ValueError:
            fault(f"{where} is not numbers: {line[:60]!r}")
            continue
        if all(map(math.isfinite, values)):
            yield where, values
        else:
            fault(f"{where} holds a number that is not finite")


def _form(answers: dict[Path, list[tuple[str, list[float]]]], source: Path) -> str:
    """What the lines are where no file says so: boxes and segments, unless they may as well be poses.

    Polygons differ in their number of corners. Where all lines are equally long, and every line, read as a pose, has
    all its keypoints inside of its box, it cannot be told.
    """
    long = [values[1:] for lines in answers.values() for _, values in lines if len(values) > 6]
    lengths = {len(values) for values in long}
    if len(lengths) != 1:
        return "segments"
    (length,) = lengths
    shapes = [(points, (length - 4) // points) for points in (2, 3) if (length - 4) % points == 0]
    for points, count in shapes:
        if all(_may_be_pose(values, points) for values in long):
            even = length % 2 == 0
            raise ValueError(
                f"the lines of {source} have {length} numbers after the class, which may be a box with {count} "
                f"keypoints{' or a polygon' if even else ''}: write `kpt_shape: [{count}, {points}]`"
                f"{' or `task: segment`' if even else ''} into a YAML file of the data set"
            )
    return "segments"


def _may_be_pose(values: list[float], points: int) -> bool:
    """Whether a line can be a box with keypoints of 2 or 3 numbers: those that are seen lie inside of the box."""
    cx, cy, w, h = values[:4]
    keys = [values[i : i + points] for i in range(4, len(values), points)]
    seen = [key for key in keys if key[0] or key[1]]
    inside = all(abs(k[0] - cx) <= w / 2 + 0.01 and abs(k[1] - cy) <= h / 2 + 0.01 for k in seen)
    return inside and (points == 2 or all(key[2] in (0, 1, 2) for key in keys))


def _box(values: list[float], names: dict[int, str], form: str) -> tuple[int, tuple[float, float, float, float]]:
    """The class and the box of a line. Raises ValueError saying what it does wrong."""
    label, *values = values
    if label not in names:
        known = f"{min(names)} to {max(names)}" if names else "none"
        raise ValueError(f"names class {label:g}; the classes are {known}, counted from 0")
    if form == "keypoints" and len(values) >= 4:
        values = values[:4]
    if len(values) != 4 and (len(values) < 6 or len(values) % 2 or form == "boxes"):
        score = "; a fifth is the score of a detection and no part of a label" if len(values) == 5 else ""
        raise ValueError(f"has {len(values)} numbers after the class; a box has 4{score}")
    if max(map(abs, values)) > PIXELS:
        raise ValueError(f"gives {max(values, key=abs):g}, but its numbers are shares of the picture's sides, 0 to 1")
    if len(values) == 4:
        return int(label), tuple(values)
    xs, ys = values[0::2], values[1::2]
    box = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys)
    return int(label), box


def _why_nothing(pictures: list[Path], source: Path) -> str:
    """Why no picture has an object: where a text file was looked for, and where one is instead."""
    if any(_labels(picture).is_file() for picture in pictures):
        return f"the text files of the {len(pictures)} pictures hold no box"
    said = f"none of the {len(pictures)} pictures has a text file of labels: the first was looked for at "
    said += str(_beside_images(pictures[0]))
    stems = {picture.stem for picture in pictures}
    other = next((p for p in sorted(source.parent.rglob("*.txt")) if p.stem in stems), None)
    if other is None:
        return said
    return f"{said}, but it is at {other}; pictures belong in a folder `images`, labels in `labels` beside it"
