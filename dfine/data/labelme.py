"""Data sets of labelme: a JSON file of shapes for every picture, beside it. Boxes are those around the shapes."""

from __future__ import annotations

import math
from collections import Counter
from functools import partial
from pathlib import Path

from dfine.data import folders, texts
from dfine.data.coco import CocoSet
from dfine.data.coco_entries import Fault, Note, stop
from dfine.data.layout import Layout, meaning

WITHOUT_EXTENT = ("point", "points", "line", "linestrip")


def layout(path: Path) -> Layout | None:
    """The splits of a data set, which are folders; None where there is no file of labelme's."""
    if not path.is_dir():
        return None
    if _files(path):
        return Layout("labelme", path, {"": partial(read, path)})
    parts = [p for p in folders.subfolders(path) if _files(p)]
    if not parts:
        return None
    if not all(meaning(p.name) for p in parts):
        return Layout("labelme", path, {"": partial(_read_several, path, parts)})
    return Layout("labelme", path, {p.name: partial(read, p) for p in parts})


def read(folder: Path, fault: Fault = stop) -> CocoSet:
    """The pictures of a folder that have a JSON file, with the classes in the order of their names.

    Shapes of one group are one object. Raises ValueError if a file is damaged.
    """
    return _read_several(folder, [folder], fault)


def _read_several(root: Path, parts: list[Path], fault: Fault = stop) -> CocoSet:
    images, found = [], []
    flat: Counter = Counter()
    for file in (f for part in parts for f in _files(part)):
        try:
            content = texts.content(file)
            images.append(_image(content, file, root) | {"id": len(images) + 1})
        except (ValueError, OSError) as error:
            fault(str(error))
            continue
        for name, points in _objects(content, file, fault, flat):
            xs, ys = zip(*points)
            box = [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
            found.append((name, {"image_id": len(images), "bbox": box, "where": f"an object ({name}) in {file}"}))
    names = sorted({name for name, _ in found})
    number = {name: place for place, name in enumerate(names, 1)}
    annotations = [a | {"id": i, "category_id": number[name]} for i, (name, a) in enumerate(found, 1)]
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    notes = [
        Note("shape", f"{count} shapes ({kind}) in {root} are left out: they have no extent")
        for kind, count in flat.items()
    ]
    return CocoSet(root, root, content, fault=fault, notes=notes)


def _files(folder: Path) -> list[Path]:
    """The JSON files in a folder, where the first of them is labelme's."""
    files = folders.files(folder, ".json")
    try:
        first = texts.content(files[0]) if files else None
    except (ValueError, OSError):
        return []
    return files if isinstance(first, dict) and "imagePath" in first and "shapes" in first else []


def _image(content: object, file: Path, root: Path) -> dict:
    """File name and size of the picture that a file is about. Raises ValueError if it is not labelme's."""
    if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
        raise ValueError(f"{file} is not a file of labelme: it has no list 'shapes'")
    named = str(content.get("imagePath") or "")
    beside = [p for p in folders.pictures(file.parent) if p.stem == file.stem and p.parent == file.parent]
    picture = folders.located(named, [file.parent]) if named else None
    picture = picture or next(iter(beside), file.parent / folders.slashed(named))
    size = content.get("imageWidth"), content.get("imageHeight")
    if not all(isinstance(side, int) and side > 0 for side in size):
        size = folders.size_shown(picture)
    name = picture.relative_to(root) if picture.is_relative_to(root) else picture  # a path of this machine, elsewhere
    return {"file_name": name.as_posix(), "width": size[0], "height": size[1]}


def _objects(content: dict, file: Path, fault: Fault, flat: Counter) -> list[tuple[str, list[tuple[float, float]]]]:
    """Class and corners of every object; `flat` counts the shapes without an extent."""
    objects: dict[object, tuple[str, list]] = {}
    for place, shape in enumerate(content["shapes"]):
        if not isinstance(shape, dict):
            fault(f"a shape in {file} is {str(shape)[:40]!r}, not a table of values")
            continue
        name, kind = shape.get("label"), shape.get("shape_type") or "polygon"
        name = str(name) if isinstance(name, int) else name
        if kind in WITHOUT_EXTENT:
            flat[kind] += 1
            continue
        try:
            points = [(float(x), float(y)) for x, y in shape["points"]]
            if kind == "circle":  # its centre, and a point on its rim
                (cx, cy), rim = points
                radius = math.dist((cx, cy), rim)
                points = [(cx - radius, cy - radius), (cx + radius, cy + radius)]
        except (KeyError, TypeError, ValueError, OverflowError):
            points = []
        if not isinstance(name, str) or not name.strip():
            fault(f"a shape in {file} has no label")
        elif not points:
            fault(f"an object ({name}) in {file} has no points")
        else:
            group = shape.get("group_id")
            key = place if group is None else (name, group)
            objects.setdefault(key, (name.strip(), []))[1].extend(points)
    return list(objects.values())
