"""Paint is where the geometry says; shadow and blur widen no box."""

import numpy as np
import pytest

from dfine.data.scenes.painting import Thing, paint


def test_a_shadow_and_a_blur_reach_beyond_the_box_but_do_not_move_it():
    points = np.array(((-0.2, -0.2), (0.2, -0.2), (0.2, 0.2), (-0.2, 0.2)))
    thing = Thing(0, ((points, (0, 0, 0), False),), (0.5, 0.5), shadow=0.5)
    canvas = np.full((100, 100, 3), 255.0, np.float32)
    paint(canvas, thing, 100, (0.0, -1.0), blur=2.0)
    assert thing.box == pytest.approx((0.3, 0.3, 0.7, 0.7))
    assert canvas[73, 50].max() < 250  # below the box, where the shadow falls
    assert canvas[10, 50].min() == 255
    assert canvas[50, 50].max() == 0
