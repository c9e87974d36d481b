"""Data sets in Pascal VOC format: an XML file of objects for every picture.

The XML files lie in a folder beside that of the pictures (`FOLDERS`), each of which may hold a folder for every split;
or beside their pictures. Lists of names in `ImageSets/Main/` may say which belong to which split. Corners are taken as
they stand: tools differ in whether they count pixels from 0 or 1.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from dfine.data import folders
from dfine.data.coco import CocoSet
from dfine.data.coco_entries import Fault, stop
from dfine.data.layout import Layout, meaning

SETS = "ImageSets/Main"
FOLDERS = (  # of pictures, of XML files
    ("JPEGImages", "Annotations"),
    ("data", "labels"),
    ("images", "Annotations"),
    ("images", "annotations"),
    ("images", "labels"),
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
    return home(folder) is not None or (folder / "Annotations").is_dir() or any(folder.glob("*.xml"))


def home(folder: Path) -> Home | None:
    """Where the pictures and the XML files lie, if they lie in two folders."""
    there = (Home(folder / pictures, folder / answers) for pictures, answers in FOLDERS)
    return next((h for h in there if h.pictures.is_dir() and h.answers.is_dir() and _answers(h.answers)), None)


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

    Objects marked *difficult* count as crowds do: they are no training targets, and neither missed nor found. `fault`
    is as for `CocoSet`.

    Raises:
        FileNotFoundError: there are no XML files, or no such split.
        ValueError: an XML file is missing or damaged, or an object has no name or no box; the message says which.
    """
    folder = Path(folder)
    pictures, answers = _home(folder)
    files = _answers(answers) if answers != folder else sorted(folder.glob("*.xml"))
    if not files:
        raise FileNotFoundError(f"there are no XML files in {answers}")
    entries = {path.relative_to(answers).with_suffix("").as_posix(): _entry(path, pictures, fault) for path in files}
    names = sorted({o.name for _, objects in entries.values() for o in objects})
    images, annotations = [], []
    for stem in _stems(folder, split, list(entries)):
        image, objects = entries.get(stem, (None, []))
        if image is None:
            if stem not in entries:
                fault(f"{SETS}/{split}.txt lists {stem!r}, but there is no {answers / stem}.xml")
            continue
        images.append(image | {"id": len(images) + 1})
        for name, difficult, (x1, y1, x2, y2) in objects:
            annotations.append(
                {"id": len(annotations) + 1, "image_id": len(images), "category_id": names.index(name) + 1}
                | {"bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1), "iscrowd": int(difficult)}
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
    found = (p for p in folder.rglob("*.xml") if not any(map(folders.left_behind, p.relative_to(folder).parts)))
    return sorted(found)


def _occurring(names: set[str], answers: Path) -> set[str]:
    """Those of the names that are the class of an object; no more files are read than it takes to know."""
    found: set[str] = set()
    for path in _answers(answers) if names else ():
        try:
            found |= {e.text.strip() for e in ElementTree.parse(path).iterfind("object/name") if e.text} & names
        except ElementTree.ParseError:
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
        stems = [line.split()[0] for line in folders.lines(listed)]
        known = set(everything)
        return [stem if stem in known else folders.slashed(stem).rpartition("/")[2] for stem in stems]
    inside = [stem for stem in everything if stem.startswith(f"{split}/")]
    if not inside:
        raise FileNotFoundError(f"{folder} has no split {split!r}; it has {', '.join(splits(folder)) or 'none'}")
    return inside


def _entry(path: Path, pictures: Path, fault: Fault) -> tuple[dict | None, list[Object]]:
    """The picture of an XML file, None if the file is damaged, and its objects."""
    try:
        root = ElementTree.parse(path).getroot()
        image = _image(root, path, pictures)
    except ElementTree.ParseError as error:
        fault(f"{path} is not an XML file: {error}")
        return None, []
    except (ValueError, OSError) as error:
        fault(str(error))
        return None, []
    objects = []
    for element in root.findall("object"):
        name = element.findtext("name", "").strip()
        try:
            corners = tuple(float(element.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax"))
        except ValueError:
            corners = None
        if not name:
            fault(f"an object in {path} has no name")
        elif corners is None:
            fault(f"an object ({name}) in {path} has no box of four numbers")
        else:
            objects.append(Object(name, element.findtext("difficult", "0").strip() == "1", corners))
    return image, objects


def _image(root: ElementTree.Element, path: Path, pictures: Path) -> dict:
    """File name and size of the picture.

    Its name in the XML may lack the ending, or be of another machine; then the picture of the XML file's own name is
    meant. A size of 0 is none: the picture's own is taken.
    """
    named = folders.slashed(root.findtext("filename", "").strip() or path.stem).rpartition("/")[2]
    homes = [pictures / part for part in (path.parent.name, ".")]
    tries = [home / named for home in homes]
    tries += [p for home in homes for p in sorted(home.glob(f"{path.stem}.*")) if p.suffix.lower() != ".xml"]
    found = next((p for p in tries if p.is_file()), homes[-1] / named)
    try:
        width, height = (int(float(root.findtext(f"size/{key}", ""))) for key in ("width", "height"))
    except ValueError:
        width = height = 0
    if width < 1 or height < 1:
        if not found.is_file():
            raise ValueError(f"{path} does not say the size of its picture, which is not at {found}")
        width, height = folders.size_shown(found)
    return {"file_name": found.relative_to(pictures).as_posix(), "width": width, "height": height}
