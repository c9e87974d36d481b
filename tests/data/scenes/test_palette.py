"""Colours that stand out from what lies behind, whatever that is."""

import colorsys
from random import Random

import pytest

from dfine.data.scenes import NAMES
from dfine.data.scenes.everyday import EVERYDAY
from dfine.data.scenes.palette import NATURAL, _distance, drawn_on_paper, hsv, mix, palette
from dfine.data.scenes.strokes import DARK, DIM, HOLE, LIGHT, LIT, MAIN, SECOND, SKIN

BLACK, WHITE, GREY = (0, 0, 0), (255, 255, 255), (128, 128, 128)


def test_every_class_has_its_own_colours():
    assert tuple(NATURAL)[: len(NAMES)] == NAMES and set(NATURAL) == {*NAMES, *EVERYDAY}


def test_colours_by_hand():
    assert hsv(0, 1, 1) == (255, 0, 0) and hsv(1 / 3, 1, 1) == (0, 255, 0) and hsv(0.7, 0, 0.5) == GREY
    assert (
        mix(BLACK, WHITE, 0.0) == BLACK
        and mix(BLACK, WHITE, 1.0) == WHITE
        and mix(BLACK, (10, 20, 30), 0.5) == (5, 10, 15)
    )
    assert _distance(BLACK, BLACK) == 0 and _distance(BLACK, WHITE) == 1
    assert _distance(BLACK, (0, 255, 0)) > _distance(BLACK, (0, 0, 255)) > _distance(BLACK, (255, 0, 0))


@pytest.mark.parametrize("behind", [(BLACK, BLACK), (WHITE, WHITE), (GREY, GREY), ((200, 60, 40), (60, 160, 60))])
def test_a_thing_stands_out_from_its_backdrop(behind):
    far = []
    for seed in range(60):
        paints = palette(Random(seed), NAMES[seed % 24], behind)
        assert set(paints) == set(range(HOLE, SKIN + 1)) and paints[HOLE] is None
        assert all(0 <= c <= 255 for paint, colour in paints.items() if paint != HOLE for c in colour)
        far.append(min(_distance(paints[MAIN], other) for other in behind) > 0.26)
        assert sum(paints[DARK]) < sum(paints[LIGHT])
        assert sum(paints[DIM]) < sum(paints[MAIN]) < sum(paints[LIT])
    assert sum(far) >= 59  # it gives up after twelve attempts


def test_the_second_colour_differs_from_the_main_one():
    paints = [palette(Random(seed), NAMES[seed % 24], (GREY, GREY)) for seed in range(100)]
    assert min(_distance(p[MAIN], p[SECOND]) for p in paints) > 0.1


def test_things_often_have_the_colours_that_one_expects_of_them():
    """A heart is red more often than green."""
    hues = [colorsys.rgb_to_hsv(*palette(Random(seed), "heart", (WHITE, WHITE))[MAIN])[0] for seed in range(100)]
    red, green = (sum(min(abs(h - at), 1 - abs(h - at)) < 0.06 for h in hues) for at in (0.0, 1 / 3))
    assert red > 40 > green


def test_a_drawing_on_paper_has_pale_surfaces():
    paints = palette(Random(0), "bus", (GREY, GREY))
    lines = paints[MAIN]
    drawn_on_paper(paints)
    assert paints[MAIN] == paints[LIT] == paints[LIGHT] != lines
    assert sum(lines) < sum(paints[DIM]) < sum(paints[LIGHT])
