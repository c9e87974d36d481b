"""Shapes from nature: what makes each of them what it is, by its polygons."""

from random import Random

import numpy as np
import pytest

from dfine.data.scenes import nature
from dfine.data.scenes.strokes import ACCENT, DARK, LIGHT, MAIN, SECOND

SEEDS = range(8)


def of(parts, paint):
    return [points for points, p in parts if p == paint]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_eye_lies_inside_the_head(seed):
    """Of fish and bird: the dark pupil within the light, and that within what it is painted on."""
    for sketch in (nature.fish, nature.bird):
        parts = sketch(Random(seed))
        (light,), (dark,) = of(parts, LIGHT), of(parts, DARK)
        around = [(light, dark), (of(parts, MAIN)[-1], light)]
        for outer, inner in around:
            assert (inner.min(0) > outer.min(0)).all() and (inner.max(0) < outer.max(0)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_tiers_of_a_tree_grow_wider_downwards_above_its_trunk(seed):
    parts = nature.tree(Random(seed))
    tiers = sorted(of(parts, MAIN) + of(parts, SECOND), key=lambda p: p[:, 1].max())
    widths = [float(np.ptp(p[:, 0])) for p in tiers]
    assert len(tiers) in (3, 4) and widths == sorted(widths) and widths[0] < widths[-1]
    (trunk,) = of(parts, ACCENT)
    assert np.ptp(trunk[:, 0]) < widths[0] and trunk[:, 1].max() == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_a_moon_is_a_crescent(seed):
    """Its outline stays within the unit circle and covers less than half of it."""
    (points,) = of(nature.moon(Random(seed)), MAIN)
    assert np.hypot(*points.T).max() < 1 + 1e-9
    x, y = points.T
    assert 0.1 < abs((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2) / np.pi < 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cloud_has_a_flat_underside(seed):
    (points,) = of(nature.cloud(Random(seed)), MAIN)
    flat = points[:, 1] > 0.46 - 1e-9
    assert points[:, 1].max() <= 0.46 and np.ptp(points[flat][:, 0]) > 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_petals_stand_evenly_around_the_middle_of_a_flower(seed):
    parts = nature.flower(Random(seed))
    petals, (middle,) = of(parts, MAIN), of(parts, SECOND)
    centres = np.array([p.mean(0) for p in petals]) - middle.mean(0)
    assert len(petals) in (5, 6, 7)
    np.testing.assert_allclose(np.hypot(*centres.T), np.hypot(*centres[0]), rtol=1e-6)
    np.testing.assert_allclose(centres.sum(0), 0, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cap_is_wider_than_its_stem(seed):
    parts = nature.mushroom(Random(seed))
    (cap,), (stem,) = of(parts, MAIN), of(parts, LIGHT)
    assert np.ptp(cap[:, 0]) > 2 * np.ptp(stem[:, 0]) * 0.9 and stem[:, 1].max() > cap[:, 1].max()
