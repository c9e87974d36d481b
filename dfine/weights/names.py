"""What the columns of a detector are called."""

from __future__ import annotations

from collections.abc import Sequence

from dfine.data import labels
from dfine.weights.exceptions import CheckpointError


def label_map(classes: int, given: Sequence[str] | None, own: Sequence[str] | None) -> tuple[str, ...]:
    """The names of `classes` columns: those given, else the checkpoint's own, else published ones of that count.

    Column 0 of the 366 of Objects365 answers for nothing: its name is "", and it is never reported.

    Raises:
        CheckpointError: there are no names, or their number does not fit.
    """
    objects365 = labels.KNOWN["objects365"]
    if given is not None:
        names = (given,) if isinstance(given, str) else tuple(given)
        if classes == len(objects365) == len(names) + 1:
            names = (labels.UNUSED, *names)
        if len(names) != classes:
            raise CheckpointError(f"the checkpoint has {classes} classes, but names= has {len(names)}")
        return names
    names = tuple(own) if own else labels.of_columns(classes)
    if names is None:
        raise CheckpointError(
            f"the checkpoint has {classes} classes and no names for them; give them once and for all, in Python: "
            "dfine.load(FILE, names=[…]).save(FOLDER)"
        )
    if len(names) != classes:
        raise CheckpointError(
            f"the checkpoint has {classes} classes, but {len(names)} names come with it; give all of them, in Python: "
            "dfine.load(FILE, names=[…]).save(FOLDER)"
        )
    return (labels.UNUSED, *names[1:]) if classes == len(objects365) else names
