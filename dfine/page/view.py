"""What is in sight of an answer: the detections that the visitor's settings leave, and the chosen one among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from dfine.page.answer import Answer
from dfine.page.runner import Runner
from dfine.trace.detections import Detections
from dfine.trace.history import History

MOST = 300  # objects in sight, at most: the published models have as many queries


@dataclass(frozen=True)
class View:
    """An answer as the settings show it.

    Attributes:
        answer: everything that the network made of the picture.
        found: the detections in sight, best first.
        numbers: the places of these among all detections; an object keeps its number, whatever is filtered.
        threshold: the lowest score that is in sight.
        classes: to which the view is narrowed; none stand for all.
        chosen: the number of the chosen detection, None for none.
        controls: what the visible tab's own controls are set to, by name.
        runner: asks the network once more, for those tabs that need it.
    """

    answer: Answer
    found: Detections
    numbers: list[int]
    threshold: float
    classes: tuple[str, ...] = ()
    chosen: int | None = None
    controls: Mapping[str, object] = field(default_factory=dict)
    runner: Runner | None = None

    def place(self, number: int | None) -> int | None:
        """Where a detection stands among those in sight, None if it is not in sight."""
        return self.numbers.index(number) if number in self.numbers else None

    @cached_property
    def history(self) -> History | None:
        """The history of the chosen detection."""
        return None if self.chosen is None else self.answer.history(self.chosen)


def select(answer: Answer, threshold: float, classes: Sequence[str] = (), top: int | None = None) -> View:
    """The view that the settings leave, best first; no classes stand for all, no `top` for no limit."""
    found = answer.result.detections
    keep = found.scores >= threshold
    if classes:
        keep &= torch.tensor([name in classes for name in found.class_names], dtype=torch.bool)
    numbers = keep.nonzero().flatten()[: MOST if top is None else max(0, int(top))]
    return View(answer, found[numbers], numbers.tolist(), threshold, tuple(classes))


def summary(view: View) -> str:
    """What was found, in a sentence."""
    count = len(view.found)
    what = f"{count} object{'' if count == 1 else 's'}" if count else "Nothing"
    of = " of the classes that you chose" if view.classes else ""
    if count:
        hint = "Click a box, a row, or a place where nothing was found."
    else:
        hint = f"Lower the threshold{' or choose other classes' if of else ''} to see what was nearly found."
    width, height = view.answer.size
    return (
        f"{what}{of} with a score of at least {view.threshold:.2f}, in {width} × {height} pixels, "
        f"{view.answer.seconds:.2f}\u00a0s. {hint}"
    )


def spoken(view: View) -> str:
    """The picture in words, for those who cannot see it."""
    things = ", ".join(f"{d['name']} {d['score']:.2f}" for d in view.found.to_list()[:12])
    return f"The picture with {len(view.found)} framed objects: {things or 'none'}"
