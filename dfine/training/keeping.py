"""What a run keeps on disk: a disk that is full for a while must not cost the epochs that were trained."""

from __future__ import annotations

import time
from collections.abc import Callable

from dfine.files import WriteError
from dfine.weights.exceptions import CheckpointError

PAUSES = (1, 10, 60, 300)  # seconds between the tries in the end


class Keeping:
    """Writes the files of a run, and goes on where that fails: what was there stays, and the next time may be better.

    Args:
        tell: takes a sentence about what could not be written.
        pauses: seconds between further tries in the end, when there is no next time.
    """

    def __init__(self, tell: Callable[[str], None], pauses: tuple[float, ...] = PAUSES):
        self.tell, self.pauses = tell, pauses
        self._owed: dict[object, Callable[[], object]] = {}  # what is to be written yet, by its place

    def write(self, write: Callable, place: object, *rest: object) -> None:
        """Write to a place, or tell why not."""
        try:
            write(place, *rest)
            self._owed.pop(place, None)
        except (WriteError, CheckpointError) as error:
            self._owed[place] = lambda: write(place, *rest)
            self.tell(f"{error}; the run goes on, and writes again later")

    def insist(self) -> None:
        """Write what could not be written, trying several times.

        Raises:
            WriteError, CheckpointError: it still cannot be written.
        """
        for pause in (*self.pauses, None):
            try:
                for place in list(self._owed):
                    self._owed[place]()
                    del self._owed[place]
                return
            except (WriteError, CheckpointError) as error:
                if pause is None:
                    raise
                self.tell(f"{error}; the next try is in {pause:g} s")
                time.sleep(pause)
