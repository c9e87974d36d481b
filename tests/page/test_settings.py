"""What the page's components hold, read once."""

import pytest

pytest.importorskip("gradio")

from dfine.page import settings
from dfine.page.answer import Refusal
from dfine.page.tabs import TABS


def test_every_input_arrives_under_its_name(handlers):
    v = handlers.v
    names = {component: name for name in (*settings.FIELDS, "setting") for component in [getattr(v, name)]}
    controls = {v.parts[tab.key][name]: (tab.key, name) for tab in TABS for name in tab.controls}
    given = {component: names.get(component) or controls[component] for component in settings.inputs(v)}
    assert len(given) == len(names) + len(controls)
    read = settings.read(v, given)
    assert all(getattr(read, name) == name for name in settings.FIELDS)
    assert all(read.controls[tab.key][name] == (tab.key, name) for tab in TABS for name in tab.controls)


def given(v, said):
    """What Gradio hands on where the browser says this of an answer with nothing in it."""
    return {component: None for component in settings.inputs(v)} | {v.outcome: Refusal(), v.setting: said}


@pytest.mark.parametrize("said", [None, {}, [], "x", dict(threshold="high", classes=3, top="all", object="1", tab=[7])])
def test_a_browser_that_says_nothing_sensible_shows_the_page_as_it_begins(handlers, said):
    read = settings.read(handlers.v, given(handlers.v, said))
    assert (read.threshold, read.classes, read.top, read.chosen) == (settings.BEGIN, [], None, None)
    assert read.tab == TABS[0].key


def test_what_a_browser_says_is_put_into_bounds(handlers):
    said = dict(threshold=7, classes=["cat", 3], top=-2, object=0, tab="files")
    read = settings.read(handlers.v, given(handlers.v, said))
    assert (read.threshold, read.classes, read.top, read.tab) == (0.95, ["cat"], 1, "files")
    assert read.chosen is None, "there is no detection 0"
    for strange in (float("nan"), float("inf"), True, 10**400):
        assert settings.read(handlers.v, given(handlers.v, dict(threshold=strange))).threshold == settings.BEGIN


def test_nothing_is_in_view_without_an_answer():
    empty = settings.Settings(Refusal(), None, 0.5, [], 300, None, TABS[0].key, {tab.key: {} for tab in TABS})
    assert empty.view() is None
