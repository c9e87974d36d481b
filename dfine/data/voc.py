"""Data sets in Pascal VOC format: an XML file of objects for every picture.

The XML files lie in a folder beside that of the pictures (`FOLDERS`), each of which may hold a folder for every split;
or beside their pictures. Lists of names in `ImageSets/Main/` may say which belong to which split. Corners are taken as
they stand: tools differ in whether they count pixels from 0 or 1.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from dfine.data import folders, texts
from dfine.data.coco import CocoSet
from dfine.data.coco_entries import Fault, stop
from dfine.data.layout import Layout, meaning

SETS = "ImageSets/Main"
MARKS = ("truncated", "occluded")  # 0 or 1 of an object, beside *difficult*
UNKNOWN = "Unspecified"  # pose
NAME = 255  # letters of a file's name, at most
ENCODING = re.compile(rb"\s*<\?xml[^>]*?encoding=[\"']([\w.:-]+)[\"'][^>]*>")
FOLDERS = (  # of pictures, of XML files; in whatever capitals
    ("JPEGImages", "Annotations"),
    ("data", "labels"),
    ("images", "Annotations"),
    ("images", "labels"),
    ("images", "xmls"),
)


class Home(NamedTuple):
    """Where the pictures and the XML files of a data set lie."""

    pictures: Path
    answers: Path


class Object(NamedTuple):
    """One object of an XML file."""

    name: str
    difficult: bool
    corners: tuple[float, float, float, float]  # in pixels
    attributes: dict[str, int | str]  # what else the file says of it, as COCO keeps it


def layout(path: Path) -> Layout | None:
    """The splits of a VOC data set in a folder, or in the only folder inside it; None where there is none."""
    if not path.is_dir():
        return None
    if is_voc(path):
        return Layout("voc", path, {name: partial(read, path, name or None) for name in splits(path) or [""]})
    inside = [p for p in folders.subfolders(path) if is_voc(p)]
    if len(inside) == 1 and not meaning(inside[0].name):
        return layout(inside[0])
    return Layout("voc", path, {p.name: partial(read, p, None) for p in inside}) if inside else None


def is_voc(folder: Path) -> bool:
    """Whether a folder is laid out in this way."""
    return home(folder) is not None or (folder / "Annotations").is_dir() or bool(folders.files(folder, ".xml"))


def home(folder: Path) -> Home | None:
    """Where the pictures and the XML files lie, if they lie in two folders."""
    for pair in FOLDERS:
        pictures, answers = (folders.found(folder / name) for name in pair)
        if pictures and answers and pictures.is_dir() and _answers(answers):
            return Home(pictures, answers)
    return None


def splits(folder: str | Path) -> list[str]:
    """The splits of a data set: those that have a list of names, or a folder among the XML files; [] without any.

    Lists of single classes (`cat_train`) are none.
    """
    folder = Path(folder)
    answers = _home(folder).answers
    lists = sorted(p.stem for p in (folder / SETS).glob("*.txt"))
    if not lists:
        parts = [p.name for p in folders.subfolders(answers) if _answers(p)] if answers.is_dir() else []
        return parts if parts and all(map(meaning, parts)) else []
    classes = _occurring({name.rpartition("_")[0] for name in lists} - {""}, answers)
    return [name for name in lists if name.rpartition("_")[0] not in classes]


def read(folder: str | Path, split: str | None = None, fault: Fault = stop) -> CocoSet:
    """A data set, or one split of it; its categories are all names that occur in any of its XML files, in their order.

    Objects marked *difficult* count as crowds do: they are no training targets, and neither missed nor found. Whether
    they are *truncated* or *occluded*, and their *pose*, are `attributes` of the annotations. `fault` is as for
    `CocoSet`.

    Raises:
        FileNotFoundError: there are no XML files, or no such split.
        ValueError: an XML file is missing or damaged, or an object has no name or no box; the message says which.
    """
    folder = Path(folder)
    pictures, answers = _home(folder)
    files = _answers(answers) if answers != folder else folders.files(folder, ".xml")
    if not files:
        raise FileNotFoundError(f"there are no XML files in {answers}")
    entries = {path.relative_to(answers).with_suffix("").as_posix(): _entry(path, pictures, fault) for path in files}
    names = sorted({o.name for _, objects in entries.values() for o in objects})
    number = {name: place for place, name in enumerate(names, 1)}
    images, annotations = [], []
    for stem in _stems(folder, split, list(entries)):
        image, objects = entries.get(stem, (None, []))
        if image is None:
            if stem not in entries:
                fault(f"{SETS}/{split}.txt lists {stem!r}, but there is no {answers / stem}.xml")
            continue
        images.append(image | {"id": len(images) + 1})
        for name, difficult, (x1, y1, x2, y2), attributes in objects:
            annotations.append(
                {"id": len(annotations) + 1, "image_id": len(images), "category_id": number[name]}
                | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": int(difficult)}
                | ({"attributes": attributes} if attributes else {})
                | {"where": f"an object ({name}) in {answers / stem}.xml"}
            )
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    content = {"images": images, "annotations": annotations, "categories": categories}
    return CocoSet(pictures, answers, content, fault=fault)


def _home(folder: Path) -> Home:
    """As `home`; the pictures may also lie in the folder itself, and the XML files beside them."""
    answers = folder / "Annotations"
    return home(folder) or Home(folder, answers if answers.is_dir() else folder)


def _answers(folder: Path) -> list[Path]:
    """The XML files of a folder and of the folders in it."""
    return folders.files(folder, ".xml", below=True)


def _occurring(names: set[str], answers: Path) -> set[str]:
    """Those of the names that are the class of an object; no more files are read than it takes to know."""
    found: set[str] = set()
    for path in _answers(answers) if names else ():
        try:
            found |= {e.text.strip() for e in _root(path).iterfind("object/name") if e.text} & names
        except (ValueError, OSError):
            continue
        if found == names:
            break
    return found


def _stems(folder: Path, split: str | None, everything: list[str]) -> list[str]:
    """The names of a split's XML files, in the order of its list."""
    if split is None:
        return everything
    listed = folder / SETS / f"{split}.txt"
    if listed.is_file():
        known = set(everything)
        return [_known(line, known) for line in texts.lines(listed)]
    inside = [stem for stem in everything if stem.startswith(f"{split}/")]
    if not inside:
        raise FileNotFoundError(f"{folder} has no split {split!r}; it has {', '.join(splits(folder)) or 'none'}")
    return inside


