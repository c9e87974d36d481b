"""One edge of the chosen object, and the sum that places it."""

from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from dfine.figures.object import arithmetic  # noqa: E402
from dfine.page.tabs import edge  # noqa: E402
from dfine.page.view import select  # noqa: E402
from tests.page.visitor import EXAMPLES, LOW  # noqa: E402


@pytest.fixture(scope="module")
def view(runner):
    return replace(select(runner.answer(EXAMPLES[1]), LOW), chosen=0)


def controls(which="left", layer=None):
    return dict(which=which, layer=layer)


def test_nothing_chosen_shows_nothing():
    assert edge.draw(None) == dict(plot=None, sum="")


@pytest.mark.parametrize("layer, drawn", [(None, 2), (0, 0), (2, 2), (9, 2)])
def test_the_layer_of_the_sum_is_the_chosen_one_or_the_last(view, layer, drawn):
    shown = edge.draw(replace(view, controls=controls(layer=layer)))
    assert shown["layer"].value == drawn and [value for _, value in shown["layer"].choices] == [0, 1, 2]
    assert shown["sum"] == arithmetic.arithmetic_html(view.history, 0, drawn)


@pytest.mark.parametrize("which", ["left", "top", "right", "bottom"])
def test_the_figure_is_that_of_the_chosen_edge_and_says_so(view, which):
    shown = edge.draw(replace(view, controls=controls(which)))
    assert f"of the {which} edge of" in shown["plot"].layout.meta["alt"]
