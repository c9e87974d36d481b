"""What the commands share: errors as sentences, names of files, tables, JSON."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from glob import glob, has_magic
from pathlib import Path
from typing import TextIO

import typer
from typer.core import TyperGroup

from dfine.files import replacing
from dfine.paths import as_json, at_home

WRONG = (ValueError, OSError, ImportError, RuntimeError, ArithmeticError)  # what the library raises on purpose


@contextmanager
def interruptible() -> Iterator[None]:
    """Take a SIGTERM, with which `timeout`, Docker and schedulers of clusters end a program, for a Ctrl-C."""
    from dfine.training.stopping import on_signals

    def interrupted(*_) -> None:
        raise KeyboardInterrupt

    with on_signals(interrupted):
        yield


class Border(TyperGroup):
    """Where the library's exceptions become sentences (with --debug they pass), and a `~` the home folder."""

    def resolve_command(self, ctx, args):
        return super().resolve_command(ctx, [argument_at_home(argument) for argument in args])

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, BrokenPipeError):  # typer handles these
            raise
        except WRONG as error:
            if ctx.params.get("debug"):
                raise
            complain(error)
            raise SystemExit(1) from None


def argument_at_home(argument: str) -> str:
    """An argument with the home folder in the place of a leading `~`, which shells leave where it is in `--out=~/x`."""
    option, is_, value = argument.partition("=") if argument.startswith("--") else ("", "", argument)
    return option + is_ + os.path.expanduser(value)


PLAIN = {"−": "-", "–": "-", "→": "->", "≤": "<=", "≥": ">=", "×": "x", "…": "...", "·": "-"}  # for other encodings


def speak_plainly(stream: TextIO) -> None:
    """Let nothing that is printed stop the work: what a stream's encoding lacks becomes alike, or an escape.

    Pipes and files of Windows have an encoding of the country, and names of files need not be UTF-8 anywhere.
    """

    def alike(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        letters = error.object[error.start : error.end]
        return "".join(PLAIN.get(c) or c.encode("ascii", "backslashreplace").decode() for c in letters), error.end

    codecs.register_error("dfine", alike)
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="dfine")


def complain(message: object, kind: str = "error") -> None:
    """One sentence on stderr."""
    typer.echo(f"{kind}: {' '.join(str(message).split())}", err=True)


# Formats that Pillow knows the endings of, and cannot read here: it only knows of them, or needs other programs.
UNREADABLE = ("BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF")


def fitting(pattern: str) -> list[Path] | None:
    """The files that a glob fits, None where `pattern` is none: it has no wildcards, or is the name of a file.

    Raises:
        ValueError: it fits nothing.
    """
    path = at_home(pattern)
    if not has_magic(pattern) or path.exists():
        return None
    files = sorted(Path(f) for f in glob(str(path), recursive=True) if os.path.isfile(f))
    if not files:
        raise ValueError(f"no file fits {pattern!r}")
    return files


def expand(patterns: list[str]) -> list[Path]:
    """The files that paths, folders and globs stand for, in order, each once.

    A folder stands for the pictures directly in it, by their endings, hidden ones left out; photographs that cannot be
    read here are named in a warning. A path that does not exist stays, so that reading it says so.

    Raises:
        ValueError: a folder holds no picture or a glob fits nothing.
    """
    from PIL import Image

    from dfine.data import folders

    Image.init()
    known = {ending for ending, kind in Image.EXTENSION.items() if kind in Image.OPEN and kind not in UNREADABLE}

    def pictures(there, endings):
        return [f for f in there if f.suffix.lower() in endings and not f.name.startswith(".") and f.is_file()]

    found: dict[Path, None] = {}
    for pattern in patterns:
        path = at_home(pattern)
        if path.is_dir():
            there = sorted(path.iterdir())
            files, unread = pictures(there, known), pictures(there, folders.PHOTOGRAPHS - known)
            if unread:
                complain(folders.passed_over(unread, path), "warning")
            if not files:
                raise ValueError(f"there is no picture in the folder {path}")
        else:
            files = fitting(pattern) or [path]
        found.update(dict.fromkeys(files))
    return list(found)


def free(folder: Path, stem: str, taken: set[str]) -> Path:
    """A .jpg in `folder` whose name is not among those `taken`, in small letters, to which it is added.

    To most disks of Windows and macOS a name in other capitals is the same.
    """
    name, i = stem, 1
    while name.casefold() in taken:
        i += 1
        name = f"{stem}_{i}"
    taken.add(name.casefold())
    return folder / f"{name}.jpg"


def apart(**outputs: Path | None) -> None:
    """Say before the work, not after it, that one output would replace another.

    Args:
        outputs: files and folders, by the option that names each.

    Raises:
        ValueError: two of them are the same.
    """
    named: dict[Path, str] = {}
    for option, path in outputs.items():
        if path is None or str(path) == "-":
            continue
        first = named.setdefault(at_home(path).resolve(), option)
        if first != option:
            raise ValueError(f"--{first} and --{option} both write to {path}; give each a name of its own")


def outside(outputs: Mapping[str, Path | None], files: Collection[str], new: Collection[str] = ()) -> None:
    """Say before the work that an output would come to lie in one that is a file, or a folder that must be new.

    Args:
        outputs: files and folders, by the option that names each, in the order in which they are written.
        files: the options that name files.
        new: those that name folders in which nothing may lie when they are written.

    Raises:
        ValueError: one lies in such another.
    """
    places = [(option, path, at_home(path).resolve()) for option, path in outputs.items() if path]
    for at, (option, path, place) in enumerate(places):
        for earlier, (other, inside, within) in enumerate(places):
            if place in within.parents and (option in files or (option in new and earlier < at)):
                raise ValueError(
                    f"--{other} {inside} would lie in --{option} {path}, which is a "
                    f"{'file' if option in files else 'new folder'}; give each a place of its own"
                )


def read_from(data: str | Path, out: Path | None) -> list[Path]:
    """What must not be replaced by `out`: the file of a data set, or whatever `out` is inside of its folder."""
    data = Path(data)
    inside = out is not None and data.is_dir() and out.resolve().is_relative_to(data.resolve())
    return [out if inside else data]


def over_known(ap: list[float], others: int) -> str:
    """AP over the classes that the model knows, where there are others; nothing where there are none, or none is known.

    Args:
        ap: of every known class that has objects.
        others: how many classes have objects, and the model lacks them.
    """
    if not ap or not others:
        return ""
    known = f"{len(ap)} classes" if len(ap) > 1 else "one class"
    rest = f"{others} others have" if others > 1 else "other has"
    return f"over the {known} with objects that the model knows AP is {sum(ap) / len(ap):.3f}; the {rest} an AP of 0"


def table(rows: list[dict]) -> str:
    """Rows of plain values under their keys, columns as wide as they need to be; None is a dash."""
    if not rows:
        return ""
    columns = list(rows[0])
    cells = [columns] + [["–" if row[c] is None else str(row[c]) for c in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join("  ".join(c.ljust(width) for c, width in zip(line, widths)).rstrip() for line in cells)


def write_json(path: Path, content: dict) -> None:
    """To a file, all at once or not at all, or to stdout when the path is "-"."""
    if str(path) == "-":
        typer.echo(as_json(content, indent=1, out=sys.stdout))
        return
    text = as_json(content, indent=1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")
