"""What a data set in FiftyOne's database was last changed at, asked of MongoDB itself: FiftyOne takes long to import.

Everything here goes by what FiftyOne writes down of itself: its configuration, and `last_modified_at` of data sets and
samples, which it sets whenever anything in them changes.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dfine.paths import at_home

PATIENCE = 10.0  # seconds that a database has to answer
LOCK = "mongod.lock"  # in the folder of a database; empty while no MongoDB runs on it


@dataclass(frozen=True)
class Home:
    """Where FiftyOne keeps its things, as its configuration says."""

    uri: str  # of the database; "": it starts one of its own
    folder: Path  # of that one's files
    name: str  # of the database in it
    data: Path  # the folder for data sets

    @classmethod
    def here(cls) -> Home:
        """As environment and configuration say now. Raises ValueError where the latter cannot be read."""
        file = at_home(os.environ.get("FIFTYONE_CONFIG_PATH") or "~/.fiftyone/config.json")
        said = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
        keys = {
            "database_uri": "",
            "database_dir": "~/.fiftyone/var/lib/mongo",
            "database_name": "fiftyone",
            "default_dataset_dir": "~/fiftyone",
        }
        uri, folder, name, data = (
            os.environ.get(f"FIFTYONE_{key.upper()}") or said.get(key) or default for key, default in keys.items()
        )
        return cls(uri, at_home(folder), name, at_home(data))


def state(database, name: str) -> list | None:
    """What says that nothing in a data set was changed: plain values; None where there is no such data set.

    Args:
        database: of pymongo.
        name: of the data set.
    """
    entry = database["datasets"].find_one({"name": name}, {"last_modified_at": 1, "sample_collection_name": 1})
    if entry is None:
        return None
    samples = database[entry["sample_collection_name"]]
    newest = samples.find_one({}, {"last_modified_at": 1}, sort=[("last_modified_at", -1)]) or {}
    when = [str(one.get("last_modified_at")) for one in (entry, newest)]
    return [str(entry["_id"]), *when, samples.count_documents({})]


@contextmanager
def opened(home: Home, mongod: str) -> Iterator:
    """FiftyOne's database while the block runs, started from the program `mongod` where it is FiftyOne's own.

    Raises:
        OSError: it does not run, or somebody else uses its files.
    """
    import pymongo

    if home.uri:
        yield pymongo.MongoClient(home.uri, serverSelectionTimeoutMS=1000 * PATIENCE)[home.name]
        return
    lock = home.folder / LOCK
    if lock.is_file() and lock.stat().st_size:
        raise OSError(f"{home.folder} is in use")
    with socket.socket() as free, tempfile.TemporaryDirectory() as scratch:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        options = dict(dbpath=home.folder, port=port, bind_ip="127.0.0.1", logpath=Path(scratch) / "log")
        command = [mongod, *(f"--{key}={value}" for key, value in options.items())]
        command += [] if os.name == "nt" else ["--nounixsocket"]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with pymongo.MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=1000 * PATIENCE) as client:
                yield client[home.name]
        finally:
            server.terminate()
            server.wait()
