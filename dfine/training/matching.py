"""Who answers for whom: Hungarian matching of queries with objects, and the union of all stages' matches (GO)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

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


def _starts(targets: list[Target]) -> list[int]:
    """Where each picture's objects begin in the list of all objects."""
    starts, total = [], 0
    for t in targets:
        starts.append(total)
        total += len(t)
    return starts


def _join(parts: list[tuple[Tensor, Tensor]], targets: list[Target]) -> Match:
    """One Match from (query, target) indices per picture."""
    device = targets[0].boxes.device
    picture = torch.cat([torch.full_like(q, i) for i, (q, _) in enumerate(parts)])
    target = torch.cat([t + start for (_, t), start in zip(parts, _starts(targets))])
    return Match(picture.to(device), torch.cat([q for q, _ in parts]).to(device), target.to(device))


@torch.no_grad()
def costs(logits: Tensor, boxes: Tensor, targets: list[Target], weights: LossWeights) -> Tensor:
    """What it would cost query q of a picture to answer for its object t (DETR, arXiv 2005.12872): [B, Q, n] float32.

    Focal classification cost, L1 distance and GIoU, from logits [B, Q, K] and boxes [B, Q, 4]. n is the number of
    objects of the fullest picture; what stands behind a picture's own objects means nothing.
    """
    labels = pad_sequence([t.labels for t in targets], batch_first=True)  # [B, n]
    truth = pad_sequence([t.boxes.float() for t in targets], batch_first=True)  # [B, n, 4]
    p = logits.float().sigmoid().gather(2, labels[:, None].expand(-1, logits.shape[1], -1))  # [B, Q, n]
    alpha, gamma, eps = weights.focal_alpha, weights.focal_gamma, 1e-8
    hit = alpha * (1 - p) ** gamma * -(p + eps).log()
    miss = (1 - alpha) * p**gamma * -(1 - p + eps).log()
    a, b = boxes.float()[:, :, None], truth[:, None]
    l1 = (a - b).abs().sum(-1)
    return weights.cost_class * (hit - miss) + weights.cost_l1 * l1 - weights.cost_giou * giou(a, b)


@torch.no_grad()
def hungarian(logits: Tensor, boxes: Tensor, targets: list[Target], weights: LossWeights) -> Match:
    """The cheapest one-to-one match of each picture's queries with its objects.

    Logits [B, Q, K], boxes [B, Q, 4] and B targets. Computed in float32 whatever the autocast type.
    """
    with torch.autocast(logits.device.type, enabled=False):
        tables = costs(logits, boxes, targets, weights)  # of all pictures at once: a GPU is slow at small steps
    # One copy to the CPU for all of them: each has to wait for everything that the GPU still has to do.
    tables = torch.nan_to_num(tables, nan=1e4, posinf=1e4, neginf=-1e4).cpu()
    parts = []
    for table, target in zip(tables, targets):
        query, object_ = linear_sum_assignment(table[:, : len(target)].numpy())
        parts.append((torch.as_tensor(query), torch.as_tensor(object_)))
    return _join(parts, targets)


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
    parts = [
        (query, torch.arange(len(t), device=query.device).repeat(noise.groups))
        for query, t in zip(noise.positive, targets)
    ]
    return _join(parts, targets)
