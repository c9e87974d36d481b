"""Everyday things as icons show them: what makes each of them what it is, in every view."""

from random import Random

import numpy as np
import pytest

from dfine.data.scenes import everyday
from dfine.data.scenes.everyday import EVERYDAY
from dfine.data.scenes.strokes import DARK, DIM, LIGHT, MAIN

SEEDS = range(24)


def all_of(name):
    return [EVERYDAY[name](Random(seed)) for seed in SEEDS]


def test_the_classes_are_those_of_the_photographs():
    assert set(EVERYDAY) == {"person", "car", "cat", "bus", "train"}


@pytest.mark.parametrize(("name", "views"), [("person", 2), ("cat", 3), ("bus", 3), ("train", 4), ("car", 3)])
def test_a_thing_is_drawn_in_all_of_its_views(name, views):
    """A view shows in how many corners its first two parts and its roundest one have."""
    shapes = {(*(len(p) for p, _ in parts[:2]), max(len(p) for p, _ in parts)) for parts in all_of(name)}
    assert len(shapes) == views


def test_a_person_has_its_head_on_top():
    for seed in SEEDS:
        parts = everyday.person(Random(seed))
        whole = np.concatenate([p for p, _ in parts])
        top = min(parts, key=lambda part: part[0][:, 1].min())[0]
        assert abs(top[:, 0].mean()) < 0.1 and np.ptp(top[:, 0]) < 0.75 * np.ptp(whole[:, 0]) + 0.3


def test_some_persons_are_signs_of_one_colour():
    paints = [{paint for _, paint in parts} for parts in all_of("person")]
    assert {MAIN} in paints and any(len(some) >= 4 for some in paints)


def test_the_ears_of_a_cat_rise_above_its_head():
    for parts in all_of("cat"):
        heads = [p for p, paint in parts if paint == MAIN and len(p) == 28]
        ears = [p for p, paint in parts if paint == MAIN and len(p) == 3]
        assert len(ears) == 2
        for ear in ears:
            assert ear[:, 1].min() < heads[-1][:, 1].min()


def test_a_cat_has_two_eyes_side_by_side_and_a_nose_between_and_below():
    for parts in all_of("cat"):
        pupils = [p.mean(0) for p, paint in parts if paint == DARK and len(p) == 10]
        (nose,) = [p.mean(0) for p, paint in parts[-6:] if len(p) == 3 and paint != MAIN]
        assert len(pupils) == 2 and pupils[0][1] == pytest.approx(pupils[1][1])
        assert pupils[0][0] < nose[0] < pupils[1][0] and nose[1] > pupils[0][1]


@pytest.mark.parametrize("tyres", [True, False])
def test_from_the_front_a_bus_stands_on_tyres_and_a_train_on_rails(tyres):
    for seed in SEEDS:
        parts = everyday._face(Random(seed), LIGHT, tyres)
        wide = [np.ptp(p[:, 0]) for p, _ in parts[:2]]
        body = next(p for p, paint in parts if paint == MAIN)
        assert body[:, 1].max() < max(p[:, 1].max() for p, _ in parts), "something is below it"
        assert max(wide) < 0.5
        sleepers = [p for p, paint in parts if paint in (DARK, DIM) and p[:, 1].min() > 0.8 and len(p) == 4]
        assert bool([p for p in sleepers if np.ptp(p[:, 0]) > 1.6]) is not tyres


def test_a_bus_is_longer_than_high_from_its_side_and_its_windows_are_in_its_upper_half():
    sides = [parts for parts in all_of("bus") if len(parts[0][0]) == 4 and np.ptp(parts[0][0][:, 0]) == 2.0]
    assert sides
    for parts in sides:
        body = parts[0][0]
        assert np.ptp(body[:, 0]) > np.ptp(body[:, 1])
        panes = [p for p, paint in parts[1:] if len(p) == 4 and np.ptp(p[:, 0]) < 0.5]
        assert len(panes) >= 4 and all(pane[:, 1].min() < 0 for pane in panes)
