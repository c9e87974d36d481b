"""Data sets in COCO format: a folder of pictures and one JSON file of answers.

Category ids may be sparse and are never used as positions: labels count the categories in the order of their ids, and
everything that leaves the data set goes by name. Crowds stay in the ground truth, where evaluation treats them as COCO
does, but are no training targets.
"""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional

from dfine import boxes as box
from dfine.data.pictures import read
from dfine.trace.records import Target

# Is told of a mistake in the data: a sentence, and sometimes the `image` id and the `bbox` that it is about. If it
# returns, the entry is left out.
Fault = Callable[..., None]


def stop(message: str, **about: object) -> None:
    """The strict way with a mistake: ValueError."""
    raise ValueError(message)


class CocoSet(Dataset):
    """Pictures and their objects: item i is (picture uint8 [3, H, W], Target).

    Boxes reach the targets clipped to the picture. Boxes without a height or a width in it are dropped, from the ground
    truth too, with one warning that counts them.

    Args:
        images_folder: the folder that the file names in the JSON are relative to.
        annotations_json: a COCO instances file, or the file of another format that `content` was read from.
        content: what the file says, as a COCO-format dict, where it has been read already.
        fault: is told of every mistake in the entries; by default the first one is raised.

    Raises:
        FileNotFoundError: the folder or the file is not there.
        ValueError: the file is not COCO JSON, or an id in it leads nowhere or twice.
    """

    def __init__(
        self,
        images_folder: str | Path,
        annotations_json: str | Path,
        content: dict | None = None,
        *,
        fault: Fault = stop,
    ):
        self.folder, self.source = Path(images_folder), Path(annotations_json)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"there is no folder of pictures {self.folder}")
        content = _read_json(self.source) if content is None else content
        self._fault = fault
        self._categories = self._sound_categories(content["categories"])
        self._images = self._sound_images(content["images"])
        annotations = self._sound(content["annotations"])
        self.names = tuple(str(c["name"]) for c in self._categories)
        self.category_ids = [int(c["id"]) for c in self._categories]
        self._annotations = self._with_area(annotations)
        self._items = self._targets()

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> tuple[Tensor, Target]:
        """Reads picture `index`. Raises ValueError or FileNotFoundError with the name of a file that cannot be read."""
        path = self.path(index)
        if not path.exists():
            image = self._images[index]
            raise FileNotFoundError(f"the picture {path} of image id {image['id']} in {self.source} is not there")
        target = self._items[index]
        picture = read(path)
        if picture.size != target.size:
            with Image.open(path) as stored:  # some annotators ignored the camera's rotation flag, which `read` obeys
                if stored.size != target.size:
                    have, want = "x".join(map(str, stored.size)), "x".join(map(str, target.size))
                    raise ValueError(f"the picture {path} has {have} pixels, but {self.source.name} says {want}")
                picture = stored.convert("RGB")
        return functional.pil_to_tensor(picture), target

    def target(self, index: int) -> Target:
        """What is true of picture `index`, without reading it."""
        return self._items[index]

    def path(self, index: int) -> Path:
        """Where picture `index` lies."""
        return self.folder / self._images[index]["file_name"]

    def places(self) -> list[str]:
        """Names below one folder: the file's, or if one is absolute or climbs, those below the folder around all."""
        names = [image["file_name"] for image in self._images]
        if not any(Path(name).is_absolute() or ".." in Path(name).parts for name in names):
            return names
        paths = [Path(os.path.abspath(self.path(i))) for i in range(len(self))]
        around = os.path.commonpath([path.parent for path in paths])
        return [path.relative_to(around).as_posix() for path in paths]

    def ground_truth(self) -> dict:
        """The answers as a COCO-format dict, images in the order of the items; crowds included."""
        return {"images": self._images, "annotations": self._annotations, "categories": self._categories}

    def _sound_categories(self, categories: list[dict]) -> list[dict]:
        """The categories that have an id and a name, in the order of their ids; the others are faults."""
        unique = _unique(categories, "category", self.source, self._fault)
        sound = sorted((c for c in unique if isinstance(c.get("name"), (str, int))), key=lambda c: c["id"])
        for c in unique:
            if c not in sound:
                self._fault(f"category id {c['id']} in {self.source} has no name")
        names = [str(c["name"]) for c in sound]
        for name in sorted({n for n in names if names.count(n) > 1}):
            stop(f"two categories in {self.source} are called {name!r}; names must be unique")
        return sound

    def _sound_images(self, images: list[dict]) -> list[dict]:
        """The images that have a file name and a size; the others are faults."""
        sound = []
        for image in _unique(images, "image", self.source, self._fault):
            what, name = f"image id {image['id']} in {self.source}", image.get("file_name")
            lacking = next((key for key in ("file_name", "width", "height") if image.get(key) in (None, "")), None)
            wrong = next((k for k in ("width", "height") if not _is_side(image.get(k))), None)
            if lacking:
                self._fault(f"{what} has no {lacking!r}")
            elif not isinstance(name, str):
                self._fault(f"{what} has the file name {name!r}, which is no text")
            elif wrong:
                self._fault(f"{what} has the {wrong} {image[wrong]!r}, which is no whole number above 0")
            else:
                sound.append(image)
        return sound

    def _sound(self, annotations: list[dict]) -> list[dict]:
        """The annotations whose ids lead somewhere and whose numbers are numbers; the others are faults."""
        images, categories = {i["id"] for i in self._images}, {c["id"] for c in self._categories}
        sound = []
        for a in _unique(annotations, "annotation", self.source, self._fault):
            what, image, category = self._where(a), a.get("image_id"), a.get("category_id")
            given = [key for key in ("area", "iscrowd") if a.get(key) is not None]
            wrong = next((key for key in given if not _is_number(a[key])), None)
            if not _is_id(image) or image not in images:
                self._fault(f"{what} names image id {image}, unknown")
            elif not _is_id(category) or category not in categories:
                self._fault(f"{what} names category id {category}, which is not among the categories")
            elif not _is_box(a.get("bbox")):
                self._fault(f"{what} has the bbox {a.get('bbox')}, not 4 numbers")
            elif wrong:
                self._fault(f"{what} has the {wrong} {a[wrong]!r}, which is no number")
            else:
                sound.append(a)
        return sound

    def _where(self, a: dict) -> str:
        return a.get("where") or f"annotation id {a['id']} in {self.source}"

    def _with_area(self, annotations: list[dict]) -> list[dict]:
        """The annotations that have an extent inside their picture, each with `area` and `iscrowd`."""
        lenient = self._fault is not stop
        sizes = {i["id"]: (i["width"], i["height"]) for i in self._images}
        kept = []
        for a in annotations:
            x1, y1, x2, y2 = _clipped(a["bbox"], sizes[a["image_id"]])
            if x2 > x1 and y2 > y1:
                area = a["bbox"][2] * a["bbox"][3] if a.get("area") is None else a["area"]
                kept.append({**a, "area": float(area), "iscrowd": int(a.get("iscrowd") or 0)})
            elif lenient:
                text = f"{self._where(a)} has no extent in its picture: {[round(v, 1) for v in a['bbox']]}"
                self._fault(text, image=a["image_id"], bbox=tuple(a["bbox"]))
        dropped = len(annotations) - len(kept)
        if dropped and not lenient:
            what = "1 box of zero size was" if dropped == 1 else f"{dropped} boxes of zero size were"
            warnings.warn(f"{what} dropped from {self.source}", stacklevel=3)
        return kept

    def _targets(self) -> list[Target]:
        """The target of every image, without crowds."""
        label = {id: i for i, id in enumerate(self.category_ids)}
        objects: dict[int, list[dict]] = {image["id"]: [] for image in self._images}
        for a in self._annotations:
            if not a["iscrowd"]:
                objects[a["image_id"]].append(a)
        targets = []
        for image in self._images:
            size = (int(image["width"]), int(image["height"]))
            mine = objects[image["id"]]
            corners = torch.tensor([_clipped(a["bbox"], size) for a in mine], dtype=torch.float64).reshape(-1, 4)
            labels = torch.tensor([label[a["category_id"]] for a in mine], dtype=torch.int64)
            targets.append(Target(labels, box.from_pixels(corners, size).float(), int(image["id"]), size))
        return targets


