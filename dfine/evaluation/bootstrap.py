"""How sure a difference in AP is: pictures drawn again with replacement, many times (Efron's bootstrap).

Detections are matched once at every IoU threshold. A picture that is drawn twice counts twice, one that is not drawn
counts nothing; so each draw is a weight per picture, and AP follows from weighted sums without matching again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from dfine.evaluation.coco import THRESHOLDS
from dfine.evaluation.rows import as_rows
from dfine.evaluation.tide import error_types

REPEATS = 400  # draws
MASS = 0.95  # of the interval
_RECALLS = np.linspace(0, 1, 101)
_AT_ONCE = 32  # draws that are computed together, which bounds the memory


@dataclass(frozen=True)
class Ranked:
    """What AP needs of a model's detections: whether each is right at every threshold, class by class, best first."""

    images: np.ndarray  # [P] ids of the pictures
    objects: list[np.ndarray]  # per class with objects: [P] how many objects there are in each picture
    runs: list[list[tuple[np.ndarray, np.ndarray]]]  # per threshold and class: place of the picture [n], right [n]

    @staticmethod
    def of(truth: dict, rows: np.ndarray, thresholds: tuple[float, ...] = THRESHOLDS) -> Ranked:
        """Match the detections of one stage with a COCO-format dict at every threshold."""
        rows = as_rows(rows)
        images = np.array(sorted(i["id"] for i in truth["images"]), np.int64)
        runs, objects = [], None
        for threshold in thresholds:
            errors = error_types(truth, rows, foreground=threshold, background=0.0)
            classes = np.unique(errors.truth.category).tolist()
            place = np.searchsorted(images, errors.rows["image"])
            order = np.lexsort((-errors.rows["score"], errors.rows["image"]))  # as COCO's
            order = order[np.argsort(-errors.rows["score"][order], kind="stable")]
            order = order[errors.kind[order] != "ignored"]
            mine = [order[errors.rows["category"][order] == c] for c in classes]
            runs.append([(place[i], errors.kind[i] == "correct") for i in mine])
            if objects is None:
                at = np.searchsorted(images, errors.truth.image)
                objects = [np.bincount(at[errors.truth.category == c], minlength=len(images)) for c in classes]
        return Ranked(images, objects or [], runs)

    def ap(self, weights: np.ndarray | None = None) -> np.ndarray:
        """COCO's AP where every picture counts as often as it was drawn.

        Args:
            weights: [B, P], by default one draw with every picture once.

        Returns:
            [B], the mean over thresholds and over the classes with objects in the draw; NaN where there are none.
        """
        weights = np.ones((1, len(self.images))) if weights is None else weights
        wanted = [weights @ n for n in self.objects]  # per class [B]
        total, count = np.zeros(len(weights)), np.zeros(len(weights))
        for run in self.runs:
            for (place, right), objects in zip(run, wanted):
                drawn = objects > 0
                total[drawn] += _precision(weights[drawn][:, place], right, objects[drawn])
                count += drawn
        return np.divide(total, count, out=np.full(len(weights), math.nan), where=count > 0)


@dataclass(frozen=True)
class Difference:
    """AP of one model less that of another, with its interval. Printing it gives the sentence."""

    first: float
    second: float
    low: float
    high: float
    above: float  # share of draws in which the first is better
    pictures: int
    repeats: int

    @property
    def ap(self) -> float:
        """The difference on the pictures as they are."""
        return self.first - self.second

    @property
    def sure(self) -> bool:
        """Whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0

    def to_dict(self) -> dict:
        """Plain JSON values; None where there is nothing to measure."""
        values = {key: getattr(self, key) for key in ("first", "second", "ap", "low", "high", "above")}
        plain = {key: None if math.isnan(value) else round(float(value), 6) for key, value in values.items()}
        return plain | {"mass": MASS, "pictures": self.pictures, "repeats": self.repeats}

    def __str__(self) -> str:
        if math.isnan(self.first) or math.isnan(self.second):
            return "there is no object to measure AP on"
        said = "" if self.sure else ", which may be chance"
        return (
            f"AP {self.first:.3f} against {self.second:.3f}: {_signed(self.ap)}{said} ({100 * MASS:.0f} % interval "
            f"{_signed(self.low)} to {_signed(self.high)}, {self.repeats} draws of {self.pictures} pictures)"
        )


def difference(truth: dict, first: np.ndarray, second: np.ndarray, repeats: int = REPEATS, seed: int = 0) -> Difference:
    """AP of one model's detections less AP of another's on the same pictures, with the interval of the difference.

    Both models see the same draws, so what makes a picture hard for both does not widen the interval.

    Args:
        truth: a COCO-format dict.
        first: detections, as `dfine.evaluation.rows.as_rows` takes them.
        second: those of the other model.
        repeats: draws.
        seed: the same seed gives the same interval.
    """
    one, two = Ranked.of(truth, first), Ranked.of(truth, second)
    rng, pictures = np.random.default_rng(seed), len(one.images)
    gains = [np.zeros(0)]
    for start in range(0, repeats if pictures else 0, _AT_ONCE):
        draws = rng.multinomial(pictures, np.full(pictures, 1 / pictures), size=min(_AT_ONCE, repeats - start))
        gains.append(one.ap(draws) - two.ap(draws))
    gain = np.concatenate(gains)
    gain = gain[~np.isnan(gain)]
    low, high = np.quantile(gain, [(1 - MASS) / 2, (1 + MASS) / 2]) if len(gain) else (math.nan, math.nan)
    above = float((gain > 0).mean()) if len(gain) else math.nan
    whole = float(one.ap()[0]), float(two.ap()[0])
    return Difference(*whole, float(low), float(high), above, pictures, repeats)


def _precision(weights: np.ndarray, right: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """AP of one class at one threshold for several draws.

    Args:
        weights: [B, n] how often the picture of each detection was drawn, the best detection first.
        right: [n].
        wanted: [B] objects in the draw, at least one.
    """
    if not len(right):
        return np.zeros(len(weights))
    found, reported = np.cumsum(weights * right, 1), np.cumsum(weights, 1)
    precision = found / np.maximum(reported, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    out = np.zeros(len(weights))
    for b, (p, f, w) in enumerate(zip(precision, found, wanted)):
        at = np.searchsorted(f / w, _RECALLS)
        out[b] = np.append(p, 0.0)[at].mean()
    return out


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "−")
