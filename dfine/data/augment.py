"""What training does to its pictures: the published augmentations, and batches of several sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from PIL import Image, ImageEnhance, ImageFilter
from torch import Tensor
from torch.nn.functional import interpolate

from dfine import boxes as box
from dfine.data.resize import planes, resize
from dfine.data.transforms import Compose, Pair, RandomHorizontalFlip, Resize, Sometimes, Torchvision, Transform
from dfine.trace.base import COARSEST
from dfine.trace.records import Target


def strong() -> Transform:
    """The published strong augmentations, in their order (D-FINE's `dataloader.yml`): before the resize.

    Photometric distortion (p = 0.5), zoom-out up to 4 times onto black (p = 0.5), a crop that keeps a random IoU with
    some object (p = 0.8), and a flip (p = 0.5); boxes thinner than a pixel afterwards are dropped.
    """
    from torchvision.transforms import v2  # slow to import, and asked for by few

    return Compose(
        Torchvision(v2.RandomPhotometricDistort(p=0.5)),
        Torchvision(v2.RandomZoomOut(fill=0)),
        Torchvision(v2.RandomApply([v2.RandomIoUCrop()], p=0.8)),
        RandomHorizontalFlip(),
    )


def plain() -> Transform:
    """What is left of it in the last epochs: the flip."""
    return RandomHorizontalFlip()


class Downscale(Sometimes):
    """Shrinks some pictures to between an eighth and a half of their sides, so that small and blurred ones are met too.

    The resize to the network's input enlarges them again. The factor is drawn evenly in its logarithm. An object of
    which less than 2 pixels are left in width or height is dropped from the answers: nobody could find it.
    """

    FACTORS = (1 / 8, 1 / 2)
    SMALLEST = 2.0  # pixels

    def change(self, picture: Tensor, target: Target) -> Pair:
        low, high = self.FACTORS
        factor = low * (high / low) ** torch.rand(()).item()
        height, width = (max(1, round(side * factor)) for side in picture.shape[-2:])
        left = target.boxes[:, 2:] * target.boxes.new_tensor([width, height])
        kept = left.amin(1) >= self.SMALLEST
        return resize(picture, (height, width)), replace(target, labels=target.labels[kept], boxes=target.boxes[kept])


class Posterize(Sometimes):
    """Reduces some pictures to a few flat, often vivid colours, so that drawings and icons are met, too.

    A median filter takes small structure away, and the colours, 4 to 16 of them, are the picture's own (median cut). A
    network that has met only photographs goes by texture more than by shape (Geirhos et al., arXiv 1811.12231), and a
    drawing has none.
    """

    COLOURS, SATURATION = (4, 16), (1.0, 2.5)
    SAMPLE = 64  # pixels in width and height of what the colours are taken from

    def change(self, picture: Tensor, target: Target) -> Pair:
        few, many = self.COLOURS
        colours = round(few * (many / few) ** torch.rand(()).item())
        vivid = self.SATURATION[0] + (self.SATURATION[1] - self.SATURATION[0]) * torch.rand(()).item()
        smooth = Image.fromarray(picture.permute(1, 2, 0).numpy()).filter(ImageFilter.MedianFilter(3))
        bright = ImageEnhance.Color(smooth).enhance(vivid)
        # Median cut of the whole picture takes a third of a second; of a sample, a hundredth.
        palette = bright.resize((self.SAMPLE, self.SAMPLE), Image.Resampling.NEAREST).quantize(colours)
        return planes(bright.quantize(palette=palette, dither=0).convert("RGB")).contiguous(), target


class Mosaic:
    """Makes a training picture of four: each shrunk at random and laid around one point, for more objects a picture.

    After Bochkovskiy et al., "YOLOv4" (arXiv 2004.10934), section 3.3. The point where the four meet lies in the middle
    40 % of either side. Each picture is resized to between 0.4 and 1 of the whole and laid with a corner at that point;
    what sticks out of its quarter is cut off, and what it leaves free stays grey. An object of which less than a
    quarter is left, or less than 2 pixels in width or height, is dropped.

    Args:
        p: probability with which a picture becomes a mosaic.
        size: (height, width) of the mosaic.
    """

    GREY = 114
    SMALLEST, VISIBLE = 2.0, 0.25  # pixels; share of the object's area

    def __init__(self, p: float, size: tuple[int, int]):
        from torchvision.transforms import v2

        if not 0 <= p <= 1:
            raise ValueError(f"the share of mosaics is between 0 and 1, not {p}")
        self.p, self.size = p, size
        # What else is done to a mosaic: it needs no zooming out, but crops bring its small objects near again.
        crop = v2.RandomApply([v2.RandomIoUCrop()], p=0.8)
        self.after = Compose(Torchvision(v2.RandomPhotometricDistort(p=0.5)), Torchvision(crop), RandomHorizontalFlip())

    def wanted(self) -> bool:
        """Whether this time is one, drawn from torch's random state."""
        return self.p > 0 and torch.rand(()).item() < self.p

    def __call__(self, read: Callable[[int], Pair], index: int, count: int) -> Pair:
        """A mosaic of item `index` and three others of `count`, each read by `read`; it keeps the first one's id."""
        others = torch.randint(count, (3,)).tolist()
        height, width = self.size
        x, y = (int(side * (0.3 + 0.4 * torch.rand(()).item())) for side in (width, height))
        canvas = torch.full((3, height, width), self.GREY, dtype=torch.uint8)
        first, labels, corners = None, [], []
        for quarter, item in enumerate((index, *others)):
            picture, target = read(item)
            first = target if first is None else first
            picture, place, kept, boxes = self._placed(picture, target, (x, y), quarter)
            left, top, right, bottom = place
            canvas[:, top:bottom, left:right] = picture
            labels.append(target.labels[kept])
            corners.append(boxes[kept])
        relative = box.from_pixels(torch.cat(corners), (width, height))
        return self.after(canvas, replace(first, labels=torch.cat(labels), boxes=relative))

    def _placed(self, picture: Tensor, target: Target, meeting: tuple[int, int], quarter: int):
        """One picture cut to its quarter, its place [4] in pixels, which objects stay [n], all corners [n, 4].

        `quarter` 0 to 3 is upper left, upper right, lower left, lower right of the point `meeting` (x, y).
        """
        height, width = self.size
        scale = 0.4 + 0.6 * torch.rand(()).item()
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        picture, _ = Resize((h, w))(picture, target)
        x, y = meeting
        left, top = (x - w, x)[quarter % 2], (y - h, y)[quarter // 2]
        room = torch.tensor(
            [(0, x)[quarter % 2], (0, y)[quarter // 2], (x, width)[quarter % 2], (y, height)[quarter // 2]]
        )
        whole = box.to_pixels(target.boxes, (w, h)) + torch.tensor([left, top, left, top])
        cut = torch.cat((whole[:, :2].maximum(room[:2]), whole[:, 2:].minimum(room[2:])), 1)
        sides, before = (cut[:, 2:] - cut[:, :2]).clamp(min=0), whole[:, 2:] - whole[:, :2]
        kept = (sides.prod(1) >= self.VISIBLE * before.prod(1)) & (sides.amin(1) >= self.SMALLEST)
        place = [
            max(left, int(room[0])),
            max(top, int(room[1])),
            min(left + w, int(room[2])),
            min(top + h, int(room[3])),
        ]
        piece = picture[:, place[1] - top : place[3] - top, place[0] - left : place[2] - left]
        return piece, place, kept, cut


def sizes(base: tuple[int, int], repeats: int | None) -> list[tuple[int, int]]:
    """The (height, width) that batches are drawn from: `base` `repeats` times, and others within a quarter of it.

    As published for squares (`generate_scales`): the sides are multiples of 32. Of other inputs the longer side takes
    those steps, and the shorter one follows in proportion. For None, every batch has the base size.
    """
    if repeats is None:
        return [base]
    long = max(base)
    low, high = int(long * 0.75 / COARSEST) * COARSEST, int(long * 1.25 / COARSEST) * COARSEST
    steps = range(0, long - low, COARSEST)
    return [_scaled(base, side) for side in [*(low + s for s in steps), *[long] * repeats, *(high - s for s in steps)]]


def _scaled(base: tuple[int, int], long: int) -> tuple[int, int]:
    """`base` with `long` as its longer side, the other one to the nearest multiple of 32."""
    height, width = (max(1, round(side * long / max(base) / COARSEST)) * COARSEST for side in base)
    return height, width


def resized(pixels: Tensor, choices: list[tuple[int, int]], seed: int) -> Tensor:
    """A batch [B, 3, H, W] in 0..1 at a size drawn from `choices`, which depends on the seed only.

    Unlike the published code, which takes the nearest pixel, it interpolates: nearest neighbours alias.
    """
    now = tuple(pixels.shape[-2:])
    if choices == [now]:
        return pixels
    pick = torch.randint(len(choices), (), generator=torch.Generator().manual_seed(seed))
    size = choices[int(pick)]
    if size == now:
        return pixels
    return interpolate(pixels, size, mode="bilinear", antialias=size[0] < now[0])
