"""Paint is where the geometry says; shadow and blur widen no box."""

from dataclasses import replace

import numpy as np
import pytest

from dfine.data.scenes.painting import Texture, Thing, alpha, mask, paint


def test_a_shadow_and_a_blur_reach_beyond_the_box_but_do_not_move_it():
    points = np.array(((-0.2, -0.2), (0.2, -0.2), (0.2, 0.2), (-0.2, 0.2)))
    thing = Thing(0, ((points, (0, 0, 0), False),), (0.5, 0.5), shadow=0.5)
    canvas = np.full((100, 100, 3), 255.0, np.float32)
    paint(canvas, thing, 100, (0.0, -1.0), blur=2.0)
    assert thing.box == pytest.approx((0.3, 0.3, 0.7, 0.7))
    assert canvas[73, 50].max() < 250  # below the box, where the shadow falls
    assert canvas[10, 50].min() == 255
    assert canvas[50, 50].max() == 0


def square(side=0.2, **options) -> Thing:
    """A square around (0, 0), put into the middle of a picture."""
    points = np.array(((-side, -side), (side, -side), (side, side), (-side, side)))
    return Thing(0, ((points, (200, 0, 0), False),), (0.5, 0.5), **options)


def test_a_cover_by_hand():
    cover, left, top = mask(square(), 100)
    y, x = np.nonzero(cover)
    assert cover.dtype == bool and cover.sum() == 41 * 41  # both borders of the polygon are painted
    assert (left + x.min(), top + y.min()) == (30, 30)
    shares, *place = alpha(square(), 100)
    assert tuple(place) == (left, top) and shares.max() == 1 and abs(shares.sum() - 40 * 40) < 45


def test_a_hole_cuts_through_what_lies_below_it():
    ring = square()
    hole = np.array(((-0.1, -0.1), (0.1, -0.1), (0.1, 0.1), (-0.1, 0.1)))
    ring = replace(ring, parts=(*ring.parts, (hole, None, False)))
    assert ring.box == square().box
    assert mask(ring, 100)[0].sum() == 41**2 - 21**2
    canvas = np.full((100, 100, 3), 50.0, np.float32)
    paint(canvas, ring, 100, (0.0, -1.0))
    assert canvas[50, 50].tolist() == [50, 50, 50] and canvas[35, 50].tolist() == [200, 0, 0]


def test_half_of_an_outline_lies_outside_the_polygon_and_belongs_to_the_box():
    points = square().parts[0][0]
    outlined = Thing(0, ((points, (200, 0, 0), True),), (0.5, 0.5), outline=(0, 0, 0), width=0.1)
    assert outlined.box == pytest.approx((0.25, 0.25, 0.75, 0.75))
    assert mask(outlined, 100)[0].sum() > mask(square(), 100)[0].sum()


def test_a_thing_is_moved_and_nothing_else():
    moved = square(shade=0.2).put(0.1, 0.9)
    assert moved.at == (0.1, 0.9) and moved.extent == square().extent and moved.shade == 0.2
    assert moved.box == pytest.approx((-0.1, 0.7, 0.3, 1.1)), "also where it leaves the picture"


@pytest.mark.parametrize("at", [(-2.0, 0.5), (0.5, 3.0), (1.19, 0.5), (-0.15, -0.15)])
def test_what_lies_beside_the_picture_is_cut_off_without_harm(at):
    canvas = np.zeros((100, 100, 3), np.float32)
    paint(canvas, square(shadow=0.4).put(*at), 100, (0.0, -1.0), blur=1.0)
    assert canvas.shape == (100, 100, 3) and (canvas[40:60, 40:60] == 0).all()


@pytest.mark.parametrize("kind, values", [("plain", 1), ("stripes", 3), ("dots", 3), ("checks", 3)])
def test_textures_lighten_and_darken_about_equally_and_repeat(kind, values):
    texture = Texture(kind, 0.1, period=0.25)
    u = np.linspace(0, 1, 81)[None]
    v = np.linspace(0, 1, 81)[:, None]
    seen = texture(u, v) * np.ones((81, 81))
    assert -1 <= seen.min() <= seen.max() <= 1 and len(np.unique(seen.round(2))) >= values
    np.testing.assert_allclose(seen, texture(u + 0.25, v + 0.25) * np.ones((81, 81)), atol=1e-9)


def test_the_lit_side_is_lighter():
    canvas = np.zeros((100, 100, 3), np.float32)
    paint(canvas, square(shade=0.25), 100, (-1.0, 0.0))
    assert canvas[50, 32, 0] > canvas[50, 50, 0] > canvas[50, 68, 0]
