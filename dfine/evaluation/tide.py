"""What kind of mistake every detection makes, and what each kind costs: the error types of TIDE.

After Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors" (arXiv 2008.08115), section 2. The
kinds are Cls, Loc, Both, Dupe and Bkg (`dfine.evaluation.error_types` says when a detection is which) and, for objects,
Miss: nothing found it, and no Loc or Cls detection stands on it whose correction would find it.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np

from dfine.evaluation.error_types import judge
from dfine.evaluation.rows import as_rows

KINDS = ("Cls", "Loc", "Both", "Dupe", "Bkg", "Miss")
ORACLES = (*KINDS, "FalsePos", "FalseNeg")  # errors that an oracle corrects
SIZES = {"small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, math.inf)}  # COCO's, square pixels

_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True)
class Objects:
    """The true objects of a data set without its crowds, as columns of length m."""

    id: np.ndarray  # annotation ids
    image: np.ndarray
    category: np.ndarray
    area: np.ndarray  # square pixels
    boxes: np.ndarray  # [m, 4] x, y, width, height in pixels
    state: np.ndarray  # "found", "Miss", or the kind of the error (Cls, Loc) that stands on it


@dataclass(frozen=True)
class Errors:
    """The error type of every detection and object of a data set, or of a part of it. Printing it gives the figures."""

    rows: np.ndarray = field(repr=False)  # [n] of `dfine.evaluation.rows.ROW`
    kind: np.ndarray = field(repr=False)  # [n] "correct", "Cls", "Loc", "Both", "Dupe", "Bkg" or "ignored"
    target: np.ndarray = field(repr=False)  # [n] position in `truth` of the object it found or errs about, −1: none
    fixes: np.ndarray = field(repr=False)  # [n] whether correcting this Cls or Loc would find its object
    truth: Objects = field(repr=False)
    chosen: np.ndarray = field(repr=False)  # [m] which objects belong to this part
    names: dict[int, str]  # category id -> class name, of the classes that are averaged
    cases: dict[str, list[int]] = field(repr=False, default_factory=dict)  # hard case -> image ids
    index: np.ndarray | None = field(repr=False, default=None)  # [n] which rows of the whole these are
    # AP of every class as it is ("") and with each kind of error fixed, once measured; parts by class share it.
    measured: dict[str, dict[int, float]] = field(repr=False, compare=False, default_factory=dict)

    @property
    def kinds(self) -> list[str]:
        """The kind of every row; "ignored" lies in a crowd, is of an unknown class or picture, or beyond COCO's 100."""
        return self.kind.tolist()

    @property
    def matched(self) -> list[int | None]:
        """For every row the annotation id of the object that it found or errs about."""
        return [None if j < 0 else int(self.truth.id[j]) for j in self.target]

    @property
    def objects(self) -> dict[int, str]:
        """Annotation id -> "found", "Miss", or "Cls" or "Loc" if correcting an error of that kind would find it."""
        return dict(zip(self.truth.id[self.chosen].tolist(), self.truth.state[self.chosen].tolist()))

    @property
    def missed(self) -> dict[int, bool]:
        """Annotation id -> whether the object is a Miss. Crowds are left out."""
        return {id: state == "Miss" for id, state in self.objects.items()}

    @property
    def counts(self) -> dict[str, int]:
        """How many errors there are of each kind; a detection counts for the class that it claims."""
        here = np.isin(self.rows["category"], list(self.names))
        out = {kind: int((here & (self.kind == kind)).sum()) for kind in KINDS}
        mine = self.chosen & np.isin(self.truth.category, list(self.names))
        return out | {"Miss": int((mine & (self.truth.state == "Miss")).sum())}

    @property
    def ap50(self) -> float:
        """AP at the foreground IoU, the mean over the classes that have objects; NaN where none has."""
        return self._mean("")

    @property
    def delta(self) -> dict[str, float]:
        """How much AP50 would gain if all errors of one kind, and nothing else, were fixed (paper, section 2.3).

        Cls and Loc errors become right where they are the best on an object that nothing found, and vanish otherwise;
        Both, Dupe and Bkg vanish; a Miss is no longer asked for. FalsePos: nothing wrong is ranked above anything
        right. FalseNeg: nothing that was not found is asked for.
        """
        gains = {oracle: self._mean(oracle) - self.ap50 for oracle in ORACLES}
        return {oracle: max(gain, 0.0) if gain == gain else gain for oracle, gain in gains.items()}  # 101 steps only

    def only(
        self,
        *,
        images: Collection[int] | None = None,
        categories: Collection[int] | None = None,
        area: tuple[float, float] | None = None,
    ) -> Errors:
        """The same judgement for a part of the data; kinds do not change, and `index` leads back to the whole.

        Args:
            images: ids of the pictures to keep.
            categories: ids of the classes to average and count. Rows of other classes stay: Cls may make them right.
            area: low ≤ square pixels < high of the object that a row found or errs about, of its own box if there is
                none. Every row thus belongs to one size; COCO judges only by the box, which differs a little.
        """
        rows, chosen = np.ones(len(self.rows), bool), self.chosen.copy()
        if images is not None:
            ids = np.array(sorted(images), dtype=np.int64)
            rows &= np.isin(self.rows["image"], ids)
            chosen &= np.isin(self.truth.image, ids)
        if area is not None:
            own = self.rows["box"][:, 2:].prod(1)
            size = np.where(self.target < 0, own, np.append(self.truth.area, 0.0)[self.target])
            rows &= (area[0] <= size) & (size < area[1])
            chosen &= (area[0] <= self.truth.area) & (self.truth.area < area[1])
        names = self.names if categories is None else {c: n for c, n in self.names.items() if c in set(categories)}
        if images is None and area is None:
            return replace(self, names=names)  # `measured` has every class already, and stays
        index = np.arange(len(self.rows)) if self.index is None else self.index
        cut = {key: getattr(self, key)[rows] for key in ("rows", "kind", "target", "fixes")}
        return replace(self, **cut, chosen=chosen, names=names, index=index[rows], measured={})

    def by_class(self) -> dict[str, Errors]:
        """Every class that has objects or detections."""
        present = {*self.truth.category[self.chosen].tolist(), *self.rows["category"].tolist()}
        return {name: self.only(categories=[c]) for c, name in self.names.items() if c in present}

    def by_size(self) -> dict[str, Errors]:
        """COCO's small, medium and large objects."""
        return {name: self.only(area=area) for name, area in SIZES.items()}

    def by_case(self) -> dict[str, Errors]:
        """On scenes: pictures with all dials at 0, and those with each dial above 0 (some with others too)."""
        return {name: self.only(images=ids) for name, ids in self.cases.items()}

    def summary(self) -> dict:
        """Plain JSON values: `ap50`, and per kind `delta`, `fixed` (ap50 + delta) and `counts`; None for NaN."""
        delta, ap50 = self.delta, self.ap50
        return {
            "ap50": _plain(ap50),
            "delta": {k: _plain(v) for k, v in delta.items()},
            "fixed": {k: _plain(ap50 + v) for k, v in delta.items()},
            "counts": self.counts,
            "objects": int((self.chosen & np.isin(self.truth.category, list(self.names))).sum()),
        }

    def __str__(self) -> str:
        lines = [f"AP50 {self.ap50:.3f}", "          errors  AP50 gained if fixed"]
        counts = self.counts
        return "\n".join(lines + [f"{k:9} {counts.get(k, ''):>6}  {v:.3f}" for k, v in self.delta.items()])

    def _mean(self, oracle: str) -> float:
        if oracle not in self.measured:
            self.measured[oracle] = self._fixed(oracle)
        values = [self.measured[oracle].get(c, math.nan) for c in self.names]
        values = [v for v in values if not math.isnan(v)]
        return float(np.mean(values)) if values else math.nan

    def _fixed(self, oracle: str) -> dict[int, float]:
        """AP by category id with one kind of error fixed."""
        keep, right = self.kind != "ignored", self.kind == "correct"
        category = self.rows["category"]
        wanted = self.chosen.copy()
        mine = self.kind == oracle
        if oracle in ("Cls", "Loc"):
            keep, right = keep & (~mine | self.fixes), right | (mine & self.fixes)
            category = np.where(mine & self.fixes, np.append(self.truth.category, 0)[self.target], category)
        elif oracle == "Miss":
            wanted &= self.truth.state != "Miss"
        elif oracle == "FalseNeg":
            wanted &= self.truth.state == "found"
        elif oracle == "FalsePos":
            keep = keep & right  # behind everything that is right they change nothing
        else:
            keep = keep & ~mine
        asked = np.unique(self.truth.category[self.chosen]).tolist()  # a class without objects has no AP
        count = {c: int((wanted & (self.truth.category == c)).sum()) for c in asked}
        score = self.rows["score"]
        order = np.lexsort((-score, self.rows["image"]))  # as COCO's: picture by picture, the best first
        order = order[keep[order]]
        order = order[np.lexsort((-score[order], category[order]))]
        ends = {c: np.searchsorted(category[order], [c, c + 1]) for c in asked}
        return {c: average_precision(right[order[a:b]], count[c]) for c, (a, b) in ends.items()}


