"""Pictures that a person has deleted in FiftyOne: they stay out, unless they are asked back.

Which pictures a data set was given is written down as digests of their paths, as what is not in it any more leaves no
trace in FiftyOne.
"""

from __future__ import annotations

import base64
import os
import warnings
from collections.abc import Iterable
from hashlib import blake2b

import fiftyone as fo

from dfine.explore import fields
from dfine.wording import counted

BYTES = 6  # of a digest; of a million pictures and as many new ones hardly one would be taken for another


def deleted(dataset: fo.Dataset, paths: Iterable[str]) -> set[str]:
    """Those of some pictures that a data set was given and has no more; none where it has no picture left at all."""
    known, given = set(dataset.values("filepath")), _given(dataset)
    return {path for path in paths if path not in known and _digest(path) in given} if known else set()


def kept_out(dataset: fo.Dataset, gone: set[str], restore: bool) -> set[str]:
    """Which of the deleted pictures stay out: all, with a warning that says so, or none where they are restored."""
    if gone and not restore:
        what = counted(len(gone), "picture")
        warnings.warn(
            f"{what} of the data {'was' if len(gone) == 1 else 'were'} deleted from the FiftyOne data set "
            f"{dataset.name!r}, and left out; --restore brings back what was deleted",
            stacklevel=4,
        )
    return set() if restore else gone


def note(dataset: fo.Dataset) -> None:
    """Write down that a data set was given the pictures that are in it."""
    given = _given(dataset)
    if new := {_digest(path) for path in dataset.values("filepath")} - given:
        dataset.info[fields.GIVEN] = base64.b64encode(b"".join(sorted(given | new))).decode()
        dataset.save()


def _given(dataset: fo.Dataset) -> set[bytes]:
    """The digests of all pictures that a data set was ever given."""
    told = base64.b64decode(dataset.info.get(fields.GIVEN, ""))
    return {told[at : at + BYTES] for at in range(0, len(told), BYTES)}


def _digest(path: str) -> bytes:
    return blake2b(os.fsencode(path), digest_size=BYTES).digest()
