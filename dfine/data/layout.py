"""What a data set is made of, whatever its format: its splits, what they are called, and who opens each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dfine.data.coco import CocoSet
from dfine.data.coco_entries import Fault

OTHER_NAMES = {"val": ("val", "valid", "validation"), "train": ("train", "training"), "test": ("test", "testing")}


class NoDataSet(FileNotFoundError):
    """A folder holds no data set in any of the known formats."""


@dataclass(frozen=True)
class Layout:
    """A data set as it lies on disk."""

    kind: str  # coco, yolo, voc or labelme
    place: Path  # the file or folder by which it is one
    parts: dict[str, Callable[[Fault], CocoSet]]  # split -> opens it; the only one is called "" where there are none
    absent: dict[str, str] = field(default_factory=dict)  # splits that are named but not there -> a sentence

    @property
    def unsplit(self) -> bool:
        """Whether all pictures stand together, and none of them are kept apart for validation or testing."""
        kind = meaning(next(iter(self.parts))) if len(self.parts) == 1 else "several"
        return kind in (None, "train") and not any(meaning(split) == "val" for split in self.absent)


def meaning(split: str) -> str | None:
    """Train, val or test, whichever the name of a split stands for: Valid and val2017 are val; None for other names."""
    plain = re.sub(r"[\d_\-]+$", "", split.casefold())
    return next((kind for kind, names in OTHER_NAMES.items() if plain in names), None)


def same(split: str, wanted: str) -> bool:
    """Whether a split is the one that is meant: val2017 is, where val, valid or val2017 is asked for."""
    return split == wanted or (wanted.casefold() in OTHER_NAMES.get(meaning(split), ()))
