"""What the columns of a detector are called: names that are given, that come with the weights, or that are guessed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from dfine.data import labels, texts
from dfine.trace.card import checked_names
from dfine.weights.exceptions import CheckpointError, refused

FILLER = "LABEL_{}"  # what transformers calls a column that nobody named
UNUSED_FILLER = "unused {}"  # what we call a column without a class there
NONE = ("", "n/a", "none", "background", "__background__", UNUSED_FILLER.format(0))  # a first column that means nothing
REMEDY = (
    "give all of them: names=[…] in Python, --names on the command line, or once and for all with "
    "`dfine names MODEL OUT --names …`"
)
MOST = 10_000_000  # bytes of a file of names


def label_map(classes: int, given: Sequence[str] | None, own: Sequence[str] | None) -> tuple[str, ...]:
    """The names of `classes` columns, as `named` finds them."""
    return named(classes, given, own)[0]


def named(classes: int, given: Sequence[str] | None, own: Sequence[str] | None) -> tuple[tuple[str, ...], str | None]:
    """The names of `classes` columns, and what should be said of them.

    Names that are given come first, then the checkpoint's own. Without either, 80 or 366 columns are taken for COCO's
    and Objects365's, and others are called LABEL_0, LABEL_1 …; both is said. Column 0 of the 366 of Objects365 answers
    for nothing: its name is "", and it is never reported.

    Args:
        classes: how many columns there are.
        given: names that somebody asks for.
        own: names that come with the weights.

    Returns:
        The names, and a sentence where they are guessed or fillers.

    Raises:
        CheckpointError: their number does not fit, or what is given is no list of texts.
    """
    objects365 = labels.KNOWN["objects365"]
    if given is not None:
        with refused():
            several = isinstance(given, Iterable) and not isinstance(given, str)
            names = checked_names(tuple(given)) if several else checked_names([given])
        if classes == len(objects365) == len(names) + 1:
            names = (labels.UNUSED, *names)
        if len(names) != classes:
            raise CheckpointError(f"the checkpoint has {classes} classes, but names= has {len(names)}")
        return names, None
    if own:
        if len(own) != classes:
            raise CheckpointError(f"the checkpoint has {classes} classes, but {len(own)} names come with it; {REMEDY}")
        names = tuple(labels.UNUSED if n == UNUSED_FILLER.format(i) else n for i, n in enumerate(own))
        if _is_objects365(names):
            names = (labels.UNUSED, *names[1:])
        fillers = all(name in (FILLER.format(i), labels.UNUSED) for i, name in enumerate(names))
        said = f"its classes have no better names than {names[0]} …; {REMEDY}" if fillers else None
        return names, said
    known = next((kind for kind, names in labels.KNOWN.items() if len(names) == classes), None)
    if known:
        title = {"coco": "COCO", "objects365": "Objects365"}[known]
        said = f"nothing names its {classes} classes, so they are taken for {title}'s; if they are others, {REMEDY}"
        return labels.KNOWN[known], said
    names = tuple(FILLER.format(i) for i in range(classes))
    return names, f"nothing names its {classes} classes, so they are called {names[0]} …; {REMEDY}"


def _is_objects365(names: tuple[str, ...]) -> bool:
    """Whether these are Objects365's names behind a first column that means nothing."""
    known = labels.KNOWN["objects365"]
    if len(names) != len(known):
        return False
    same = sum(a.casefold() == b.casefold() for a, b in zip(names[1:], known[1:]))
    return same >= 0.9 * len(known) or (names[0].casefold() in NONE and same >= 0.5 * len(known))


def read_names(text: str) -> tuple[str, ...]:
    """The names that somebody gives on the command line: "cat,dog,fish", or a file of them.

    A file holds one name a line (.txt, .names), a list or a table from numbers to names (.json, .yaml, also under
    "names", "id2label" or "label_map"), or COCO's "categories".

    Raises:
        CheckpointError: there is no such file, or it holds no names.
    """
    file = Path(text)
    if "," not in text and (file.suffix.lower() in (".txt", ".names", ".json", ".yaml", ".yml") or file.is_file()):
        return _from_file(file)
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise CheckpointError(f"names are written as a,b,c or as the name of a file of them, not as {text!r}")
    return names


def _from_file(file: Path) -> tuple[str, ...]:
    try:
        if file.stat().st_size > MOST:
            raise CheckpointError(f"{file} is no file of names: it has {file.stat().st_size} bytes")
        content = _parsed(file)
    except OSError as error:
        raise CheckpointError(f"the names in {file} cannot be read: {error.strerror or error}") from None
    except CheckpointError:
        raise
    except ValueError as error:  # it names the file
        said = " ".join(str(error).removeprefix(f"{file} ").split())
        raise CheckpointError(f"the names in {file} cannot be read: it {said}") from None
    names = _listed(content)
    if not names:
        raise CheckpointError(f"{file} holds no names: a list of them, one a line, or a table from numbers to names")
    return names


def _parsed(file: Path) -> object:
    if file.suffix.lower() == ".json":
        return texts.content(file)
    return texts.yaml_content(file) if file.suffix.lower() in (".yaml", ".yml") else texts.lines(file)


def _listed(content: object) -> tuple[str, ...]:
    """Names out of a list, a table from numbers to names, or what holds one of the two; () where there are none."""
    if isinstance(content, dict):
        for key in ("names", "id2label", "label_map"):
            if key in content:
                return _listed(content[key])
        categories = content.get("categories")
        if isinstance(categories, list) and all(isinstance(c, dict) and "name" in c for c in categories):
            return _listed([c["name"] for c in sorted(categories, key=lambda c: str(c.get("id", "")).zfill(20))])
        if content and all(re.fullmatch(r"\d{1,9}", str(key)) for key in content):
            return _listed([content[key] for key in sorted(content, key=int)])
        return ()
    if isinstance(content, list) and content and all(isinstance(name, (str, int)) for name in content):
        return tuple(str(name).strip() for name in content)
    return ()
