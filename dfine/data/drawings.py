"""Which data sets on disk are scenes that this project drew: their file of answers begins with saying so."""

from __future__ import annotations

import os
from pathlib import Path

from dfine.paths import at_home

INFO = {"description": "scenes drawn by D-FINE Lens"}  # of the COCO file that `dfine.data.scenes.write` makes
_BEGINNING = 1000  # bytes of a file that are looked at


def are_scenes(data: str | os.PathLike) -> bool:
    """Whether `data` names scenes: "scenes", or a folder that holds them, its COCO file, or its folder images/.

    Only the beginning of a file is read, and nothing slow is imported. What cannot be read are no scenes.
    """
    if str(data) == "scenes":
        return True
    place = at_home(data)
    above = [place.parent] if place.name == "images" else []
    files = [place] if place.suffix == ".json" else [folder / "annotations.json" for folder in (place, *above)]
    return any(_drawn(file) for file in files)


def _drawn(file: Path) -> bool:
    try:
        with open(file, "rb") as stream:
            return INFO["description"].encode() in stream.read(_BEGINNING)
    except (OSError, ValueError):
        return False