def average_precision(right: np.ndarray, wanted: int) -> float:
    """COCO's AP: precision, never rising with recall, at 101 recalls.

    Args:
        right: [n] whether each detection is right, the best-scored first.
        wanted: how many objects there are to find.

    Returns:
        AP in 0..1; NaN if there is neither an object nor a detection.
    """
    if not wanted or not len(right):
        return math.nan if not wanted and not len(right) else 0.0
    found = np.cumsum(right)
    precision = np.maximum.accumulate((found / np.arange(1, len(right) + 1))[::-1])[::-1]
    at = np.searchsorted(found / wanted, _RECALLS)
    return float(np.append(precision, 0.0)[at].mean())


def error_types(truth: dict, rows: np.ndarray, *, foreground: float = 0.5, background: float = 0.1) -> Errors:
    """The error type of every detection, and of every object that was missed.

    Unlike tidecv, detections in a crowd or of unknown classes are no errors, and classes without objects are left out
    of the mean: as in COCO's evaluation, with whose AP50 `ap50` agrees.

    Args:
        truth: a COCO-format dict. Images may carry `dials`, as those of scenes do.
        rows: the detections, as `dfine.evaluation.rows.as_rows` takes them.
        foreground: IoU from which an object is found.
        background: IoU up to which there is nothing.

    Raises:
        ValueError: the thresholds are not 0 ≤ background < foreground ≤ 1, or rows are not [n, 7].
    """
    if not 0 <= background < foreground <= 1:
        raise ValueError(f"it must be 0 ≤ background < foreground ≤ 1, not {background} and {foreground}")
    rows = as_rows(rows)
    objects, crowds = _objects(truth, crowd=False), _objects(truth, crowd=True)
    kind = np.full(len(rows), "ignored")
    target, fixes = np.full(len(rows), -1), np.zeros(len(rows), bool)

    names = {int(c["id"]): str(c["name"]) for c in truth["categories"]}
    order = np.lexsort((-rows["score"], rows["image"]))  # picture by picture, the best first
    order = order[np.isin(rows["category"][order], list(names))]
    columns = rows["image"][order], objects.image, crowds.image  # once: of many pictures this is a long list
    for image in truth["images"]:
        mine, here, crowd = (
            slice(np.searchsorted(column, image["id"]), np.searchsorted(column, image["id"], "right"))
            for column in columns
        )
        mine = order[mine]
        boxes = objects.boxes[here], crowds.boxes[crowd]
        classes = objects.category[here], crowds.category[crowd]
        kind[mine], found, fixes[mine] = judge(rows[mine], boxes, classes, foreground, background)
        target[mine] = np.where(found < 0, -1, found + here.start)
        objects.state[here] = "Miss"
    for which, state in ((fixes, kind[fixes]), (kind == "correct", "found")):
        objects.state[target[which]] = state
    return Errors(rows, kind, target, fixes, objects, np.ones(len(objects.id), bool), names, hard_cases(truth))


