"""The entries of a COCO file, checked: ids that lead somewhere, sizes and boxes that are numbers, names that are text.

What is wrong is a fault, and the entry is left out; what a person should know although nothing is left out is a note.
Ids may be numbers or text. They only tie entries together, so annotations whose id is missing or taken get a new one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from dfine.data import texts
from dfine.data.coco_masks import box_around

MOST = 10**12  # no side, box or area has more pixels

# Is told of a mistake in the data: a sentence, and sometimes the `image` id and the `bbox` that it is about. If it
# returns, the entry is left out.
Fault = Callable[..., None]


def stop(message: str, **about: object) -> None:
    """The strict way with a mistake: ValueError."""
    raise ValueError(texts.brief(message))


class Note(NamedTuple):
    """What a person should know of a data set although nothing is left out for it."""

    kind: str  # in a word or two, as `data check` counts it
    message: str  # a sentence
    image: int | None = None  # the id of the picture that it is about
    bbox: tuple[float, ...] | None = None


@dataclass
class Entries:
    """The entries of a file as they are read, with what was found out about them."""

    source: Path
    fault: Fault
    images: list[dict] = field(default_factory=list)
    annotations: list[dict] = field(default_factory=list)
    categories: list[dict] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    dropped: Counter = field(default_factory=Counter)  # image id -> boxes without an extent in it

    @staticmethod
    def of(content: dict, source: Path, fault: Fault) -> Entries:
        """The sound entries of a COCO-format dict.

        Raises:
            ValueError: two categories have one name; and whatever `fault` raises.
        """
        entries = Entries(source, fault)
        category = entries._read_categories(content["categories"], content["annotations"])
        image = entries._read_images(content["images"])
        entries._read_annotations(content["annotations"], image, category)
        return entries

    def _read_categories(self, categories: list, annotations: list) -> dict:
        """Take in the categories, in the order of their ids. Returns key of an id -> id as it is used here."""
        unique = _unique(categories, "category", self.source, self.fault)
        used = Counter(_key(a.get("category_id")) for a in annotations if isinstance(a, dict))
        named = {}
        for key, c in unique.items():
            if not isinstance(c.get("name"), (str, int)) or isinstance(c["name"], bool):
                self.fault(f"category id {c['id']} in {self.source} has no name")
            elif any("\ud800" <= letter <= "\udfff" for letter in str(c["name"])):
                self.fault(f"the name of category id {c['id']} in {self.source} holds half a letter (a lone surrogate)")
            else:
                named[key] = c | {"name": str(c["name"])}
        root = _root(named, used)
        number = _numbers(list(named))
        self.categories = [c | {"id": number[key]} for key, c in named.items() if key != root]
        self.categories.sort(key=lambda c: c["id"])
        twice = next((n for n, k in Counter(c["name"] for c in self.categories).items() if k > 1), None)
        if twice is not None:
            stop(f"two categories in {self.source} are called {twice!r}; names must be unique")
        if root is not None and used[root]:
            number[root] = next(
                number[key] for key, c in named.items() if key != root and c["name"] == named[root]["name"]
            )
        elif root is not None:
            del number[root]
        return number

    def _read_images(self, images: list) -> dict:
        """Take in the images that have a file name and a size. Returns key of an id -> id as it is used here."""
        unique = _unique(images, "image", self.source, self.fault)
        number = _numbers(list(unique))
        known = {}
        for key, image in unique.items():
            image = image | {side: _number(image[side]) for side in ("width", "height") if side in image}
            what, name = f"image id {image['id']} in {self.source}", image.get("file_name")
            lacking = next((k for k in ("file_name", "width", "height") if image.get(k) in (None, "")), None)
            wrong = next((k for k in ("width", "height") if not _is_side(image.get(k))), None)
            if lacking == "width" and image.get("height") is None:  # they were looked for in the picture
                self.fault(f"{what} has no 'width', and its picture {name} cannot be read")
            elif lacking:
                self.fault(f"{what} has no {lacking!r}")
            elif not isinstance(name, str):
                self.fault(f"{what} has the file name {name!r}, which is no text")
            elif wrong:
                self.fault(f"{what} has the {wrong} {image[wrong]!r}, which is no whole number above 0")
            else:
                known[key] = number[key]
                sides = {side: int(image[side]) for side in ("width", "height")}
                self.images.append(image | sides | {"id": number[key]})
        return known

    def _read_annotations(self, annotations: list, image: dict, category: dict) -> None:
        """Take in the annotations whose ids lead somewhere and whose boxes have an extent in their picture."""
        sizes = {i["id"]: (i["width"], i["height"]) for i in self.images}
        if _all_relative(annotations, {key: sizes[id] for key, id in image.items()}):
            self.fault(
                f"the boxes in {self.source} lie between 0 and 1, but those of COCO files are in pixels: multiply them "
                "by the width and the height of their pictures",
                kind="relative boxes",
            )
            return
        taken = Counter(a["id"] for a in annotations if isinstance(a, dict) and _is_whole(a.get("id")))
        fresh, used = max(taken, default=0), set()
        for a in annotations:
            if not isinstance(a, dict):
                self.fault(f"the annotation {str(a)[:80]} in {self.source} is no entry with an image and a box")
                continue
            sound = self._sound(a, image, category, sizes)
            if sound is None:
                continue
            if not _is_whole(a.get("id")) or a["id"] in used:
                fresh += 1
                sound["id"] = fresh
                if _is_whole(a.get("id")):
                    text = f"annotation id {a['id']} occurs twice in {self.source}"
                    self.notes.append(Note("doubled id", text, sound["image_id"], tuple(sound["bbox"])))
            used.add(sound["id"])
            self.annotations.append(sound)

    def _sound(self, a: dict, image: dict, category: dict, sizes: dict) -> dict | None:
        """An annotation with the ids used here, `bbox`, `area` and `iscrowd`; None where it is left out."""
        nameless = f"an annotation of image id {a.get('image_id')} in {self.source}"
        what = a.get("where") or (nameless if a.get("id") is None else f"annotation id {a['id']} in {self.source}")
        given = {key: _number(a[key]) for key in ("area", "iscrowd") if a.get(key) is not None}
        wrong = next((key for key, value in given.items() if not _is_number(value)), None)
        bbox = _box(a.get("bbox")) if a.get("bbox") not in (None, []) else box_around(a.get("segmentation"))
        picture, kind = image.get(_key(a.get("image_id"))), category.get(_key(a.get("category_id")))
        if picture is None:
            return self.fault(f"{what} names image id {a.get('image_id')}, unknown")
        if kind is None:
            return self.fault(f"{what} names category id {a.get('category_id')}, which is not among the categories")
        if not _is_box(bbox):
            return self.fault(f"{what} has the bbox {a.get('bbox')}, not 4 numbers")
        if wrong:
            return self.fault(f"{what} has the {wrong} {a[wrong]!r}, which is no number")
        x1, y1, x2, y2 = clipped(bbox, sizes[picture])
        if x2 <= x1 or y2 <= y1:
            self.dropped[picture] += 1
            if self.fault is not stop:
                text = f"{what} has no extent in its picture: {[round(v, 1) for v in bbox]}"
                self.fault(text, kind="empty box", image=picture, bbox=tuple(bbox))
            return None
        area = float(given.get("area", bbox[2] * bbox[3]))
        if area <= 0:
            area = float(bbox[2] * bbox[3])
            self.notes.append(Note("area", f"{what} has the area {a['area']}", picture, tuple(bbox)))
        ids = {"image_id": picture, "category_id": kind, "bbox": list(bbox)}
        return a | ids | {"area": area, "iscrowd": int(given.get("iscrowd") or 0)}


def clipped(bbox: list[float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Corners in pixels of a COCO bbox (x, y, width, height), inside a picture of (width, height)."""
    x, y, bw, bh = bbox
    w, h = size
    return max(x, 0), max(y, 0), min(x + bw, w), min(y + bh, h)


