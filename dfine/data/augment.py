"""What training does to its pictures: the published augmentations, and batches of several sizes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torchvision.transforms import v2

from dfine.data.transforms import Compose, RandomHorizontalFlip, Torchvision, Transform

STRIDE = 32  # inputs are multiples of it


def strong() -> Transform:
    """The published strong augmentations, in their order (D-FINE's `dataloader.yml`): before the resize.

    Photometric distortion (p = 0.5), zoom-out up to 4 times onto black (p = 0.5), a crop that keeps a random IoU with
    some object (p = 0.8), and a flip (p = 0.5); boxes thinner than a pixel afterwards are dropped.
    """
    return Compose(
        Torchvision(v2.RandomPhotometricDistort(p=0.5)),
        Torchvision(v2.RandomZoomOut(fill=0)),
        Torchvision(v2.RandomApply([v2.RandomIoUCrop()], p=0.8)),
        RandomHorizontalFlip(),
    )


def plain() -> Transform:
    """What is left of it in the last epochs: the flip."""
    return RandomHorizontalFlip()


def sizes(base: int, repeats: int | None) -> list[int]:
    """The sides that batches are drawn from: `base` itself `repeats` times, and multiples of 32 within a quarter of it.

    As published (`generate_scales`); for None, every batch has the base size.
    """
    if repeats is None:
        return [base]
    low, high = int(base * 0.75 / STRIDE) * STRIDE, int(base * 1.25 / STRIDE) * STRIDE
    steps = range(0, base - low, STRIDE)
    return [low + s for s in steps] + [base] * repeats + [high - s for s in steps]


def resized(pixels: Tensor, choices: list[int], seed: int) -> Tensor:
    """A batch [B, 3, S, S] in 0..1 at a side drawn from `choices`, which depends on the seed alone.

    Unlike the published code, which takes the nearest pixel, it interpolates: nearest neighbours alias.
    """
    if len(choices) == 1 == choices.count(pixels.shape[-1]):
        return pixels
    pick = torch.randint(len(choices), (), generator=torch.Generator().manual_seed(seed))
    side = choices[int(pick)]
    if side == pixels.shape[-1]:
        return pixels
    return interpolate(pixels, (side, side), mode="bilinear", antialias=side < pixels.shape[-1])
