"""What lies in the folders of a data set: its pictures and files, less what systems and notebooks leave behind."""

from __future__ import annotations

import os
import unicodedata
import zlib
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath

from PIL import Image

from dfine.data import rgb
from dfine.data.rgb import formats
from dfine.wording import some

# Endings of photographs that Pillow cannot read: those of phones, raw files of cameras, and newer formats.
PHOTOGRAPHS = frozenset(
    ".heic .heif .avif .jxl .dng .raw .cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .orf .rw2 .raf .pef .srw".split()
)
_LEFT_BEHIND = frozenset(("__macosx", "thumbs.db", "desktop.ini", "$recycle.bin"))


def suffixes() -> frozenset[str]:
    """The endings, in lower case, of files that can be read as pictures."""
    known = formats()  # before the endings are gone through: it may add some
    return frozenset(end for end, form in Image.registered_extensions().items() if form in known)


def pictures(folder: Path) -> list[Path]:
    """The pictures below a folder in the order of their names, without hidden files and folders; links are kept."""
    known = suffixes()
    return [path for path in _files(folder) if path.suffix.lower() in known]


def unread(folder: Path) -> list[Path]:
    """Photographs below a folder in formats that cannot be read here."""
    known = suffixes()
    return [path for path in _files(folder) if path.suffix.lower() in PHOTOGRAPHS - known]


def passed_over(files: list[Path], folder: Path) -> str:
    """A sentence about photographs that cannot be read."""
    named = some((path.name for path in files), 3)
    what = "1 photograph" if len(files) == 1 else f"{len(files)} photographs"
    return f"{what} in {folder} cannot be read here and will be left out ({named}): convert to JPEG or PNG first"


def left_behind(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or was put there by a system: `._a.jpg` or `Thumbs.db`."""
    return name.startswith(".") or name.lower() in _LEFT_BEHIND


def subfolders(folder: Path) -> list[Path]:
    """The folders directly in a folder, in order, without hidden ones."""
    return sorted(p for p in folder.iterdir() if p.is_dir() and not left_behind(p.name))


def _files(folder: Path) -> list[Path]:
    there = []
    for here, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not left_behind(name)]
        there += [Path(here, name) for name in names if not left_behind(name)]
    return sorted(there)


def located(name: str, roots: Iterable[Path], least: int = 1) -> Path | None:
    """Where a file or folder lies that a data set names, None where it is in none of the folders.

    Data sets are moved, and written on other systems: backslashes count as slashes, and of a path that leads nowhere
    the folders in front are left out one after the other ("data/images/a.jpg", "../images/a.jpg", a path with a drive).
    Capital letters count only where there are two files that differ in nothing else.

    Args:
        name: as the data set has it.
        roots: folders that it may be relative to.
        least: how many parts of the name must stay, where it has so many.
    """
    roots = list(roots)
    for way in _ways(name, least):
        there = next((root / way for root in roots if _is_there(root / way)), None)
        there = there or next(filter(None, (found(root / way) for root in roots)), None)
        if there is not None:
            return there
    return None


def found(path: Path) -> Path | None:
    """A file or folder as it lies on the disk, if need be with other capitals in its name; None where there is none."""
    if _is_there(path):
        return path
    parent = found(path.parent) if path.parent != path else None
    if parent is None or not parent.is_dir():
        return None
    name = _names(parent, parent.stat().st_mtime_ns).get(_plain(path.name))
    return None if name is None else parent / name


@lru_cache(maxsize=1024)
def _names(folder: Path, _changed: int) -> dict[str, str]:
    """The names in a folder by their small letters, as they were when it was last changed."""
    return {_plain(name): name for name in sorted(os.listdir(folder), reverse=True)}


def _plain(name: str) -> str:
    """A name in small letters, each with its accent in one: older disks of Macs write é as e and an accent."""
    return unicodedata.normalize("NFC", name).casefold()


def picture_called(folder: Path, stem: str) -> Path | None:
    """The picture or photograph in a folder that is called so but for its ending; None where there is none."""
    stem = unicodedata.normalize("NFC", stem)
    name = _stems(folder, folder.stat().st_mtime_ns).get(stem) if folder.is_dir() else None
    return None if name is None else folder / name


@lru_cache(maxsize=64)
def _stems(folder: Path, _changed: int) -> dict[str, str]:
    """The names of the pictures in a folder by what stands before their endings, as when it was last changed."""
    known = suffixes() | PHOTOGRAPHS
    names = [Path(name) for name in sorted(os.listdir(folder), reverse=True)]
    return {unicodedata.normalize("NFC", name.stem): str(name) for name in names if name.suffix.lower() in known}


def _is_there(path: Path) -> bool:
    """Whether there is such a file or folder; a name that is too long for a disk is none."""
    try:
        return path.exists()
    except OSError:
        return False


def files(folder: Path, ending: str, below: bool = False) -> list[Path]:
    """The files of a folder, or also `below` it, with an ending in whatever capitals, without hidden ones, in order."""
    if not folder.is_dir():
        return []
    there = _files(folder) if below else sorted(p for p in folder.iterdir() if not left_behind(p.name) and p.is_file())
    return [path for path in there if path.suffix.lower() == ending]


def _ways(name: str, least: int) -> list[str]:
    """The name as it stands, with slashes, and with fewer and fewer folders in front."""
    parts = [part for part in PureWindowsPath(name).parts if part not in (PureWindowsPath(name).anchor, ".", "..")]
    shorter = (parts[i:] for i in range(len(parts)))
    return [name, slashed(name), *("/".join(part) for part in shorter if len(part) >= min(least, len(parts)))]


def slashed(name: str) -> str:
    """A path with slashes, also where it was written with backslashes."""
    return name.replace("\\", "/")


def size_shown(picture: Path) -> tuple[int, int]:
    """Width and height of a picture as it is shown, from its head only.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it cannot be read.
    """
    if not _is_there(picture):
        raise FileNotFoundError(f"there is no picture {picture}")
    size, turn = rgb.head(picture)
    return size[::-1] if turn in rgb.SIDEWAYS else size


def held_out(name: str) -> bool:
    """Whether a picture of a data set without splits is for validation: a tenth of all, chosen by its file's name.

    The rule is zlib.crc32 of the file name (without folders) in UTF-8, which must be a multiple of 10. It depends on
    nothing else, so pictures that are added or removed move no other.
    """
    return zlib.crc32(PurePosixPath(slashed(name)).name.encode("utf-8", "surrogateescape")) % 10 == 0
