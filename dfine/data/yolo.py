"""Data sets in YOLO format: a YAML file of class names and splits, and a text file of boxes for every picture.

Each line of a text file is `class cx cy width height`, the class counted from 0 and the box relative to the picture; a
line of more numbers is a polygon, of which the box is taken. The text file of `…/images/…/a.jpg` is `…/labels/…/a.txt`,
or `a.txt` beside it.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from dfine.data.coco import CocoSet, Fault, stop

SUFFIXES = frozenset(Image.registered_extensions())
SPLITS = {"train": "train", "val": "val", "valid": "val", "test": "test"}  # as the file may call them: as we do


def splits(path: str | Path) -> dict[str, list[Path]]:
    """The pictures of every split that a YAML file names.

    Folders in it are relative to its `path`, or to the file itself; `../train/images` is also looked for beside the
    file, because exported data sets are moved without being rewritten.

    Raises:
        FileNotFoundError: the file, or a folder that it names, is not there.
        ValueError: it is not a YAML file of a data set.
    """
    path, content = Path(path), _content(path)
    root = path.parent / str(content.get("path") or "")
    found = {}
    for key, name in SPLITS.items():
        entry = content.get(key)
        if entry:
            places = entry if isinstance(entry, list) else [entry]
            found[name] = [p for place in places for p in _pictures(str(place), root, path)]
    if not found:
        raise ValueError(f"{path} names no pictures: it has none of {', '.join(SPLITS)}")
    return found


def read(path: str | Path, split: str, fault: Fault = stop) -> CocoSet:
    """One split of a data set; its category ids are the classes' numbers in the file. `fault` as for `CocoSet`.

    Raises:
        FileNotFoundError: the file, or a folder that it names, is not there.
        ValueError: there is no such split, or a line of a text file is no box of a known class; the message names it.
    """
    path = Path(path)
    found = splits(path)
    if split not in found:
        raise ValueError(f"{path} has no split {split!r}; it has {', '.join(found)}")
    names = _names(path)
    root = _common(found[split])
    images, annotations = [], []
    for picture in found[split]:
        try:
            size = _size(picture)
        except (ValueError, OSError) as error:
            if fault is stop:
                raise
            fault(str(error))
            continue
        image = {"id": len(images) + 1, "file_name": picture.relative_to(root).as_posix()}
        images.append(image | {"width": size[0], "height": size[1]})
        answers = _labels(picture)
        for number, (label, box) in _lines(answers, names, fault):
            corner = [(box[0] - box[2] / 2) * size[0], (box[1] - box[3] / 2) * size[1]]
            extent = [box[2] * size[0], box[3] * size[1]]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image["id"], "category_id": label}
                | {"bbox": corner + extent, "area": extent[0] * extent[1], "iscrowd": 0}
                | {"where": f"line {number} of {answers}"}
            )
    categories = [{"id": i, "name": name} for i, name in names.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return CocoSet(root, path, content, fault=fault)


def _content(path: Path) -> dict:
    import yaml

    if not path.is_file():
        raise FileNotFoundError(f"there is no data set file {path}")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or "names" not in content:
        raise ValueError(f"{path} is not the file of a YOLO data set: it has no `names`")
    return content


def _names(path: Path) -> dict[int, str]:
    """Class names by number."""
    names = _content(path)["names"]
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(str(i).isdigit() for i in names):
        raise ValueError(f"`names` in {path} must be a list of names, or names by number; it is {names!r}")
    return {int(i): str(name) for i, name in names.items()}


def _pictures(place: str, root: Path, source: Path) -> list[Path]:
    """The pictures of a folder, or those that a text file lists."""
    tries = [root / place, source.parent / place, source.parent / place.removeprefix("../")]
    found = next((p for p in tries if p.exists()), None)
    if found is None:
        raise FileNotFoundError(f"{source} names {place!r}, which is not at {tries[0]}")
    if found.is_file():
        lines = [line.strip() for line in _text(found).splitlines() if line.strip()]
        return [Path(os.path.abspath(found.parent / line)) for line in lines]  # links are kept: labels lie beside them
    return sorted(Path(os.path.abspath(p)) for p in found.rglob("*") if p.suffix.lower() in SUFFIXES)


def _labels(picture: Path) -> Path:
    """The text file that belongs to a picture; it need not exist."""
    parts = list(picture.parts)
    for i in reversed(range(len(parts) - 1)):
        if parts[i] == "images":
            moved = Path(*parts[:i], "labels", *parts[i + 1 :]).with_suffix(".txt")
            if moved.exists():
                return moved
            break
    return picture.with_suffix(".txt")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text (UTF-8)") from None


def _lines(path: Path, names: dict[int, str], fault: Fault):
    """Yields (line number, (class, (cx, cy, width, height) relative)); a picture without a text file has no objects."""
    if not path.is_file():
        return
    try:
        lines = _text(path).splitlines()
    except ValueError as error:
        return fault(str(error))
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, _line(line, names)
        except ValueError as error:
            fault(f"line {number} of {path} {error}")


def _line(line: str, names: dict[int, str]) -> tuple[int, tuple[float, float, float, float]]:
    """The class and the box of a line, or of the polygon that it holds. Raises ValueError saying what it does wrong."""
    try:
        label, *values = (float(field) for field in line.split())
    except ValueError:
        raise ValueError(f"is not numbers: {line[:60]!r}") from None
    if label not in names:
        known = f"{min(names)} to {max(names)}" if names else "none"
        raise ValueError(f"names class {label:g}; the classes are {known}, counted from 0")
    if not all(math.isfinite(v) for v in values):
        raise ValueError("holds a number that is not finite")
    if len(values) == 4:
        return int(label), tuple(values)
    if len(values) < 6 or len(values) % 2:
        raise ValueError(f"has {len(values)} numbers after the class; a box has 4")
    xs, ys = values[0::2], values[1::2]
    box = (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2, max(xs) - min(xs), max(ys) - min(ys)
    return int(label), box


def _size(picture: Path) -> tuple[int, int]:
    """Width and height of a picture as it is shown, from its head alone."""
    try:
        with Image.open(picture) as image:
            turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)  # the camera was held upright
            return (image.height, image.width) if turned else image.size
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no picture {picture}") from None
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"{picture} is not a picture that can be read: {error}") from None


def _common(pictures: list[Path]) -> Path:
    """The folder around all pictures."""
    return Path(os.path.commonpath([p.parent for p in pictures])) if pictures else Path()
