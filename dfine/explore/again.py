"""Whether a run of `dfine explore` would find everything as it left it, told before anything slow is imported.

A run that ends well writes down what went in and what came out: its options, the versions, and stamps of the data, the
checkpoint, the files that it wrote and the data set in FiftyOne. Only where all of that is still the same is there
nothing to do. Whatever cannot be told for sure counts as changed.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from dfine.explore.database_state import Home, opened, state
from dfine.explore.stamps import stamp
from dfine.files import short_digest, write_json
from dfine.paths import at_home
from dfine.version import VERSION

SCHEMA = 1
PLACE = "dfine-explored"  # in FiftyOne's folder for data sets
PACKAGES = ("torch", "torchvision", "fiftyone", "fiftyone-brain", "numpy")
READ = ("DFINE_", "FIFTYONE_", "HF_", "TORCH_HOME", "XDG_CACHE_HOME")  # variables of the environment that count
_NOT_READ = ("FIFTYONE_PRIVATE_", "FIFTYONE_CONTEXT")  # but FiftyOne itself sets these, in every process anew
_SLACK = 10**9  # nanoseconds by which the clock of a disk may be behind


def program() -> list:
    """The versions of everything that takes part, this package's own files, and what the environment says."""
    versions = [importlib.metadata.version(name) for name in PACKAGES if _installed(name)]
    told = {k: v for k, v in os.environ.items() if k.startswith(READ) and not k.startswith(_NOT_READ)}
    code = stamp([Path(__file__).parents[1]]).digest
    return [SCHEMA, VERSION, sys.version, *versions, code, short_digest(json.dumps(told, sort_keys=True))]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@dataclass(frozen=True)
class Asked:
    """What a run was asked for, and when it began."""

    options: Mapping  # plain values: everything that decides the run
    outputs: tuple[Path, ...]  # the files and folders that it writes
    began: int = field(default_factory=time.time_ns)
    program: list = field(default_factory=program)  # before packages change the environment

    @property
    def record(self) -> Path:
        """The file in which such a run is written down."""
        name = short_digest(json.dumps([self.options, [str(p.absolute()) for p in self.outputs]], default=str), 32)
        return Home.here().data / PLACE / f"{name}.json"


@dataclass(frozen=True)
class Left:
    """What a run left behind, and that nothing of it has changed."""

    dataset: str  # its name in FiftyOne
    pictures: int
    when: str  # the run ended


def unchanged(asked: Asked) -> Left | None:
    """What such a run left, if everything is as it was then; None: it has to run."""
    try:
        known = json.loads(asked.record.read_text(encoding="utf-8"))
        if known["program"] != program() or known["files"] != stamp(known["places"]).digest:
            return None
        if known["outputs"] != stamp(asked.outputs).digest:
            return None
        with opened(Home.here(), known["mongod"]) as database:
            if state(database, known["dataset"]) != known["state"]:
                return None
        return Left(known["dataset"], known["pictures"], known["when"])
    except Exception:  # noqa: BLE001 - whatever it is, nothing can be told
        return None


def remember(asked: Asked, dataset, data: str, model: str) -> bool:
    """Write down what a run went by and what it left; returns whether it can be told later if that changes.

    It cannot where answers may lie in places that are not known, where something was changed while it ran, or where
    nothing can be written down.

    Args:
        asked: the run.
        dataset: the FiftyOne data set that it filled.
        data: as it was named.
        model: as it was named.
    """
    from dfine.explore.fiftyone_private import database, find_mongod

    home, pictures = Home.here(), dataset.values("filepath")
    start = asked.options.get("out", {}).get("start")  # of the models of folds
    places, checkpoints = _data(dataset, data, pictures), [_checkpoint(one) for one in (model, start) if one]
    with suppress(OSError):
        asked.record.unlink(missing_ok=True)
        if places is None or None in checkpoints:
            return False
        places = [str(place) for place in chain(places, *checkpoints)]
        found = stamp(places)
        if found.newest > asked.began - _SLACK and data != "scenes":  # which are drawn while it runs
            return False
        told = {
            "program": asked.program,
            "places": places,
            "files": found.digest,
            "outputs": stamp(asked.outputs).digest,
            "mongod": "" if home.uri else find_mongod(),
            "dataset": dataset.name,
            "pictures": len(pictures),
            "state": state(database(), dataset.name),
            "when": time.strftime("%Y-%m-%d %H:%M"),
        }
        asked.record.parent.mkdir(parents=True, exist_ok=True)
        write_json(asked.record, told)
        return True
    return False


def _data(dataset, data: str, pictures: Iterable[str]) -> list | None:
    """The places that hold the data: the pictures and their answers. None where there may be others."""
    from dfine.explore import fields

    path = at_home(data)
    if data == "scenes":
        return [Path((dataset.info or {})[fields.SOURCE]["path"]).parent]
    if not path.exists():  # in FiftyOne, where answers lie in the database
        return sorted(pictures)
    if path.is_dir():
        root = path.absolute()
        inside = all(Path(p).is_relative_to(root) for p in pictures)
        return [root] if inside else None
    return [path.absolute(), *sorted(pictures)] if path.suffix.lower() == ".json" else None


def _checkpoint(model: str) -> list | None:
    """The files of a checkpoint: its folder, or those that are called as it is. None where they are not known."""
    from dfine.weights import cache, zoo

    if model in zoo.ZOO:
        path = zoo.ZOO[model].local
    elif at_home(model).exists():
        path = at_home(model)
    else:
        path = cache.hub_folder(model)
    if path is None:
        return None
    path = path.absolute()
    return [path] if path.is_dir() else sorted(path.parent.glob(f"{path.stem}*"))
