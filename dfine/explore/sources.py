"""What kind of data lies in a file or folder."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from dfine.data import coco, voc

SCENES = "scenes"
_YAML = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """What a data set is made from; two sources are the same data where all of this is equal."""

    kind: str  # coco, yolo5, yolo4, voc, scenes or folder
    path: str  # folder or file, absolute
    split: str = ""
    name: str = ""  # what a data set made from it is called, where that name is free

    def same(self, other: dict) -> bool:
        """Whether `other`, as stored in a data set's info, is this source."""
        return {**asdict(self), "name": ""} == {**other, "name": ""}


def recognise(path: Path, split: str | None = None) -> Source:
    """What kind of data lies at `path`, and which part of it is meant.

    Raises:
        ValueError: a file of an unknown kind, a folder with no picture in it, or a split where there is none to choose.
        FileNotFoundError: a COCO folder without that split.
    """
    if path.is_file() and path.suffix.lower() not in (".json", *_YAML):
        raise ValueError(f"{path} is neither a COCO .json nor a YOLO .yaml")
    if path.suffix.lower() in _YAML:
        named = path.parent.name if path.stem in ("data", "dataset") else path.stem
        return Source("yolo5", str(path), split or "", named)
    if path.is_file() or any(path.glob("annotations.json")) or any(path.glob("annotations/instances_*.json")):
        return _coco_source(path, split)
    yaml = next((f for f in sorted(path.glob("*.y*ml")) if _is_yolo(f)), None)
    if yaml:
        return Source("yolo5", str(yaml), split or "", path.name)
    kind = "yolo4" if (path / "obj.names").is_file() else "voc" if voc_folders(path) else None
    if not kind and any(path.glob("instances_*.json")):
        return _coco_source(path, split)
    if not kind and not any(pictures(path)):
        raise ValueError(f"{path} holds neither pictures nor a data set in COCO, YOLO or VOC format")
    if split:
        raise ValueError(f"{path} has no splits to choose from; leave {split!r} out")
    return Source(kind or "folder", str(path), "", path.name)


def coco_set(path: Path, split: str | None = None) -> coco.CocoSet:
    """The COCO data at `path`, checked. Its boxes of zero size are reported once they are dropped, not here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return coco.find(path, split)


def _coco_source(path: Path, split: str | None) -> Source:
    """A COCO file, or that of a folder: named after its folder and its split."""
    file = path if path.is_file() else coco_set(path, split).source
    found = file.stem.removeprefix("instances_")
    home = file.parent.parent if file.parent.name == "annotations" else file.parent
    return Source("coco", str(file), "", home.name if found == "annotations" else f"{home.name}-{found}")


def _is_yolo(file: Path) -> bool:
    """Whether a .yaml names classes and a split, as those of YOLO do."""
    return bool(splits(file)) and "\nnames:" in "\n" + file.read_text(errors="ignore")


def splits(file: Path) -> list[str]:
    """The splits that a YOLO .yaml names."""
    content = "\n" + file.read_text(errors="ignore")
    return [s for s in ("train", "val", "validation", "test") if f"\n{s}:" in content]


def voc_folders(path: Path) -> tuple[Path, Path] | None:
    """(pictures, labels) of a VOC folder, also of one inside it; None where it is none."""
    for home in (path, *sorted(p for p in path.iterdir() if p.is_dir())):
        if found := voc.folders(home):
            return found
    return None


def pictures(path: Path) -> Iterator[Path]:
    """The files below a folder that end like pictures, in order."""
    Image.init()
    return (f for f in sorted(path.rglob("*")) if f.suffix.lower() in Image.EXTENSION and f.is_file())
