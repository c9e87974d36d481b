"""A picture as a tensor, and its resize to the network's input: torchvision's arithmetic, by torch itself.

Importing torchvision imports half of torch's compiler with it, which takes longer than looking at a picture does; only
what training needs of it is imported, by those who train.
"""

from __future__ import annotations

import platform

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate


def planes(picture: Image.Image) -> Tensor:
    """An 8-bit picture's numbers, uint8 [C, H, W]: a view of [H, W, C], which is how they lie in memory."""
    array = np.array(picture)
    return torch.from_numpy(array if array.ndim == 3 else array[..., None]).permute(2, 0, 1)


def resize(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Pixels [C, H, W] as [C, *size], in their own type: bilinear, antialiased, and nothing else.

    Whole numbers are rounded to the nearest one. uint8 stays uint8 all the way where the processor has instructions for
    it, which rounds twice, as torchvision does: the published weights were trained that way.
    """
    if tuple(pixels.shape[-2:]) == tuple(size):
        return pixels
    channels, height, width = pixels.shape
    images = pixels[None]
    if pixels.stride(0) == 1:  # channels last; torch sees it by the first stride, though there is only one picture
        images = pixels.as_strided((1, channels, height, width), (pixels.numel(), *pixels.stride()))
    direct = pixels.is_floating_point() or (pixels.dtype == torch.uint8 and pixels.device.type == "cpu" and _in_uint8())
    images = images if direct else images.float()
    images = interpolate(images, list(size), mode="bilinear", align_corners=False, antialias=True)
    return (images if direct else images.round_().to(pixels.dtype))[0]


def _in_uint8() -> bool:
    """Whether torch resizes uint8 on this processor without a detour over float32."""
    return torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512") or platform.machine() in ("aarch64", "arm64")
