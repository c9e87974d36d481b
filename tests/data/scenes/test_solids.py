"""Vehicles from an upper corner: faces that meet, upright edges, windows on their side, tyres on buses and cars."""

from random import Random

import numpy as np
import pytest
from matplotlib.path import Path

from dfine.data.scenes import solids
from dfine.data.scenes.solids import Corner
from dfine.data.scenes.strokes import DARK, DIM, GLASS, LIGHT, LIT, MAIN

SEEDS = range(8)
FACES = MAIN, DIM, LIT


def of(parts, paint):
    return [points for points, p in parts if p == paint]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_three_faces_of_a_box_are_parallelograms_that_meet_in_one_corner(seed):
    seen = Corner(Random(seed))
    (side, _), (front, _), (top, _) = seen.box((0.0, 0.0, 0.0), (2.0, 1.0, 1.0), FACES)
    for face in (side, front, top):
        np.testing.assert_allclose(face[0] + face[2], face[1] + face[3], atol=1e-12)
    corner = seen(np.array([(2.0, 0.0, 1.0)]))[0]
    for face in (side, front, top):
        assert np.abs(face - corner).sum(1).min() < 1e-12
    assert side[:, 0].mean() < front[:, 0].mean() and top[:, 1].mean() < min(side[:, 1].mean(), front[:, 1].mean())
    assert not Path(side).contains_point(front.mean(0)) and not Path(front).contains_point(top.mean(0))


def test_what_stands_upright_is_upright_on_the_screen_and_what_is_higher_lies_above():
    low, high = Corner(Random(1))(np.array([(0.3, 0.2, 0.0), (0.3, 0.2, 1.0)]))
    assert low[0] == pytest.approx(high[0]) and high[1] < low[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_wheel_stands_on_the_ground_and_its_hub_is_in_its_middle(seed):
    seen = Corner(Random(seed))
    (tyre, paint), (hub, _) = seen.wheel(0.5, 0.0, 0.2, LIGHT)
    ground = seen(np.array([(0.5, 0.0, 0.0)]))[0]
    assert paint == DARK and np.abs(tyre - ground).sum(1).min() < 1e-9
    np.testing.assert_allclose(hub.mean(0), tyre.mean(0), atol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("vehicle", [lambda r: solids.bus(r, GLASS, LIGHT), lambda r: solids.train(r, GLASS)])
def test_windows_lie_on_the_faces_that_are_seen(vehicle, seed):
    parts = vehicle(Random(seed))
    faces = [Path(points) for points, paint in parts if len(points) == 4 and paint not in (GLASS, DARK)]
    panes = of(parts, GLASS)
    assert len(panes) >= 3
    for pane in panes:
        assert any(
            face.contains_points(pane, radius=1e-6).all() | face.contains_points(pane, radius=-1e-6).all()
            for face in faces
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_buses_and_cars_have_two_tyres_in_sight_and_trains_have_none(seed):
    def tyres(parts):
        return [points for points in of(parts, DARK) if len(points) == 16]

    r = Random(seed)
    assert len(tyres(solids.bus(r, GLASS, LIGHT))) == len(tyres(solids.car(r, GLASS, LIGHT))) == 2
    assert not tyres(solids.train(r, GLASS))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_cabin_of_a_car_is_smaller_than_what_it_stands_on(seed):
    parts = solids.car(Random(seed), GLASS, LIGHT)
    body, roof = parts[1][0], parts[6][0]
    assert np.ptp(roof[:, 0]) < np.ptp(np.concatenate((body, parts[2][0]))[:, 0])
    assert roof[:, 1].mean() < body[:, 1].mean()
