"""Data sets in Pascal VOC format: an XML file of objects for every picture.

Understood are `Annotations/` beside `JPEGImages/`, with or without lists of names in `ImageSets/Main/`, and XML files
that lie beside their pictures. Corners are taken as they stand: tools differ in whether they count pixels from 0 or 1.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from dfine.data.coco import CocoSet

SETS = "ImageSets/Main"


def is_voc(folder: Path) -> bool:
    """Whether a folder is laid out in this way."""
    return (folder / "Annotations").is_dir() or next(folder.glob("*.xml"), None) is not None


def splits(folder: str | Path) -> list[str]:
    """The lists of names of a data set, less those of single classes (`cat_train`); none where there are no lists."""
    return sorted(p.stem for p in (Path(folder) / SETS).glob("*.txt") if "_" not in p.stem)


def read(folder: str | Path, split: str | None = None) -> CocoSet:
    """A data set, or one split of it; its categories are all names that occur in any of its XML files, in their order.

    Objects marked *difficult* count as crowds do: they are no training targets, and neither missed nor found.

    Raises:
        FileNotFoundError: there are no XML files, or no such split.
        ValueError: an XML file cannot be read, or an object in it has no name or no box; the message says which.
    """
    folder = Path(folder)
    answers = folder / "Annotations" if (folder / "Annotations").is_dir() else folder
    pictures = folder / "JPEGImages" if (folder / "JPEGImages").is_dir() else folder
    files = sorted(answers.glob("*.xml"))
    if not files:
        raise FileNotFoundError(f"there are no XML files in {answers}")
    roots = {path.stem: _root(path) for path in files}
    names = sorted({name for path, root in zip(files, roots.values()) for name in _class_names(root, path)})
    images, annotations = [], []
    for stem in _stems(folder, split, list(roots)):
        if stem not in roots:
            raise FileNotFoundError(f"{SETS}/{split}.txt lists {stem!r}, but there is no {answers / stem}.xml")
        path = answers / f"{stem}.xml"
        image = _image(roots[stem], path, pictures) | {"id": len(images) + 1}
        images.append(image)
        for element in roots[stem].findall("object"):
            x1, y1, x2, y2 = _corners(element, path)
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image["id"], "bbox": [x1, y1, x2 - x1, y2 - y1]}
                | {"category_id": names.index(_name(element, path)) + 1, "area": (x2 - x1) * (y2 - y1)}
                | {"iscrowd": int(element.findtext("difficult", "0").strip() == "1")}
            )
    categories = [{"id": i, "name": name} for i, name in enumerate(names, 1)]
    return CocoSet(pictures, answers, {"images": images, "annotations": annotations, "categories": categories})


def _stems(folder: Path, split: str | None, everything: list[str]) -> list[str]:
    """The names of a split, in the order of its list."""
    if split is None:
        return everything
    listed = folder / SETS / f"{split}.txt"
    if not listed.is_file():
        raise FileNotFoundError(f"{folder} has no split {split!r}; it has {', '.join(splits(folder)) or 'none'}")
    return [line.split()[0] for line in listed.read_text(encoding="utf-8").splitlines() if line.strip()]


def _root(path: Path) -> ElementTree.Element:
    try:
        return ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"{path} is not an XML file: {error}") from None


def _class_names(root: ElementTree.Element, path: Path) -> list[str]:
    return [_name(element, path) for element in root.findall("object")]


def _name(element: ElementTree.Element, path: Path) -> str:
    name = element.findtext("name", "").strip()
    if not name:
        raise ValueError(f"an object in {path} has no name")
    return name


def _corners(element: ElementTree.Element, path: Path) -> list[float]:
    try:
        return [float(element.findtext(f"bndbox/{key}", "").strip()) for key in ("xmin", "ymin", "xmax", "ymax")]
    except ValueError:
        raise ValueError(f"an object ({_name(element, path)}) in {path} has no box of four numbers") from None


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
