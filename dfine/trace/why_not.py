"""Why was nothing found here? The queries that came closest to a point, and what kept each from answering there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dfine.boxes import iou, to_pixels
from dfine.config import EDGES
from dfine.trace.history import History
from dfine.trace.records import Trace
from dfine.trace.sampling import Birthplace, birthplace, cells
from dfine.trace.stages import INITIAL, PROPOSAL, spoken, stage_names

SAME_PLACE = 0.5  # IoU from which two boxes mean the same thing, as COCO counts
HALVED = 0.1  # box sizes outside the box at which a query counts half as much
BEST = 3  # classes that are kept for each stage


@dataclass(frozen=True)
class Stage:
    """What one stage made of a query."""

    name: str  # "proposal", "initial", "layer 1" …
    box: tuple[float, ...]  # xyxy in pixels of the picture
    best: tuple[tuple[str, float], ...]  # the best classes with their scores, best first
    score: float  # of the class that the candidate ended with
    before_lqe: float | None = None  # the same before LQE; None where there is no LQE


@dataclass(frozen=True)
class Rival:
    """A query that answers at the place where a candidate did not."""

    query: int
    name: str
    score: float
    iou: float  # of its final box with the candidate's


@dataclass(frozen=True)
class Candidate:
    """A query near a point that did not reach the threshold."""

    query: int
    label: int  # its best class in the end
    name: str
    score: float  # of that class, after the last layer
    distance: float  # from the final box to the point, in sizes of that box; 0 inside
    closeness: float  # what candidates are ranked by
    threshold: float
    size: tuple[int, int]  # picture (width, height) in pixels
    stages: tuple[Stage, ...]  # proposal, initial, and every layer
    birthplace: Birthplace | None  # None for a denoising query
    rival: Rival | None
    reason: str  # what kept it below the threshold, in a sentence

    @property
    def box(self) -> tuple[float, ...]:
        """The final box, xyxy in pixels of the picture."""
        return self.stages[-1].box


@dataclass(frozen=True)
class Birth:
    """The query that was born nearest to a point."""

    query: int
    distance: float  # from its cell to the point, in pixels; 0 inside the cell
    name: str  # what the encoder took its token for
    score: float
    sentence: str


def why_not(
    trace: Trace,
    point: tuple[float, float],
    names: Sequence[str],
    size: tuple[int, int],
    threshold: float = 0.5,
    count: int = 5,
) -> list[Candidate]:
    """The queries that were closest to answering at a point, closest first.

    A query is as close as its final score, halved with every tenth of a box size that the point lies outside its final
    box: closeness = score · 2^(−10·distance), where distance is the larger of the two overhangs, in widths and in
    heights. Queries that reach the threshold have answered and are no candidates; `Candidate.rival` names them.

    Args:
        trace: of one picture.
        point: (x, y) in pixels of the picture.
        names: the K class names; a column named "" is never reported.
        size: picture (width, height) in pixels.
        threshold: score in 0..1 from which a query answers.
        count: how many candidates to return at most.

    Raises:
        ValueError: the point lies outside the picture, or an argument does not fit the trace.
    """
    _check(trace, point, names, size, threshold, count)
    scores, labels = _scores(trace.last.logits[0], names).max(-1)  # [Q]
    boxes = trace.last.boxes[0].detach().float().cpu()
    distance = outside(to_pixels(boxes, size), point)
    closeness = (scores * 2 ** (-distance / HALVED)).masked_fill(scores >= threshold, -1)
    best = closeness.argsort(descending=True, stable=True)[:count].tolist()

    found = []
    for query in best:
        if closeness[query] < 0:  # the rest has answered
            break
        label = int(labels[query])
        history = trace.history(query, size, name=names[label], label=label)
        rival = _rival(query, boxes, scores, labels, names, threshold)
        stages = _stages(history, names)
        found.append(
            Candidate(
                query,
                label,
                names[label],
                float(scores[query]),
                float(distance[query]),
                float(closeness[query]),
                threshold,
                tuple(size),
                stages,
                birthplace(history) if history.token >= 0 else None,
                rival,
                _reason(history, stages, threshold, rival),
            )
        )
    return found


def nearest_birth(trace: Trace, point: tuple[float, float], names: Sequence[str], size: tuple[int, int]) -> Birth:
    """The query that was born nearest to a point: the best scored of those whose cell is nearest to it.

    Only tokens that became queries are known to the trace; see `why_not` for the arguments.

    Raises:
        ValueError: the point lies outside the picture, an argument does not fit the trace, or no query has a token.
    """
    _check(trace, point, names, size)
    origin = trace.origin[0].cpu()
    if not (origin >= 0).any():
        raise ValueError("no query of this trace was born of a token")
    places = to_pixels(cells(trace.shapes)[origin.clamp(min=0)], size)  # [Q, 4]
    distance = _overhang(places, point).norm(dim=-1).masked_fill(origin < 0, float("inf"))
    scores, labels = _scores(trace.proposals.logits[0], names).max(-1)
    nearest = distance <= distance.min() + 1e-3
    query = int(scores.masked_fill(~nearest, -1).argmax())
    away, name, score = float(distance[query]), names[int(labels[query])], float(scores[query])
    tokens = sum(h * w for h, w in trace.shapes)
    if away < 1e-3:
        sentence = f"Query {query} was born right here: the encoder took its token for '{name}' with {score:.2f}."
    else:
        sentence = (
            f"No query was born within {away:.0f} px of here: of {tokens} tokens {int((origin >= 0).sum())} became "
            f"queries. The nearest, query {query}, was taken for '{name}' with {score:.2f}."
        )
    return Birth(query, away, name, score, sentence)


def outside(xyxy: Tensor, point: tuple[float, float]) -> Tensor:
    """How far a point lies outside boxes [Q, 4], in their own sizes: the larger of the two overhangs; 0 inside: [Q]."""
    size = (xyxy[:, 2:] - xyxy[:, :2]).clamp(min=1e-6)
    return (_overhang(xyxy, point) / size).amax(-1)


def _overhang(xyxy: Tensor, point: tuple[float, float]) -> Tensor:
    """How far a point lies beyond the sides of boxes [Q, 4], along x and y: [Q, 2]."""
    p = torch.tensor(point, dtype=xyxy.dtype)
    return torch.maximum(xyxy[:, :2] - p, p - xyxy[:, 2:]).clamp(min=0)


def _scores(logits: Tensor, names: Sequence[str]) -> Tensor:
    """Scores on the CPU, −1 for columns that are never reported: [..., K] -> [..., K]."""
    scores = logits.detach().float().cpu().sigmoid()
    scores[..., [i for i, name in enumerate(names) if not name]] = -1
    return scores


def _stages(history: History, names: Sequence[str]) -> tuple[Stage, ...]:
    logits = torch.cat((history.proposal_logits[None], history.initial_logits[None], history.logits))  # [2 + L, K]
    boxes = torch.cat((to_pixels(history.proposal, history.size)[None], history.xyxy_pixels)).tolist()
    scores = _scores(logits, names)
    before = [None, None, *history.scores_before_lqe.tolist()]
    titles = [PROPOSAL, *stage_names(history.layers)]
    top = scores.topk(min(BEST, sum(bool(name) for name in names)))
    return tuple(
        Stage(
            title,
            tuple(boxes[i]),
            tuple((names[k], v) for k, v in zip(top.indices[i].tolist(), top.values[i].tolist())),
            float(scores[i, history.label]),
            before[i],
        )
        for i, title in enumerate(titles)
    )


def _rival(query: int, boxes: Tensor, scores: Tensor, labels: Tensor, names, threshold: float) -> Rival | None:
    """The query above the threshold whose final box overlaps this one's most, if the two mean the same place."""
    overlap = iou(boxes, boxes[query]).masked_fill(scores < threshold, 0)
    other = int(overlap.argmax())
    if overlap[other] < SAME_PLACE:
        return None
    return Rival(other, names[int(labels[other])], float(scores[other]), float(overlap[other]))


