"""Put drawn pictures among the training pictures, so that a detector of photographs knows drawings of what it knows.

A network that has met only photographs goes by texture more than by shape (Geirhos et al., arXiv 1811.12231), and a
drawing has none. What is drawn are the things of `dfine.data.scenes.everyday` and those of scenes, as far as the data
set has a class that is called like them. The other things of scenes stand among them without being asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import torch

from dfine import boxes as box
from dfine.data.labels import same
from dfine.data.occluders import integer, uniform
from dfine.data.scenes.composition import DIALS, compose
from dfine.data.scenes.dataset import random_dials
from dfine.data.scenes.effects import render
from dfine.data.scenes.everyday import EVERYDAY
from dfine.data.scenes.props import Actor
from dfine.data.scenes.shapes import SHAPES
from dfine.data.scenes.strokes import Part
from dfine.data.transforms import Pair, Sometimes
from dfine.trace.records import Target

Sketch = Callable[[Random], list[Part]]

DRAWABLE: dict[str, Sketch] = SHAPES | EVERYDAY
OTHERS = 1 / 3  # share of the things that are drawn without being asked for
HARD = 0.3  # share of the pictures with dials turned up
ICONS = 0.5  # share of the pictures that are cut to one of their things, before a plain background
MARGIN = 0.4  # of an icon's longer side that may be left free on each of its sides, at most
VISIBLE = 0.25  # share of another thing's box that must lie in an icon for it to be asked for
SMALLEST = 160  # pixels in the shorter side of a drawing, at least


class Drawn(Sometimes):
    """Replaces some of the pictures by drawings of things of the same classes, with their exact boxes.

    Half of them are scenes with several things, and half are cut to one thing, as an icon is. Their size is about that
    of the picture that they replace.

    Args:
        p: probability with which a picture is replaced.
        names: classes of the data set, in order.

    Raises:
        ValueError: no class of these names can be drawn, or the share is none.
    """

    def __init__(self, p: float, names: Sequence[str]):
        super().__init__(p)
        self.cast = cast(names)

    def change(self, picture: torch.Tensor, target: Target) -> Pair:
        height, width = (max(SMALLEST, side) for side in picture.shape[-2:])
        long = min(max(width, height), 3 * min(width, height))  # scenes are at most four times as long as wide
        size = min(width, long), min(height, long)
        icon, seed = uniform(0, 1) < ICONS, integer(0, 2**31 - 1)
        dials = dict.fromkeys(DIALS, 0.0)
        if not icon and uniform(0, 1) < HARD:
            dials |= random_dials(np.random.default_rng(seed))
        short = min(size)
        plan = compose(seed, (size[0] / short, size[1] / short), dials, self.cast)
        if icon:
            colour = plan.backdrop.colours[0]
            plan = replace(plan, backdrop=replace(plan.backdrop, colours=(colour, colour), grain=0.0, clutter=()))
        drawing = torch.from_numpy(render(plan, size)).permute(2, 0, 1)
        labels, corners = torch.from_numpy(plan.labels), torch.from_numpy(plan.boxes).float() * short
        if icon and len(labels):
            drawing, labels, corners = _cut(drawing, labels, corners)
        size = drawing.shape[2], drawing.shape[1]
        return drawing.contiguous(), replace(target, labels=labels, boxes=box.from_pixels(corners, size))


def cast(names: Sequence[str]) -> tuple[Actor, ...]:
    """What may appear in drawings for these classes, two thirds of it things that are asked for.

    Raises:
        ValueError: none of these names can be drawn.
    """
    drawable = same(names, tuple(DRAWABLE))
    asked = [Actor(drawable[n], label, DRAWABLE[drawable[n]]) for label, n in enumerate(names) if n in drawable]
    if not asked:
        raise ValueError(
            f"none of the classes {', '.join(names)} can be drawn; these can: {', '.join(sorted(DRAWABLE))}"
        )
    others = [Actor(name, -1, sketch) for name, sketch in SHAPES.items() if name not in drawable.values()]
    often = max(1, round(len(others) * (1 - OTHERS) / OTHERS / len(asked)))
    return (*asked * often, *others)


def _cut(drawing: torch.Tensor, labels: torch.Tensor, corners: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The surroundings of one of the things, which labels are left there, and their corners [n, 4] in pixels."""
    height, width = drawing.shape[-2:]
    chosen = corners[integer(0, len(labels) - 1)]
    reach = float((chosen[2:] - chosen[:2]).max()) * MARGIN
    x1, y1 = (max(0, int(v - uniform(0, reach))) for v in chosen[:2].tolist())
    x2, y2 = (min(side, int(v + uniform(0, reach)) + 1) for v, side in zip(chosen[2:].tolist(), (width, height)))
    window = corners.new_tensor((x1, y1, x2, y2))
    kept = box.share_inside(corners, window) >= VISIBLE
    clipped = corners[kept].clamp(min=window[:2].repeat(2), max=window[2:].repeat(2)) - window[:2].repeat(2)
    return drawing[:, y1:y2, x1:x2], labels[kept], clipped