def find(path: str | Path, split: str | None = None, fault: Fault = stop) -> CocoSet:
    """The data set at `path`: a folder that `dfine scenes` wrote, a COCO folder, or a COCO JSON file.

    Understood are `images/` beside `annotations.json`, `annotations/instances_<split>.json` beside `<split>/` (or
    `images/<split>/`), and a `.json` file whose pictures lie in one of these places around it.

    Args:
        path: folder or file.
        split: which of several `annotations/instances_*.json` to take, e.g. "val2017" or just "val".
        fault: as for `CocoSet`.

    Raises:
        FileNotFoundError: there is nothing of the kind; the message says what was looked for.
        ValueError: there are several and `split` does not say which.
    """
    path = Path(path)
    if path.is_file():
        return CocoSet(_pictures_of(path), path, fault=fault)
    if not path.is_dir():
        raise FileNotFoundError(f"there is no data set {path}")
    if (path / "annotations.json").is_file():
        return find(path / "annotations.json", fault=fault)
    files = sorted(path.glob("annotations/instances_*.json")) or sorted(path.glob("instances_*.json"))
    files = [f for f in files if split is None or _split(f).startswith(split)]
    if not files:
        wanted = f"annotations/instances_{split or '*'}*.json"
        raise FileNotFoundError(f"{path} holds neither annotations.json beside images/ nor {wanted}")
    if len(files) > 1:
        names = ", ".join(_split(f) for f in files)
        raise ValueError(f"{path} holds several splits ({names}); name one of the files under it")
    return find(files[0], fault=fault)


