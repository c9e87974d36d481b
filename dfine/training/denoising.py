"""Contrastive denoising (DINO, arXiv 2203.03605, section 3.3): truth with noise on it, for the decoder to restore."""

from __future__ import annotations

import torch

from dfine.boxes import to_cxcywh, to_xyxy
from dfine.config import NoiseSpec
from dfine.trace.records import NoisedQueries, Target
from dfine.training.matching import padded


def add_noise(
    targets: list[Target], classes: int, spec: NoiseSpec, generator: torch.Generator | None = None
) -> NoisedQueries | None:
    """Noised copies of all objects of a batch, in groups; None when the batch has no object.

    A group holds a positive and a negative copy of every object. The corners of a positive move by up to half a side,
    those of a negative by half a side to a whole one; a positive is to be restored, a negative to be recognised as
    nothing. Some labels are replaced by random ones in both.

    Args:
        targets: B targets, on the device on which the queries are wanted.
        classes: K; the label K marks padding.
        spec: how many queries and how much noise.
        generator: of random numbers, on the same device; torch's own by default.
    """
    most = max((len(t) for t in targets), default=0)
    if most == 0 or spec.queries == 0:
        return None
    groups, device = max(1, spec.queries // most), targets[0].boxes.device

    labels, boxes, real = padded(targets, classes)
    copies = 2 * groups
    labels, boxes, real = labels.repeat(1, copies), boxes.repeat(1, copies, 1), real.repeat(1, copies)  # [B, M]
    negative = torch.arange(labels.shape[1], device=device) // most % 2 == 1  # [M]

    def rand(*shape):
        return torch.rand(*shape, device=device, generator=generator)

    flip = (rand(*labels.shape) < spec.flip) & real
    other = torch.randint(classes, labels.shape, device=device, generator=generator)
    labels = torch.where(flip, other, labels)

    sign = torch.where(rand(*boxes.shape) < 0.5, -1.0, 1.0)
    amount = rand(*boxes.shape) + negative[:, None].float()
    half_sides = boxes[..., 2:].repeat(1, 1, 2) / 2
    xyxy = (to_xyxy(boxes) + sign * amount * half_sides * spec.scale).clamp(0, 1)
    boxes = to_cxcywh(xyxy).abs()  # corners that changed places still span a box

    # Where positives stand follows from the counts alone: to ask the GPU would be to wait for it.
    rows = [[2 * g * most + j for g in range(groups) for j in range(len(t))] for t in targets]
    positive = torch.tensor([index for row in rows for index in row], dtype=torch.int64).to(device)
    return NoisedQueries(labels, boxes, groups, positive.split([len(row) for row in rows]))
