"""How much each clue weighs, learned from errors planted in the data set's own answers.

Nearly all answers are right, so that the candidates as they are show what right answers look like; the same answers
with an error of each kind thought into them show what wrong ones do. A logistic regression with the clues and their
squares tells them apart, one for each kind. As many errors of each kind are assumed, which makes scores of different
kinds comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dfine.explore.planting import clear, shifted
from dfine.explore.suspect_asking import Questions
from dfine.explore.suspect_clues import KINDS, SAME, Candidate, Clues, asked, iou

SHARE = 0.02  # of the answers that are assumed to have an error of each kind
MOST = 4000  # answers into which errors are planted; more do not better the weights
RIDGE = 3.0  # holds the weights small
STEPS = 30  # of Newton's method, at most
ENOUGH = 20  # planted errors, from which on weights are learned


@dataclass(frozen=True)
class Imagined:
    """An error that is thought into a picture."""

    kind: str
    picture: int  # its place in the list of pictures
    answer: int | None  # place of the answer in its picture; None: it is one more
    box: np.ndarray  # [4] of the answer as the error leaves it; of a missing one, where it was
    label: int


def imagine(pictures: Sequence[Clues], seed: int) -> list[Imagined]:
    """An error of each kind in every answer, as far as there is room for it; the same seed imagines the same."""
    rng = np.random.default_rng(seed)
    places = [(i, int(j)) for i, c in enumerate(pictures) for j in np.flatnonzero(c.p.judged)]
    if len(places) > MOST:
        places = [places[i] for i in sorted(rng.choice(len(places), MOST, replace=False))]
    classes = sorted({int(pictures[i].p.classes[j]) for i, j in places})
    found = []
    for i, j in places:
        p = pictures[i].p
        box, label = p.answers[j], int(p.classes[j])
        found.append(Imagined("missing", i, j, box, label))
        if len(classes) > 1:
            found.append(Imagined("class", i, j, box, int(rng.choice([k for k in classes if k != label]))))
        moved = shifted(box, p.size, rng)
        if moved is not None:
            found.append(Imagined("shifted", i, j, moved, label))
        other, at = places[int(rng.integers(len(places)))]
        free = clear(pictures[other].p.answers[at], p.answers, p.size, rng)
        if free is not None:
            found.append(Imagined("extra", i, None, free, int(pictures[other].p.classes[at])))
    return found


def planted_candidates(pictures: Sequence[Clues], imagined: Sequence[Imagined]) -> dict[str, list[Candidate]]:
    """What the detections, and the decoder's replies, tell of imagined errors.

    Returns:
        Kind -> its candidates at the errors; an error of which the detections tell nothing leaves none.
    """
    found: dict[str, list[Candidate]] = {kind: [] for kind in KINDS}
    for error in imagined:
        c = pictures[error.picture]
        if error.kind == "missing":
            found["missing"] += [c.gap(i, without=error.answer) for i in _gap(c, error)]
        else:
            j = len(c.p.answers) if error.answer is None else error.answer
            told = c.answer(error.box, error.label, j, new=error.answer is None)
            found[error.kind] += [t for t in told if t.kind == error.kind]
    return found


def questions(pictures: Sequence[Clues], imagined: Sequence[Imagined]) -> list[Questions]:
    """What to ask the decoder in each picture: its answers, the errors imagined there, and what no answer explains."""
    wanted: list[dict[tuple, tuple[np.ndarray, int]]] = []
    for c in pictures:
        mine = [(c.p.answers[j], int(c.p.classes[j])) for j in np.flatnonzero(c.p.judged)]
        mine += [(c.p.boxes[i], int(c.p.labels[i])) for i in c.gaps()]
        wanted.append({asked(*one): one for one in mine})
    for error in imagined:
        c, mine = pictures[error.picture], [(error.box, error.label)]
        if error.kind == "missing":
            mine = [(c.p.boxes[i], int(c.p.labels[i])) for i in _gap(c, error)]
        wanted[error.picture] |= {asked(*one): one for one in mine}
    return [Questions.of(list(one.values())) for one in wanted]


def _gap(c: Clues, missing: Imagined) -> list[int]:
    """The detection that stands where an answer is thought away, if one does."""
    on = iou(missing.box[None], c.p.boxes)[0] >= SAME
    return [int(i) for i in c.gaps(without=missing.answer) if on[i]][:1]


def learn(candidates: Sequence[Candidate], planted: Sequence[Candidate], answers: int) -> np.ndarray:
    """The scores of candidates of one kind: [n] in 0..1, the share of errors among candidates like it.

    Args:
        candidates: as the answers are.
        planted: at planted errors.
        answers: how many the data set has.
    """
    if not candidates:
        return np.zeros(0)
    x = np.array([c.clues for c in (*candidates, *planted)])
    if len(planted) < ENOUGH:
        return np.zeros(len(candidates))
    x = np.where(np.isnan(x), _mean(x), x)
    x = _terms((x - x.mean(0)) / (x.std(0) + 1e-9))
    n = len(candidates)
    wrong = np.arange(len(x)) >= n
    weight = np.where(wrong, SHARE * answers / len(planted), 1.0)
    return _probability(x[:n], _fit(x, wrong, weight))


def _mean(x: np.ndarray) -> np.ndarray:
    """The mean of every column [n, k] over the rows that have a value; 0 where none has."""
    there = ~np.isnan(x)
    return np.where(there, x, 0).sum(0) / np.maximum(there.sum(0), 1)


def _terms(x: np.ndarray) -> np.ndarray:
    """One, the clues [n, k], and their squares: [n, 1 + 2·k]."""
    return np.concatenate((np.ones((len(x), 1)), x, x**2), 1)


def _probability(x: np.ndarray, beta: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))


def _fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weights of a logistic regression with a ridge, by Newton's method."""
    ridge = np.full(x.shape[1], RIDGE)
    ridge[0] = 1e-6
    beta = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = _probability(x, beta)
        curve = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(curve, x.T @ (weight * (y - p)) - ridge * beta)
        beta += step
        if np.abs(step).max() < 1e-6:
            break
    return beta
