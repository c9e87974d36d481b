"""What every layer did to the chosen object."""

from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from dfine.figures import html as tables  # noqa: E402
from dfine.page.tabs import layers  # noqa: E402
from dfine.page.view import select  # noqa: E402
from tests.page.visitor import EXAMPLES, LOW  # noqa: E402


@pytest.fixture(scope="module")
def view(runner):
    return replace(select(runner.answer(EXAMPLES[1]), LOW), chosen=0)


def test_nothing_chosen_shows_nothing():
    assert layers.draw(None) == dict(plot=None, numbers="")


def test_the_table_has_the_numbers_of_the_plot(view):
    shown = layers.draw(view)
    assert shown["numbers"] == tables.layers_html(view.history) and "layer 3" in shown["numbers"]
    assert "after every layer; the table below has the numbers" in shown["plot"].layout.meta["alt"]
