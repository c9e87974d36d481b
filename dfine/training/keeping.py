"""What a run keeps on disk: a disk that is full for a while must not cost the epochs that were trained."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

from dfine.engines.torch_engine import TorchEngine
from dfine.files import WriteError
from dfine.inference.predictor import Predictor
from dfine.weights.exceptions import CheckpointError

PAUSES = (1, 10, 60, 300)  # seconds between the tries in the end


def copied(model: Predictor) -> Predictor:
    """The same model with weights of its own, which do not change when those that are trained do."""
    return model.with_engine(TorchEngine(copy.deepcopy(model.network)))


class Keeping:
    """Writes the files of a run, and goes on where that fails: what was there stays, and the next time may be better.

    Args:
        tell: takes a sentence about what could not be written.
        pauses: seconds between further tries in the end, when there is no next time.
    """

    def __init__(self, tell: Callable[[str], None], pauses: tuple[float, ...] = PAUSES):
        self.tell, self.pauses = tell, pauses
        self._owed: dict[object, Callable[[], object]] = {}  # what is to be written yet, by its place

    def write(
        self, write: Callable, place: object, *rest: object, as_is: Callable[..., Callable] | None = None
    ) -> None:
        """Write to a place, or tell why not.

        Args:
            write: is called with the place and the rest.
            place: a path.
            rest: what else it is given.
            as_is: is called with the rest, and makes a `write` of what there is now, for what goes on changing.
        """
        try:
            write(place, *rest)
            self._owed.pop(place, None)
        except (WriteError, CheckpointError) as error:
            again = write if as_is is None else as_is(*rest)
            self._owed[place] = lambda: again(place, *rest)
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
