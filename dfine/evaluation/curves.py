"""Precision, recall and F1 at every score from which boxes could be reported, of all classes together and of each."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from dfine.evaluation.thresholds import Best, best_of
from dfine.evaluation.tide import Errors

POINTS = 101  # scores at which a curve is kept: 0, 0.01 … 1
ALL = "all classes"


@dataclass(frozen=True)
class Curve:
    """What reporting boxes from each score gives; a box is right at an IoU of 0.5."""

    name: str
    objects: int
    best: Best | None  # None where nothing was found right
    scores: tuple[float, ...]  # rising, none below the lowest that was kept
    precision: tuple[float | None, ...]  # None where no box has such a score
    recall: tuple[float, ...]
    f1: tuple[float, ...]

    def to_dict(self) -> dict:
        """Plain JSON values."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


def curves(errors: Errors, least: float = 0.0) -> list[Curve]:
    """The curve of all classes together, and of every class that has objects, the one with most objects first.

    Args:
        errors: of all detections that were kept.
        least: the lowest score that was kept, below which nothing is known.
    """
    classes = [(name, part) for name, part in errors.by_class().items()]
    made = [curve(name, part, least) for name, part in classes]
    those = sorted((c for c in made if c.objects), key=lambda c: -c.objects)
    return [curve(ALL, errors, least), *those]


def curve(name: str, errors: Errors, least: float = 0.0) -> Curve:
    """The curve of some detections; those of classes that `errors` does not list do not count."""
    mine = np.isin(errors.rows["category"], list(errors.names)) & (errors.kind != "ignored")
    objects = int((errors.chosen & np.isin(errors.truth.category, list(errors.names))).sum())
    scores, right = errors.rows["score"][mine], errors.kind[mine] == "correct"
    order = np.argsort(scores, kind="stable")
    scores, right = scores[order], right[order]
    steps = np.linspace(0, 1, POINTS)
    steps = steps[steps >= least - 1e-9]
    at = np.searchsorted(scores, steps - 1e-9)
    found = np.append(np.cumsum(right[::-1])[::-1], 0)[at]
    reported = len(scores) - at
    precision = [_plain(f / n) if n else None for f, n in zip(found, reported)]
    recall = [_plain(f / objects) if objects else 0.0 for f in found]
    f1 = [_plain(2 * f / (n + objects)) if n + objects else 0.0 for f, n in zip(found, reported)]
    return Curve(name, objects, best_of(errors), tuple(map(_plain, steps)), tuple(precision), tuple(recall), tuple(f1))


def _plain(value: float) -> float:
    return round(float(value), 4)
