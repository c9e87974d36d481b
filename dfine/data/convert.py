"""A data set in another format: COCO, YOLO or Pascal VOC, split by split, with the pictures beside it."""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

from tqdm import tqdm

from dfine.data.coco import CocoSet
from dfine.data.layout import meaning
from dfine.data.rgb import SIDEWAYS, head
from dfine.data.sources import open_data, splits
from dfine.data.voc import MARKS, SETS
from dfine.files import drafted
from dfine.paths import as_json, at_home, shown

FORMATS = ("coco", "yolo", "voc")
ONE = "rename them, or convert them one by one"


def convert(source: str | Path, out: str | Path, form: str, *, link: bool = False, progress: bool = True) -> Path:
    """Write a data set in another format.

    Classes keep their names and pictures their bytes; a data set without splits gets one called "all". Crowds stay
    crowds in COCO and become *difficult* in VOC; YOLO has neither, so they are lost. Of other attributes COCO keeps all
    and VOC `truncated`, `occluded` and `pose`. VOC has no list of classes, so classes without any object are lost. YOLO
    only has the splits train, val and test: others become the one that
    their name stands for; a single other split becomes train; and a split whose pictures all belong to those
    (trainval) is left out. It does not say whether boxes are those of the picture as it is stored or as EXIF turns it:
    there they are always the latter. VOC has one folder for all splits: where pictures of two splits have the same
    name, the name of the split is put before it.

    Args:
        source: a data set in any of the formats (`dfine.data.sources`).
        out: a folder that is not there yet; it appears once it is complete.
        form: "coco", "yolo" or "voc".
        link: make symbolic links to the pictures in place of copies.
        progress: whether to show a bar.

    Raises:
        ValueError: there is no such format, `out` exists, two pictures of a split have one name, YOLO has no name for
            a split, or the data is damaged.
        FileNotFoundError: the data set, or one of its pictures, is not there.
    """
    out = at_home(out)
    if form not in FORMATS:
        raise ValueError(f"there is no format {form!r}; choose {', '.join(FORMATS)}")
    if out.exists():
        raise ValueError(f"{out} is there already; choose a new folder")
    parts = {name or "all": open_data(source, name) for name in list(splits(source)) or [None]}
    if form == "yolo":
        parts = _known(parts, source)
    stems = {"coco": lambda parts: dict.fromkeys(parts), "yolo": _stems, "voc": _apart}[form](parts)
    names = list(dict.fromkeys(n for data in parts.values() for n in data.names))
    with drafted(out) as folder:
        for split, data in parts.items():
            write = {"coco": _coco, "yolo": _yolo, "voc": _voc}[form]
            places = write(folder, split, data, stems[split], names)
            pairs = zip(range(len(data)), places)
            for index, place in tqdm(pairs, split, len(data), disable=not progress, leave=False):
                _bring(data.path(index), place, folder, link)
        if form == "yolo":
            _describe(folder, list(parts), names)
    return out


def _bring(picture: Path, place: Path, folder: Path, link: bool) -> None:
    """Put a picture at its place in the folder."""
    if not picture.is_file():
        raise FileNotFoundError(f"the picture {picture} is not there")
    if not Path(os.path.abspath(place)).is_relative_to(os.path.abspath(folder)):
        raise ValueError(f"the picture {picture} would leave the new folder")
    if place.exists() and place.samefile(picture):
        return  # linked already: VOC's splits share a folder, and may share pictures
    place.parent.mkdir(parents=True, exist_ok=True)
    if link:
        _link(picture, place)
    else:
        shutil.copyfile(picture, place)


def _link(picture: Path, place: Path) -> None:
    """A link to a picture. Raises ValueError where there can be none."""
    try:
        place.symlink_to(picture.resolve())
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.EINVAL, errno.ENOTSUP, errno.ENOSYS):
            raise
        raise ValueError(  # Windows asks for a right of its own
            f"this system makes no links to pictures here ({error.strerror}); leave --link out, and they are copied"
        ) from None


