"""Pictures are decoded in processes of their own, a few at a time, for no longer than a visitor may wait."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from pathlib import Path

from PIL import Image

from dfine.data.decoder import assembled
from dfine.data.pictures import PictureError

AT_ONCE = 2  # pictures that are decoded at the same time, each in at most 600 MB
PATIENCE = 10.0  # seconds; three on a free machine
ROOT = Path(__file__).resolve().parents[2]  # where the package lies, for a process that starts elsewhere
PROGRAM = (sys.executable, "-m", "dfine.data.decoder")


class Decoder:
    """Reads pictures in processes that are kept for the next ones.

    A picture that takes too long ends with its process, as does one that crashes its decoder; the visitor is told.

    Args:
        at_once: how many are read at the same time; others wait, and that counts as reading.
        patience: seconds.
        program: the command of a process.
    """

    def __init__(self, at_once: int = AT_ONCE, patience: float = PATIENCE, program: Sequence[str] = PROGRAM):
        self.patience, self._program = patience, program
        self._places = threading.Semaphore(at_once)
        self._idle: list[subprocess.Popen] = []
        self._lock = threading.Lock()  # of that list

    def __call__(self, path: str | Path) -> Image.Image:
        """The picture in a file, upright and in RGB, as `dfine.data.pictures.read` gives it.

        Raises:
            PictureError: it cannot be read, or not in time.
        """
        end = time.monotonic() + self.patience
        if not self._places.acquire(timeout=self.patience):
            raise _late(path, self.patience)
        try:
            return self._read(path, end)
        finally:
            self._places.release()

    def close(self) -> None:
        """End the processes that wait for work."""
        with self._lock:
            while self._idle:
                _end(self._idle.pop())

    def _read(self, path: str | Path, end: float) -> Image.Image:
        process, late = self._process(), threading.Event()

        def give_up() -> None:
            late.set()
            process.kill()

        timer = threading.Timer(max(0, end - time.monotonic()), give_up)
        timer.start()
        try:
            process.stdin.write(json.dumps(str(path)).encode() + b"\n")
            process.stdin.flush()
            told = json.loads(process.stdout.readline() or "null")
            picture = told and "error" not in told and assembled(told["size"], told["turn"], process.stdout)
        except (OSError, EOFError, ValueError):  # its end, in the middle of a line or of the rows
            told = None
        finally:
            timer.cancel()
            timer.join()  # it may have begun to give up: no process that it kills is kept
        if told is None or late.is_set():
            _end(process)
            raise (
                _late(path, self.patience)
                if late.is_set()
                else PictureError(
                    f"{Path(path).name!r} cannot be decoded: it broke its decoder; save it again, in another format"
                )
            )
        self._idle.append(process)
        if not picture:
            raise PictureError(told["error"])
        return picture

    def _process(self) -> subprocess.Popen:
        """A process that waits for work, or a new one."""
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.poll() is None:
                    return process
                _end(process)
        paths = filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"}
        pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return subprocess.Popen(self._program, env=environment, **pipes)


def _end(process: subprocess.Popen) -> None:
    """End a process, and give its pipes back."""
    process.kill()
    with suppress(OSError), process:  # what it was asked, but did not read, cannot be written any more
        pass


class InTime:
    """Calls a function in threads of its own, for those who wait no longer than they have to.

    A call that takes too long is given up: the visitor is told, and its thread is free for others once it is done.

    Args:
        function: reads a file, whose path it is given.
        at_once: how many calls run at the same time; others wait, and that counts.
        patience: seconds.
    """

    def __init__(self, function: Callable, at_once: int = AT_ONCE, patience: float = PATIENCE):
        self.patience, self._function = patience, function
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="reader")

    def __call__(self, path: str | Path) -> object:
        """What the function gives. Raises PictureError where it is late."""
        reading = self._threads.submit(self._function, path)
        try:
            return reading.result(self.patience)
        except Late:
            reading.cancel()
            raise _late(path, self.patience) from None


def _late(path: str | Path, patience: float) -> PictureError:
    return PictureError(f"{Path(path).name!r} took longer than {patience:.0f} s to read; try again, or save it smaller")


decode = Decoder()
TURN = threading.Lock()  # one picture at a time goes through the network
