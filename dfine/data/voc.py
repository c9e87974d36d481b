"""Data sets in Pascal VOC format: an XML file of objects for every picture.

Understood are `Annotations/` beside `JPEGImages/` or `images/`, and FiftyOne's `labels/` beside `data/`, with or
without lists of names in `ImageSets/Main/`, and XML files that lie beside their pictures. Corners are taken as they
stand: tools differ in whether they count pixels from 0 or 1.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from dfine.data.coco import CocoSet, Fault, stop

SETS = "ImageSets/Main"
FOLDERS = (("JPEGImages", "Annotations"), ("data", "labels"), ("images", "Annotations"))  # of pictures, of XML files


def is_voc(folder: Path) -> bool:
    """Whether a folder is laid out in this way."""
    return bool(folders(folder)) or (folder / "Annotations").is_dir() or any(folder.glob("*.xml"))


def folders(folder: Path) -> tuple[Path, Path] | None:
    """Where the pictures and the XML files lie, if they lie in two folders."""
    there = ((folder / pictures, folder / answers) for pictures, answers in FOLDERS)
    return next(((p, a) for p, a in there if p.is_dir() and any(a.glob("*.xml"))), None)


def splits(folder: str | Path) -> list[str]:
    """The lists of names of a data set, less those of single classes (`cat_train`); none where there are no lists."""
    folder = Path(folder)
    lists = sorted(p.stem for p in (folder / SETS).glob("*.txt"))
    classes = _occurring({name.rpartition("_")[0] for name in lists} - {""}, _folders(folder)[1])
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
    pictures, answers = _folders(folder)
    files = sorted(answers.glob("*.xml"))
    if not files:
        raise FileNotFoundError(f"there are no XML files in {answers}")
    entries = {path.stem: _entry(path, pictures, fault) for path in files}
    names = sorted({name for _, objects in entries.values() for name, _, _ in objects})
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


def _folders(folder: Path) -> tuple[Path, Path]:
    """As `folders`; the pictures may also lie in the folder itself, and the XML files beside them."""
    answers = folder / "Annotations"
    return folders(folder) or (folder, answers if answers.is_dir() else folder)


def _occurring(names: set[str], answers: Path) -> set[str]:
    """Those of the names that are the class of an object; no more files are read than it takes to know."""
    found: set[str] = set()
    for path in sorted(answers.glob("*.xml")) if names else ():
        try:
            found |= {e.text.strip() for e in ElementTree.parse(path).iterfind("object/name") if e.text} & names
        except ElementTree.ParseError:
            continue
        if found == names:
            break
    return found


def _stems(folder: Path, split: str | None, everything: list[str]) -> list[str]:
    """The names of a split, in the order of its list."""
    if split is None:
        return everything
    listed = folder / SETS / f"{split}.txt"
    if not listed.is_file():
        raise FileNotFoundError(f"{folder} has no split {split!r}; it has {', '.join(splits(folder)) or 'none'}")
    return [line.split()[0] for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]


def _entry(path: Path, pictures: Path, fault: Fault) -> tuple[dict | None, list[tuple[str, bool, list[float]]]]:
    """The picture of an XML file, None if the file is damaged, and its objects: name, difficult, corners in pixels."""
    try:
        root = ElementTree.parse(path).getroot()
        image = _image(root, path, pictures)
    except ElementTree.ParseError as error:
        fault(f"{path} is not an XML file: {error}")
        return None, []
    except ValueError as error:
        fault(str(error))
        return None, []
    objects = []
    for element in root.findall("object"):
        name = element.findtext("name", "").strip()
        try:
            corners = [float(element.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax")]
        except ValueError:
            corners = None
        if not name:
            fault(f"an object in {path} has no name")
        elif corners is None:
            fault(f"an object ({name}) in {path} has no box of four numbers")
        else:
            objects.append((name, element.findtext("difficult", "0").strip() == "1", corners))
    return image, objects


def _image(root: ElementTree.Element, path: Path, pictures: Path) -> dict:
    """File name and size of the picture; its name in the XML may lack the ending, or be of another machine."""
    named = Path(root.findtext("filename", "").strip() or path.stem).name
    tries = [named, *(p.name for p in sorted(pictures.glob(f"{path.stem}.*")) if p.suffix.lower() != ".xml")]
    found = next((name for name in tries if (pictures / name).is_file()), named)
    try:
        width, height = (int(float(root.findtext(f"size/{key}", ""))) for key in ("width", "height"))
    except ValueError:
        raise ValueError(f"{path} does not say the size of its picture") from None
    return {"file_name": found, "width": width, "height": height}