def hard_cases(truth: dict) -> dict[str, list[int]]:
    """Ids of the pictures with all dials at 0 ("clean") and of those with each dial above 0; {} if none has dials."""
    dialled = {i["id"]: i["dials"] for i in truth["images"] if i.get("dials")}
    names = list(dict.fromkeys(name for dials in dialled.values() for name in dials))
    cases = {name: [id for id, dials in dialled.items() if (dials.get(name) or 0) > 0] for name in names}
    return {k: v for k, v in {"clean": [i for i, d in dialled.items() if not any(d.values())], **cases}.items() if v}


def _objects(truth: dict, crowd: bool) -> Objects:
    """The objects, or the crowds, in the order of their pictures' ids."""
    known = {i["id"] for i in truth["images"]}
    those = [a for a in truth["annotations"] if bool(a.get("iscrowd", 0)) == crowd and a["image_id"] in known]
    those.sort(key=lambda a: a["image_id"])
    id, image, category = (
        np.array([a[key] for a in those], dtype=np.int64) for key in ("id", "image_id", "category_id")
    )
    boxes = np.array([a["bbox"] for a in those], dtype=np.float64).reshape(-1, 4)
    area = np.array([a.get("area", a["bbox"][2] * a["bbox"][3]) for a in those], dtype=np.float64)
    return Objects(id, image, category, area, boxes, np.full(len(those), "Miss", dtype="<U5"))


def _plain(value: float) -> float | None:
    """A number for JSON, which knows no NaN."""
    return None if math.isnan(value) else round(value, 6)
