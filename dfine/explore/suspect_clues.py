"""What speaks for and against each answer of a picture, and for each detection that no answer explains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from dfine.boxes import iou_xyxy

KINDS = ("missing", "class", "shifted", "extra")
NEAR, TOUCH, SAME, CLOSE = 0.1, 0.3, 0.5, 0.75  # IoU: says something of an object, lies on it, is it, fits it well
FREE = 0.4  # IoU with every answer below which a detection may be a missing one
OTHERS = 2  # answers of usual support that every picture is thought to have besides its own
WORST = 3  # detections on nothing that count against a picture, the surest
REPLY = 11  # numbers that the decoder's reply to a box and a class comes to (`dfine.explore.suspect_asking`)
SILENCE = (float("nan"),) * REPLY  # where it was asked for nothing


@dataclass(frozen=True)
class Evidence:
    """One picture's answers, and what the detector found there; boxes are corners in pixels."""

    answers: np.ndarray  # [m, 4]
    classes: np.ndarray  # [m] of the answers
    crowds: np.ndarray  # [m] whether an answer is a crowd, which is never a suspect
    boxes: np.ndarray  # [n, 4] of the detections
    labels: np.ndarray  # [n] classes of the detections, numbered as those of the answers
    scores: np.ndarray  # [n] in 0..1
    intervals: np.ndarray  # [n, 4, 2] between which each edge lies with 80 % probability
    size: tuple[int, int]  # (width, height) of the picture
    known: np.ndarray | None = None  # [m] whether the detector can say an answer's class; by default it can say all

    @cached_property
    def judged(self) -> np.ndarray:
        """[m] whether an answer may be a suspect: no crowd, and of a class that the detector could have found."""
        return ~self.crowds if self.known is None else ~self.crowds & self.known


@dataclass(frozen=True)
class Candidate:
    """A place where an answer may be wrong."""

    kind: str
    clues: tuple[float, ...]  # the same number of them for every candidate of a kind
    answer: int | None  # place of the answer in its picture; None: missing
    found: int | None  # place of the detection that says otherwise; None: nothing does, the answer is extra
    seen: float = 0.0  # that detection's score
    support: float = 0.0  # the best score that speaks for the answer as it is
    worst: Worst | None = None  # the answer's worst edge, where a detection lies on it


@dataclass(frozen=True)
class Worst:
    """The edge of an answer that lies furthest from where a detection has it, measured by how sure that is of it."""

    edge: int  # which of the four
    z: float  # its distance from the middle of the interval, in half-widths
    pixels: float  # the distance in pixels


