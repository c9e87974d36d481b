"""What can be wrong with a data set, one function a kind: boxes, pictures, classes, and what two splits share."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from dfine.data.coco import CocoSet
from dfine.data.layout import meaning

READERS = 4  # threads that read pictures
SLACK = 1.0  # pixels that a box may reach outside its picture; annotation tools round
HASH = 16  # a picture's likeness: 16 × 16 signs of brightness differences
ALIKE = 10  # of those 256 signs may differ in pictures that count as one; re-encoding changes fewer
COUNTED = 100  # detections of a class in a picture that COCO's AP counts
FEW = 3  # boxes from which it can be said that all of them look like corners


@dataclass(frozen=True)
class Finding:
    """One mistake, with the picture and the box (x, y, width, height in pixels) that it concerns, if any."""

    kind: str
    message: str
    picture: Path | None = None
    bbox: tuple[float, ...] | None = None


Likeness = tuple[Path, np.ndarray]  # a picture, and the signs by which it is known again


def outside(data: CocoSet) -> list[Finding]:
    """Boxes that reach outside their picture."""
    found = []
    for index, image, boxes in _by_picture(data):
        for a in boxes:
            out = _reach(a["bbox"], image)
            if out > SLACK:
                text = f"{_where(a, data)} reaches {out:.0f} px outside {image['file_name']}"
                found.append(Finding("box outside", text, data.path(index), tuple(a["bbox"])))
    return found


def corners(data: CocoSet, kind: str) -> list[Finding]:
    """Boxes that look as if they were given by two corners, where the format wants one corner or the centre, and sides.

    Read as corners all of them lie in their pictures, and read as the format says, some do not.
    """
    boxes = [(a["bbox"], image) for _, image, mine in _by_picture(data) for a in mine]
    if kind not in ("coco", "yolo") or len(boxes) < FEW or all(_reach(b, image) <= SLACK for b, image in boxes):
        return []
    for (x, y, w, h), image in boxes:
        x, y = (x + w / 2, y + h / 2) if kind == "yolo" else (x, y)  # YOLO's lines begin with the centre
        if not (x < w <= image["width"] + SLACK and y < h <= image["height"] + SLACK):
            return []
    wanted = "class cx cy width height" if kind == "yolo" else "x, y, width, height"
    text = f"the boxes of {data.source} look like two corners (x1, y1, x2, y2); the format has {wanted}"
    return [Finding("corners", text)]


def doubled(data: CocoSet) -> list[Finding]:
    """Pictures with two ids, and boxes that are there twice."""
    found, ids = [], {}
    name = {c["id"]: c["name"] for c in data.ground_truth()["categories"]}
    for index, image, boxes in _by_picture(data):
        first = ids.setdefault(os.path.realpath(data.path(index)), image["id"])
        if first != image["id"]:
            text = f"{image['file_name']} is there as image id {first} and as {image['id']} in {data.source}"
            found.append(Finding("doubled picture", text, data.path(index)))
        equal = Counter((a["category_id"], *(round(v, 2) for v in a["bbox"])) for a in boxes)
        for (category, *bbox), count in equal.items():
            if count > 1:
                text = f"{image['file_name']} has {count} equal boxes of {name[category]!r}"
                found.append(Finding("doubled box", text, data.path(index), tuple(bbox)))
    return found


def crowded(data: CocoSet, queries: int) -> list[Finding]:
    """Pictures with more objects than a detector has queries, or than COCO's AP counts."""
    found = []
    name = {c["id"]: c["name"] for c in data.ground_truth()["categories"]}
    for index, image, boxes in _by_picture(data):
        objects = Counter(a["category_id"] for a in boxes if not a["iscrowd"])
        if objects.total() > queries:
            text = (
                f"{image['file_name']} has {objects.total()} objects, more than the {queries} queries of the detector"
            )
            found.append(Finding("many objects", f"{text}: train with more --queries, or on parts", data.path(index)))
        for category, count in objects.items():
            if count > COUNTED:
                text = f"{image['file_name']} has {count} objects of {name[category]!r}, and COCO's AP counts {COUNTED}"
                found.append(Finding("many objects", f"{text} at most", data.path(index)))
    return found


def nothing(split: str, data: CocoSet) -> list[Finding]:
    """Splits without an object, but for those for testing, whose answers are often kept secret."""
    if meaning(split) == "test" or data.objects:
        return []
    return [Finding("no objects", f"{split} has no objects in {len(data)} pictures: {nothing_in(data)}")]


