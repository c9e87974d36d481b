"""Pictures of any kind (files, arrays, tensors) as upright 8-bit RGB, and as the detector's input."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from dfine.data.resize import planes, resize
from dfine.data.rgb import PictureError, formats, from_array, from_bytes, from_file, rgb

__all__ = ["Picture", "PictureError", "checked_batch", "formats", "read", "to_batch", "to_pixels"]

Picture = str | os.PathLike | bytes | Image.Image | np.ndarray | Tensor


def read(source: Picture) -> Image.Image:
    """An upright RGB picture, 8 bits a channel.

    Of an animation it is the first frame; EXIF rotation is applied; transparency is laid over white; 16 bits are scaled
    down, not clipped. Arrays and tensors hold RGB, not BGR: uint8 or uint16, floats in 0..1 (or in 0..255 where any
    value is above 1), as [H, W], [H, W, C] or [C, H, W].

    Args:
        source: a path, the bytes of a file, a PIL image, a numpy array or a tensor.

    Raises:
        PictureError: it cannot be read as a picture.
    """
    if isinstance(source, Image.Image):
        return rgb(source, "the picture")
    if isinstance(source, Tensor):
        source = source.detach().cpu()
        source = source.float() if source.dtype == torch.bfloat16 else source
        return from_array(source.numpy(), planes=True)
    if isinstance(source, np.ndarray):
        return from_array(source)
    if isinstance(source, (str, os.PathLike)):
        return from_file(os.path.expanduser(source))
    if isinstance(source, (bytes, bytearray, memoryview)):
        return from_bytes(bytes(source))
    raise PictureError(
        "a picture is a path, the bytes of a file, a PIL image, an array or a tensor, not "
        f"{type(source).__name__}; several pictures go in a list"
    )


def to_pixels(picture: Image.Image, size: tuple[int, int]) -> Tensor:
    """The detector's input: the picture resized to `size` = (height, width), float [3, height, width] in 0..1.

    A plain bilinear, antialiased resize whatever the picture's shape; no letterbox, no mean, no standard deviation.
    """
    pixels = resize(planes(picture), size)
    # By numpy, in this thread: threads of torch, once woken, would spin for milliseconds beside those of other engines.
    return torch.from_numpy(np.divide(pixels.permute(1, 2, 0).numpy(), 255, dtype=np.float32)).permute(2, 0, 1)


def to_batch(pixels: Sequence[Tensor]) -> Tensor:
    """Inputs [3, H, W] of one size as a batch [B, 3, H, W]; a single one is not copied."""
    return pixels[0][None] if len(pixels) == 1 else torch.stack(list(pixels))


def checked_batch(pixels: Tensor) -> Tensor:
    """A batch [B, 3, H, W] in 0..1 of any floating-point type, in single precision.

    Raises:
        ValueError: it is something else, or of no picture.
    """
    floats = isinstance(pixels, Tensor) and pixels.is_floating_point()
    if not floats or pixels.ndim != 4 or pixels.shape[1] != 3 or not len(pixels):
        kind = f"{pixels.dtype} {list(pixels.shape)}" if isinstance(pixels, Tensor) else type(pixels).__name__
        raise ValueError(
            f"pixels must be floats [B, 3, H, W] in 0..1 of at least one picture, not {kind}; pictures of other "
            "kinds go into the model itself, or through `dfine.data.pictures.to_pixels` and `to_batch`"
        )
    return pixels.float()
