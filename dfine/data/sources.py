"""A data set by its place: COCO, YOLO, Pascal VOC or labelme, told from what lies there, with its splits.

Everything that reads data from disk asks here: training, evaluation, checks, conversion and exploring. Where a data set
is not split, a tenth of it is held out for validation by a rule that depends on the names of its files only
(`dfine.data.folders.held_out`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch.utils.data import Dataset

from dfine.data import coco_layout, folders, labelme, voc, yolo, yolo_layout
from dfine.data.coco import CocoSet
from dfine.data.coco_entries import Fault, stop
from dfine.data.findings import corners, nothing_in
from dfine.data.layout import Layout, NoDataSet, meaning, same
from dfine.paths import at_home
from dfine.wording import some

FORMATS = (coco_layout.layout, yolo.layout, voc.layout, labelme.layout)
FEWEST = 20  # pictures that a data set must have before some of them are held out
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
NONE = (
    "neither COCO's JSON files, nor a YAML file with names, obj.names or classes.txt of YOLO, nor VOC's XML files, nor "
    "JSON files of labelme"
)


def recognise(path: str | Path) -> Layout:
    """How the data set at a place lies there.

    A `.json` file is COCO's, a `.yaml` file YOLO's. In a folder the formats are looked for in the order of `FORMATS`;
    the modules say what each looks for.

    Raises:
        FileNotFoundError: there is nothing there, or nothing of the kind.
        ValueError: a file of another kind, or a damaged one.
    """
    path = at_home(path)
    if not path.exists():
        raise FileNotFoundError(f"there is no data set {path}")
    found = next((layout for form in FORMATS if (layout := form(path)) is not None), None)
    if found is None and path.is_file() and path.suffix.lower() in ARCHIVES:
        raise ValueError(f"{path} is an archive; unpack it, and name the folder")
    if found is None and path.is_file():
        raise ValueError(f"{path} is neither a COCO .json nor a YOLO .yaml")
    if found is None:
        complaint = yolo_layout.complaint(path)
        raise FileNotFoundError(complaint) if complaint else NoDataSet(f"{path} holds no data set: {NONE}")
    return found


def open_data(path: str | Path, split: str | None = None, fault: Fault = stop) -> CocoSet:
    """The data set at `path`, whichever format it has.

    Args:
        path: folder or file.
        split: train, val or test, where there are several; "valid" and "val2017" count as val, too. Of a data set
            without splits, val is the tenth that is held out, and train the rest.
        fault: as for `CocoSet`.

    Raises:
        FileNotFoundError: there is nothing of the kind, or not that split; the message says what there is.
        ValueError: there are several splits and `split` does not say which, or the data is damaged.
    """
    layout = recognise(path)
    if split is None and len(layout.parts) > 1:
        raise ValueError(
            f"{path} holds several splits ({', '.join(layout.parts)}); say which with --split, in Python with split="
        )
    return next(iter(choose(layout, path, split, fault).values()))


def choose(layout: Layout, path: str | Path, split: str | None, fault: Fault = stop) -> dict[str, CocoSet]:
    """A split of a data set by its name, or all of them; the arguments are those of `open_data`.

    Raises:
        FileNotFoundError: there is no such split; the message says what there is.
        ValueError: several splits may be meant, or the data is damaged.
    """
    if split is None:
        return {name: opener(fault) for name, opener in layout.parts.items()}
    kind = meaning(split)
    if layout.unsplit and kind in ("train", "val"):
        return {kind: _share(layout, path, split, fault)}
    chosen = _meant(layout, path, split)
    if chosen is None:
        missing = next((said for s, said in layout.absent.items() if same(s, split)), None)
        there = ", ".join(filter(None, layout.parts)) or "none"
        raise FileNotFoundError(missing or f"{path} has no split {split!r}; it has {there}")
    return {chosen: layout.parts[chosen](fault)}


def _meant(layout: Layout, path: str | Path, split: str) -> str | None:
    """The split of that very name, or else the one that it means; None where there is none.

    Raises:
        ValueError: it may mean several, as val does val2014 and val2017.
    """
    meant = [split] if split in layout.parts else [s for s in layout.parts if same(s, split)]
    if len(meant) > 1:
        listed = " and ".join(map(repr, meant))
        raise ValueError(f"{path} has the splits {listed}, and {split!r} may mean either; name that split, or its file")
    return meant[0] if meant else None


def splits(path: str | Path, fault: Fault = stop) -> dict[str, Callable[[], CocoSet]]:
    """The splits at `path`, by name, each as a function that opens it; nothing where the data set is not split.

    Raises:
        FileNotFoundError, ValueError: as `recognise`.
    """
    return {name: partial(opener, fault) for name, opener in recognise(path).parts.items() if name}


def train_and_val(path: str | Path, *, hold_out: bool = True) -> tuple[CocoSet, CocoSet | None]:
    """The training split of a data set, and its validation split; where it has none of its own, its test split.

    Of a data set without splits a tenth is held out, with a warning that says so.

    Args:
        path: folder or file.
        hold_out: whether to hand out validation pictures at all; without, everything that is for no other use is for
            training.

    Raises:
        FileNotFoundError: it is split, but not so that one of the splits is for training, or its validation split is
            not there.
        ValueError, OSError: as `open_data`; or a part holds no object.
    """
    layout = recognise(path)
    if not layout.unsplit:
        val = (_meant(layout, path, "val") or _meant(layout, path, "test")) if hold_out else None
        missing = next((said for s, said in layout.absent.items() if same(s, "val")), None)
        if missing and hold_out:
            raise FileNotFoundError(missing)
        train = _warned(require_objects(open_data(path, "train"), "to learn from"), layout.kind)
        return train, require_objects(layout.parts[val](stop), "to measure AP on") if val else None
    data = _warned(require_objects(next(iter(layout.parts.values()))(stop), "to learn from"), layout.kind)
    parts = halves(data) if hold_out else None
    if parts is None:
        return data, None
    warnings.warn(
        f"{path} has no validation split: {len(parts[1])} of its {len(data)} pictures, chosen by their names, are held "
        "out for validation (--split val of `dfine evaluate`)",
        stacklevel=2,
    )
    return parts


def validation(path: str | Path) -> CocoSet:
    """What a data set that is named for validation holds for it: its validation split, else everything.

    Raises:
        FileNotFoundError, ValueError, OSError: as `open_data`; or it holds no object.
    """
    layout = recognise(path)
    data = next(iter(layout.parts.values()))(stop) if layout.unsplit else open_data(path, "val")
    return require_objects(data, "to measure AP on")


def require_objects(data: CocoSet, purpose: str) -> CocoSet:
    """The data set, if it holds an object that is no crowd.

    Args:
        data: any.
        purpose: what the objects are needed for, as "to learn from".

    Raises:
        ValueError: it holds none; the message says why as far as that can be told.
    """
    if not data.objects:
        raise ValueError(f"{data.source} has {len(data)} pictures, but no objects {purpose}: {nothing_in(data)}")
    return data


def require_pictures(data: Dataset) -> None:
    """Make sure that the files of all pictures are there, before hours are spent on the first ones.

    Args:
        data: any; one that does not lie on disk lacks nothing.

    Raises:
        FileNotFoundError: some are missing; the message counts them and names the first.
    """
    paths = [data.path(i) for i in range(len(data))] if hasattr(data, "path") else []
    missing = [str(path) for path in paths if not os.path.isfile(path)]
    if missing:
        raise FileNotFoundError(
            f"of {len(paths):,} pictures {len(missing):,} cannot be found: {some(missing, 3)}; put what is missing in "
            "its place, or take it out of the answers"
        )


def halves(data: CocoSet) -> tuple[CocoSet, CocoSet] | None:
    """What to train on of a data set without splits, and what to hold out; None where it is too small for that.

    It needs 20 pictures, and objects on both sides.
    """
    train, val = data.only(lambda name: not folders.held_out(name)), data.only(folders.held_out)
    return (train, val) if len(data) >= FEWEST and train.objects and val.objects else None


def _warned(data: CocoSet, kind: str) -> CocoSet:
    """The data set, with a warning where its boxes look as if they were in another convention."""
    for finding in corners(data, kind):
        warnings.warn(finding.message, stacklevel=3)
    return data


def _share(layout: Layout, path: str | Path, split: str, fault: Fault) -> CocoSet:
    """One of the two parts of a data set without splits."""
    (name, opener), kind = next(iter(layout.parts.items())), meaning(split)
    data = opener(fault)
    parts = halves(data)
    if parts is not None:
        return parts[0 if kind == "train" else 1]
    if kind == "train" and meaning(name) == "train":
        return data
    raise FileNotFoundError(
        f"{path} has no split {split!r}; it has {name or 'none'}, and is too small to hold a part of it out"
    )
