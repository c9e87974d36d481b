"""Contrastive denoising (DINO, arXiv 2203.03605, section 3.3): truth with noise on it, for the decoder to restore."""

from __future__ import annotations

import torch

from dfine.boxes import to_cxcywh, to_xyxy
from dfine.config import NoiseSpec
from dfine.trace.records import NoisedQueries, Target


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
    groups, batch, device = max(1, spec.queries // most), len(targets), targets[0].boxes.device

    labels = torch.full((batch, most), classes, device=device)
    boxes = torch.zeros(batch, most, 4, device=device)
    real = torch.zeros(batch, most, dtype=torch.bool, device=device)
    for i, target in enumerate(targets):
        labels[i, : len(target)] = target.labels
        boxes[i, : len(target)] = target.boxes.float()
        real[i, : len(target)] = True
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

    positive = (real & ~negative).nonzero()
    rows = positive[:, 1].split([len(t) * groups for t in targets])
    return NoisedQueries(labels, boxes, groups, rows)