@dataclass(frozen=True)
class Clues:
    """A picture's evidence, with what all its candidates share."""

    p: Evidence
    usual: float  # mean support of an answer in the data set
    replies: Mapping[tuple, tuple[float, ...]] | None = None  # of `asked` places; None: the decoder cannot be asked

    @cached_property
    def overlap(self) -> np.ndarray:
        """[n, m] IoU of the detections with the answers."""
        return iou(self.p.boxes, self.p.answers)

    @cached_property
    def among(self) -> np.ndarray:
        """[n, n] IoU of the detections with each other."""
        return iou(self.p.boxes, self.p.boxes)

    @cached_property
    def same(self) -> np.ndarray:
        """[n, m] whether a detection is of an answer's class."""
        return self.p.labels[:, None] == self.p.classes

    @cached_property
    def support(self) -> np.ndarray:
        """[m] the best score of a detection that is the answer, by class and place."""
        return np.where(self.same & (self.overlap >= SAME), self.p.scores[:, None], 0).max(0, initial=0)

    @cached_property
    def half(self) -> np.ndarray:
        """[n, 4] half of the length of each edge's interval, at least a pixel."""
        return np.maximum(np.ptp(self.p.intervals, -1) / 2, 1)

    @cached_property
    def sharp(self) -> np.ndarray:
        """[n] how short the intervals of a detection are, relative to its box."""
        sides = (self.p.boxes[:, 2:] - self.p.boxes[:, :2]).clip(1)
        return np.log((self.half / np.tile(sides, 2)).mean(1))

    def context(self, at: np.ndarray, without: int | None) -> tuple[float, float]:
        """How far the detector can be believed in this picture, apart from one place.

        Args:
            at: [n] IoU of the detections with that place.
            without: the answer that stands there, if any.

        Returns:
            The mean support of the other answers, and how sure the detector is of things elsewhere that no answer
            explains, both on logarithmic scales.
        """
        keep = np.arange(len(self.p.answers)) != (-1 if without is None else without)
        if self.p.known is not None:
            keep &= self.p.known
        believed = (self.support[keep].sum() + OTHERS * self.usual) / (keep.sum() + OTHERS)
        explained = (self.same & (self.overlap >= SAME))[:, keep].any(1)
        wrong = np.sort(self.p.scores[~explained & (at < NEAR)])[-WORST:].sum()
        return logit(believed), float(np.log(0.1 + wrong))

    def candidates(self) -> list[Candidate]:
        """All places of the picture that may be wrong; crowds, and classes that are not known, are left out."""
        found = [self.gap(int(i)) for i in self.gaps()]
        for j in np.flatnonzero(self.p.judged):
            found += self.answer(self.p.answers[j], int(self.p.classes[j]), int(j))
        return found

    def gaps(self, without: int | None = None) -> np.ndarray:
        """The detections, the best of each place, that no answer explains (but `without`, which is thought away)."""
        p, keep = self.p, np.arange(len(self.p.answers)) != (-1 if without is None else without)
        near = self.overlap[:, keep].max(1, initial=0)
        crowded = self.overlap[:, keep & p.crowds].max(1, initial=0)
        best = np.where(self.among >= SAME, p.scores, 0).max(1, initial=0)
        return np.flatnonzero((near < FREE) & (crowded < NEAR) & (p.labels >= 0) & (p.scores >= best))

    def gap(self, i: int, without: int | None = None) -> Candidate:
        """Detection `i` as a missing answer, `without` an answer that is thought away."""
        p, keep = self.p, np.arange(len(self.p.answers)) != (-1 if without is None else without)
        here = self.among[i] >= SAME
        near = float(self.overlap[i, keep].max(initial=0))
        rival = p.scores[here & (p.labels != p.labels[i])].max(initial=0)
        context = self.context(self.among[i], without)
        told = (logit(p.scores[i]), logit(rival), near, float(self.sharp[i]), self._size(p.boxes[i]), *context)
        told += self._reply(p.boxes[i], int(p.labels[i]))
        return Candidate("missing", told, None, i, float(p.scores[i]), near)

    def answer(self, box: np.ndarray, label: int, j: int, new: bool = False) -> list[Candidate]:
        """An answer as one of another class, as shifted, and as extra, as far as it may be any of these.

        Args:
            box: [4] where it is thought to be.
            label: the class that it is thought to have.
            j: its place in the picture.
            new: whether it is none of the picture's answers but thought to be there in addition.
        """
        p, without = self.p, None if new else j
        at = iou(p.boxes, box[None])[:, 0]
        own, keep = p.labels == label, np.arange(len(p.answers)) != (-1 if new else j)
        hidden = float(iou(box[None], p.answers[keep]).max(initial=0))
        rest = (self._size(box), hidden, *self.context(at, without), *self._reply(box, label))
        support = float(p.scores[own & (at >= SAME)].max(initial=0))
        found = []
        far = np.abs(box - p.intervals.mean(-1))  # [n, 4] of the answer's edges from each detection's
        z = far / self.half
        other = np.where(~own & (p.labels >= 0) & (at >= SAME), p.scores, 0)
        if other.any():
            i = int(other.argmax())
            told = (logit(other[i]), logit(support), float(at[i]), float(self.sharp[i]), *rest)
            found.append(Candidate("class", told, j, i, float(other[i]), support, _worst(z[i], far[i])))
        mine = np.where(own & (at >= NEAR), p.scores, 0)
        if mine.any():
            i = int(mine.argmax())
            steps = np.log1p(np.sort(z[i]))
            fits = logit(p.scores[own & (at >= CLOSE)].max(initial=0))
            told = (logit(mine[i]), steps[-1], steps[-2], float(at[i]), fits, float(self.sharp[i]), *rest)
            found.append(Candidate("shifted", told, j, i, float(mine[i]), support, _worst(z[i], far[i])))
        on = np.where(at >= TOUCH, p.scores, 0)
        touch, i = float(on.max(initial=0)), int(on.argmax()) if on.any() else None
        near, anything = p.scores[own & (at >= NEAR)].max(initial=0), p.scores[at >= NEAR].max(initial=0)
        told = (logit(touch), logit(near), logit(anything), *rest)
        worst = None if i is None else _worst(z[i], far[i])
        return [*found, Candidate("extra", told, j, None, 0.0, touch, worst)]

    def _reply(self, box: np.ndarray, label: int) -> tuple[float, ...]:
        """What the decoder replied to a box and a class; nothing where it cannot be asked."""
        return () if self.replies is None else self.replies.get(asked(box, label), SILENCE)

    def _size(self, box: np.ndarray) -> float:
        """The logarithm of a box's side relative to the picture's."""
        return float(np.log(np.sqrt((box[2:] - box[:2]).clip(1).prod() / np.prod(self.p.size))))


def _worst(z: np.ndarray, far: np.ndarray) -> Worst:
    """The worst edge of an answer, of distances [4] in half-widths and in pixels."""
    edge = int(z.argmax())
    return Worst(edge, float(z[edge]), float(far[edge]))


def clues(p: Evidence, usual: float) -> Clues:
    """The clues of a picture; `usual` is the mean support of an answer in the data set."""
    return Clues(p, usual)


def asked(box: np.ndarray, label: int) -> tuple:
    """The key of a box [4] and a class among replies."""
    return (*np.round(box, 2).tolist(), int(label))


def logit(p: float) -> float:
    """Log odds of a score, held between those of 0.01 and 0.99."""
    p = min(max(float(p), 0.01), 0.99)
    return float(np.log(p / (1 - p)))


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of corners [n, 4] with corners [m, 4]: [n, m]; 0 for empty boxes."""
    a, b = (torch.from_numpy(np.asarray(boxes, np.float64)) for boxes in (a, b))
    return iou_xyxy(a[:, None], b).numpy()
