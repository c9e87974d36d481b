"""Which detections of a video are the same thing, by overlap with where it was last: needs no further package."""

from __future__ import annotations

import torch

from dfine.inference.compare import match
from dfine.trace.detections import Detections
from dfine.video.tracking import best_of

FORGET = 1.0  # seconds out of sight after which a thing loses its number


class Chain:
    """As `Tracker`, with the simplest rule: a thing is the one that overlaps it most where it was last seen.

    It loses things that move by more than their own size between two frames, where ByteTrack predicts them. All
    detections of one thing in a frame share its number, which it gets as soon as it is found.
    """

    def __init__(self, forget: float = FORGET):
        self.forget, self._next = forget, 1
        self._last: list[tuple[int, float, Detections]] = []  # number, time, the thing as it was last seen

    def update(self, found: Detections, time: float) -> list[int]:
        """The track of each detection of the next frame, best first, at `time` in seconds."""
        best = best_of(found)
        things = sorted(set(best))
        self._last = [kept for kept in self._last if time - kept[1] <= self.forget]
        numbers: dict[int, int] = {}
        if self._last:
            pairs = match(_joined([thing for _, _, thing in self._last]), found[things])
            numbers = {things[after]: self._last[before][0] for before, after, _ in pairs}
        for thing in things:
            if thing not in numbers:
                numbers[thing] = self._next
                self._next += 1
        seen = [(numbers[thing], time, found[thing]) for thing in things]
        self._last = seen + [kept for kept in self._last if kept[0] not in numbers.values()]
        return [numbers[thing] for thing in best]


def _joined(things: list[Detections]) -> Detections:
    """Detections of one thing each as those of one picture."""
    one = things[0]
    parts = [torch.cat([getattr(thing, name) for thing in things]) for name in ("boxes", "labels", "scores", "query")]
    return Detections(*parts, one.names, one.size)
