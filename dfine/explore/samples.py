"""The pictures and answers of a data set as FiftyOne samples, read as training reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import fiftyone as fo

from dfine.data.coco import CocoSet
from dfine.data.scenes.composition import DIALS
from dfine.explore import fields
from dfine.explore.fiftyone_private import attributes_of_detections
from dfine.files import short_digest

# What an annotation says that a detection says in another way, or that is no plain value to filter by.
_SAID = {"id", "image_id", "category_id", "bbox", "area", "iscrowd", "segmentation", "where", "attributes", fields.AREA}
_BOX = 1e-3  # by which the share of a box that an object fills may differ from 1 where its area is that of the box


@dataclass
class Pictured:
    """A picture of a data set on its way into FiftyOne."""

    path: str  # absolute
    data: CocoSet
    index: int  # of the picture in `data`
    tags: list[str]  # the splits that it is in

    @property
    def image(self) -> dict:
        """Its entry in COCO's form."""
        return self.data.ground_truth()["images"][self.index]


def pictured(parts: dict[str, CocoSet], count: int | None = None) -> list[Pictured]:
    """The first pictures of all parts, each once; one that several parts hold gets the tags of all.

    Args:
        parts: tag -> part of a data set; "" for no tag.
        count: how many at most; by default all.
    """
    found: dict[str, list[Pictured]] = {}
    for tag, data in parts.items():
        before = set(found)
        for index in range(len(data)):
            path = os.path.abspath(data.path(index))
            if path not in before:
                found.setdefault(path, []).append(Pictured(path, data, index, [tag] if tag else []))
            elif tag and tag not in found[path][0].tags:
                found[path][0].tags.append(tag)
    return [one for same in found.values() for one in same][:count]


def samples(pictures: Iterable[Pictured], truth: str, *, ids: bool) -> list[fo.Sample]:
    """Samples with their answers in the field `truth`.

    Args:
        pictures: which.
        truth: the field.
        ids: whether detections keep the ids of their annotations, as `coco_id`.
    """
    made, objects = [], {}
    for one in pictures:
        if id(one.data) not in objects:
            objects[id(one.data)] = _by_picture(one.data)
        image = one.image
        size = int(image["width"]), int(image["height"])
        found = [_detection(a, name, size, ids) for a, name in objects[id(one.data)].get(image["id"], ())]
        tags = list(dict.fromkeys([*one.tags, *tags_of(image)]))
        sample = fo.Sample(filepath=one.path, tags=tags, metadata=fo.ImageMetadata(width=size[0], height=size[1]))
        sample[truth] = fo.Detections(detections=found)
        made.append(sample)
    return made


def tags_of(entry: dict) -> list[str]:
    """The tags of an image or annotation, as an export of a reviewed data set writes them; none where it has others."""
    tags = entry.get("tags")
    return tags if isinstance(tags, list) and all(isinstance(tag, str) and tag for tag in tags) else []


def told_apart(pictures: Iterable[Pictured], *, attributes: bool = True) -> str:
    """A digest of the answers of some pictures, in whatever order they come; without `attributes`, of boxes only."""
    said, objects = [], {}
    for one in pictures:
        if id(one.data) not in objects:
            objects[id(one.data)] = _by_picture(one.data)
        mine = objects[id(one.data)].get(one.image["id"], ())
        known = ((name, list(a["bbox"]), bool(a["iscrowd"]), *_told(a if attributes else {})) for a, name in mine)
        said.append((one.path, sorted(known)))
    return short_digest(repr(sorted(said)), 32)


def dials(pictures: Iterable[Pictured]) -> dict[str, dict[str, float]]:
    """The dials of those pictures that are scenes, by their files."""
    found = {one.path: one.image.get("dials") for one in pictures}
    return {path: given for path, given in found.items() if _are_dials(given)}


def _are_dials(given: object) -> bool:
    return isinstance(given, dict) and all(isinstance(given.get(d), (int, float)) for d in DIALS)


def _by_picture(data: CocoSet) -> dict[int, list[tuple[dict, str]]]:
    """Image id -> its annotations with the names of their classes."""
    truth = data.ground_truth()
    names = {c["id"]: c["name"] for c in truth["categories"]}
    found: dict[int, list] = {}
    for a in truth["annotations"]:
        found.setdefault(a["image_id"], []).append((a, names[a["category_id"]]))
    return found


def attributes_of(a: dict) -> dict[str, str | int | float]:
    """What an annotation says besides, in plain values under names that a label can have."""
    more = a | (a["attributes"] if isinstance(a.get("attributes"), dict) else {})
    plain = {k: v for k, v in more.items() if k.isidentifier() and k not in _SAID and isinstance(v, (str, int, float))}
    return {key: value for key, value in plain.items() if key not in attributes_of_detections()}


def _told(a: dict) -> list[str]:
    """The attributes in a form that can be sorted, whatever their kinds."""
    return [f"{name}={value!r}" for name, value in sorted(attributes_of(a).items())]


def _detection(a: dict, name: str, size: tuple[int, int], ids: bool) -> fo.Detection:
    """An annotation as a label, with all else that it says in plain values."""
    (x, y, w, h), (width, height) = a["bbox"], size
    plain = attributes_of(a)
    box = [x / width, y / height, w / width, h / height]
    share = a["area"] / (w * h)  # and not the area, which would be that of another box once a person moves this one
    plain |= {} if abs(share - 1) < _BOX else {fields.AREA: share}
    plain |= {"coco_id": a["id"]} if ids else {}  # FiftyOne's exports have one already, of the file before
    return fo.Detection(label=name, bounding_box=box, iscrowd=bool(a["iscrowd"]), tags=tags_of(a), **plain)
