"""A data set by its place: COCO, YOLO or Pascal VOC, told from what lies there, with its splits."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dfine.data import coco, voc, yolo
from dfine.data.coco import CocoSet, Fault, stop

YAML = (".yaml", ".yml")
ROBOFLOW = "_annotations.coco.json"  # an export of that site: one such file in the folder of every split
OTHER_NAMES = {"val": ("val", "valid", "validation"), "train": ("train", "training"), "test": ("test", "testing")}


def open_data(path: str | Path, split: str | None = None, fault: Fault = stop) -> CocoSet:
    """The data set at `path`, whichever of the three formats it has.

    A `.json` file is COCO's, a `.yaml` file YOLO's. In a folder are looked for, in this order: COCO's JSON files as
    `coco.find` knows them, or one in the folder of every split; a YAML file with `names`; VOC's XML files.

    Args:
        path: folder or file.
        split: train, val or test, where there are several; "valid" and "val2017" count as val, too.
        fault: as for `CocoSet`.

    Raises:
        FileNotFoundError: there is nothing of the kind, or not that split; the message says what there is.
        ValueError: there are several splits and `split` does not say which, or the data is damaged.
    """
    path = Path(path)
    if path.suffix == ".json" and path.is_file():
        return coco.find(path, fault=fault)
    there = splits(path, fault)
    if not there:
        return _unsplit(path, fault)
    if split is None and len(there) > 1:
        raise ValueError(f"{path} holds several splits ({', '.join(there)}); say which")
    chosen = next(iter(there)) if split is None else next((s for s in there if _same(s, split)), None)
    if chosen is None:
        raise FileNotFoundError(f"{path} has no split {split!r}; it has {', '.join(there)}")
    return there[chosen]()


def splits(path: str | Path, fault: Fault = stop) -> dict[str, Callable[[], CocoSet]]:
    """The splits at `path`, by name, each as a function that opens it; nothing where the data set is not split.

    Raises:
        FileNotFoundError: there is nothing at `path`.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no data set {path}")
    if path.suffix in YAML:
        return {name: partial(yolo.read, path, name, fault) for name in yolo.splits(path)}
    if path.is_file():
        return {}
    files = sorted(path.glob("annotations/instances_*.json")) or sorted(path.glob("instances_*.json"))
    if files:
        return {f.stem.removeprefix("instances_"): partial(coco.find, f, fault=fault) for f in files}
    exported = sorted(path.glob(f"*/{ROBOFLOW}"))
    if exported:
        return {f.parent.name: partial(CocoSet, f.parent, f, fault=fault) for f in exported}
    described = _yaml(path)
    if described and not (path / "annotations.json").is_file():
        return splits(described, fault)
    if voc.is_voc(path):
        return {name: partial(voc.read, path, name, fault) for name in voc.splits(path)}
    return {f.name: partial(voc.read, f, fault=fault) for f in sorted(path.glob("*")) if f.is_dir() and voc.is_voc(f)}


def train_and_val(path: str | Path) -> tuple[CocoSet, CocoSet | None]:
    """The training split of a data set, and its validation split; where it has none of its own, its test split.

    Raises:
        FileNotFoundError: it is split, but not so that one of the splits is for training.
        ValueError, OSError: as `open_data`.
    """
    there = splits(path)
    if not there:
        return open_data(path), None
    held_out = next((s for wanted in ("val", "test") for s in there if _same(s, wanted)), None)
    return open_data(path, "train"), there[held_out]() if held_out else None


def _unsplit(path: Path, fault: Fault) -> CocoSet:
    """A data set without splits."""
    if path.is_dir() and not (path / "annotations.json").is_file():
        if (path / ROBOFLOW).is_file():
            return CocoSet(path, path / ROBOFLOW, fault=fault)
        if voc.is_voc(path):
            return voc.read(path, fault=fault)
        raise FileNotFoundError(
            f"{path} holds no data set: neither COCO's annotations.json or annotations/instances_*.json, nor a YAML "
            "file with names, nor Annotations/*.xml"
        )
    return coco.find(path, fault=fault)


def _yaml(folder: Path) -> Path | None:
    """The YAML file that describes a folder."""
    for path in sorted(p for p in folder.iterdir() if p.suffix in YAML):
        try:
            yolo.splits(path)
        except (ValueError, OSError):
            continue
        return path
    return None


def meaning(split: str) -> str | None:
    """Train, val or test, whichever the name of a split stands for: valid and val2017 are val; None for other names."""
    return next((kind for kind, names in OTHER_NAMES.items() if split.rstrip("0123456789-_") in names), None)


def _same(split: str, wanted: str) -> bool:
    """Whether a split is the one that is meant."""
    return split == wanted or wanted in OTHER_NAMES.get(meaning(split), ())
