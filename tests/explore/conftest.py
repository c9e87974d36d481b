"""One database for all tests of this folder, in a folder of its own, and a data set that several of them look at."""

import atexit
import os
import socket
import subprocess

import pytest

pytest.importorskip("fiftyone", reason="fiftyone is not installed")

from dfine.data.scenes import Scenes, write  # noqa: E402


@pytest.fixture(scope="session")
def fo(tmp_path_factory):
    """FiftyOne with a MongoDB of its own, for it would join any that this person runs; skipped where there is none."""
    home = tmp_path_factory.mktemp("fiftyone")
    import fiftyone
    from fiftyone.core.service import DatabaseService

    try:
        program = DatabaseService.find_mongod()
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no database
        pytest.skip(f"no MongoDB for FiftyOne: {error}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (home / "database").mkdir()
    options = dict(dbpath=home / "database", logpath=home / "log", port=port, bind_ip="127.0.0.1")
    command = [program, "--nounixsocket", *(f"--{key}={value}" for key, value in options.items())]
    database = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    atexit.register(database.terminate)  # after FiftyOne's own clean-up, which still needs it
    os.environ |= {
        "FIFTYONE_DATABASE_URI": f"mongodb://127.0.0.1:{port}",
        "FIFTYONE_DEFAULT_DATASET_DIR": str(home / "data"),
        "FIFTYONE_DO_NOT_TRACK": "1",
    }
    fiftyone.config.database_uri = os.environ["FIFTYONE_DATABASE_URI"]
    fiftyone.config.default_dataset_dir = str(home / "data")
    fiftyone.config.show_progress_bars = False
    return fiftyone


@pytest.fixture(scope="session")
def demo():
    """The shipped checkpoint."""
    import dfine

    return dfine.load("demo", device="cpu")


@pytest.fixture(scope="session")
def scenes_folder(tmp_path_factory):
    """Eight scenes on disk: images/ and annotations.json."""
    return write(tmp_path_factory.mktemp("scenes") / "eight", Scenes(8, seed=2_000_000, size=(320, 320)), workers=0)


@pytest.fixture(scope="session")
def explored(fo, demo):
    """Eight scenes looked at by the shipped checkpoint, and evaluated. Tests must leave it as they found it."""
    from dfine.explore.run import Pace, explore

    return explore("scenes", demo, count=8, seed=2_000_000, pace=Pace(progress=False))
