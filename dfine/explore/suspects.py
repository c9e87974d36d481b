"""Which answers are probably wrong: one ranked list over a whole data set, each place once, on plain arrays.

Every answer and every unexplained detection is a candidate, with a few clues (`dfine.explore.suspect_clues`). How much
each clue weighs is learned from errors that the ranking plants in copies of the same answers
(`dfine.explore.suspect_learning`), so that a score means the same for all four kinds, on any data and with any model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dfine.explore.suspect_asking import Questions
from dfine.explore.suspect_clues import KINDS, SAME, Candidate, Evidence, clues, iou
from dfine.explore.suspect_learning import imagine, learn, planted_candidates, questions

SEED = 0  # of the errors that are planted to learn from
Ask = Callable[[Sequence[Questions]], Sequence[np.ndarray | None]]  # [n, REPLY] of each picture; None: not read


@dataclass(frozen=True)
class Suspect:
    """A place where an answer is probably wrong."""

    picture: int  # its place in the list of pictures
    score: float  # 0..1: the share of errors among places like it, if there were as many as were planted to learn from
    about: Candidate  # what is suspected, and why

    @property
    def kind(self) -> str:
        """missing, class, shifted or extra."""
        return self.about.kind


def rank(pictures: Sequence[Evidence], seed: int = SEED, ask: Ask | None = None) -> list[Suspect]:
    """The suspects of a data set, the likeliest first; equal scores stay in the order of the pictures.

    Args:
        pictures: the evidence of every picture.
        seed: of the errors that are planted to learn from; the same seed gives the same list.
        ask: asks the decoder about places, as `dfine.explore.suspect_replies.replies` does; by default it is not asked.
    """
    usual = _usual(pictures)
    seen = [clues(p, usual) for p in pictures]
    imagined = imagine(seen, seed)
    if ask:
        wanted = questions(seen, imagined)
        told = [q.replies(said) for q, said in zip(wanted, ask(wanted))]
        seen = [replace(c, replies=replies) for c, replies in zip(seen, told)]
    candidates = [c.candidates() for c in seen]
    planted = planted_candidates(seen, imagined)
    answers = sum(len(p.answers) for p in pictures)
    scores = {}
    for kind in KINDS:
        mine = [c for found in candidates for c in found if c.kind == kind]
        scores[kind] = iter(learn(mine, planted[kind], answers))
    ranked = []
    for i, (p, found) in enumerate(zip(pictures, candidates)):
        ranked += once(p, [Suspect(i, float(next(scores[c.kind])), c) for c in found])
    return sorted(ranked, key=lambda s: (-s.score, s.picture))


def once(p: Evidence, suspects: Sequence[Suspect]) -> list[Suspect]:
    """The suspects of one picture, every place once: the likeliest of those that lie on one answer or one another."""
    kept: list[Suspect] = []
    boxes: list[np.ndarray] = []
    for s in sorted(suspects, key=lambda s: -s.score):
        box, about = place(p, s.about), s.about
        answers, found = {k.about.answer for k in kept} - {None}, {k.about.found for k in kept} - {None}
        if about.answer in answers or about.found in found or (boxes and iou(box[None], np.stack(boxes)).max() >= SAME):
            continue
        kept.append(s)
        boxes.append(box)
    return kept


def place(p: Evidence, c: Candidate) -> np.ndarray:
    """Where a candidate lies: the box of its answer, or of its detection where there is no answer."""
    return p.boxes[c.found] if c.answer is None else p.answers[c.answer]


def _usual(pictures: Sequence[Evidence]) -> float:
    """The mean support of all answers of known classes."""
    support = [clues(p, 0.5).support if p.known is None else clues(p, 0.5).support[p.known] for p in pictures]
    support = np.concatenate([np.zeros(0), *support])
    return float(support.mean()) if len(support) else 0.5
