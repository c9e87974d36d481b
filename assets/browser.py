"""The page on a port of its own, and the browser that looks at it: for tests, screenshots, notebooks and timings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from assets.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

ROOT = Path(__file__).resolve().parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)  # None: there is none on this machine
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def launched(playwright: Playwright, chromium: str | None = CHROMIUM) -> Browser:
    """Headless Chromium, which asks nothing of anybody by itself."""
    return playwright.chromium.launch(executable_path=chromium, args=FLAGS, timeout=180_000)  # milliseconds


@contextmanager
def served(model: str | Path = "demo", log: str | Path | None = None, **environment: str) -> Iterator[str]:
    """The page on a free port, on the CPU and offline, all options through the environment; its address.

    What it says is kept in the file `log`, where one is named.

    Raises:
        RuntimeError: it stopped before it answered; the message holds what it said.
    """
    port = free_port()
    settings = dict(DFINE_MODEL=str(model), DFINE_PORT=str(port), DFINE_DEVICE="cpu", HF_HUB_OFFLINE="1")
    address = f"http://127.0.0.1:{port}"
    file = open(log, "w+b") if log else tempfile.TemporaryFile()
    with file as said, tempfile.TemporaryDirectory() as cache:
        # Its output goes into a file, since a pipe fills when nobody reads it; no other page shares its cache.
        process = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            env=os.environ | settings | {"DFINE_SWIFT": "0", "GRADIO_TEMP_DIR": cache} | environment,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, address, said)
            yield address
        finally:
            process.terminate()
            process.wait(120)


def _wait(process: subprocess.Popen, address: str, said) -> None:
    """Until the page answers; five minutes at most."""
    for _ in range(600):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}/healthz", timeout=2).read()
            return
        except OSError:
            time.sleep(0.5)
    said.seek(0)
    raise RuntimeError(f"app.py does not answer: {said.read().decode()}")
