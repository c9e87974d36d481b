"""A COCO file in the making: true objects as a person left them, or what was found, with the pictures beside it."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path

import fiftyone as fo

from dfine.data.voc import MARKS
from dfine.explore import fields
from dfine.explore.coco_given import given
from dfine.explore.samples import tags_of
from dfine.paths import around

VOC = (*MARKS, "pose")  # attributes that VOC's files give their objects
SAME = 0.01  # pixels by which a box may differ from the one it was read from and still be that one


class CocoWriter:
    """A COCO file in the making."""

    def __init__(self, dataset: fo.Dataset, names: list[str]):
        """`names` become categories, after those of the file the data came from."""
        self.root = around(dataset.values("filepath"))
        self.given = given((dataset.info or {}).get(fields.SOURCE, {}), self.root)
        self.categories = [dict(c) for c in self.given.categories]
        self._ids = {c["name"]: c["id"] for c in self.categories}
        for name in names:
            self._category(name)
        self._left = {name: list(entries) for name, entries in self.given.images.items()}  # that no sample has got yet
        self._first = max((i["id"] for entries in self._left.values() for i in entries), default=0)
        self._taken = {a["id"] for a in self.given.annotations.values()}
        self._used: set[int] = set()
        self._reads_tags = bool((dataset.info or {}).get(fields.TAGS))
        self.images: list[dict] = []
        self.annotations: list[dict] = []
        self.tagged: list[dict] = []
        self.files: dict[str, str] = {}  # file name -> where it lies

    def picture(self, sample, **more) -> dict | None:
        """Add the entry of a sample; None for a picture that cannot be read and whose size nobody has said."""
        name = self._name(sample.filepath)
        left = self._left.get(name)
        read = left.pop(0) if left else {}  # a file may list a picture twice, each time with an id of its own
        if sample.metadata is None or not getattr(sample.metadata, "width", None):
            sample.compute_metadata(skip_failures=True)
        seen = sample.metadata
        if not getattr(seen, "width", None) and not read.get("width"):
            warnings.warn(f"{sample.filepath} cannot be read, so it is left out", stacklevel=3)
            return None
        size = dict(width=seen.width, height=seen.height) if getattr(seen, "width", None) else {}
        entry = {"id": self._first + len(self.images) + 1, "file_name": name, **size} | read | more
        self._retag(entry, sample.tags)
        self.images.append(entry)
        self.files[name] = sample.filepath
        return entry

    def annotation(self, label: fo.Detection, image: dict) -> dict:
        """A true object: as it was read, with its class, box and tags of today; another box has no outline."""
        read = self.given.annotations.get((image["file_name"], label.get_attribute_value("coco_id", None)), {})
        read = {} if read.get("id") in self._used else read
        bbox = _pixels(label, image)
        entry = dict(read) or {"id": self._new_id()}
        self._used.add(entry["id"])
        if not read or max(abs(a - b) for a, b in zip(read["bbox"], bbox)) >= SAME:
            entry.pop("segmentation", None)
            entry |= {"bbox": bbox, "area": round(bbox[2] * bbox[3], 2)}
        entry |= {"image_id": image["id"], "category_id": self._category(label.label)}
        entry["iscrowd"] = int(bool(label.get_attribute_value("iscrowd", False)))
        if not read and (told := {key: label[key] for key in VOC if label.has_field(key) and label[key] is not None}):
            entry["attributes"] = told  # in a COCO file they stand as they were read
        self._retag(entry, label.tags)
        return entry

    def prediction(self, label: fo.Detection, image: dict) -> dict:
        """What was found, with its score."""
        bbox = _pixels(label, image)
        entry = {"image_id": image["id"], "category_id": self._category(label.label), "bbox": bbox}
        entry |= {"area": round(bbox[2] * bbox[3], 2), "iscrowd": 0, "score": label.confidence}
        return entry | ({"tags": list(label.tags)} if label.tags else {})

    def write(self, folder: Path) -> None:
        """`annotations.json`, and the pictures under `images/`: hard links where the disk allows them, else copies."""
        said = self.given.head | {"images": self.images, "annotations": self.annotations, "categories": self.categories}
        if self.tagged:
            said["tagged_predictions"] = self.tagged
        (folder / "annotations.json").write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")
        for name, source in self.files.items():
            target = folder / "images" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(source, target)
            except OSError:
                try:
                    shutil.copy2(source, target)
                except FileNotFoundError:
                    warnings.warn(f"{source} is not there any more; only its labels are written", stacklevel=3)

    def _name(self, path: str) -> str:
        """The picture's name as it was given, else its place under the folder that all pictures share."""
        return self.given.names.get(os.path.abspath(path)) or Path(path).relative_to(self.root).as_posix()

    def _category(self, name: str) -> int:
        """The id of a class; one that is new gets the next."""
        if name not in self._ids:
            self._ids[name] = max(self._ids.values(), default=0) + 1
            self.categories.append({"id": self._ids[name], "name": name})
        return self._ids[name]

    def _retag(self, entry: dict, tags: Sequence[str]) -> None:
        """Give an entry the tags of today, in place of those that were read (`samples.tags_of`); others are the file's.

        A data set of an earlier version holds none of the file's: there, nobody can have taken them away.
        """
        kept = [] if self._reads_tags else tags_of(entry)
        if tags_of(entry):
            del entry["tags"]
        if now := list(dict.fromkeys([*kept, *tags])):
            entry["tags"] = now

    def _new_id(self) -> int:
        self._taken.add(max(self._taken, default=0) + 1)
        return max(self._taken)


def _pixels(label: fo.Detection, image: dict) -> list[float]:
    """x, y, width and height in pixels."""
    sides = (image["width"], image["height"]) * 2
    return [round(v * side, 3) for v, side in zip(label.bounding_box, sides)]
