"""Where the chosen query read the picture."""

from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from dfine.figures.object import sampling as figures
from dfine.page.tabs import sampling
from dfine.page.view import select
from tests.page.visitor import EXAMPLES, LOW


@pytest.fixture(scope="module")
def view(runner):
    return replace(select(runner.answer(EXAMPLES[1]), LOW), chosen=0)


def test_nothing_chosen_shows_nothing():
    assert sampling.draw(None) == dict(plot=None, caption="")


def test_the_points_are_those_of_the_chosen_query(view, runner):
    looks = runner.sampling(view.answer, view.history.query)
    shown = sampling.draw(replace(view, runner=runner))
    assert shown["caption"] == figures.describe(view.history, looks) and shown["plot"] is not None


def test_a_picture_that_is_gone_is_a_sentence(view, runner, tmp_path):
    gone = replace(view.answer, path=str(tmp_path / "gone.png"))
    shown = sampling.draw(replace(view, answer=gone, runner=runner))
    assert (
        shown["plot"] is None and shown["caption"].startswith("That did not work: ") and "gone.png" in shown["caption"]
    )
