"""The five losses, each a function of tensors. The criterion says who is compared with whom.

Where more dimensions come first, as of the stages of a trace, the loss has them, too.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from dfine import boxes as box
from dfine.distribution import full


def vfl(logits: Tensor, at: tuple, labels: Tensor, iou: Tensor, *, alpha: float, gamma: float) -> Tensor:
    """Varifocal loss (arXiv 2008.13367, eq. 2), summed: a matched query's score shall be its box's IoU, others' zero.

    Logits [..., B, Q, K]; the matched queries' indices in all dimensions but the last; their labels [n] and IoU.
    Negatives weigh alpha·p^gamma, positives their IoU.
    """
    score = torch.zeros_like(logits)
    positive = torch.zeros_like(logits, dtype=torch.bool)
    score[(*at, labels)] = iou.detach().to(score.dtype)
    positive[(*at, labels)] = True
    p = logits.detach().sigmoid()
    weight = torch.where(positive, score, alpha * p**gamma)
    return F.binary_cross_entropy_with_logits(logits, score, weight=weight, reduction="none").sum((-3, -2, -1))


def l1(boxes: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Sum of absolute differences of cxcywh boxes [..., n, 4], each weighed [n] or all alike."""
    loss = (boxes - truth).abs().sum(-1)
    return loss.sum(-1) if weight is None else (loss * weight.detach()).sum(-1)


def giou(boxes: Tensor, truth: Tensor, weight: Tensor | None = None) -> Tensor:
    """Sum of 1 − GIoU of boxes [..., n, 4], each weighed [n] or all alike."""
    loss = 1 - box.giou(boxes, truth)
    return loss.sum(-1) if weight is None else (loss * weight.detach()).sum(-1)


def fgl(edges: Tensor, left: Tensor, right_weight: Tensor, weight: Tensor) -> Tensor:
    """Fine-Grained Localization loss (paper eq. 5), summed: the two bins around the true offset share the mass.

    Edge logits [..., n, 4, N+1], the left bin and the right one's share [n, 4], and each object's weight, its IoU,
    [..., n].
    """
    log_p = F.log_softmax(full(edges), -1)

    def ce(index):
        return -log_p.gather(-1, index.expand(log_p.shape[:-1])[..., None])[..., 0]

    loss = ce(left) * (1 - right_weight) + ce(left + 1) * right_weight
    return (loss.sum(-1) * weight.detach()).sum(-1)


def soft_scores(logits: Tensor, scores: Tensor, weight: Tensor) -> Tensor:
    """Binary cross entropy of logits [n, K] with a teacher's probabilities [n, K], each answer weighed [n]; summed."""
    loss = F.binary_cross_entropy_with_logits(logits, scores.to(logits.dtype), reduction="none").sum(-1)
    return (loss * weight.detach()).sum()


def soft_edges(edges: Tensor, probabilities: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy of edge logits [n, 4, N+1] with a teacher's distributions [n, 4, N+1], weighed [n]; summed.

    `fgl` with all of a distribution in place of the two bins around the true edge.
    """
    loss = -(probabilities * F.log_softmax(full(edges), -1)).sum(-1)
    return (loss * weight[:, None].detach()).sum()


@dataclass(frozen=True)
class Parts:
    """The two parts of a layer's queries that are distilled apart: the matched ones, and the others."""

    matched: Tensor  # [B, Q] bool
    counts: tuple[Tensor, Tensor]  # (matched, unmatched): their square roots weigh the parts' means
    sizes: tuple[Tensor, Tensor] | None = None  # what the parts' sums are divided by; None: how many queries they have


def ddf(student: Tensor, teacher: Tensor, weight: Tensor, parts: Parts, temperature: float) -> Tensor:
    """Decoupled Distillation Focal loss (paper eq. 6): T²·KL(teacher ‖ student), matched and unmatched queries apart.

    Edge logits [..., B, Q, 4, N+1] of layers and [B, Q, 4, N+1] of the last one; weight [..., B, Q] (IoU where matched,
    the teacher's score elsewhere).
    """
    log_q = F.log_softmax(full(student) / temperature, -1)
    p = F.softmax(full(teacher.detach()) / temperature, -1)
    kl = F.kl_div(log_q, p.expand_as(log_q), reduction="none").sum(-1).mean(-1)  # [..., B, Q], mean over the edges
    loss = weight.detach() * temperature**2 * kl
    near, far = (count.float().sqrt() for count in parts.counts)
    masks = parts.matched, ~parts.matched
    sizes = parts.sizes or tuple(mask.sum() for mask in masks)
    means = [(loss * mask).sum((-2, -1)) / n.clamp(min=1) for mask, n in zip(masks, sizes)]
    return (means[0] * near + means[1] * far) / (near + far)
