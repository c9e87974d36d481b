"""Trace to losses, as one table.

| stage                 | VFL             | L1 + GIoU       | FGL             | DDF towards the last layer      |
|-----------------------|-----------------|-----------------|-----------------|---------------------------------|
| proposals             | own match       | union           | –               | –                               |
| initial               | own match       | union           | –               | –                               |
| layer 1 … L−1         | own match       | union           | union           | matched and unmatched           |
| layer L               | own match       | union           | union           | (it is the teacher)             |
| denoising initial     | known positives | known positives | –               | –                               |
| denoising layer 1 … L | known positives | known positives | known positives | by the matching queries' counts |

A teacher from outside (`dfine.training.distillation`) adds to each stage but the denoising ones the terms `taught …`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from dfine import distribution
from dfine.boxes import iou
from dfine.config import LossWeights
from dfine.trace.records import Estimate, NoisedQueries, Refinement, Target, Trace
from dfine.training import losses
from dfine.training.distillation import Lesson
from dfine.training.matching import Match, hungarian, known, matches, placed, union


@dataclass(frozen=True)
class Truth:
    """All objects of a batch in a row."""

    labels: Tensor  # [n]
    boxes: Tensor  # [n, 4]


@dataclass(frozen=True)
class Stages:
    """Stages of one decoder one after the other, so that a loss of all of them takes as many steps as that of one.

    A GPU is slow at small steps, and there are nine stages with denoising.
    """

    names: tuple[str, ...]
    logits: Tensor  # [S, B, Q, K]
    boxes: Tensor  # [S, B, Q, 4]
    edges: Tensor  # [L, B, Q, 4, N+1] of the last L, which are refinements

    @classmethod
    def of(cls, stages: dict[str, Estimate | Refinement]) -> Stages:
        """All stages of a trace, or some, in their order."""
        logits, boxes = (torch.stack([getattr(s, k) for s in stages.values()]) for k in ("logits", "boxes"))
        edges = torch.stack([s.edges for s in stages.values() if isinstance(s, Refinement)])
        return cls(tuple(stages), logits, boxes, edges)

    def each(self) -> list[Stages]:
        """Every stage alone."""
        first = len(self.names) - len(self.edges)
        spans = [(i, slice(i, i + 1), slice(max(0, i - first), max(0, i - first + 1))) for i in range(len(self.names))]
        return [Stages((self.names[i],), self.logits[a], self.boxes[a], self.edges[b]) for i, a, b in spans]


@dataclass(frozen=True)
class Pairs:
    """Which queries learn the boxes and edges of which objects."""

    match: Match  # of n pairs
    norm: Tensor  # what their sums are divided by
    sizes: tuple[Tensor, Tensor]  # how many queries are in a pair, and how many are in none, see `_sizes`
    bins: tuple[Tensor, Tensor]  # where the true edges lie: left bin and right weight [n, 4] each


@dataclass(frozen=True)
class LastLayer:
    """The last layer's distributions, and how many queries are matched and unmatched."""

    name: str
    edges: Tensor  # [B, Q, 4, N+1]
    score: Tensor  # [B, Q] highest class probability
    counts: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, trace: Trace, counts: tuple[Tensor, Tensor]) -> LastLayer:
        """That of a trace."""
        return cls(list(trace.stages)[-1], trace.last.edges, trace.last.logits.sigmoid().amax(-1), counts)


