"""What is in sight of an answer: the detections that the visitor's settings leave, and the chosen one among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch

from dfine.page.answer import Answer
from dfine.page.models import DRAWINGS, PHOTOS, called
from dfine.page.runner import Runner
from dfine.trace.detections import Detections
from dfine.trace.history import History
from dfine.wording import counted

LISTED = 24  # classes of a model that are named one by one
TINY = 16  # pixels; in a picture with a shorter side than this nothing can be recognised
LONG = 4  # times; a picture longer than that is squeezed until little in it can be recognised
SMALL = 96  # pixels; in pictures with a longer side below this much is missed (docs/page.md has figures)


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
    numbers = keep.nonzero().flatten()[: None if top is None else max(0, int(top))]
    return View(answer, found[numbers], numbers.tolist(), threshold, tuple(classes))


def notes(answer: Answer) -> list[str]:
    """Notes for the reader of an answer, in a sentence each."""
    said = []
    if min(answer.size) < TINY:
        said.append("So small a picture shows nothing that can be recognised: do not trust what is found in it.")
    elif max(answer.size) < SMALL:
        width, height = answer.size
        only = f"The picture has only {width} × {height} pixels"
        said.append(f"{only}: in pictures so small much is missed.")
    if max(answer.size) > LONG * min(answer.size):
        said.append("So long a picture is squeezed, and things look wrong: show the network one piece of it at a time.")
    if answer.model == DRAWINGS:
        said.append(f"The model {DRAWINGS} knows drawings, not photographs.")
    return said


def known(answer: Answer) -> str:
    """What the model of an answer can find, and how to get one that finds more."""
    names = list(dict.fromkeys(name for name in answer.result.detections.names if name))
    listed = (
        ", ".join(names) if len(names) <= LISTED else f"{len(names)} kinds of things, from {names[0]} to {names[-1]}"
    )
    more = "choose a model that knows more, or train one on your own pictures with `dfine train`"
    drawn = f"For drawings, choose {DRAWINGS}. " if answer.model == PHOTOS else ""
    return f"The model {called(answer.model)} finds these and nothing else: {listed}. {drawn}For other things, {more}."


def mistaken(answer: Answer) -> str:
    """What to bear in mind of what was found in a visitor's picture by a model that knows few things; else nothing."""
    if answer.model != PHOTOS or answer.caption:
        return ""
    names = answer.result.detections.names
    few = f"{len(names)} things ({', '.join(names)})"
    return f"The model {PHOTOS} knows only {few}: it may take others for one of them."


def spoken(view: View) -> str:
    """The picture in words, for those who cannot see it."""
    things = ", ".join(f"{d['name']} {d['score']:.2f}" for d in view.found.to_list()[:12])
    return f"The picture with {counted(len(view.found), 'framed object')}: {things or 'none'}"
