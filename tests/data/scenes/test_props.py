"""Objects as they are painted: their boxes, and how they are turned."""

from random import Random

import numpy as np
import pytest

from dfine.data.scenes import props
from dfine.data.scenes.everyday import EVERYDAY
from dfine.data.scenes.painting import alpha
from dfine.data.scenes.props import CAST, Actor
from tests.data.scenes.masks import extents

ACTORS = [*CAST, *(Actor(name, 7, sketch) for name, sketch in EVERYDAY.items())]


@pytest.mark.parametrize("actor", ACTORS, ids=[f"{actor.label}-{actor.name}" for actor in ACTORS])
@pytest.mark.parametrize("scale", [64, 300])
def test_the_box_is_where_the_paint_ends(actor, scale):
    """The geometry's box and the extents of the drawn alpha mask agree within a pixel, outlined and turned or not."""
    for seed in range(4):
        r = Random(seed)
        thing = props.drawn_object(r, actor, 0.6, seed / 3, props.backdrop(r, (1.0, 1.0))).put(0.5, 0.4)
        assert thing.label == actor.label
        cover, left, top = alpha(thing, scale)
        box = np.array(thing.box) * scale - (left, top, left, top)
        outward = np.array((-1, -1, 1, 1))
        assert ((extents(cover, 0.0) - box) * outward > -1).all()  # some paint reaches to within a pixel of every edge
        assert ((extents(cover, 0.35) - box) * outward < 1).all()  # and no more than a trace of it lies a pixel beyond


def test_rotation_turns_things():
    """At 0 a hammer stands: taller than wide, always. At 1 it lies in some pictures."""

    def shape(seed: int, rotation: float) -> float:
        thing = props.drawn_object(Random(seed), hammer, 0.5, rotation, backdrop)
        x1, y1, x2, y2 = thing.extent
        return (y2 - y1) / (x2 - x1)

    hammer = next(actor for actor in CAST if actor.name == "hammer")
    backdrop = props.backdrop(Random(0), (1.0, 1.0))
    assert min(shape(i, 0.0) for i in range(20)) > 1
    assert min(shape(i, 1.0) for i in range(20)) < 1
