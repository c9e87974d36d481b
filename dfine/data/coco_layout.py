"""How COCO's files and pictures lie in a folder, as COCO itself, Roboflow, CVAT, Label Studio and others write them."""

from __future__ import annotations

from functools import partial
from pathlib import Path, PurePosixPath

from dfine.data import folders, texts
from dfine.data.coco import CocoSet, Fault, read_json, stop
from dfine.data.layout import Layout, meaning

UNSPLIT = "annotations.json"  # beside images/; what `dfine scenes` writes
ROBOFLOW = "_annotations.coco.json"  # an export of that site: one such file in the folder of every split
TRIED = 20  # names that are looked for written otherwise, which takes longer
LISTS = ("images", "annotations", "categories")


def layout(path: Path) -> Layout | None:
    """The COCO files at a place, by split; None where there are none.

    Looked for are, in this order: `annotations.json`; `instances_<split>.json` in `annotations/` or in the folder
    itself; `_annotations.coco.json` in the folders of the splits or in the folder itself; any other JSON file with
    COCO's three lists in one of these places; and the only such file in each folder of a split. Capitals do not count.
    """
    if path.is_file():
        return Layout("coco", path, {_part(path): partial(open_file, path)}) if path.suffix.lower() == ".json" else None
    whole = folders.found(path / UNSPLIT)
    if whole and whole.is_file():
        return Layout("coco", whole, {"": partial(open_file, whole)})
    homes = filter(None, map(folders.found, (path / "annotations", path)))
    places = [folders.files(home, ".json") for home in homes]
    files = next(filter(None, ([f for f in there if f.name.startswith("instances_")] for there in places)), [])
    if files:
        return _of_files(path, files)
    exported = [p / ROBOFLOW for p in folders.subfolders(path) if (p / ROBOFLOW).is_file()]
    if exported:
        parts = {f.parent.name: partial(_beside, f) for f in exported}
        return Layout("coco", path, parts)
    if (path / ROBOFLOW).is_file():
        return Layout("coco", path / ROBOFLOW, {"": partial(_beside, path / ROBOFLOW)})
    for there in places:
        files = [file for file in there if _is_coco(file)]
        if files:
            return _of_files(path, files)
    return _of_folders(path)


def _of_folders(path: Path) -> Layout | None:
    """The COCO files of folders that are called as splits are, one in each, as FiftyOne and others write them."""
    files = {p.name: folders.files(p, ".json") for p in folders.subfolders(path) if meaning(p.name)}
    alone = {name: there[0] for name, there in files.items() if len(there) == 1 and _is_coco(there[0])}
    return Layout("coco", path, {name: partial(open_file, file) for name, file in alone.items()}) if alone else None


def open_file(source: Path, fault: Fault = stop) -> CocoSet:
    """The data set of a COCO file, whose pictures are looked for around it.

    Raises:
        FileNotFoundError: the file is not there, or its pictures are in none of the places.
        ValueError: as `CocoSet`.
    """
    content = read_json(source)
    folder, names = _pictures(source, content)
    if names:
        named = [i for i in content["images"] if isinstance(i, dict) and isinstance(i.get("file_name"), str)]
        for image in named:
            image["file_name"] = names.get(image["file_name"], image["file_name"])
    return CocoSet(folder, source, content, fault=fault)


def _beside(source: Path, fault: Fault = stop) -> CocoSet:
    """The data set of a COCO file whose pictures lie in its own folder."""
    return CocoSet(source.parent, source, fault=fault)


def _of_files(path: Path, files: list[Path]) -> Layout:
    """A file that stands alone and is not named for a split is a data set without splits."""
    if len(files) == 1:
        return Layout("coco", files[0], {_part(files[0]): partial(open_file, files[0])})
    return Layout("coco", path, {split_of(f): partial(open_file, f) for f in files})


def split_of(source: Path) -> str:
    """The split that a file is named for: val2017 of `instances_val2017.json`."""
    return source.stem.removeprefix("instances_")


def _part(source: Path) -> str:
    """As `split_of`; "" where the name is none that splits have, as annotations or default."""
    return split_of(source) if meaning(split_of(source)) or source.stem.startswith("instances_") else ""


def _is_coco(path: Path) -> bool:
    try:
        content = texts.content(path)
    except (ValueError, OSError):
        return False
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in LISTS)


def _pictures(source: Path, content: dict) -> tuple[Path, dict[str, str]]:
    """The folder of a COCO file's pictures, and those of their names that are written otherwise than they lie there.

    It is the first place around the file where its first picture lies that is not missing. Where none has it under the
    name as it stands, backslashes count as slashes, and folders in front of the name are left out.
    """
    names = [i.get("file_name") for i in content["images"] if isinstance(i, dict)]
    names = [name for name in names if name and isinstance(name, str)]
    split = split_of(source)
    roots = [source.parent, source.parent.parent]
    parts = (split, f"images/{split}", "images", "JPEGImages", "data", ".")
    places = [place for root in roots for part in parts if (place := folders.found(root / part))]
    places += [found for root in roots[:1] for found in sorted(root.glob("*/JPEGImages"))]
    if not names:
        return next((p for p in places if p.is_dir()), source.parent), {}
    for at, first in enumerate(names):  # one that is missing is said where it is read
        if Path(first).is_absolute() and _is_file(Path(first)):
            return source.parent, {}
        for place in places:
            if _is_file(place / first):
                return place, {}
        for place in places if at < TRIED else ():
            if folders.located(first, [place]):
                found = {name: folders.located(name, [place]) for name in names if not _is_file(place / name)}
                return place, {name: PurePosixPath(p.relative_to(place)).as_posix() for name, p in found.items() if p}
    said = f"the pictures of {source} (the first is {names[0]!r}) are in none of the folders around it"
    raise FileNotFoundError(texts.brief(said))


def _is_file(path: Path) -> bool:
    """Whether there is such a file; one whose name is too long for a disk is none."""
    try:
        return path.is_file()
    except OSError:
        return False
