"""Which class is taken for which: the confusion matrix of the boxes that are reported."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfine.evaluation.tide import Errors

NOTHING = ""  # the name of the last row (a box without an object) and of the last column (an object without a box)


@dataclass(frozen=True)
class Confusion:
    """How often objects of one class were reported as another."""

    names: tuple[str, ...]  # classes that occur, in the order of their category ids
    counts: np.ndarray  # [K + 1, K + 1] true class (last: nothing) by reported class (last: nothing)

    @staticmethod
    def of(errors: Errors) -> Confusion:
        """The matrix of detections that were judged; those below the score of interest are to be left out before.

        A right detection counts on the diagonal. The best detection of another class on an object that nothing else
        found counts for both classes. Every other detection is one of nothing (loose, second and background boxes),
        and every other object one that was not found. What was ignored does not count, nor do classes that a part of
        the errors (`only`) leaves out: a box of another class that stands on their object is one of nothing.
        """
        ids = sorted(set(errors.rows["category"][errors.kind != "ignored"].tolist()) | set(errors.truth.category))
        place = {id: i for i, id in enumerate(i for i in ids if i in errors.names)}
        size = len(place)
        counts, used = np.zeros((size + 1, size + 1), int), np.zeros(len(errors.truth.id), bool)
        for kind, category, target, fixes in zip(errors.kind, errors.rows["category"], errors.target, errors.fixes):
            if kind == "ignored" or int(category) not in place:
                continue
            meets = kind == "correct" or (kind == "Cls" and fixes)
            true = place.get(int(errors.truth.category[target]), size) if meets else size
            counts[true, place[int(category)]] += 1
            if meets:
                used[target] = True
        for category in errors.truth.category[errors.chosen & ~used]:
            if int(category) in place:
                counts[place[int(category)], size] += 1
        return Confusion(tuple(errors.names[id] for id in place), counts)

    def pairs(self, most: int = 10) -> list[tuple[str, str, int]]:
        """(true class, reported class, how often), the most frequent mix-ups first; boxes of nothing are left out."""
        inner = self.counts[:-1, :-1]
        found = [(self.names[i], self.names[j], int(inner[i, j])) for i, j in zip(*np.nonzero(inner)) if i != j]
        return sorted(found, key=lambda pair: (-pair[2], pair[:2]))[:most]

    def to_dict(self) -> dict:
        """Plain JSON values."""
        return {"names": [*self.names, NOTHING], "counts": self.counts.tolist()}
