"""Put drawn pictures among the training pictures, so that a detector of photographs knows drawings of what it knows.

Why it does not know them by itself, `augment.Posterize` says. What is drawn are the things of
`dfine.data.scenes.everyday` and those of scenes, as far as the data set has a class that is called like them. The other
things of scenes stand among them without being asked for, save those that a class may mean by another name (`AKIN`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import torch

from dfine import boxes as box
from dfine.data.labels import same
from dfine.data.occluders import integer, uniform
from dfine.data.scenes.composition import DIALS, Composition, compose
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
# Other names of things of scenes, and kinds that they belong to. A class in whose name one stands may mean the thing,
# which would not have its label: it is not drawn then. Names that end in one, as "sailboat" does, count, too.
AKIN = {
    "ring": "jewelry jewellery",
    "arrow": "sign",
    "cup": "mug beaker goblet crockery tableware drinkware",
    "house": "home building hut cottage cabin barn shed",
    "fish": "shark salmon trout carp tuna animal",
    "tree": "fir pine spruce oak palm conifer plant vegetation",
    "umbrella": "parasol sunshade",
    "moon": "crescent",
    "flower": "rose tulip daisy blossom plant",
    "car": "vehicle automobile auto suv sedan hatchback taxi cab van jeep",
    "boat": "ship vessel yacht watercraft dinghy sail vehicle",
    "bird": "pigeon gull sparrow parrot robin crow finch dove animal",
    "lamp": "light lantern",
    "crown": "tiara diadem",
    "mushroom": "fungus toadstool",
    "hammer": "mallet tool",
    "glasses": "spectacles eyewear goggles",
    "kite": "toy",
    "balloon": "toy",
}
OTHERS = 1 / 3  # share of the things that are drawn without being asked for
ICONS = 0.5  # share of the drawings that are one thing, before a plain background
HARD = 0.3  # share of the others that have dials turned up
MARGIN = 0.4  # of the longer side of an icon's thing that may be left free on each of its sides, at most
SMALLEST, LARGEST = 160, 1280  # pixels in the shorter side of a scene, at least, and in the longer one, at most


class Drawn(Sometimes):
    """Replaces some of the pictures by drawings of things of the same classes, with their exact boxes.

    Half of them are scenes with several things, and half are icons, which show only one. Scenes are about as large as
    the picture that they replace, up to 1280 pixels, since their cost grows with their size.

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
        size = _size(*picture.shape[-2:])
        icon, seed = uniform(0, 1) < ICONS, integer(0, 2**31 - 1)
        dials = dict.fromkeys(DIALS, 0.0)
        if not icon and uniform(0, 1) < HARD:
            dials |= random_dials(np.random.default_rng(seed))
        short = min(size)
        plan = compose(seed, (size[0] / short, size[1] / short), dials, self.cast)
        icon = icon and len(plan.objects) > 0
        plan = _alone(plan) if icon else plan
        drawing = torch.from_numpy(render(plan, size)).permute(2, 0, 1)
        corners = torch.from_numpy(plan.boxes).float() * short
        if icon:
            drawing, corners = _cut(drawing, corners)
        size = drawing.shape[2], drawing.shape[1]
        boxes = box.from_pixels(corners, size)
        return drawing.contiguous(), replace(target, labels=torch.from_numpy(plan.labels), boxes=boxes)


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
    known = {*drawable.values(), *akin(names)}
    others = [Actor(name, -1, sketch) for name, sketch in SHAPES.items() if name not in known]
    often = max(1, round(len(others) * (1 - OTHERS) / OTHERS / len(asked)))
    return (*asked * often, *others)


def akin(names: Sequence[str]) -> set[str]:
    """The things of scenes that one of these classes may mean, by the words of its name: singular or plural."""
    words = {word for name in names for word in re.findall(r"[^\W\d_]+", name.casefold())}
    ends = tuple(words | {word.removesuffix("s") for word in words} | {word.removesuffix("es") for word in words})
    return {thing for thing in SHAPES if any(word.endswith((thing, *AKIN.get(thing, "").split())) for word in ends)}


def _size(height: int, width: int) -> tuple[int, int]:
    """(width, height) of a scene in the place of a picture of that size: no strip, neither tiny nor huge."""
    shrink = min(1.0, LARGEST / max(height, width))
    width, height = (max(SMALLEST, round(side * shrink)) for side in (width, height))
    long = 3 * min(width, height)
    return min(width, long), min(height, long)


def _alone(plan: Composition) -> Composition:
    """One of the objects, before a plain background."""
    colour = plan.backdrop.colours[0]
    plain = replace(plan.backdrop, colours=(colour, colour), grain=0.0, clutter=())
    chosen = plan.objects[integer(0, len(plan.objects) - 1)]
    return replace(plan, backdrop=plain, things=(plan.things[chosen],), shown=(plan.shown[chosen],))


def _cut(drawing: torch.Tensor, corners: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The surroundings of the only thing of a drawing, whose corners are [1, 4] in pixels, and its corners there."""
    height, width = drawing.shape[-2:]
    reach = float((corners[0, 2:] - corners[0, :2]).max()) * MARGIN
    x1, y1 = (max(0, int(v - uniform(0, reach))) for v in corners[0, :2].tolist())
    x2, y2 = (min(side, int(v + uniform(0, reach)) + 1) for v, side in zip(corners[0, 2:].tolist(), (width, height)))
    return drawing[:, y1:y2, x1:x2], corners - corners.new_tensor((x1, y1, x1, y1))
