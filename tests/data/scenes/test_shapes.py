"""The sketches of all classes: closed polygons that can be painted, the same from the same random numbers."""

import inspect
from random import Random

import numpy as np
import pytest

from dfine.data.scenes import everyday, nature, objects, shapes, solids
from dfine.data.scenes.everyday import EVERYDAY
from dfine.data.scenes.shapes import SHAPES
from dfine.data.scenes.strokes import HOLE, MAIN, SKIN

SKETCHES = [*SHAPES.values(), *EVERYDAY.values(), lambda r: solids.train(r, MAIN)]
sketches = pytest.mark.parametrize("sketch", SKETCHES, ids=[*SHAPES, *EVERYDAY, "solid train"])


def test_every_function_of_the_three_modules_is_a_class_once():
    def drawn(*modules):
        return {
            name
            for module in modules
            for name, f in inspect.getmembers(module, inspect.isfunction)
            if f.__module__ == module.__name__ and not name.startswith("_")
        }

    assert drawn(nature, objects, shapes) == set(SHAPES) and len(SHAPES) == 24
    assert drawn(everyday) == set(EVERYDAY)


@sketches
def test_the_same_numbers_draw_the_same_thing_and_others_another(sketch):
    drawn = [sketch(Random(seed)) for seed in (0, 0, 1)]
    for (a, paint), (b, same) in zip(drawn[0], drawn[1], strict=True):
        assert np.array_equal(a, b) and paint == same
    flat = [np.concatenate([points.ravel() for points, _ in parts]) for parts in drawn]
    assert flat[0].shape != flat[2].shape or not np.allclose(flat[0], flat[2])


@sketches
def test_parts_are_polygons_with_a_paint_and_the_thing_has_a_main_one(sketch):
    for seed in range(6):
        parts = sketch(Random(seed))
        assert any(paint == MAIN for _, paint in parts) and parts[0][1] != HOLE
        for points, paint in parts:
            assert points.ndim == 2 and points.shape[1] == 2 and len(points) >= 3
            assert np.isfinite(points).all() and HOLE <= paint <= SKIN


@sketches
def test_a_thing_fills_about_the_square_from_minus_one_to_one(sketch):
    for seed in range(6):
        points = np.concatenate([p for p, paint in sketch(Random(seed)) if paint != HOLE])
        low, high = points.min(0), points.max(0)
        assert (low > -1.8).all() and (high < 1.8).all(), "nothing strays"
        assert (high - low).max() > 1.4, "and it is not a dot"
