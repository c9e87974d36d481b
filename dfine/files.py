"""Files that are written whole or not at all, and sentences for what cannot be written.

What is being written has a hidden name of its own beside the file: `.NAME.MACHINE-PROCESS-COUNT.tmp`. It is brought to
the disk before it takes the name of the file, so that a power failure leaves the old file or the new one. What a killed
process left behind is removed by the next process that writes the same file.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from itertools import count
from pathlib import Path
from platform import node
from traceback import clear_frames

from dfine.paths import as_json, at_home, shown

resource = None
with suppress(ImportError):  # Windows has no such limits
    import resource

_MACHINE = sha256(node().encode()).hexdigest()[:6]  # processes of other machines may write on a shared disk
_NUMBERS = count()  # several threads may write the same file
_NATIVE = re.compile(r"I/O error|inline_container|writ|flush|No space", re.IGNORECASE)  # what native code says of it
_SPARE = 1 << 24  # bytes: a disk with less is full
_LONGEST = 200  # bytes of a file's name that its hidden one keeps: names have 255 at most
_PAUSES = (0.02, 0.1, 0.3, 1.0) if os.name == "nt" else ()  # seconds: there, scanners open a new file for a moment
_DENIED = f"permission denied{', or another program has it open' if _PAUSES else ''}; choose another place"
_FULL = {
    errno.ENOSPC: "the disk is full; free some space",
    errno.EDQUOT: "your quota on this disk is used up; free some space",
    errno.EFBIG: "it would be larger than files may be here; raise the limit (ulimit -f) or choose another disk",
    errno.EROFS: "the disk can only be read; choose another place",
    errno.EMFILE: "this process has too many files open; raise the limit (ulimit -n)",
    errno.ENFILE: "the system has too many files open; close some programs",
    **dict.fromkeys((errno.EACCES, errno.EPERM), _DENIED),
    errno.ENAMETOOLONG: "its name is too long; choose a shorter one",
}


class WriteError(OSError):
    """A file cannot be written. The message names it and the reason in a sentence; what was there before is kept."""

    def __init__(self, path: str | Path, error: OSError):
        super().__init__(error.errno, error.strerror, str(path))
        self._said = f"{shown(path)} cannot be written: {_FULL.get(error.errno, error.strerror)}"

    def __str__(self) -> str:
        return self._said


@contextmanager
def said(path: str | Path) -> Iterator[None]:
    """Whatever the system refuses while `path` is written becomes a `WriteError` about it.

    Other errors are raised unchanged: those that no limit, permission or full disk explains, and those about files that
    do not lie beside `path`, which are only read. Libraries that write in native code say only that they failed; then
    the limit and the disk are asked.
    """
    try:
        yield
    except WriteError:
        raise
    except OSError as error:
        beside = error.filename is None or Path(path).absolute().parent in Path(str(error.filename)).absolute().parents
        if error.errno not in _FULL or not beside:
            raise
        raise WriteError(path, error) from error
    except Exception as error:
        if not _NATIVE.search(str(error)) or not (cause := _cause(Path(path), error)):
            raise
        raise WriteError(path, cause) from error


def _cause(path: Path, error: Exception) -> OSError | None:
    """What the system refused when native code failed to write; None where nothing explains it."""
    if told := re.search(r"os error (\d+)", str(error)):
        return OSError(int(told[1]), os.strerror(int(told[1])))
    if resource and resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
        return OSError(errno.EFBIG, os.strerror(errno.EFBIG))
    with suppress(OSError):
        if shutil.disk_usage(path.absolute().parent).free < _SPARE:
            return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary path beside `path`, which takes its place when the block ends well and vanishes when it does not.

    Raises:
        WriteError: the disk is full, or a limit or a permission forbids it; `path` is as it was.
    """
    temporary = _hidden(path, ".tmp")
    with said(path):
        try:
            yield temporary
            _to_disk(temporary)
            put(temporary, path)
            _to_disk(path.parent)
        except BaseException as error:
            with suppress(OSError):
                _remove(temporary, error)
            raise


def _remove(file: Path, error: BaseException | None) -> None:
    """Remove what an error has left, even where Windows does not, as the error's frames still have it open."""
    try:
        file.unlink(missing_ok=True)
    except PermissionError:
        while error:
            error = clear_frames(error.__traceback__) or error.__context__
        file.unlink(missing_ok=True)


def write_json(path: Path, content: object) -> None:
    """Write plain values as JSON, whole or not at all. Raises WriteError."""
    with replacing(path) as temporary:
        temporary.write_text(as_json(content, indent=2) + "\n", encoding="utf-8")


