"""What a session keeps of one picture: all that the network answered, or the sentence that says why it could not."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from PIL import Image

from dfine.inference.predictor import Result
from dfine.trace.disk import About
from dfine.trace.history import History

FLOOR = 0.05  # the lowest threshold: above it, moving the slider only selects, and the network need not run again
CEILING = 0.95  # the highest
AT_ONCE = 1.0  # seconds within which the same request counts as one
FAILED = "That did not work"

Subject = tuple[str, str]  # the path of a picture, and the name of the model that is to look at it


@dataclass(frozen=True)
class Answer:
    """One picture and everything that the network made of it: small, and on the CPU."""

    result: Result  # all detections from `FLOOR` on; its picture is `picture`
    picture: Image.Image  # in the size in which it is shown
    seconds: float  # that the network took
    path: str  # the visitor's own file, in full resolution
    model: str  # its name among the models
    where: About
    file: str  # the shown picture in the page's cache
    caption: str = ""  # what is worth a look in it, where somebody has said so
    about: str = ""  # the kind of thing that the caption speaks of
    truth: tuple[tuple[str, tuple[float, ...]], ...] = ()  # what is in it and where, if known: class, box in pixels

    @property
    def subject(self) -> Subject:
        """What was asked about, and of which model."""
        return self.path, self.model

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the visitor's picture in pixels."""
        return self.result.detections.size

    def stands(self, subject: Subject) -> bool:
        """Whether it answers the same question."""
        return self.subject == subject

    def history(self, number: int) -> History:
        """The history of a detection, which is counted among all of them."""
        return self.result.history(number)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A place of the shown picture, in pixels of the visitor's picture and inside it."""
        scale = [full / shown for full, shown in zip(self.size, self.picture.size)]
        return self.inside(x * scale[0], y * scale[1])

    def inside(self, x: float, y: float) -> tuple[float, float]:
        """The place of the visitor's picture that is nearest to x, y in its pixels."""
        return tuple(float(min(max(0, v), full)) for v, full in zip((x, y), self.size))


@dataclass(frozen=True)
class Refusal:
    """Why there is nothing to show: a sentence, what it was said of, and when."""

    sentence: str = "Nothing to show yet: choose a picture."
    subject: Subject | None = None
    at: float = field(default_factory=time.monotonic)  # seconds of the monotonic clock
    path: str = ""

    def stands(self, subject: Subject) -> bool:
        """Whether it was said of the same just now: Gradio's list of models causes its event twice."""
        return self.subject == subject and time.monotonic() - self.at < AT_ONCE

    @classmethod
    def of(cls, error: Exception, subject: Subject) -> Refusal:
        """What went wrong, as the sentence that the page shows."""
        return cls(f"{FAILED}: {error}", subject)


Outcome = Answer | Refusal


@dataclass
class Wanted:
    """What a session asked about last. It is changed in place, so that whatever is still at work for it can tell."""

    subject: tuple[str | None, str] | None = None