def _pictures_of(source: Path) -> Path:
    """The folder of the pictures of a COCO JSON file: the first place around it where its first picture lies."""
    names = [i.get("file_name") for i in _read_json(source)["images"] if isinstance(i, dict)]
    first = next((name for name in names if name and isinstance(name, str)), None)
    split = _split(source)
    roots = [source.parent, source.parent.parent]
    places = [root / part for root in roots for part in (split, f"images/{split}", "images", "JPEGImages", ".")]
    places += [found for root in roots[:1] for found in sorted(root.glob("*/JPEGImages"))]
    if first is None:
        return next((p for p in places if p.is_dir()), source.parent)
    if Path(first).is_absolute() and Path(first).is_file():
        return source.parent
    for place in places:
        if (place / first).is_file():
            return place
    raise FileNotFoundError(f"the pictures of {source} (the first is {first!r}) are in none of the folders around it")


def _split(source: Path) -> str:
    return source.stem.removeprefix("instances_")


def _read_json(source: Path) -> dict:
    if not source.is_file():
        raise FileNotFoundError(f"there is no annotation file {source}")
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{source} is not a JSON file: {error}") from None
    for key in ("images", "annotations", "categories"):
        if not isinstance(content, dict) or not isinstance(content.get(key), list):
            raise ValueError(f"{source} is not a COCO file: it has no list {key!r}")
    return content


def _unique(entries: list[dict], kind: str, source: Path, fault: Fault) -> list[dict]:
    """The entries with an id of their own; one whose id is missing or has occurred before is a fault."""
    seen: dict[int, dict] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not _is_id(entry.get("id")):
            fault(f"the {kind} {str(entry)[:80]} in {source} has no whole number as its id")
        elif entry["id"] in seen:
            fault(f"{kind} id {entry['id']} occurs twice in {source}")
        else:
            seen[entry["id"]] = entry
    return list(seen.values())


def _is_side(value) -> bool:
    """Whether it is a whole number above 0; some tools write 640.0."""
    return _is_number(value) and value >= 1 and value == int(value)


def _is_id(value) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and abs(value) < math.inf


def _is_box(bbox) -> bool:
    return isinstance(bbox, (list, tuple)) and len(bbox) == 4 and all(map(_is_number, bbox))


def _clipped(bbox: list[float], size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Corners in pixels of a COCO bbox (x, y, width, height), inside a picture of (width, height)."""
    x, y, bw, bh = bbox
    w, h = size
    return max(x, 0), max(y, 0), min(x + bw, w), min(y + bh, h)
