"""Who answers for whom: Hungarian matching of queries with objects, and the union of all stages' matches (GO)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from dfine.boxes import giou
from dfine.config import LossWeights
from dfine.trace.records import NoisedQueries, Target


@dataclass(frozen=True)
class Match:
    """Pairs of a query and an object, over a whole batch. `target` counts through the objects of all pictures."""

    picture: Tensor  # [n]
    query: Tensor  # [n]
    target: Tensor  # [n]

    def __len__(self) -> int:
        return len(self.picture)


def padded(targets: list[Target], label: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """All objects of B pictures as labels [B, n], boxes [B, n, 4] in float32 and which of them are real [B, n].

    n is the number of objects of the fullest picture. What stands behind a picture's own objects has the class `label`
    and no size. It takes as many steps for many pictures as for few: a GPU is slow at small ones.
    """
    counts, device = [len(t) for t in targets], targets[0].boxes.device
    batch, most = len(targets), max(counts)
    at = torch.tensor([i * most + j for i, count in enumerate(counts) for j in range(count)], dtype=torch.int64)
    at = at.to(device)
    labels = torch.full((batch * most,), label, device=device)
    boxes, real = torch.zeros(batch * most, 4, device=device), torch.zeros_like(labels, dtype=torch.bool)
    labels[at] = torch.cat([t.labels for t in targets])
    boxes[at] = torch.cat([t.boxes for t in targets]).float()
    real[at] = True
    return labels.view(batch, most), boxes.view(batch, most, 4), real.view(batch, most)


@torch.no_grad()
def costs(logits: Tensor, boxes: Tensor, targets: list[Target], weights: LossWeights) -> Tensor:
    """What it would cost query q of a picture to answer for its object t (DETR, arXiv 2005.12872): [..., B, Q, n].

    Focal classification cost, L1 distance and GIoU in float32, from logits [..., B, Q, K] and boxes [..., B, Q, 4].
    n is the number of objects of the fullest picture; what stands behind a picture's own objects means nothing.
    """
    labels, truth, _ = padded(targets)
    p = logits.float().sigmoid().gather(-1, labels[:, None].expand(*logits.shape[:-1], -1))  # [..., B, Q, n]
    alpha, gamma, eps = weights.focal_alpha, weights.focal_gamma, 1e-8
    hit = alpha * (1 - p) ** gamma * -(p + eps).log()
    miss = (1 - alpha) * p**gamma * -(1 - p + eps).log()
    a, b = boxes.float()[..., None, :], truth[:, None]
    l1 = (a - b).abs().sum(-1)
    return weights.cost_class * (hit - miss) + weights.cost_l1 * l1 - weights.cost_giou * giou(a, b)


def hungarian(logits: Tensor, boxes: Tensor, targets: list[Target], weights: LossWeights) -> Match:
    """The cheapest one-to-one match of each picture's queries with its objects.

    Logits [B, Q, K], boxes [B, Q, 4] and B targets. Computed in float32 whatever the autocast type.
    """
    return placed(matches([(logits, boxes)], targets, weights), logits.device)[0]


@torch.no_grad()
def matches(answers: list[tuple[Tensor, Tensor]], targets: list[Target], weights: LossWeights) -> list[Match]:
    """`hungarian` of several stages' logits and boxes, all of the same shapes; on the CPU, where matches are made.

    Their costs are computed together, and come in one copy: each copy has to wait for everything that a GPU still has
    to do.
    """
    logits, boxes = (torch.stack(parts) for parts in zip(*answers))
    with torch.autocast(logits.device.type, enabled=False):
        tables = costs(logits, boxes, targets, weights)
    tables = torch.nan_to_num(tables, nan=1e4, posinf=1e4, neginf=-1e4).cpu().numpy()
    found = []
    for stage in tables:
        pairs = [linear_sum_assignment(table[:, : len(target)]) for table, target in zip(stage, targets)]
        found.append(Match(*torch.from_numpy(_indices(*zip(*pairs), targets))))
    return found


def placed(found: list[Match], device: torch.device) -> list[Match]:
    """Matches on another device, all of them in one copy."""
    rows = torch.cat([torch.stack((m.picture, m.query, m.target)) for m in found], 1).to(device)
    return [Match(*part) for part in rows.split([len(m) for m in found], 1)]


def _indices(queries: Sequence[np.ndarray], objects: Sequence[np.ndarray], targets: list[Target]) -> np.ndarray:
    """Indices of pictures, queries and of the objects of all pictures [3, n], from those of queries and objects."""
    counts = [len(part) for part in queries]
    starts = np.cumsum([0] + [len(t) for t in targets[:-1]])
    rows = np.repeat(np.arange(len(targets)), counts), np.concatenate(queries), np.concatenate(objects)
    return np.stack((rows[0], rows[1], rows[2] + np.repeat(starts, counts))).astype(np.int64)


def union(matches: list[Match]) -> Match:
    """All pairs that any stage chose, each query once (Global Optimal, GO-LSD, paper section 4.2).

    A query that stages matched differently takes the object with the highest count, among equals the lower index.
    """
    picture, query, target = (torch.cat([getattr(m, k) for m in matches]) for k in ("picture", "query", "target"))
    pairs, count = torch.unique(torch.stack((picture, query, target), 1), dim=0, return_counts=True)
    # `pairs` are sorted by picture, query, target; a stable sort by count within a query keeps the lower target first.
    pairs = pairs[torch.argsort(count, descending=True, stable=True)]
    order = torch.argsort(pairs[:, 1], stable=True)
    pairs = pairs[order]
    pairs = pairs[torch.argsort(pairs[:, 0], stable=True)]
    first = torch.ones(len(pairs), dtype=torch.bool, device=pairs.device)
    first[1:] = (pairs[1:, :2] != pairs[:-1, :2]).any(1)
    return Match(*pairs[first].unbind(1))


def known(noise: NoisedQueries, targets: list[Target]) -> Match:
    """The match of denoising queries: every positive copy answers for the object that it was made from."""
    copies = [np.tile(np.arange(len(t)), noise.groups) for t in targets]
    rows = torch.from_numpy(_indices(copies, copies, targets)).to(noise.labels.device)
    return Match(rows[0], torch.cat(noise.positive), rows[2])
