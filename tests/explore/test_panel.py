"""The panel's figures: one for each of its views, of any object."""

import pytest
from PIL import Image

pytest.importorskip("fiftyone")

from dfine.explore import panel, workspace
from dfine.figures.object import edges, layers_table
from tests.helpers import synthetic_trace

SIZE = (200, 100)


@pytest.fixture
def history():
    return synthetic_trace().history(0, SIZE, name="cup")


@pytest.mark.parametrize("view", panel.VIEWS)
def test_every_view_has_a_figure_with_a_height(history, view):
    figure = panel.draw(history, view, "left", Image.new("RGB", SIZE))
    assert len(figure.data) > 0 and figure.layout.height > 100


def test_views_are_the_figures_of_the_page(history):
    assert panel.draw(history, "ladder", "left") == layers_table.plot(history)
    shown, whole = panel.draw(history, "shape", "left"), edges.distributions(history)
    assert [list(t.y) for t in shown.data if t.y is not None] == [list(t.y) for t in whole.data if t.y is not None]


def test_in_a_panel_neighbouring_panels_lose_the_ticks_that_would_run_together(history):
    shown, whole = panel.draw(history, "weighted", "left"), edges.distributions(history, weighted=True)
    for mine, theirs in zip(shown.select_xaxes(), whole.select_xaxes(), strict=True):
        assert list(mine.tickvals) == list(theirs.tickvals)[1:-1]


@pytest.mark.parametrize("edge", ["left", "top", "right", "bottom"])
def test_one_edge_is_the_one_that_was_chosen(history, edge):
    others = [panel.draw(history, "edge", e).to_json() for e in ("left", "top", "right", "bottom") if e != edge]
    assert panel.draw(history, "edge", edge).to_json() not in others


def test_a_view_that_is_not_there(history):
    with pytest.raises(ValueError, match="there is no view 'sound'; there are shape, weighted, edge, ladder, picture"):
        panel.draw(history, "sound", "left")


def test_the_app_lists_one_panel_for_grid_and_modal():
    config = panel.EdgesPanel().config
    assert (config.name, config.surfaces) == (panel.NAME, "grid modal")


def test_a_panel_of_the_workspace_is_in_the_grid_and_one_beside_a_picture_is_not():
    spaces = workspace.spaces()
    ids = [child.component_id for space in spaces.children for child in space.children]
    assert len(ids) == 4 and all(panel.in_grid(spaces, id) for id in ids)
    assert not panel.in_grid(spaces, "another") and not panel.in_grid(None, "another")