def _known(parts: dict[str, CocoSet], source: str | Path) -> dict[str, CocoSet]:
    """The splits by the names that YOLO has for them."""
    known: dict[str, str] = {}
    for split in parts:
        kind = meaning(split)
        if kind in known:
            raise ValueError(
                f"{source} has the splits {known[kind]!r} and {split!r}, and both are {kind} in YOLO: {ONE}"
            )
        if kind:
            known[kind] = split
    held = {entry for split in known.values() for entry in _entries(parts[split])}
    others = [s for s in parts if s not in known.values() and not (known and held.issuperset(_entries(parts[s])))]
    if len(others) > 1 or (others and "train" in known):
        listed = ", ".join(map(repr, others))
        raise ValueError(f"{source} has the split {listed}, and YOLO only knows train, val and test: {ONE}")
    if others:
        known["train"] = others[0]
    return {kind: parts[known[kind]] for kind in ("train", "val", "test") if kind in known}


def _entries(data: CocoSet) -> list[tuple[str, tuple]]:
    """Every picture's place, whatever links lead there, with its objects."""
    return [(os.path.realpath(data.path(index)), tuple(what)) for index, what in enumerate(_objects(data))]


def _stems(parts: dict[str, CocoSet]) -> dict[str, list[str]]:
    """A name for every picture's answers: that of its file, with folders as underscores."""
    stems = {}
    for split, data in parts.items():
        stems[split] = [Path(p).with_suffix("").as_posix().replace("/", "_") for p in data.places()]
        twice = next((s for s, count in Counter(stems[split]).items() if count > 1), None)
        if twice:
            raise ValueError(f"two pictures of {data.source} are called {twice!r}, and would get one file of answers")
    return stems


def _apart(parts: dict[str, CocoSet]) -> dict[str, list[str]]:
    """Names that mean one picture with one answer in all splits: the others get their split's name before them."""
    odd = next((place for data in parts.values() for place in data.places() if shown(place) != place), None)
    if odd is not None:
        raise ValueError(
            f"the name of the picture {shown(odd)} is not UTF-8, as VOC's lists and XML files are: rename it"
        )
    stems, said = _stems(parts), {}
    for split, data in parts.items():
        for stem, entry in zip(stems[split], _entries(data)):
            said.setdefault(stem, set()).add(entry)
    apart = {split: [f"{split}_{s}" if len(said[s]) > 1 else s for s in stems[split]] for split in parts}
    made = Counter(new for split in parts for old, new in zip(stems[split], apart[split]) if old != new)
    twice = next((new for new, count in made.items() if count > 1 or new in said), None)
    if twice:
        raise ValueError(f"two pictures would be called {twice!r}; rename one, or its split")
    return apart


def _objects(data: CocoSet) -> list[list[tuple]]:
    """Class, crowd or not, and box of every object of every picture."""
    truth = data.ground_truth()
    name = {c["id"]: str(c["name"]) for c in truth["categories"]}
    objects: dict[int, list[tuple]] = {image["id"]: [] for image in truth["images"]}
    for a in truth["annotations"]:
        objects[a["image_id"]].append((name[a["category_id"]], a["iscrowd"], *a["bbox"]))
    return list(objects.values())


def _coco(folder: Path, split: str, data: CocoSet, stems: None, names: list[str]) -> list[Path]:
    """`annotations/instances_<split>.json` beside `<split>/`; ids stay as they are."""
    truth, places = data.ground_truth(), data.places()
    images = [image | {"file_name": place} for image, place in zip(truth["images"], places)]
    annotations = [{k: v for k, v in a.items() if k != "where"} for a in truth["annotations"]]
    file = folder / "annotations" / f"instances_{split}.json"
    file.parent.mkdir(exist_ok=True)
    content = truth | {"images": images, "annotations": annotations}
    file.write_text(as_json(content), encoding="utf-8")
    return [folder / split / place for place in places]