def _root(categories: dict, used: Counter) -> object | None:
    """The key of the category that only stands above the others, as Roboflow writes one; None where there is none.

    It has no supercategory of its own; and either another category, which has one, bears its name, or all others name
    it as theirs and no annotation uses it.
    """
    below = Counter(str(c["supercategory"]) for c in categories.values() if not _is_above(c))
    children = {c["name"] for c in categories.values() if not _is_above(c)}
    for key, c in categories.items():
        if not _is_above(c):
            continue
        if c["name"] in children:
            return key
        if not used[key] and len(categories) > 1 and below[c["name"]] == len(categories) - 1:
            return key
    return None


def _is_above(category: dict) -> bool:
    """Whether a category stands under no other."""
    return category.get("supercategory") in (None, "", "none")


def _unique(entries: list, kind: str, source: Path, fault: Fault) -> dict:
    """The entries with an id of their own, by its key; one whose id is missing or has occurred before is a fault."""
    seen: dict = {}
    for entry in entries:
        key = _key(entry.get("id")) if isinstance(entry, dict) else None
        if key is None:
            fault(f"the {kind} {str(entry)[:80]} in {source} has no id")
        elif key in seen:
            fault(f"{kind} id {entry['id']} occurs twice in {source}")
        else:
            seen[key] = entry
    return seen


def _key(id: object) -> int | str | None:
    """What an id is compared by: 7, 7.0 and "7" are one; None for what can be no id."""
    if _is_whole(id):
        return id
    if isinstance(id, float) and id.is_integer():
        return int(id)
    if isinstance(id, str) and id:
        digits = id.removeprefix("-")
        return int(id) if digits.isascii() and digits.isdigit() else id
    return None


def _numbers(keys: list) -> dict:
    """Whole numbers for ids: the ids themselves, or where one is text or beyond 63 bits, their places from 1."""
    if all(isinstance(key, int) and abs(key) < 2**63 for key in keys):
        return {key: key for key in keys}
    return {key: place for place, key in enumerate(keys, 1)}


def _all_relative(annotations: list, sizes: dict) -> bool:
    """Whether all boxes, each in a picture of more than a few pixels, lie between 0 and 1."""
    boxes = [
        a["bbox"]
        for a in annotations
        if isinstance(a, dict) and _is_box(a.get("bbox")) and min(sizes.get(_key(a.get("image_id")), (0, 0))) > 8
    ]
    return bool(boxes) and all(0 <= v <= 1 for b in boxes for v in b) and any(0 < v < 1 for b in boxes for v in b[2:])


def _is_side(value) -> bool:
    """Whether it is a whole number above 0; some tools write 640.0."""
    return _is_number(value) and value >= 1 and value == int(value)


def _is_whole(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and abs(value) < MOST


def _number(value: object) -> object:
    """A number that is written as text, as some tools do, as a number; everything else as it is."""
    if isinstance(value, str) and len(value) < 40:
        with suppress(ValueError):
            number = float(value)
            return int(number) if number.is_integer() else number
    return value


def _box(bbox: object) -> object:
    """A box whose numbers may be text; everything else as it is."""
    return [_number(value) for value in bbox] if isinstance(bbox, (list, tuple)) and len(bbox) == 4 else bbox


def _is_box(bbox) -> bool:
    return isinstance(bbox, (list, tuple)) and len(bbox) == 4 and all(map(_is_number, bbox))
