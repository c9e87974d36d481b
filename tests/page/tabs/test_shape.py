"""Pr(n) of all four edges."""

from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from dfine.figures.object import edges  # noqa: E402
from dfine.page.tabs import shape  # noqa: E402
from dfine.page.view import select  # noqa: E402
from tests.page.visitor import EXAMPLES, LOW  # noqa: E402


@pytest.fixture(scope="module")
def view(runner):
    return replace(select(runner.answer(EXAMPLES[1]), LOW), chosen=0)


def test_nothing_chosen_shows_nothing():
    assert shape.draw(None) == dict(plot=None, caption="")


def test_probabilities_are_shown_with_their_caption(view):
    shown = shape.draw(view)
    assert shown["caption"] == edges.caption(view.history)
    assert "Bar charts of Pr(n), four edges by 3 layers" in shown["plot"].layout.meta["alt"]
