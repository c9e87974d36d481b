"""Writing whole or not at all, and saying beforehand what cannot be written."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends well and vanishes when it does not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def drafted(folder: str | Path) -> Iterator[Path]:
    """A folder to fill, which becomes `folder` when the block ends well and vanishes when it does not.

    Raises:
        FileExistsError: the folder holds something, or is a file.
    """
    folder = require_empty(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as scratch:
        draft = Path(scratch) / "draft"
        draft.mkdir()
        yield draft
        if folder.exists():
            folder.rmdir()
        draft.rename(folder)


def require_empty(folder: str | Path) -> Path:
    """The absolute path of a folder that can be made. Raises FileExistsError where something is already."""
    folder = Path(folder).expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is not an empty folder; name a new one")
    return folder


def check_file(path: str | Path | None, inputs: Iterable[str | Path] = ()) -> None:
    """Say before the work, not after it, that a file cannot be written; None and "-" (stdout) always can.

    Raises:
        ValueError: `path` is a folder or one of the `inputs`, or nothing can be written there.
    """
    if path is None or str(path) == "-":
        return
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file to write")
    if path.exists() and any(Path(p).exists() and path.samefile(p) for p in inputs):
        raise ValueError(f"{path} is being read, and would be replaced; write to another name")
    check_folder(path.parent)


def check_folder(path: str | Path) -> None:
    """Say before the work that nothing can be written into a folder, or that it cannot be made. Makes nothing.

    Raises:
        ValueError: it is a file, lies in one, or may not be written to.
    """
    there = next(p for p in (Path(path), *Path(path).absolute().parents) if p.exists())
    if not there.is_dir():
        raise ValueError(f"{there} is a file where a folder is needed; choose another place")
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise ValueError(f"nothing can be written to {path} ({error.strerror}); choose another place") from None


class Draft:
    """A file being written under a hidden name beside `path`.

    Attributes:
        path: the name it is to have.
        temporary: where to write, with the same ending; gone after `settle`.
        partial: the name that an unfinished file gets.
    """

    def __init__(self, path: str | Path, source: str | Path | None = None):
        """Make the folder. Raises ValueError where nothing can be written, or `source`, being read, has that name."""
        self.path = Path(path)
        check_file(path, [] if source is None else [source])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        stem, ending = self.path.stem, self.path.suffix
        self.temporary = self.path.with_name(f".{stem}.{os.getpid()}{ending}")
        self.partial = self.path.with_name(f"{stem}.partial{ending}")

    def settle(self, whole: bool) -> Path | None:
        """Give the file its name, or, where it is not whole, the partial one; returns where it is, if there is any."""
        if not self.temporary.exists():
            return None
        return self.temporary.replace(self.path if whole else self.partial)

    def drop(self) -> None:
        """Leave nothing."""
        self.temporary.unlink(missing_ok=True)


def digest(path: str | Path) -> str:
    """SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as stream:
        while block := stream.read(1 << 20):
            found.update(block)
    return found.hexdigest()
