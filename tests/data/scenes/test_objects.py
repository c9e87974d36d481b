"""Shapes of things that people make: what makes each of them what it is, by its polygons."""

from random import Random

import numpy as np
import pytest

from dfine.data.scenes import objects
from dfine.data.scenes.strokes import ACCENT, DARK, HOLE, LIGHT, MAIN, SECOND

SEEDS = range(8)


def of(parts, paint):
    return [points for points, p in parts if p == paint]


def inside(inner, outer) -> bool:
    return bool((inner.min(0) >= outer.min(0)).all() and (inner.max(0) <= outer.max(0)).all())


@pytest.mark.parametrize("seed", SEEDS)
def test_the_bow_of_a_key_and_the_handle_of_a_cup_have_a_hole(seed):
    for sketch, around in ((objects.key, 1), (objects.cup, 0)):
        parts = sketch(Random(seed))
        (hole,) = of(parts, HOLE)
        assert inside(hole, of(parts, MAIN)[around])
        paints = [paint for _, paint in parts]
        assert paints.index(HOLE) > paints.index(MAIN), "it cuts what was painted before"


@pytest.mark.parametrize("seed", SEEDS)
def test_door_and_window_of_a_house_stand_side_by_side_in_its_wall(seed):
    parts = objects.house(Random(seed))
    (wall,), (door,), (window,) = of(parts, MAIN), of(parts, DARK), of(parts, LIGHT)
    assert inside(door, wall) and inside(window, wall)
    assert door[:, 0].min() > window[:, 0].max() or window[:, 0].min() > door[:, 0].max()


@pytest.mark.parametrize("seed", SEEDS)
def test_a_car_stands_on_two_wheels_of_one_size(seed):
    wheels = of(objects.car(Random(seed)), DARK)
    assert len(wheels) == 2
    np.testing.assert_allclose(np.ptp(wheels[0], axis=0), np.ptp(wheels[1], axis=0))
    bottom = max(p[:, 1].max() for p, paint in objects.car(Random(seed)))
    assert all(w[:, 1].max() == bottom for w in wheels)


@pytest.mark.parametrize("seed", SEEDS)
def test_sails_do_not_touch_the_hull(seed):
    parts = objects.boat(Random(seed))
    (hull,), sails = of(parts, MAIN), of(parts, SECOND) + of(parts, ACCENT)
    assert len(sails) == 2 and all(s[:, 1].max() < hull[:, 1].min() for s in sails)


@pytest.mark.parametrize("seed", SEEDS)
def test_bells_and_shades_of_lamps_are_the_same_left_and_right(seed):
    for sketch in (objects.bell, objects.lamp):
        (hull,) = of(sketch(Random(seed)), MAIN)
        mirrored = {tuple(p) for p in (hull * (-1, 1)).round(9).tolist()}
        assert {tuple(p) for p in hull.round(9).tolist()} == mirrored


@pytest.mark.parametrize("seed", SEEDS)
def test_the_panels_of_an_umbrella_lie_on_its_dome(seed):
    parts = objects.umbrella(Random(seed))
    (dome,), panels = of(parts, MAIN), of(parts, SECOND)
    assert panels
    for panel in panels:
        assert panel[:, 0].min() >= -1 and panel[:, 0].max() <= 1 and panel[:, 1].max() <= dome[:, 1].max() + 0.05
