"""What COCO files said of a data set before it was explored: one file, or one of each split taken as one."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from dfine.data.coco import CocoSet
from dfine.data.coco_layout import layout, open_file
from dfine.data.texts import content

HEAD = ("info", "licenses")


@dataclass(frozen=True)
class Given:
    """The entries as they were read, with ids that no two of them share.

    Attributes:
        head: what stands before the lists.
        categories: each name once.
        images: by the picture's name; a file may list one twice.
        annotations: by the picture's name and the id in the file, which may be that of another in another file.
        names: of the pictures, by their paths.
    """

    head: dict = field(default_factory=dict)
    categories: list[dict] = field(default_factory=list)
    images: dict[str, list[dict]] = field(default_factory=dict)
    annotations: dict[tuple[str, int], dict] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def given(source: dict, root: Path) -> Given:
    """What the files say that a data set was read from; nothing where there are none (any more).

    Args:
        source: what it was read from, as `dfine.explore.datasets` keeps it.
        root: the folder around all of its pictures, by which those of several files are called.
    """
    path = Path(source.get("path", ""))
    if path.suffix.lower() == ".json" and path.is_file():
        data = open_file(path, _anything)
        return _joined([(data, data.places())])
    found = layout(path) if source.get("kind") == "coco" and path.is_dir() else None
    parts = [opener(_anything) for opener in found.parts.values()] if found else []
    return _joined([(data, [_below(data.path(i), root) for i in range(len(data))]) for data in parts])


def _joined(parts: list[tuple[CocoSet, list[str]]]) -> Given:
    """The entries of several files, each with the names of its pictures, as those of one.

    The first file keeps its ids; where another one uses them again, it gets new ones. A class is one by its name.
    """
    truths = [data.ground_truth() for data, _ in parts]
    fresh = {kind: _Ids(entry["id"] for truth in truths for entry in truth[kind]) for kind in ("images", "annotations")}
    classes = _Ids(entry["id"] for truth in truths for entry in truth["categories"])
    joined, known = Given(), {}
    for (data, names), truth in zip(parts, truths):
        licenses = _take_head(joined.head, content(data.source))
        for entry in truth["categories"]:
            if entry["name"] not in known:
                known[entry["name"]] = classes.give(entry["id"])
                joined.categories.append(entry | {"id": known[entry["name"]]})
        called = {entry["id"]: known[entry["name"]] for entry in truth["categories"]}
        images = {}
        for index, (entry, name) in enumerate(zip(truth["images"], names)):
            images[entry["id"]] = (fresh["images"].give(entry["id"]), name)
            more = {"license": licenses.get(entry["license"], entry["license"])} if _is_number(entry, "license") else {}
            entry = entry | {"id": images[entry["id"]][0], "file_name": name} | more
            joined.images.setdefault(name, []).append(entry)
            joined.names[os.path.abspath(data.path(index))] = name
        for entry in truth["annotations"]:
            image, name = images[entry["image_id"]]
            ids = {"id": fresh["annotations"].give(entry["id"]), "image_id": image}
            key = name, entry["id"]
            entry = entry | ids | {"category_id": called[entry["category_id"]]}
            joined.annotations.setdefault(key, entry)  # of a picture in two files FiftyOne has the first one's answers
    return joined


def _take_head(head: dict, said: dict) -> dict:
    """Add what a file says before its lists; the first `info` stands. Returns the ids that its licences have now."""
    head |= {key: said[key] for key in HEAD if key in said and key not in head}
    mine, theirs = head.get("licenses"), said.get("licenses")
    if mine is theirs or not isinstance(mine, list) or not isinstance(theirs, list):
        return {}
    head["licenses"], now = list(mine), {}
    taken = {one["id"] for one in mine if _is_number(one, "id")}
    more = count(1 + max([*taken, *(one["id"] for one in theirs if _is_number(one, "id"))], default=0))
    for one in theirs:
        if one in mine:
            continue
        if _is_number(one, "id") and one["id"] in taken:
            now[one["id"]] = next(more)
            one = one | {"id": now[one["id"]]}
        head["licenses"].append(one)
    return now


def _is_number(entry: object, key: str) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get(key), int)


class _Ids:
    """Ids that are given once each: the wished one, else one above all wishes."""

    def __init__(self, wishes: Iterable[int]):
        self._more, self._taken = count(1 + max(wishes, default=0)), set()

    def give(self, wish: int) -> int:
        """An id that nothing has got yet."""
        got = next(self._more) if wish in self._taken else wish
        self._taken.add(got)
        return got


def _below(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _anything(message: str, **about) -> None:
    """Mistakes in the entries are no matter here: they were told when the data was read."""