class Criterion:
    """The losses of a trace against its targets (paper section 4 and Table 6). Holds constants, no state.

    `criterion(trace, targets)` returns weighted terms by name, `"<term>/<stage>"`; their sum is the loss. A trace with
    denoising queries in front is given with the `noise` that made them.

    Args:
        weights: of the terms; by default the published ones.
        union: whether boxes and edges of every stage learn from the union of all matches. Without it each stage learns
            from its own match, to see what the union is for (`dfine.training.ablation`).
    """

    def __init__(self, weights: LossWeights | None = None, *, union: bool = True):
        self.weights, self.union = weights or LossWeights(), union

    def __call__(
        self,
        trace: Trace,
        targets: list[Target],
        noise: NoisedQueries | None = None,
        lesson: Lesson | None = None,
    ) -> dict[str, Tensor]:
        """Weighted loss terms of B pictures, in float32 whatever the autocast type."""
        with torch.autocast(trace.initial.boxes.device.type, enabled=False):
            trace = trace.map(lambda t: distribution.full(t) if t.is_floating_point() else t)
            noised, matching = (None, trace) if noise is None else trace.split(noise.count)
            truth = _truth(targets)
            objects = _global_mean(len(truth.labels), truth.boxes)
            terms, counts = self._matching(matching, targets, truth, objects)
            # Every process takes part in every mean, also one whose own pictures have no objects to put noise on.
            taken, everyone = (0, 0) if noise is None else (sum(map(len, noise.positive)), noise.labels.numel())
            sizes = _sizes(taken, everyone, truth.boxes)
            if noised is not None:
                match = known(noise, targets)
                pairs = Pairs(match, objects * noise.groups, sizes, _bins(noised, match, truth))
                terms |= self._denoising(noised, pairs, truth, counts)
            return terms if lesson is None else terms | self._taught(matching, lesson)

    def _matching(
        self, trace: Trace, targets: list[Target], truth: Truth, objects: Tensor
    ) -> tuple[dict[str, Tensor], tuple[Tensor, Tensor]]:
        """Terms of the matching queries, and how many of them are matched and unmatched in the last layer."""
        stages = Stages.of(stages_of(trace))
        found = matches(list(zip(stages.logits, stages.boxes)), targets, self.weights)
        *own, joint = placed([*found, union(found)], truth.boxes.device)
        index = torch.repeat_interleave(torch.tensor([len(match) for match in found])).to(truth.boxes.device)
        at = index, *(torch.cat([getattr(match, k) for match in own]) for k in ("picture", "query"))
        terms = self._answers(stages, at, truth, torch.cat([match.target for match in own]), objects)

        taught = [(stages, joint)] if self.union else zip(stages.each(), own)
        pairs = [(some, self._pairs(match, trace, truth)) for some, match in taught]
        last = LastLayer.of(trace, pairs[-1][1].sizes)
        for some, learned in pairs:
            terms |= self._places(some, learned, truth, last)
        return terms, last.counts

    def _pairs(self, match: Match, trace: Trace, truth: Truth) -> Pairs:
        sizes = _sizes(len(match), trace.origin.numel(), truth.boxes)
        return Pairs(match, _global_mean(len(match), truth.boxes), sizes, _bins(trace, match, truth))

    def _denoising(self, trace: Trace, pairs: Pairs, truth: Truth, counts: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Terms of the denoising queries: the same losses, with pairs that are known."""
        stages, match = Stages.of(trace.stages), pairs.match
        at = slice(None), match.picture, match.query
        terms = self._answers(stages, at, truth, match.target, pairs.norm)
        terms |= self._places(stages, pairs, truth, LastLayer.of(trace, counts))
        return {name.replace("/", "/denoising "): loss for name, loss in terms.items()}

    def _taught(self, trace: Trace, lesson: Lesson) -> dict[str, Tensor]:
        """Terms of the matching queries that answer as the teacher does; answers count by their scores."""
        match = hungarian(trace.last.logits, trace.last.boxes, lesson.answers, self.weights)
        at, weight = (match.picture, match.query), lesson.weight[match.target]
        scores, boxes = lesson.scores[match.target], torch.cat([t.boxes for t in lesson.answers])[match.target]
        edges = lesson.edges(match.target, trace.initial.boxes[at].detach(), trace.w)
        norm, w = _global_mean(weight.sum(), weight), self.weights

        terms = {}
        for name, stage in stages_of(trace).items():
            found, logits = stage.boxes[at], stage.logits[at][:, lesson.shared]
            terms[f"taught scores/{name}"] = w.vfl * losses.soft_scores(logits, scores[:, lesson.shared], weight)
            terms[f"taught l1/{name}"] = w.l1 * losses.l1(found, boxes, weight)
            terms[f"taught giou/{name}"] = w.giou * losses.giou(found, boxes, weight)
            if isinstance(stage, Refinement):
                terms[f"taught edges/{name}"] = w.fgl * losses.soft_edges(stage.edges[at], edges, weight)
        return {name: w.taught * loss / norm for name, loss in terms.items()}

    def _answers(self, stages: Stages, at: tuple, truth: Truth, target: Tensor, norm: Tensor) -> dict[str, Tensor]:
        """Scores of every stage; `at` (stage, picture, query) answer for the objects `target`."""
        w = self.weights
        quality = iou(stages.boxes[at], truth.boxes[target])
        loss = losses.vfl(stages.logits, at, truth.labels[target], quality, alpha=w.vfl_alpha, gamma=w.vfl_gamma)
        return _named("vfl", stages.names, w.vfl * loss / norm)

    def _places(self, stages: Stages, pairs: Pairs, truth: Truth, last: LastLayer) -> dict[str, Tensor]:
        """Boxes and edges of every stage."""
        w, layers = self.weights, stages.names[len(stages.names) - len(stages.edges) :]
        at = slice(None), pairs.match.picture, pairs.match.query
        boxes, true = stages.boxes[at], truth.boxes[pairs.match.target]
        terms = _named("l1", stages.names, w.l1 * losses.l1(boxes, true) / pairs.norm)
        terms |= _named("giou", stages.names, w.giou * losses.giou(boxes, true) / pairs.norm)
        if not layers:
            return terms
        quality = iou(boxes[-len(layers) :], true).detach()
        loss = losses.fgl(stages.edges[at], *pairs.bins, quality)
        terms |= _named("fgl", layers, w.fgl * loss / pairs.norm)
        students = [name for name in layers if name != last.name]
        if not students:
            return terms
        matched = torch.zeros_like(last.score, dtype=torch.bool)
        matched[at[1:]] = True
        weight = last.score.detach().repeat(len(students), 1, 1)
        weight[at] = quality[: len(students)]
        parts = losses.Parts(matched, last.counts, pairs.sizes)
        loss = losses.ddf(stages.edges[: len(students)], last.edges, weight, parts, w.temperature)
        return terms | _named("ddf", students, w.ddf * loss)


def _named(term: str, names: Sequence[str], values: Tensor) -> dict[str, Tensor]:
    """The values of a term [S] by its name and the stages' names."""
    return {f"{term}/{name}": value for name, value in zip(names, values.unbind())}


def stages_of(trace: Trace) -> dict[str, Estimate | Refinement]:
    """Every stage of a trace that answers with boxes, by name, in order."""
    return {"proposals": trace.proposals} | trace.stages


def _truth(targets: list[Target]) -> Truth:
    return Truth(torch.cat([t.labels for t in targets]), torch.cat([t.boxes for t in targets]).float())


def _bins(trace: Trace, match: Match, truth: Truth) -> tuple[Tensor, Tensor]:
    """Where the true edges lie in the initial boxes' bins: left bin and right weight [n, 4] each."""
    initial = trace.initial.boxes[match.picture, match.query].detach()
    return distribution.to_bins(distribution.encode(initial, truth.boxes[match.target]), trace.w)


def _sizes(taken: int, everyone: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """How many of all queries are in a pair, and how many are in none, averaged over all processes.

    Unlike the published code, which takes each process's own, so that a batch means the same however it is shared.
    """
    return tuple(_global_mean(n, like, least=0) for n in (taken, everyone - taken))


def _global_mean(count: int | Tensor, like: Tensor, least: float = 1) -> Tensor:
    """A count averaged over all processes, at least `least`."""
    if isinstance(count, int):  # a fill: copying a number to a GPU would wait for all that the GPU has still to do
        total = torch.full((), float(count), device=like.device)
    else:
        total = count.float()
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(total)
        total = total / dist.get_world_size()
    return total.clamp(min=least)