def nothing_in(data: CocoSet) -> str:
    """Why a data set without objects has none, as far as that can be told."""
    crowds, lost = len(data.ground_truth()["annotations"]), data.dropped.total()
    if crowds:
        return f"all {crowds} annotations are marked as crowds or difficult, which are no targets"
    if lost:
        return f"none of the {lost} boxes has an extent in its picture"
    return next((note.message for note in data.notes if note.kind == "no labels"), "there are no annotations")


def pictures(data: CocoSet, title: str | None) -> tuple[list[Likeness], list[Finding]]:
    """The likeness of every picture that can be read, and what is wrong with the others."""

    def look(index: int):
        try:
            pixels, _ = data[index]
            small = Image.fromarray(pixels.permute(1, 2, 0).numpy()).convert("L").resize((HASH + 1, HASH))
        except (ValueError, OSError) as error:
            return Finding("broken picture", str(error), data.path(index))
        grey = np.asarray(small, dtype=np.int16)
        return data.path(index), (grey[:, 1:] > grey[:, :-1]).ravel()

    with ThreadPoolExecutor(READERS) as pool:
        looked = list(tqdm(pool.map(look, range(len(data))), title, len(data), disable=title is None, leave=False))
    return [x for x in looked if not isinstance(x, Finding)], [x for x in looked if isinstance(x, Finding)]


def classes(parts: dict[str, dict[str, int]]) -> list[Finding]:
    """Names that only differ in case or spaces, and classes that training never sees though other splits have them.

    Args:
        parts: split -> objects by class.
    """
    names = dict.fromkeys(name for counts in parts.values() for name in counts)
    plain: dict[str, list[str]] = {}
    for name in names:
        plain.setdefault("".join(name.split()).casefold(), []).append(name)
    found = [f"{' and '.join(map(repr, same))} are two classes" for same in plain.values() if len(same) > 1]
    training = [counts for split, counts in parts.items() if meaning(split) == "train" or split.startswith("train")]
    if training and len(training) < len(parts):
        unseen = [n for n in names if not any(counts.get(n) for counts in training)]
        totals = {n: sum(counts.get(n, 0) for counts in parts.values()) for n in unseen}
        found += [f"{n!r} occurs {total} times, but never in training" for n, total in totals.items() if total]
    return [Finding("class", text) for text in found]


def shared(likenesses: dict[str, list[Likeness]]) -> list[Finding]:
    """Pictures that occur in two splits.

    A split that is part of another ("trainval") is not compared with it; of copies of a part only where both splits
    are for training or judging.
    """
    found, names = [], list(likenesses)
    files = {name: {path for path, _ in seen} for name, seen in likenesses.items()}
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            if files[first] <= files[second] or files[second] <= files[first]:
                continue
            pairs = _alike(likenesses[first], likenesses[second])
            copied = files[first] == {a for a, _ in pairs} or files[second] == {b for _, b in pairs}
            if copied and None in (meaning(first), meaning(second)):
                continue
            for a, b in pairs:
                text = f"{a.name} of {first} and {b.name} of {second} are the same picture"
                found.append(Finding("in two splits", text, a))
    return found


def _alike(first: Sequence[Likeness], second: Sequence[Likeness]) -> list[tuple[Path, Path]]:
    """The pairs whose likenesses hardly differ."""
    if not first or not second:
        return []
    b = np.stack([signs for _, signs in second]).astype(np.float32) * 2 - 1
    pairs = []
    for path, signs in first:
        differing = (HASH**2 - b @ (signs.astype(np.float32) * 2 - 1)) / 2
        pairs += [(path, second[j][0]) for j in np.flatnonzero(differing <= ALIKE)]
    return pairs


def _by_picture(data: CocoSet) -> list[tuple[int, dict, list[dict]]]:
    """Of every picture its place in the data set, its entry and its annotations."""
    truth = data.ground_truth()
    mine: dict[int, list[dict]] = {image["id"]: [] for image in truth["images"]}
    for a in truth["annotations"]:
        mine[a["image_id"]].append(a)
    return [(index, image, mine[image["id"]]) for index, image in enumerate(truth["images"])]


def _reach(bbox: Sequence[float], image: dict) -> float:
    """How many pixels a box reaches outside its picture."""
    x, y, w, h = bbox
    return max(-x, -y, x + w - image["width"], y + h - image["height"])


def _where(a: dict, data: CocoSet) -> str:
    return a.get("where") or f"annotation id {a['id']} in {data.source}"
