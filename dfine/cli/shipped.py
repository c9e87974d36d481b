"""The two shipped models: which of them a command opens with, and what is said where it does not know what it sees."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dfine.cli.terminal import complain
from dfine.data.drawings import are_scenes
from dfine.weights.cache import assets
from dfine.weights.zoo import DRAWINGS, PHOTOS

LOWER = "a lower --threshold also lists what it is less sure of"


def usual(data: str) -> str:
    """The model that looks at a data set where none is named: that of drawings at scenes, else that of photographs."""
    return DRAWINGS if are_scenes(data) else PHOTOS


def note_drawings(model: str, data: Iterable[str | Path]) -> None:
    """Say once, on stderr, that the model of drawings knows drawings only, where it looks at other things than scenes.

    Args:
        model: as it was named.
        data: data sets, or the folders that pictures lie in. Drawings by others cannot be told from photographs, so
            the sentence is true of both.
    """
    examples = (assets() / "examples").resolve()
    if model == DRAWINGS and not all(are_scenes(one) or Path(one).resolve() == examples for one in data):
        complain(
            f"the model {DRAWINGS} knows drawings of 24 things, not photographs; for those, take --model {PHOTOS}, "
            "which knows five everyday things",
            "note",
        )


def note_nothing(model: str, names: Sequence[str], less: str = LOWER) -> None:
    """Say on stderr, where the model of photographs found nothing at all, what it finds, and how to find more.

    Args:
        model: as it was named.
        names: of its classes.
        less: how to see what it is less sure of.
    """
    if model == PHOTOS:
        complain(
            f"the model {PHOTOS} found nothing: it finds {_listed(names)} and nothing "
            f"else, and {less}; for drawings, take --model {DRAWINGS}, and for other things a model that knows more "
            "(`dfine zoo` lists them), or train one on your own pictures with `dfine train`",
            "note",
        )


def note_found(model: str, names: Sequence[str]) -> None:
    """Say on stderr, where the model of photographs found something, that it knows few things and may be mistaken.

    Args:
        model: as it was named.
        names: of its classes.
    """
    if model == PHOTOS:
        complain(
            f"the model {PHOTOS} finds {_listed(names)} and nothing else: it may take other things for one of these",
            "note",
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(filter(None, names)))
