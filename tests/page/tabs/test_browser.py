"""The tabs that the browser draws."""

import pytest

gr = pytest.importorskip("gradio")

from dfine.page.tabs.browser import drawn


def test_such_a_tab_is_a_component_of_its_name_and_asks_the_server_nothing():
    tab = drawn("shape", "How sure")
    with gr.Blocks() as page:
        parts = tab.build()
    assert (tab.key, tab.label, tab.draw, tab.wire, tab.ask, tab.controls) == (
        "shape",
        "How sure",
        None,
        None,
        None,
        (),
    )
    assert [part.elem_id for part in parts.values()] == ["shape"]
    assert not page.fns and tab.of_object
