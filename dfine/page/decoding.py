"""Pictures are decoded beside the queue of the network, a few at a time, and for no longer than a visitor may wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from pathlib import Path

from PIL import Image

from dfine.data.pictures import PictureError, read

AT_ONCE = 2  # pictures that are decoded at the same time, each in at most 600 MB
PATIENCE = 10.0  # seconds; three on a free machine


class Decoder:
    """Reads pictures in threads of its own.

    A picture that takes too long is given up: the visitor is told, and its thread is free for others once it is done.

    Args:
        at_once: how many are read at the same time; others wait, and that counts as reading.
        patience: seconds.
        read: reads a file.
    """

    def __init__(self, at_once: int = AT_ONCE, patience: float = PATIENCE, read: Callable = read):
        self.patience, self._read = patience, read
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="decoder")

    def __call__(self, path: str | Path) -> Image.Image:
        """The picture in a file, upright and in RGB, as `dfine.data.pictures.read` gives it.

        Raises:
            PictureError: it cannot be read, or not in time.
        """
        reading = self._threads.submit(self._read, path)
        try:
            return reading.result(self.patience)
        except Late:
            reading.cancel()
            raise PictureError(
                f"{Path(path).name!r} took longer than {self.patience:.0f} s to read; try again, or save it smaller"
            ) from None


decode = Decoder()
TURN = threading.Lock()  # one picture at a time goes through the network
