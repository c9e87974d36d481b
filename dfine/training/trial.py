"""A small comparison of decoders: each learns anew on a trained encoder that stays as it is, in minutes on a CPU.

Backbone, encoder and the choice of queries come from a checkpoint and are frozen. So pictures go through them only
once, and what differs between two trials is what a decoder of random weights makes of the same tokens, in the same
order, with the same noise. That is fair, and it is small: a few hundred steps on an encoder that grew up with a whole
decoder. It shows what a part does early in training, not what it is worth at the end of a published one.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor

from dfine import distribution
from dfine.boxes import iou
from dfine.config import LossWeights, NoiseSpec
from dfine.data.loader import Batching, loader
from dfine.data.scenes import Scenes
from dfine.evaluation import calibration, coco, level_fit
from dfine.evaluation.matches import Matches
from dfine.evaluation.rows import rows_of
from dfine.network.detector import DFINE
from dfine.trace.postprocess import Ranking, detections
from dfine.trace.records import Memory, Target, Trace
from dfine.trace.stages import stage_keys
from dfine.training.ablation import VARIANTS, Ablation
from dfine.training.denoising import add_noise
from dfine.training.matching import hungarian
from dfine.training.optimizer import Decay, average, factor, groups

TOGETHER = 32  # pictures that are looked at at once, where nothing is learned
TOP = 100  # detections kept per picture
SEEDS = 3_000_000, 3_100_000  # of the scenes to learn from, and to measure on


@dataclass(frozen=True)
class Trial:
    """How large a trial is: enough to see differences, and no more."""

    steps: int = 120
    batch: int = 16
    pictures: int = 960  # scenes to learn from, half of them with dials
    held_out: int = 200  # others, to measure on
    side: int = 160  # pixels of the square input
    queries: int = 60
    denoising: int = 20
    rate: float = 1e-3
    warmup: int = 10
    ema: float = 0.95


@dataclass(frozen=True)
class Material:
    """What the frozen part says of n scenes, and what is true of them."""

    scenes: Scenes
    tokens: Tensor  # [n, T, D]
    shapes: tuple[tuple[int, int], ...]
    targets: list[Target]

    def at(self, indices: list[int]) -> tuple[Memory, list[Target]]:
        """A batch: the tokens and the truth of some scenes."""
        return Memory(self.tokens[indices], self.shapes), [self.targets[i] for i in indices]

    def batches(self, size: int, steps: int, seed: int) -> Iterator[tuple[Memory, list[Target]]]:
        """`steps` batches, in passes over all scenes, each in an order of its own."""
        random, order = torch.Generator().manual_seed(seed), []
        for _ in range(steps):
            while len(order) < size:
                order += torch.randperm(len(self.targets), generator=random).tolist()
            yield self.at(order[:size])
            order = order[size:]


def materials(network: DFINE, trial: Trial) -> tuple[Material, Material]:
    """The scenes to learn from, and those to measure on."""
    counts = trial.pictures, trial.held_out
    return tuple(material(network, count, trial.side, seed) for count, seed in zip(counts, SEEDS))


@torch.no_grad()
def material(network: DFINE, count: int, side: int, seed: int) -> Material:
    """Draw `count` scenes of `side` pixels, half of them with dials, and let the frozen part look at each once."""
    network, parts, targets = network.eval(), [], []
    scenes = Scenes(count, seed=seed, size=(side, side))
    for pixels, some in loader(scenes, Batching(TOGETHER, (side, side))):
        memory = network.encoder(network.backbone(network.normalise(pixels.float() / 255)))
        parts.append(memory.tokens)
        targets += some
    return Material(scenes, torch.cat(parts), memory.shapes, targets)


def compared(
    network: DFINE, trial: Trial, variants: Mapping[str, Ablation] = VARIANTS, seeds: Sequence[int] = (0, 1)
) -> Iterator[dict]:
    """Train and measure every variant with every seed: a row each, `variant`, `seed` and what `measured` says."""
    seen, unseen = materials(network, trial)
    for seed in seeds:
        for name, ablation in variants.items():
            yield {"variant": name, "seed": seed} | measured(trained(network, ablation, seen, trial, seed), unseen)


def trained(network: DFINE, ablation: Ablation, seen: Material, trial: Trial, seed: int = 0) -> DFINE:
    """A copy of the network with a new decoder that has learned from `seen`; one seed starts all ablations alike."""
    network = copy.deepcopy(network).eval().requires_grad_(False)
    torch.manual_seed(seed)
    network.decoder, network.queries.count = ablation.decoder(network.config), trial.queries
    parts = groups(network.decoder, rate=trial.rate, backbone_rate=0.0, weight_decay=1e-4, decay_biases=False)[1:]
    optimizer, criterion = torch.optim.AdamW(parts), ablation.criterion()
    ema = average(network.decoder, Decay(trial.ema, 1))
    spec, random = NoiseSpec(queries=trial.denoising), torch.Generator().manual_seed(seed)
    for step, (memory, targets) in enumerate(seen.batches(trial.batch, trial.steps, seed)):
        for group in optimizer.param_groups:
            group["lr"] = trial.rate * factor(step, warmup=trial.warmup, total=trial.steps, schedule="cosine")
        noise = add_noise(targets, network.config.classes, spec, random)
        queries = network.queries(memory, noise)
        mask = None if noise is None else noise.mask(queries.content.shape[1] - noise.count)
        terms = criterion(network.decoder(queries, memory, mask), targets, noise)
        optimizer.zero_grad()
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.decoder.parameters(), 0.1)
        optimizer.step()
        ema.update_parameters(network.decoder)
    network.decoder = ema.module
    return network


@torch.no_grad()
def measured(network: DFINE, unseen: Material) -> dict:
    """How good the boxes are, and what scores and edges know of it, on scenes that the decoder has not learned from.

    Keys: `AP` of the initial boxes and of every layer; and of the last layer's boxes that found an object (its own
    query by Hungarian matching, IoU over 0.5): `objects`, how many; `coverage` of intervals of 50, 80 and 95 %;
    `by width`, that of 80 % intervals in fifths of the objects, narrowest first; `length` of the 80 % interval, mean in
    box sizes; and rank correlations: `score and IoU` of boxes, `width and error` of edges.
    """
    names, ids = unseen.scenes.names, unseen.scenes.category_ids
    rows: dict[str, list] = {}
    kept: list[tuple[Tensor, ...]] = []
    for start in range(0, len(unseen.targets), TOGETHER):
        memory, targets = unseen.at(list(range(start, min(start + TOGETHER, len(unseen.targets)))))
        trace = network.decoder(network.queries(memory), memory)
        for stage, layer in stage_keys(len(trace.refinements)).items():
            found = detections(trace, names, [t.size for t in targets], Ranking(TOP, layer=layer))
            rows.setdefault(stage, []).extend(rows_of(d, t.image_id, ids) for d, t in zip(found, targets))
        kept.append(_found(trace, targets))
    truth = unseen.scenes.ground_truth()
    ap = {stage: coco.measure(truth, np.concatenate(some))[0]["AP"] for stage, some in rows.items()}
    edges, offsets, score, overlap = (torch.cat(parts) for parts in zip(*kept))
    matches = Matches(edges, offsets, trace.w)
    below, wide = calibration.pit(matches)[:, -1], level_fit.widths(matches)
    misses = (distribution.offsets(edges[:, -1], trace.w) - offsets).abs()
    fifths = level_fit.by_width(matches)
    by_width = {name: below[i] for name, i in fifths.by("width")} if "width" in fifths.groups else {}
    return {
        "AP": {stage: _rounded(value) for stage, value in ap.items()},
        "objects": len(matches),
        "coverage": [_rounded(value) for value in calibration.coverage(below.flatten())],
        "by width": [_held(by_width[name]) for name in level_fit.FIFTHS if name in by_width],
        "length": _rounded(wide.mean()),
        "score and IoU": _agreement(score, overlap),
        "width and error": _agreement(wide, misses),
    }


def _found(trace: Trace, targets: list[Target]) -> tuple[Tensor, ...]:
    """Of every object that was found: edges of all layers, true offsets, score of its class, IoU of the last box."""
    pairs = hungarian(trace.last.logits, trace.last.boxes, targets, LossWeights())
    labels, boxes = torch.cat([t.labels for t in targets]), torch.cat([t.boxes for t in targets])
    overlap = iou(trace.last.boxes[pairs.picture, pairs.query], boxes[pairs.target])
    near = overlap > 0.5
    at, target = (pairs.picture[near], pairs.query[near]), pairs.target[near]
    edges = torch.stack([layer.edges[at] for layer in trace.refinements], 1)  # [n, L, 4, N+1]
    score = trace.last.logits[(*at, labels[target])].sigmoid()
    return edges, distribution.encode(trace.initial.boxes[at], boxes[target]), score, overlap[near]


def _held(below: Tensor, mass: float = 0.8) -> float | None:
    """The share of true edges in intervals of a mass, given PIT values."""
    return _rounded(calibration.coverage(below.flatten(), (mass,))[0])


def _agreement(one: Tensor, other: Tensor) -> float | None:
    """Spearman's rank correlation, None for fewer than three."""
    return _rounded(spearmanr(one.flatten(), other.flatten()).statistic) if one.numel() > 2 else None


def _rounded(value: Tensor | float) -> float | None:
    """A number for JSON; None where there was nothing to measure."""
    return None if math.isnan(value) else round(float(value), 4)
