"""The known checkpoints: what they are called, how good they are, and where they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dfine.weights import cache

PHOTOS, DRAWINGS = "photos", "demo"  # the checkpoints that ship: of photographs and of drawings
RELEASE = "https://github.com/Peterande/storage/releases/download/dfinev1.0/"
LONG = {"n": "nano", "s": "small", "m": "medium", "l": "large", "x": "xlarge"}
OTHER = "other, see its card"  # licence of weights that were trained on pictures with terms of their own
COST = {"n": (4, 7), "s": (10, 25), "m": (19, 57), "l": (31, 91), "x": (62, 202)}  # million parameters, GFLOPs at 640
AP = {  # published: COCO val2017; of Objects365 checkpoints on the first 5000 of its validation pictures
    "coco": {"n": 42.8, "s": 48.5, "m": 52.3, "l": 54.0, "x": 55.8},
    "obj2coco": {"s": 50.7, "m": 55.1, "l": 57.3, "x": 59.3},
    "obj365": {"s": 30.5, "m": 37.4, "l": 40.6, "x": 46.5},
}


@dataclass(frozen=True)
class Known:
    """One checkpoint of the zoo."""

    name: str  # what `dfine.load` takes
    size: str
    labels: str  # whose classes it has: "coco", "objects365", "scenes" or "photos"
    trained_on: str
    ap: float | None  # AP 0.50:0.95 in percent, on `measured_on`
    measured_on: str
    parameters: float  # millions
    gflops: float  # at 640 x 640
    licence: str = "Apache-2.0"  # of the weights; of those that ship, as their cards say
    hub: str | None = None  # Hub id, in the transformers layout
    file: str | None = None  # file of the official release, where that is what `load` fetches

    @property
    def ships(self) -> bool:
        """Whether it comes with this project, and is never fetched."""
        return not (self.hub or self.file)

    @property
    def source(self) -> str:
        """Where it comes from."""
        return self.hub or (RELEASE + self.file if self.file else "ships with this repository")

    @property
    def local(self) -> Path | None:
        """Its folder or file on this machine, None if it is not here."""
        if self.hub:
            return cache.hub_folder(self.hub)
        path = cache.release_file(self.file) if self.file else cache.assets() / "checkpoints" / self.name
        return path if (path if self.file else path / "config.json").is_file() else None

    @property
    def cached(self) -> bool:
        """Whether it can be loaded without a network."""
        return self.local is not None


def _zoo() -> dict[str, Known]:
    known = [
        Known(DRAWINGS, "n", "scenes", "scenes", None, "see its card", *COST["n"]),
        Known(PHOTOS, "n", "photos", "photographs", None, "see its card", *COST["n"], licence=OTHER),
    ]
    for kind, trained_on in (("coco", "COCO"), ("obj365", "Objects365"), ("obj2coco", "Objects365, then COCO")):
        labels, measured_on = ("objects365", "Objects365 val") if kind == "obj365" else ("coco", "COCO val2017")
        for size, ap in AP[kind].items():
            name = f"{LONG[size]}-{kind}"
            hub = "ustc-community/dfine-" + name + ("-e25" if name == "large-obj2coco" else "")
            known.append(Known(name, size, labels, trained_on, ap, measured_on, *COST[size], hub=hub))
    # The release has a second large one, better than the first; the Hub has no copy of it.
    e25 = ("large-obj365-e25", "l", "objects365", "Objects365", 42.6, "Objects365 val")
    known.append(Known(*e25, *COST["l"], file="dfine_l_obj365_e25.pth"))
    return {k.name: k for k in known}


ZOO = _zoo()


def zoo() -> list[dict[str, Any]]:
    """All known checkpoints, a row each: name, AP, parameters, GFLOPs, licence, and whether they are here already."""
    return [
        {
            "name": k.name,
            "size": k.size.upper(),
            "trained on": k.trained_on,
            "AP": k.ap,
            "measured on": k.measured_on,
            "parameters (M)": k.parameters,
            "GFLOPs": k.gflops,
            "licence": k.licence,
            "cached": k.cached,
        }
        for k in ZOO.values()
    ]


def labels_of_hub(hub: str) -> str | None:
    """Whose classes a published Hub id has: "coco", "objects365", or None if not known. Older spellings count too."""
    match = re.fullmatch(r"ustc-community/dfine[-_][a-z]+[-_](coco|obj365|obj2coco)([-_]e25)?", hub)
    return match and ("objects365" if match[1] == "obj365" else "coco")
