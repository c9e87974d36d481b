"""Objects as they are painted: their boxes, and how they are turned."""

from random import Random

import numpy as np
import pytest

from dfine.data.scenes import NAMES, props
from dfine.data.scenes.painting import alpha
from tests.data.scenes.masks import extents


@pytest.mark.parametrize("label", range(len(NAMES)), ids=NAMES)
@pytest.mark.parametrize("scale", [64, 300])
def test_the_box_is_where_the_paint_ends(label, scale):
    """The geometry's box and the extents of the drawn alpha mask agree within a pixel, outlined and turned or not."""
    for seed in range(4):
        r = Random(seed)
        thing = props.drawn_object(r, label, 0.6, seed / 3, props.backdrop(r, (1.0, 1.0))).put(0.5, 0.4)
        cover, left, top = alpha(thing, scale)
        box = np.array(thing.box) * scale - (left, top, left, top)
        outward = np.array((-1, -1, 1, 1))
        assert ((extents(cover, 0.0) - box) * outward > -1).all()  # some paint reaches to within a pixel of every edge
        assert ((extents(cover, 0.35) - box) * outward < 1).all()  # and no more than a trace of it lies a pixel beyond


def test_rotation_turns_things():
    """At 0 a hammer stands: taller than wide, always. At 1 it lies in some pictures."""

    def shape(seed: int, rotation: float) -> float:
        thing = props.drawn_object(Random(seed), NAMES.index("hammer"), 0.5, rotation, backdrop)
        x1, y1, x2, y2 = thing.extent
        return (y2 - y1) / (x2 - x1)

    backdrop = props.backdrop(Random(0), (1.0, 1.0))
    assert min(shape(i, 0.0) for i in range(20)) > 1
    assert min(shape(i, 1.0) for i in range(20)) < 1
