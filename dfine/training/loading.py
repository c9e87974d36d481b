"""The batches of every epoch, from processes that outlive it where they can."""

from __future__ import annotations

from collections.abc import Sequence

from torch.utils.data import DataLoader

from dfine.data.loader import Batching, relabelled
from dfine.processes import Ranks
from dfine.training.plan import Plan


class Loading:
    """Gives the loader of an epoch. Of a data set it is that of the epoch before, with the same processes.

    To start these anew takes as long as hundreds of pictures. Scenes are another data set every epoch, and the last
    epochs, which are plain, prepare pictures in another way.

    Args:
        plan: of the run.
        names: the run's own order of the classes, in which labels count.
        here: this process among several.
        pin: put pictures where a GPU can fetch them by itself.
    """

    def __init__(self, plan: Plan, names: Sequence[str], here: Ranks, *, pin: bool):
        options = plan.options
        self.plan, self.names = plan, names
        self.how = Batching(
            plan.recipe.batch,
            options.input_size,
            train=True,
            workers=options.workers,
            seed=options.seed,
            share=(here.rank, here.count),
            pin=pin,
        )
        self._kept: tuple[bool, DataLoader] | None = None  # whether it is a plain one, and the loader

    def of(self, epoch: int, plain: bool) -> DataLoader:
        """The loader of an epoch."""
        if self._kept and self._kept[0] == plain and self.plan.data is not None:
            return self._kept[1]
        self.end()  # before others are started
        data = relabelled(self.plan.training_data(epoch), self.names)
        self._kept = plain, self.plan.batches(data, self.how, plain)
        return self._kept[1]

    def end(self) -> None:
        """Let the processes end, if there are any."""
        self._kept = None
