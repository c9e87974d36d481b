"""What all tests share: threads, one browser (two drivers in one process get in each other's way), one database."""

import atexit
import gc
import os
import subprocess
import sys
import zlib

if "PYTEST_XDIST_WORKER" in os.environ:  # before torch is imported: its threads spin while they wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # tests import onnxruntime by themselves, too
sys.modules.setdefault("openvino_telemetry", None)  # and openvino

import pytest

from assets.browser import CHROMIUM, launched
from assets.ports import free_port

# Parts of paths whose files stay in one process: a page, a browser, a database, exported files take long to make.
TOGETHER = ("/page/", "explore", "/onnx/")
# What one process has to do from beginning to end, and other files that take a minute.
LONG = (*TOGETHER, "test_notebooks", "test_gpu_day", "/training/", "test_transformers")


def pytest_xdist_auto_num_workers():
    """One more process than cores: tests of browsers and servers wait half of their time."""
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config, log):
    """As `--dist loadfile`, but of `TOGETHER` all files are one."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class ByWhatTheyShare(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return next((part for part in TOGETHER if part in file), file)

    return ByWhatTheyShare(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """What is imported stays: the garbage collector need not look through it again and again, now or later.

    It took a tenth of the time of tests that train; now it looks at what they make less often.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)
        gc.enable()


def pytest_collection_modifyitems(items):
    """What is long first, so that no core waits for the last of it."""
    items.sort(key=lambda item: not any(part in item.nodeid.split("::")[0] for part in LONG))


@pytest.hookimpl(tryfirst=True)  # before fixtures are made, which draw, too
def pytest_runtest_setup(item):
    """Each test draws its own random numbers, the same every time, whichever tests ran before it in this process."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(zlib.crc32(item.nodeid.encode()))


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; tests open pages or contexts of their own in it."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        browser = launched(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def fo(tmp_path_factory):
    """FiftyOne with a MongoDB of its own, for it would join any that this person runs; skipped where there is none."""
    fiftyone = pytest.importorskip("fiftyone", reason="fiftyone is not installed")
    home = tmp_path_factory.mktemp("fiftyone")
    from fiftyone.core.service import DatabaseService
    from pymongo import MongoClient

    try:
        program = DatabaseService.find_mongod()
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no database
        pytest.skip(f"no MongoDB for FiftyOne: {error}")
    port = free_port()
    (home / "database").mkdir()
    options = dict(dbpath=home / "database", logpath=home / "log", port=port, bind_ip="127.0.0.1")
    command = [program, "--nounixsocket", *(f"--{key}={value}" for key, value in options.items())]
    database = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    atexit.register(database.terminate)  # after FiftyOne's own clean-up, which still needs it
    with MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=300_000) as client:
        client.admin.command("ping")  # its start may take longer than `dfine explore` waits
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
def scenes_folder(tmp_path_factory):
    """Eight scenes on disk: images/ and annotations.json."""
    from dfine.data.scenes import Scenes, write

    return write(tmp_path_factory.mktemp("scenes") / "eight", Scenes(8, seed=2_000_000, size=(320, 320)), workers=0)
