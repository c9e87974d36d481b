"""Changes to a picture and its answers together: (picture uint8 [3, H, W], Target) -> the same pair.

Boxes are relative to the picture, so a plain resize leaves them exactly as they are and a flip only mirrors centres;
neither takes a detour over pixels. Anything else that torchvision offers goes through `Torchvision`, which does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from dfine import boxes as box
from dfine.data.resize import resize
from dfine.trace.records import Target

Pair = tuple[Tensor, Target]
Transform = Callable[[Tensor, Target], Pair]


class Compose:
    """One transform after the other."""

    def __init__(self, *transforms: Transform):
        self.transforms = transforms

    def __call__(self, picture: Tensor, target: Target) -> Pair:
        for transform in self.transforms:
            picture, target = transform(picture, target)
        return picture, target


class Sometimes:
    """A change that is made to a share of the pictures; a kind of it says in `change` what is done.

    Args:
        p: probability with which a picture is changed.

    Raises:
        ValueError: it is none.
    """

    def __init__(self, p: float):
        if not 0 <= p <= 1:
            raise ValueError(f"the share of pictures for {type(self).__name__} is between 0 and 1, not {p}")
        self.p = p

    def __call__(self, picture: Tensor, target: Target) -> Pair:
        """(picture uint8 [3, H, W], Target) -> the same pair, drawn from torch's random state."""
        return self.change(picture, target) if torch.rand(()).item() < self.p else (picture, target)

    def change(self, picture: Tensor, target: Target) -> Pair:
        """The changed pair."""
        raise NotImplementedError


class Resize:
    """The preprocessing of D-FINE: a plain bilinear, antialiased resize to `size` = (height, width).

    The picture's proportions are not kept and nothing is padded: that is what the published weights were trained with.
    """

    def __init__(self, size: tuple[int, int]):
        self.size = (int(size[0]), int(size[1]))
        if min(self.size) < 1:
            raise ValueError(
                f"a picture cannot be resized to {self.size[0]}x{self.size[1]}; both sides must be positive"
            )

    def __call__(self, picture: Tensor, target: Target) -> Pair:
        return resize(picture, self.size), target


class RandomHorizontalFlip:
    """Mirrors left and right with probability `p`, drawn from torch's random state."""

    def __init__(self, p: float = 0.5):
        self.p = p

    def __call__(self, picture: Tensor, target: Target) -> Pair:
        if torch.rand(()).item() >= self.p:
            return picture, target
        cx, rest = target.boxes[:, :1], target.boxes[:, 1:]
        return picture.flip(-1), replace(target, boxes=torch.cat((1 - cx, rest), 1))


class Torchvision:
    """Any transform of torchvision v2, photometric or geometric: crops, zooms, affine maps, colours.

    Boxes travel as `tv_tensors.BoundingBoxes` in pixels; what a crop leaves outside the picture, or thinner than a
    pixel, is dropped together with its label.
    """

    def __init__(self, transform: Callable):
        from torchvision.transforms import v2  # slow to import, and asked for by few

        self.transform = transform
        self.sanitize = v2.SanitizeBoundingBoxes(min_size=1)

    def __call__(self, picture: Tensor, target: Target) -> Pair:
        from torchvision import tv_tensors

        h, w = picture.shape[-2:]
        pixels = box.to_pixels(target.boxes, (w, h))
        sample = {
            "image": tv_tensors.Image(picture),
            "boxes": tv_tensors.BoundingBoxes(pixels, format="XYXY", canvas_size=(h, w)),
            "labels": target.labels,
        }
        sample = self.sanitize(self.transform(sample))
        picture = sample["image"].as_subclass(Tensor)
        h, w = picture.shape[-2:]
        relative = box.from_pixels(sample["boxes"].as_subclass(Tensor), (w, h))
        return picture, replace(target, labels=sample["labels"], boxes=relative)
