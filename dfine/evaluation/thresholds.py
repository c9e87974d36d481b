"""The score from which a detection is worth reporting: where F1, the balance of precision and recall, is best."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dfine.evaluation.coco import Evaluation
from dfine.evaluation.tide import Errors, error_types


@dataclass(frozen=True)
class Best:
    """The threshold with the best F1 of some detections, and what it gives there."""

    threshold: float  # lowest score in 0..1 that is reported
    f1: float
    precision: float
    recall: float
    objects: int


@dataclass(frozen=True)
class Thresholds:
    """The best threshold of all classes together and of each. Printing it gives the table."""

    overall: Best | None  # None: nothing was found right
    classes: dict[str, Best]  # only of classes of which something was found right

    def __str__(self) -> str:
        rows = [("all", self.overall), *self.classes.items()]
        lines = [f"{'':16}threshold     F1  precision  recall  objects"]
        for name, best in rows:
            if best:
                numbers = f"{best.threshold:9.3f}{best.f1:7.3f}{best.precision:11.3f}{best.recall:8.3f}{best.objects:9}"
                lines.append(f"{name[:15]:16}{numbers}")
        return "\n".join(lines)


def thresholds(evaluation: Evaluation) -> Thresholds:
    """The thresholds with the best F1 of the last layer, at an IoU of 0.5.

    A detection counts as right as in COCO's evaluation; what lies in a crowd counts neither way.
    """
    if not evaluation.results:
        return Thresholds(None, {})
    errors = error_types(evaluation.truth, list(evaluation.results.values())[-1])
    classes = {name: best_of(errors.only(categories=[category])) for category, name in errors.names.items()}
    return Thresholds(best_of(errors), {name: best for name, best in classes.items() if best})


def best_of(errors: Errors) -> Best | None:
    """The threshold with the best F1 of some detections; those of classes that are not listed do not count."""
    mine = np.isin(errors.rows["category"], list(errors.names)) & (errors.kind != "ignored")
    chosen = errors.chosen & np.isin(errors.truth.category, list(errors.names))
    return best_f1(errors.rows["score"][mine], errors.kind[mine] == "correct", int(chosen.sum()))


def best_f1(scores: np.ndarray, right: np.ndarray, objects: int) -> Best | None:
    """The threshold with the best F1, the highest of those that are equally good.

    Args:
        scores: of the detections [n].
        right: whether each found an object [n].
        objects: how many objects there are.

    Returns:
        None where no detection is right.
    """
    order = np.argsort(-scores, kind="stable")
    scores, found = scores[order], np.cumsum(right[order])
    if not len(scores) or not found[-1]:
        return None
    reported = np.arange(1, len(scores) + 1)
    f1 = 2 * found / (reported + objects)
    f1[:-1][scores[:-1] == scores[1:]] = 0.0  # equal scores are reported together
    at = int(f1.argmax())
    # A threshold with three places, between this score and the next lower one wherever there is room for one.
    below = scores[at + 1] if at + 1 < len(scores) else 0.0
    threshold = max(np.floor(1000 * (scores[at] + below) / 2) / 1000, np.nextafter(below, 1.0) if below else 0.0)
    threshold = float(min(threshold, scores[at]))
    return Best(threshold, float(f1[at]), float(found[at] / reported[at]), float(found[at] / objects), objects)
