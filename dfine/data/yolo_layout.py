"""How data sets in YOLO format lie on disk: which file names the classes, and where the pictures of each split are.

A YAML file with `names` describes one (Ultralytics, Roboflow, CVAT); or `obj.names` with lists of pictures does
(Darknet, CVAT's "YOLO 1.1"); or `classes.txt` stands beside `images/` and `labels/` (Label Studio).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from dfine.data import folders, texts
from dfine.data.layout import meaning

YAML = (".yaml", ".yml")
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}  # as we call them
NAMELESS = "it has no `names`"
NOTHING = ("", "~", "null", "Null", "NULL", "[]", "{}")  # an entry that says nothing
FORMS = {"detect": "boxes", "segment": "segments", "pose": "keypoints", "obb": "segments"}  # of labels, by the task


@dataclass(frozen=True)
class Description:
    """What the files of a data set say of it."""

    source: Path  # the file that names the classes
    names: dict[int, str]
    pictures: dict[str, list[Path]]  # by split; the only one is called "" where there are none
    absent: dict[str, str] = field(default_factory=dict)  # splits that are named but not there -> a sentence
    form: str | None = None  # boxes, segments or keypoints, where the files say what the labels are
    unread: tuple[str, ...] = ()  # sentences about photographs that cannot be read


def describe(path: Path) -> Description | None:
    """The data set that a YAML file or a folder describes; None where there is none.

    Raises:
        FileNotFoundError: a YAML file is not there, or none of the splits that it names is.
        ValueError: a YAML file was given that describes no data set.
    """
    if path.suffix.lower() in YAML:
        return _of_yaml(path)
    if not path.is_dir():
        return None
    for file in _yaml_files(path):
        try:
            return _of_yaml(file)
        except (ValueError, OSError):
            continue
    return _of_lists(path) or _of_classes(path)


def complaint(folder: Path) -> str | None:
    """What is wrong with the first YAML file in a folder that is damaged, or has `names` and describes nothing."""
    for file in _yaml_files(folder):
        try:
            _content(file)
        except (ValueError, OSError) as error:
            if NAMELESS in str(error):
                continue
            return str(error)
        try:
            _of_yaml(file)
        except (ValueError, OSError) as error:
            return str(error)
    return None


def _yaml_files(folder: Path) -> list[Path]:
    found = (p for p in folder.iterdir() if p.suffix.lower() in YAML and p.is_file())
    return sorted(p for p in found if not folders.left_behind(p.name))


def _of_yaml(path: Path) -> Description:
    content = _content(path)
    root = path.parent / folders.slashed(str(content.get("path") or ""))
    pictures, absent, unread = {}, {}, []
    for key, name in SPLITS.items():
        entry = content.get(key)
        places = [e for e in (entry if isinstance(entry, list) else [entry]) if e is not None and e not in NOTHING]
        if not places or name in pictures or name in absent:
            continue
        found = [_located(str(place), root, path) for place in places]
        missing = next((place for place, there in zip(places, found) if there is None), None)
        if missing is not None:
            absent[name] = texts.brief(f"{path} names {missing!r}, which is not at {root / str(missing)}")
            continue
        pictures[name] = [picture for place in found for picture in _pictures(place, root)]
        unread += [folders.passed_over(rest, p) for p in found if p.is_dir() and (rest := folders.unread(p))]
    if not pictures and absent:
        raise FileNotFoundError(next(iter(absent.values())))
    if not pictures:
        raise ValueError(f"{path} names no pictures: it has none of {', '.join(SPLITS)}")
    return Description(path, _names(content["names"], path), pictures, absent, _form(content, path), tuple(unread))


def _content(path: Path) -> dict:
    """What a YAML file says; everything stays text, so that classes may be called no, on or 1.0."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no data set file {path}")
    content = texts.yaml_content(path)
    if not isinstance(content, dict) or "names" not in content:
        raise ValueError(f"{path} is not the file of a YOLO data set: {NAMELESS}")
    return content


def _names(names: object, path: Path) -> dict[int, str]:
    """Class names by number."""
    if isinstance(names, list):
        names = dict(enumerate(names))
    if not isinstance(names, dict) or not all(str(i).isdigit() and isinstance(n, str) for i, n in names.items()):
        raise ValueError(f"`names` in {path} must be a list of names, or names by number; it is {str(names)[:80]!r}")
    return {int(i): name for i, name in names.items()}


def _form(content: dict, path: Path) -> str | None:
    """What the labels are: `kpt_shape` says keypoints, and `task` names any of the forms."""
    task = content.get("task")
    if task in FORMS:
        return FORMS[task]
    if content.get("kpt_shape") not in (None, *NOTHING):
        return "keypoints"
    if task not in (None, *NOTHING):
        raise ValueError(f"`task` in {path} is {task!r}; it must be one of {', '.join(FORMS)}")
    return None


def _located(place: str, root: Path, source: Path) -> Path | None:
    """Where the pictures or the list of a split are; exported files are moved without being rewritten.

    Of a folder's path two parts must stay: without, "../test/images" that is not there would be `images`, which holds
    all splits.
    """
    return folders.located(place, [root, source.parent], least=1 if place.endswith(".txt") else 2)


def _pictures(place: Path, root: Path) -> list[Path]:
    """The pictures of a folder, or those that a text file lists."""
    if place.is_dir():
        return [Path(os.path.abspath(p)) for p in folders.pictures(place)]
    roots = [place.parent, root]
    paths = [folders.located(line, roots) or place.parent / folders.slashed(line) for line in texts.lines(place)]
    return [Path(os.path.abspath(p)) for p in paths]  # links are kept: labels lie beside them


def _of_lists(path: Path) -> Description | None:
    """`obj.names`, with `train.txt`, `valid.txt` … or else all other lists of pictures, or `obj_<split>_data/`."""
    source = next((f for f in (path / "obj.names", *sorted(path.glob("*.names"))) if f.is_file()), None)
    if source is None:
        return None
    lists = [f for f in sorted(path.glob("*.txt")) if texts.lines(f)]
    named = {meaning(f.stem): f for f in lists if meaning(f.stem)}
    chosen = named or ({"": lists[0]} if lists else {})
    pictures = {split: _pictures(file, path) for split, file in chosen.items()}
    if not pictures:
        pictures = {"": [Path(os.path.abspath(p)) for p in folders.pictures(path)]}
    return Description(source, texts.numbered(source), pictures, form="boxes")


def _of_classes(path: Path) -> Description | None:
    """`classes.txt` beside `images/` and `labels/`, which may hold a folder for each split; or these in each split."""
    source = next((f for f in map(folders.found, (path / "classes.txt", path / "labels" / "classes.txt")) if f), None)
    if source is None:
        return None
    home = folders.found(path / "images")
    if home is None:
        inside = {p.name: folders.found(p / "images") for p in folders.subfolders(path)}
        places = {name: there for name, there in inside.items() if there}
    else:
        places = {p.name: p for p in folders.subfolders(home) if meaning(p.name)} or {"": home}
    pictures = {split: [Path(os.path.abspath(p)) for p in folders.pictures(p)] for split, p in places.items()}
    if not pictures:
        return None
    unread = [folders.passed_over(rest, p) for p in places.values() if (rest := folders.unread(p))]
    return Description(source, texts.numbered(source), pictures, unread=tuple(unread))