def _known(line: str, stems: set[str]) -> str:
    """The name of an XML file that a line of a list means.

    Some write the picture's ending behind it, or its folder before it, and VOC's own a number after a space.
    """
    tries = []
    for listed in (line, line.split()[0]):
        last = folders.slashed(listed).rpartition("/")[2]
        tries += [listed, last, listed.rpartition(".")[0], last.rpartition(".")[0]]
    return next((stem for stem in tries if stem in stems), last)


def _root(path: Path) -> ElementTree.Element:
    """The outermost element of an XML file. Raises ValueError where it is none."""
    data = path.read_bytes()
    try:
        try:
            return ElementTree.fromstring(data)
        except (ValueError, LookupError):  # the parser knows no encodings of several bytes, as gbk
            named = ENCODING.match(data)
            if named is None:
                raise
            return ElementTree.fromstring(data[named.end() :].decode(named[1].decode()))
    except (ElementTree.ParseError, ValueError, LookupError, RecursionError) as error:
        raise ValueError(f"{path} is not an XML file: {error}") from None


def _entry(path: Path, pictures: Path, fault: Fault) -> tuple[dict | None, list[Object]]:
    """The picture of an XML file, None if the file is damaged, and its objects."""
    try:
        root = _root(path)
        if root.tag == "annotations":
            raise ValueError(
                f"{path} is an export in CVAT's own format, which is not read: export the task as COCO, YOLO or "
                "Pascal VOC"
            )
        image = _image(root, path, pictures)
    except (ValueError, OSError) as error:
        fault(str(error))
        return None, []
    objects = []
    for element in root.findall("object"):
        name = element.findtext("name", "").strip()
        corners = _corners(element)
        if not name:
            fault(f"an object in {path} has no name")
        elif corners is None:
            fault(f"an object ({name}) in {path} has no box of four numbers")
        else:
            difficult = element.findtext("difficult", "0").strip() == "1"
            objects.append(Object(name, difficult, corners, _attributes(element)))
    return image, objects


def _attributes(element: ElementTree.Element) -> dict[str, int | str]:
    """Whether an object is cut off or hidden, and its pose, as far as the file says so."""
    said = {mark: element.findtext(mark, "").strip() for mark in MARKS}
    pose = element.findtext("pose", "").strip()
    marks = {mark: int(value) for mark, value in said.items() if value in ("0", "1")}
    return marks | ({"pose": pose} if pose not in ("", UNKNOWN) else {})


def _corners(element: ElementTree.Element) -> tuple[float, float, float, float] | None:
    """The corners of an object's box, or of the box around its polygon; None where it has neither."""
    with suppress(ValueError):
        return tuple(float(element.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax"))
    with suppress(ValueError):
        points = {
            side: [float(e.text or "") for e in element.iterfind("polygon/*") if e.tag[0] == side] for side in "xy"
        }
        return min(points["x"]), min(points["y"]), max(points["x"]), max(points["y"])
    return None


def _image(root: ElementTree.Element, path: Path, pictures: Path) -> dict:
    """File name and size of the picture.

    Its name in the XML may lack the ending, or be of another machine; then the picture of the XML file's own name is
    meant. A size of 0 is none: the picture's own is taken.
    """
    named = folders.slashed(root.findtext("filename", "").strip() or path.stem).rpartition("/")[2]
    if len(named) > NAME:
        raise ValueError(f"{path} names a picture with {len(named)} letters; no file can be called that")
    homes = [pictures / part for part in (path.parent.name, ".")]
    found = next((home / named for home in homes if (home / named).is_file()), None)
    found = found or next(filter(None, (folders.picture_called(home, path.stem) for home in homes)), homes[-1] / named)
    try:
        width, height = (int(float(root.findtext(f"size/{key}", ""))) for key in ("width", "height"))
    except (ValueError, OverflowError):
        width = height = 0
    if width < 1 or height < 1:
        if not found.is_file():
            raise ValueError(f"{path} does not say the size of its picture, which is not at {found}")
        width, height = folders.size_shown(found)
    return {"file_name": found.relative_to(pictures).as_posix(), "width": width, "height": height}
