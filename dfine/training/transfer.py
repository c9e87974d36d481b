"""Fine-tuning: a trained detector for other classes. What classes know is carried over by name, the rest is kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from dfine.data import labels
from dfine.network.detector import DFINE

# One row a class; the embedding of noised labels has one more at its end, for padding.
CLASSED = re.compile(r"(queries|decoder\.heads\.\d+)\.score\.(weight|bias)|queries\.label\.weight")


@dataclass(frozen=True)
class Transfer:
    """What became of the class heads. Printing it says it in words."""

    carried: dict[str, str]  # class -> the class of the source that it starts from
    fresh: tuple[str, ...]  # classes that start from nothing

    def __str__(self) -> str:
        renamed = [f"{new} from {old}" for new, old in self.carried.items() if new != old]
        text = f"{len(self.carried)} of {len(self.carried) + len(self.fresh)} classes start from the checkpoint's own"
        if renamed:
            text += f" ({', '.join(renamed)})"
        return text + (f"; new: {', '.join(self.fresh)}" if self.fresh else "")


def carry_over(
    source: DFINE, known: Sequence[str], names: Sequence[str], *, queries: int | None = None
) -> tuple[DFINE, Transfer]:
    """A detector for the classes `names` that starts from `source`, a detector for the classes `known`.

    Everything that does not belong to a class is kept. Rows of the score heads and of the label embedding go along with
    classes that mean the same (`labels.same`); those of other classes are initialised as in a new network.

    Args:
        source: the trained detector.
        known: its class names, one a column.
        names: the new class names.
        queries: how many the new detector has; by default as many as the old one.

    Returns:
        The new detector, in training mode, and what was carried over.
    """
    found = labels.same(names, known)
    config = replace(source.config, classes=len(names), queries=queries or source.config.queries)
    network = DFINE(config)
    old, new = source.state_dict(), network.state_dict()
    place = {name: i for i, name in reversed(list(enumerate(known)))}  # the first of several columns of one name
    rows = [(new_row, place[found[name]]) for new_row, name in enumerate(names) if name in found]
    to, origin = torch.tensor(rows, dtype=torch.long).reshape(-1, 2).unbind(1)
    for key, value in old.items():
        if CLASSED.fullmatch(key):
            new[key][to] = value[origin]
        else:
            new[key] = value
    network.load_state_dict(new)
    return network.train(), Transfer(found, tuple(name for name in names if name not in found))
