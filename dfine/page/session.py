"""What a visitor's session keeps of one picture, and what of it is in sight: threshold, classes, how many at most."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from PIL import Image

from dfine.figures import picture as pictures
from dfine.inference import looking
from dfine.inference.about import about
from dfine.inference.predictor import Result
from dfine.page import served, zerogpu
from dfine.page.models import Models
from dfine.trace.detections import Detections
from dfine.trace.disk import About
from dfine.trace.history import History
from dfine.trace.sampling import Looks

FLOOR = 0.05  # the lowest threshold: above it, moving the slider only selects, and the network need not run again
CEILING = 0.95  # the highest
MOST = 300  # objects in sight, at most: as many as there are queries


@dataclass(frozen=True)
class Look:
    """One picture and all that the network made of it: small, and on the CPU."""

    result: Result  # all detections from `FLOOR` on; its picture is `picture`
    picture: Image.Image  # in the size in which it is shown
    seconds: float
    path: str  # the visitor's own file, in full resolution
    model: str  # its name among the models
    where: About
    file: str  # the shown picture among those that the page serves

    def history(self, chosen: int) -> History:
        """The story of a detection, counted among all of them."""
        return self.result.history(chosen)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A place of the shown picture, in pixels of the visitor's picture and inside it."""
        scale = [full / shown for full, shown in zip(self.size, self.picture.size)]
        return self.inside(x * scale[0], y * scale[1])

    def inside(self, x: float, y: float) -> tuple[float, float]:
        """The place of the visitor's picture that is nearest to x, y in its pixels."""
        return tuple(float(min(max(0, v), full)) for v, full in zip((x, y), self.size))

    @property
    def subject(self) -> tuple[str, str]:
        """What was looked at, and by which model."""
        return self.path, self.model

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the visitor's picture in pixels."""
        return self.result.detections.size

    def classes(self, threshold: float, chosen: Sequence[str] = ()) -> list[tuple[str, str]]:
        """What there is from a score on, best first, and the `chosen` in any case: (class with its count, class)."""
        names = self.result.detections.above(threshold).class_names
        return [(f"{name} ({names.count(name)})", name) for name in dict.fromkeys((*names, *chosen))]


@dataclass(frozen=True)
class Sight:
    """The detections that the visitor's settings leave in sight; `numbers` are their places among all of them."""

    found: Detections
    numbers: list[int]
    threshold: float
    classes: tuple[str, ...] = ()  # to which it is narrowed; none stand for all

    def place(self, chosen: int | None) -> int | None:
        """Where detection `chosen` stands in sight, None if it does not."""
        return self.numbers.index(chosen) if chosen in self.numbers else None


def looker(models: Models) -> Callable[[str, str], Look]:
    """A function (path, model's name) -> Look; on a borrowed GPU where there is one to borrow.

    Raises (that function): ValueError, OSError, RuntimeError: the picture or the model cannot be had.
    """
    run = zerogpu.gpu(lambda path, name: models(name)(path, threshold=FLOOR))

    def look(path: str, name: str) -> Look:
        model, start = models(name), time.perf_counter()
        result = run(path, name)
        seconds = time.perf_counter() - start
        small = pictures.shown(result.picture)
        where = about(model, result, path)
        kept = served.keep(served.jpeg(small))
        return Look(replace(result, picture=small), small, seconds, str(path), name or models.default, where, kept)

    return look


def watcher(models: Models) -> Callable[[Look, int], Looks]:
    """A function (look, query) -> where that query looked; it runs the network once more, as `looker` does.

    Raises (that function): ValueError, OSError, RuntimeError: the picture or the model is gone.
    """
    run = zerogpu.gpu(lambda name, path, query, trace: looking.look(models(name), path, query, trace))
    return lambda look, query: run(look.model, look.path, query, look.result.trace)


def in_sight(look: Look, threshold: float, classes: Sequence[str] = (), top: int | None = None) -> Sight:
    """What the settings select, best first; no classes stand for all, no `top` for no limit."""
    found = look.result.detections
    keep = found.scores >= threshold
    if classes:
        keep &= torch.tensor([name in classes for name in found.class_names], dtype=torch.bool)
    numbers = keep.nonzero().flatten()[: MOST if top is None else max(0, int(top))]
    return Sight(found[numbers], numbers.tolist(), threshold, tuple(classes))


def summary(look: Look, sight: Sight) -> str:
    """What was found, in a sentence."""
    found = sight.found
    count = f"{len(found)} object{'' if len(found) == 1 else 's'}" if len(found) else "Nothing"
    of = " of the classes that you chose" if sight.classes else ""
    if len(found):
        hint = "Click a box, a row, or a place where nothing was found."
    else:
        hint = f"Lower the threshold{' or choose other classes' if of else ''} to see what was nearly found."
    at = f"with a score of at least {sight.threshold:.2f}"
    w, h = found.size
    return f"{count}{of} {at}, in {w} × {h} pixels, {look.seconds:.2f}\u00a0s. {hint}"


def spoken(sight: Sight) -> str:
    """The picture for those who cannot see it."""
    things = ", ".join(f"{d['name']} {d['score']:.2f}" for d in sight.found.to_list()[:12])
    return f"The picture with {len(sight.found)} framed objects: {things or 'none'}"