@contextmanager
def drafted(folder: str | Path) -> Iterator[Path]:
    """A folder to fill, which becomes `folder` when the block ends well and vanishes when it does not.

    Raises:
        FileExistsError: the folder holds something, or is a file.
        WriteError: the disk is full, or a limit or a permission forbids it; nothing is left.
    """
    folder = require_empty(folder)
    with said(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = _hidden(folder, ".tmp")
        try:
            draft.mkdir()
            yield draft
            for path in draft.rglob("*"):
                _to_disk(path)
            if folder.exists():
                folder.rmdir()
            put(draft, folder)
            _to_disk(folder.parent)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


def require_empty(folder: str | Path) -> Path:
    """The absolute path of a folder that can be made. Raises FileExistsError where something is already."""
    folder = at_home(folder).absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{shown(folder)} is not an empty folder; name a new one")
    return folder


def check_file(path: str | Path | None, inputs: Iterable[str | Path] = ()) -> None:
    """Say before the work, not after it, that a file cannot be written; None and "-" (stdout) always can.

    Raises:
        ValueError: `path` is a folder or one of the `inputs`, or nothing can be written there.
    """
    if path is None or str(path) == "-":
        return
    if (path := Path(path)).is_dir():
        raise ValueError(f"{shown(path)} is a folder; give the name of a file to write")
    if path.exists() and any(Path(p).exists() and path.samefile(p) for p in inputs):
        raise ValueError(f"{shown(path)} is being read, and would be replaced; write to another name")
    check_folder(path.parent)


def check_folder(path: str | Path) -> None:
    """Say before the work that nothing can be written into a folder, or that it cannot be made. Makes nothing.

    Raises:
        ValueError: it is a file, lies in one, or may not be written to.
    """
    there = next(p for p in (Path(path), *Path(path).absolute().parents) if p.exists())
    if not there.is_dir():
        raise ValueError(f"{shown(there)} is a file where a folder is needed; choose another place")
    probe = _hidden(there / "probe", ".tmp")  # no `tempfile`: on Windows it tries for hours where it may not write
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        raise ValueError(f"nothing can be written to {shown(path)} ({error.strerror}); choose another place") from None


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
        self.temporary = _hidden(self.path, self.path.suffix)
        self.partial = self.path.with_name(f"{self.path.stem}.partial{self.path.suffix}")

    def settle(self, whole: bool) -> Path | None:
        """Give the file its name, or, where it is not whole, the partial one; returns where it is, if there is any."""
        if not self.temporary.exists():
            return None
        place = self.path if whole else self.partial
        with said(place):
            _to_disk(self.temporary)
            put(self.temporary, place)
            _to_disk(place.parent)
        return place

    def drop(self) -> None:
        """Leave nothing."""
        self.temporary.unlink(missing_ok=True)


def put(new: Path, place: Path) -> None:
    """Give a file or a folder its name; where Windows says that it is in use, several times."""
    for pause in _PAUSES:
        with suppress(PermissionError):
            return os.replace(new, place)
        time.sleep(pause)
    os.replace(new, place)


def _hidden(path: Path, ending: str) -> Path:
    """A new hidden name beside `path`; those that killed processes of this machine left there are removed first."""
    name = os.fsencode(path.name)[:_LONGEST].decode("utf-8", "ignore").encode()  # disks of Macs take no half letters
    start = f".{os.fsdecode(name)}.{_MACHINE}-"
    with suppress(OSError):
        for left in os.scandir(path.parent):
            if left.name.startswith(start) and left.name.endswith(ending) and not _alive(left.name[len(start) :]):
                (shutil.rmtree if left.is_dir(follow_symlinks=False) else os.unlink)(left.path)
    return path.with_name(f"{start}{os.getpid()}-{next(_NUMBERS)}{ending}")


def _alive(name: str) -> bool:
    """Whether the process in the end of a hidden name, `PROCESS-COUNT.…`, still runs; True where there is none."""
    process = name.partition("-")[0]
    if not process.isdecimal() or os.name == "nt":  # there, to ask a process is to end it
        return True
    try:
        os.kill(int(process), 0)
    except (OSError, OverflowError) as error:  # else it is another user's, or cannot be asked
        return not isinstance(error, ProcessLookupError)
    return True


def _to_disk(path: Path) -> None:
    """Wait until what was written is on the disk, where the system can tell."""
    if os.name == "nt" and (path.is_dir() or not os.access(path, os.W_OK)):  # a copy may be as read-only as its source
        return
    with suppress(FileNotFoundError):
        place = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
        try:
            os.fsync(place)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EBADF):  # pipes, and some network disks
                raise
        finally:
            os.close(place)


def short_digest(content: str | bytes, length: int = 16) -> str:
    """The first hexadecimal digits of the SHA-256 of a text or of bytes: a name that changes with them."""
    data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape")
    return sha256(data).hexdigest()[:length]


def digest(*paths: str | Path) -> str:
    """SHA-256 of a file, or of several as if they were one."""
    found = sha256()
    for path in paths:
        with open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
    return found.hexdigest()
