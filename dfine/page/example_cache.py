"""What the network makes of the examples, kept for all visitors: an example that was looked at once answers at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from dfine.files import digest
from dfine.page import zerogpu
from dfine.page.models import KEPT, Models
from dfine.page.session import Look, looker


class Shelf:
    """A function (path, model's name) -> Look, as `looker` gives it, that remembers the examples and nothing else.

    A picture is an example if its bytes are one's: pages copy files, and a path would say nothing. Looks of visitors'
    own pictures stay with the visitors. At most as many looks are kept as there are examples, times the models that
    `Models` keeps; those that were not asked for the longest go first.
    """

    def __init__(self, models: Models, examples: Sequence[str]):
        self.models, self.examples = models, list(examples)
        self._look = looker(models)
        self._known = {digest(path): path for path in self.examples}
        self._sizes = {Path(path).stat().st_size for path in self.examples}  # most pictures need not be read for this
        self._kept: OrderedDict[tuple[str, str], Look] = OrderedDict()
        self._lock = threading.Lock()  # of the dictionary; never held while the network runs
        self._turn = threading.Lock()  # two who want the same new look: the second waits, and finds it

    def __call__(self, path: str, name: str = "") -> Look:
        """Raises ValueError, OSError, RuntimeError: the picture or the model cannot be had."""
        name = name or self.models.default
        key = (self._example(path), name)
        if not key[0]:
            return self._look(path, name)
        look = self._find(key)
        if look is None:
            with self._turn:
                look = self._find(key) or self._keep(key, self._look(path, name))
        return replace(look, path=str(path), where=replace(look.where, picture=Path(path).name))

    def fill(self, name: str = "", ready: Callable[[], bool] = lambda: True) -> threading.Thread:
        """Look at all examples in a daemon thread, for one model; what fails will say so when somebody asks.

        It waits until it is `ready`, for a minute at most, so that a page starts no later for it. Where the GPU is
        borrowed nothing is done: there is no visitor yet whose quota it could be borrowed on.
        """

        def run() -> None:
            for _ in range(600):
                if ready():
                    break
                time.sleep(0.1)
            try:
                for path in self.examples[:1]:
                    self._look(path, name)  # a first run takes longer than all others: nobody should be told its time
                for path in self.examples:
                    self(path, name)
            except (ValueError, OSError, RuntimeError):
                return

        thread = threading.Thread(target=(lambda: None) if zerogpu.spaces else run, name="examples", daemon=True)
        thread.start()
        return thread

    def _example(self, path: str) -> str:
        """The digest of an example, "" for any other file."""
        try:
            if Path(path).stat().st_size not in self._sizes:
                return ""
            mine = digest(path)
        except OSError:
            return ""
        return mine if mine in self._known else ""

    def _find(self, key: tuple[str, str]) -> Look | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: tuple[str, str], look: Look) -> Look:
        with self._lock:
            self._kept[key] = look
            while len(self._kept) > KEPT * len(self.examples):
                self._kept.popitem(last=False)
        return look

    def __len__(self) -> int:
        return len(self._kept)
