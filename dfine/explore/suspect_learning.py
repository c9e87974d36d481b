"""How much each clue weighs, learned from errors planted in the data set's own answers.

Nearly all answers are right, so that the candidates as they are show what right answers look like; the same answers
with an error of each kind thought into them show what wrong ones do. A logistic regression with squares and products
of the clues tells them apart, one for each kind. As many errors of each kind are assumed, which makes scores of
different kinds comparable.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dfine.explore.planting import clear, shifted
from dfine.explore.suspect_clues import KINDS, SAME, Candidate, Clues, iou

SHARE = 0.02  # of the answers that are assumed to have an error of each kind
MOST = 4000  # answers into which errors are planted; more do not better the weights
RIDGE = 3.0  # holds the weights small
STEPS = 30  # of Newton's method, at most
ENOUGH = 20  # planted errors, from which on weights are learned


def planted_candidates(pictures: Sequence[Clues], seed: int) -> dict[str, list[Candidate]]:
    """What every answer would look like with an error of each kind.

    Returns:
        Kind -> its candidates at the planted errors; an error of which the detections tell nothing leaves none.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[Candidate]] = {kind: [] for kind in KINDS}
    places = [(c, int(j)) for c in pictures for j in np.flatnonzero(~c.p.crowds)]
    if len(places) > MOST:
        places = [places[i] for i in sorted(rng.choice(len(places), MOST, replace=False))]
    classes = sorted({int(c.p.classes[j]) for c, j in places})
    for c, j in places:
        p, box, label = c.p, c.p.answers[j], int(c.p.classes[j])
        on = iou(box[None], p.boxes)[0] >= SAME
        found["missing"] += [c.gap(int(i), without=j) for i in c.gaps(without=j) if on[i]][:1]
        if len(classes) > 1:
            found["class"] += _of("class", c.answer(box, int(rng.choice([k for k in classes if k != label])), j))
        moved = shifted(box, p.size, rng)
        if moved is not None:
            found["shifted"] += _of("shifted", c.answer(moved, label, j))
        other, at = places[int(rng.integers(len(places)))]
        free = clear(other.p.answers[at], p.answers, p.size, rng)
        if free is not None:
            found["extra"] += _of("extra", c.answer(free, int(other.p.classes[at]), len(p.answers), new=True))
    return found


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
    x = _terms((x - x.mean(0)) / (x.std(0) + 1e-9))
    n = len(candidates)
    wrong = np.arange(len(x)) >= n
    weight = np.where(wrong, SHARE * answers / len(planted), 1.0)
    return _probability(x[:n], _fit(x, wrong, weight))


def _of(kind: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    return [c for c in candidates if c.kind == kind]


def _terms(x: np.ndarray) -> np.ndarray:
    """One, the clues [n, k], and their squares and products: [n, 1 + k + k·(k + 1)/2]."""
    i, j = np.triu_indices(x.shape[1])
    return np.concatenate((np.ones((len(x), 1)), x, x[:, i] * x[:, j]), 1)


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
