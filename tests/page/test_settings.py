"""What the page's components hold, read once."""

import pytest

pytest.importorskip("gradio")

from dfine.page import settings  # noqa: E402
from dfine.page.answer import Refusal  # noqa: E402
from dfine.page.tabs import TABS  # noqa: E402


def test_every_input_arrives_under_its_name(handlers):
    v = handlers.v
    names = {component: name for name in settings.FIELDS for component in [getattr(v, name)]}
    controls = {v.parts[tab.key][name]: (tab.key, name) for tab in TABS for name in tab.controls}
    given = {component: names.get(component) or controls[component] for component in settings.inputs(v)}
    assert len(given) == len(names) + len(controls)
    read = settings.read(v, given)
    assert all(getattr(read, name) == name for name in settings.FIELDS)
    assert all(read.controls[tab.key][name] == (tab.key, name) for tab in TABS for name in tab.controls)


def test_nothing_is_in_view_without_an_answer():
    empty = settings.Settings(Refusal(), None, 0.5, [], 300, None, TABS[0].key, {tab.key: {} for tab in TABS})
    assert empty.view() is None