def _yolo(folder: Path, split: str, data: CocoSet, stems: list[str], names: list[str]) -> list[Path]:
    """`labels/<split>/*.txt` beside `images/<split>/`."""
    labels = folder / "labels" / split
    labels.mkdir(parents=True)
    place = {name: i for i, name in enumerate(names)}
    places = []
    for index, stem in enumerate(stems):
        target = data.target(index)
        lines = [
            f"{place[data.names[label]]} " + " ".join(f"{v:.6f}" for v in box)
            for label, box in zip(target.labels.tolist(), _shown(target.boxes.tolist(), target.size, data.path(index)))
        ]
        (labels / f"{stem}.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        places.append(folder / "images" / split / f"{stem}{data.path(index).suffix}")
    return places


def _shown(boxes: list[list[float]], size: tuple[int, int], picture: Path) -> list[list[float]]:
    """Boxes cxcywh in 0..1 of the picture as it is shown; `size` tells whether they are those of the stored one."""
    try:
        stored, turn = head(picture)
    except (ValueError, OSError):
        return boxes  # nothing is known of it; it is copied as it is, or missed then
    if turn not in SIDEWAYS or stored != size or size[0] == size[1]:
        return boxes
    across, down = turn in (6, 7), turn in (7, 8)  # whether the far end becomes the near one
    return [[1 - cy if across else cy, 1 - cx if down else cx, h, w] for cx, cy, w, h in boxes]


def _describe(folder: Path, parts: list[str], names: list[str]) -> None:
    """`data.yaml`."""
    import yaml

    content = {split: f"images/{split}" for split in parts} | {"names": dict(enumerate(names))}
    (folder / "data.yaml").write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")


def _voc(folder: Path, split: str, data: CocoSet, stems: list[str], names: list[str]) -> list[Path]:
    """`Annotations/*.xml` beside `JPEGImages/`, and the split's list of names."""
    for part in ("Annotations", "JPEGImages", SETS):
        (folder / part).mkdir(parents=True, exist_ok=True)
    places, told = [], _marks(data)
    for index, (image, stem, objects) in enumerate(zip(data.ground_truth()["images"], stems, _objects(data))):
        file = f"{stem}{data.path(index).suffix}"
        root = ElementTree.Element("annotation")
        ElementTree.SubElement(root, "filename").text = file
        _fields(ElementTree.SubElement(root, "size"), width=image["width"], height=image["height"], depth=3)
        for (name, crowd, x, y, w, h), marks in zip(objects, told[image["id"]]):
            element = ElementTree.SubElement(root, "object")
            _fields(element, name=name, **marks, difficult=crowd)
            corners = dict(xmin=x, ymin=y, xmax=x + w, ymax=y + h)
            _fields(ElementTree.SubElement(element, "bndbox"), **{k: f"{v:.2f}" for k, v in corners.items()})
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(folder / "Annotations" / f"{stem}.xml", encoding="utf-8")
        places.append(folder / "JPEGImages" / file)
    (folder / SETS / f"{split}.txt").write_text("".join(f"{s}\n" for s in stems), encoding="utf-8")
    return places


def _marks(data: CocoSet) -> dict[int, list[dict]]:
    """What VOC has a place for among the attributes of each object, by the image's id and in the order of objects."""
    truth = data.ground_truth()
    found: dict[int, list[dict]] = {image["id"]: [] for image in truth["images"]}
    for a in truth["annotations"]:
        more = a | (a["attributes"] if isinstance(a.get("attributes"), dict) else {})
        marks = {"pose": more["pose"]} if isinstance(more.get("pose"), str) else {}
        found[a["image_id"]].append(marks | {k: int(more[k]) for k in MARKS if more.get(k) in (0, 1)})
    return found


def _fields(element: ElementTree.Element, **values: object) -> None:
    for key, value in values.items():
        ElementTree.SubElement(element, key).text = str(value)
