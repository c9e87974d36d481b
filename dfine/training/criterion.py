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
class Pairs:
    """Which queries learn the boxes and edges of which objects."""

    match: Match  # of n pairs
    norm: Tensor  # what their sums are divided by
    sizes: tuple[Tensor, Tensor]  # how many queries are in a pair, and how many are in none, see `_sizes`
    bins: tuple[Tensor, Tensor]  # where the true edges lie: left bin and right weight [n, 4] each


@dataclass(frozen=True)
class LastLayer:
    """The last layer's distributions, and how many queries are matched and unmatched."""

    edges: Tensor  # [B, Q, 4, N+1]
    score: Tensor  # [B, Q] highest class probability
    counts: tuple[Tensor, Tensor]


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
        stages = stages_of(trace)
        found = matches([(s.logits, s.boxes) for s in stages.values()], targets, self.weights)
        *found, joint = placed([*found, union(found)], truth.boxes.device)
        own = dict(zip(stages, found))
        pairs = self._pairs(own, joint, trace, truth)
        counts = pairs[list(own)[-1]].sizes
        last = LastLayer(trace.last.edges, trace.last.logits.sigmoid().amax(-1), counts)

        terms = {}
        for name, stage in stages.items():
            terms |= self._answer(name, stage, own[name], truth, objects)
            terms |= self._place(name, stage, pairs[name], truth)
            if isinstance(stage, Refinement):
                terms |= self._shape(name, stage, pairs[name], truth)
                if stage is not trace.last:
                    terms |= self._distil(name, stage, pairs[name], truth, last)
        return terms, counts

    def _pairs(self, own: dict[str, Match], joint: Match, trace: Trace, truth: Truth) -> dict[str, Pairs]:
        """Of whom every stage learns boxes and edges: all from the union `joint`; without it each from its own."""

        def pairs(match: Match) -> Pairs:
            sizes = _sizes(len(match), trace.origin.numel(), truth.boxes)
            return Pairs(match, _global_mean(len(match), truth.boxes), sizes, _bins(trace, match, truth))

        if self.union:
            return dict.fromkeys(own, pairs(joint))
        return {name: pairs(match) for name, match in own.items()}

    def _denoising(self, trace: Trace, pairs: Pairs, truth: Truth, counts: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        """Terms of the denoising queries: the same losses, with pairs that are known."""
        last = LastLayer(trace.last.edges, trace.last.logits.sigmoid().amax(-1), counts)

        terms = {}
        for name, stage in stages_of(trace).items():
            if name == "proposals":
                continue
            name = f"denoising {name}"
            terms |= self._answer(name, stage, pairs.match, truth, pairs.norm)
            terms |= self._place(name, stage, pairs, truth)
            if isinstance(stage, Refinement):
                terms |= self._shape(name, stage, pairs, truth)
                if stage is not trace.last:
                    terms |= self._distil(name, stage, pairs, truth, last)
        return terms

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

    def _answer(
        self, name: str, stage: Estimate | Refinement, match: Match, truth: Truth, norm: Tensor
    ) -> dict[str, Tensor]:
        w = self.weights
        quality = iou(stage.boxes[match.picture, match.query], truth.boxes[match.target])
        loss = losses.vfl(
            stage.logits, match, truth.labels[match.target], quality, alpha=w.vfl_alpha, gamma=w.vfl_gamma
        )
        return {f"vfl/{name}": w.vfl * loss / norm}

    def _place(self, name: str, stage: Estimate | Refinement, pairs: Pairs, truth: Truth) -> dict[str, Tensor]:
        match = pairs.match
        boxes, true = stage.boxes[match.picture, match.query], truth.boxes[match.target]
        return {
            f"l1/{name}": self.weights.l1 * losses.l1(boxes, true) / pairs.norm,
            f"giou/{name}": self.weights.giou * losses.giou(boxes, true) / pairs.norm,
        }

    def _shape(self, name: str, stage: Refinement, pairs: Pairs, truth: Truth) -> dict[str, Tensor]:
        at = (pairs.match.picture, pairs.match.query)
        quality = iou(stage.boxes[at], truth.boxes[pairs.match.target])
        return {f"fgl/{name}": self.weights.fgl * losses.fgl(stage.edges[at], *pairs.bins, quality) / pairs.norm}

    def _distil(self, name: str, stage: Refinement, pairs: Pairs, truth: Truth, last: LastLayer) -> dict[str, Tensor]:
        at = (pairs.match.picture, pairs.match.query)
        matched = torch.zeros_like(last.score, dtype=torch.bool)
        matched[at] = True
        weight = last.score.detach().clone()
        weight[at] = iou(stage.boxes[at], truth.boxes[pairs.match.target]).detach()
        parts = losses.Parts(matched, last.counts, pairs.sizes)
        loss = losses.ddf(stage.edges, last.edges, weight, parts, self.weights.temperature)
        return {f"ddf/{name}": self.weights.ddf * loss}


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