def _reason(history: History, stages: tuple[Stage, ...], threshold: float, rival: Rival | None) -> str:
    """What kept a query below the threshold: the first of four causes that applies."""
    name, last = history.name, stages[-1]
    if rival:
        return (
            f"Query {rival.query} answers for the same place: '{rival.name}' {rival.score:.2f}, "
            f"IoU {rival.iou:.2f} with this box."
        )
    if last.before_lqe >= threshold:
        spread = history.deviations[-1]
        edge = int(spread.argmax())
        return (
            f"LQE lowered '{name}' from {last.before_lqe:.2f} to {told(last.score, threshold)}, because its edges are "
            f"not sharp: the widest, {EDGES[edge]}, is ± {_pixels(float(spread[edge]))} px."
        )
    top = max(stages, key=lambda stage: stage.best[0][1])
    best_name, best_score = top.best[0]
    if best_score >= threshold:
        end = told(last.score, threshold)
        fell = f"'{name}' {end}" if best_name != name else end
        return f"Once above the threshold, '{best_name}' {best_score:.2f} at {_at(top)}, it ended at {fell}."
    end = told(last.score, threshold)
    ended = f"it ended at {end}" if best_name == name else f"it ended as '{name}' {end}"
    other = f"; {ended}" if top is not last else ""
    return f"Its score was never above {told(best_score, threshold)}: best at {_at(top)} as '{best_name}'{other}."


def told(score: float, threshold: float) -> str:
    """A score with two decimals, or with as many as it takes to stay on its side of the threshold.

    >>> told(0.4, 0.5), told(0.4996, 0.5)
    ('0.40', '0.4996')
    """
    for decimals in (2, 3, 4, 5):
        text = f"{score:.{decimals}f}"
        if (float(text) < threshold) == (score < threshold):
            break
    return text


def _at(stage: Stage) -> str:
    return {PROPOSAL: "the proposal", INITIAL: f"the {spoken(INITIAL)}"}.get(stage.name, stage.name)


def _pixels(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}"


def _check(trace: Trace, point, names, size, threshold: float = 0.5, count: int = 1) -> None:
    classes = trace.last.logits.shape[2]
    if len(trace.origin) != 1:
        raise ValueError(f"the trace is of {len(trace.origin)} pictures; take one with trace.picture(i)")
    if len(names) != classes:
        raise ValueError(f"the trace has {classes} classes, but there are {len(names)} names")
    if not any(names):
        raise ValueError("none of the classes has a name, so no query can answer")
    if not all(0 <= p <= s for p, s in zip(point, size)):  # also refuses NaN
        raise ValueError(f"the point {tuple(point)} lies outside the picture of {size[0]} x {size[1]} pixels")
    if not 0 <= threshold <= 1:
        raise ValueError(f"the threshold is a score between 0 and 1, not {threshold}")
    if count < 1:
        raise ValueError(f"the number of candidates must be at least 1, not {count}")
