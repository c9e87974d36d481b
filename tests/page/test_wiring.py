"""Which event calls what, and in which queue it waits."""

import inspect

import pytest

gr = pytest.importorskip("gradio")

from dfine.page import wiring
from dfine.page.app import build
from dfine.page.settings import FIELDS
from dfine.page.tabs import TABS


@pytest.fixture(scope="module")
def page(checkpoint):
    return build(checkpoint, "cpu")


def called(page, name):
    return [fn for fn in page.fns.values() if getattr(fn.fn, "__name__", "") == name]


def test_one_picture_at_a_time_goes_through_the_network(page):
    """All that detects shares one place in one queue; so do slow tabs, which run the network once more."""
    detecting = called(page, "detect")
    assert len(detecting) >= 6, "a picture may come from many places"
    waiting = [fn for fn in page.fns.values() if fn.concurrency_id == wiring.ONE["concurrency_id"]]
    assert set(map(id, detecting)) <= set(map(id, waiting)) and len(waiting) > len(detecting)
    assert {fn.concurrency_limit for fn in waiting} == {3} and all(fn.queue is not False for fn in waiting)


def test_choosing_never_waits_for_the_network(page):
    """What reads the settings and is not slow has no queue."""
    quick = [fn for fn in page.fns.values() if fn.queue is False]
    assert len(quick) > 5 and not {fn.concurrency_id for fn in quick} & {wiring.ONE["concurrency_id"]}


def test_every_event_that_carries_data_is_sent_with_its_own(page):
    """Of many in a row Gradio sends the first one only, or the last one with the data of the first."""
    carrying = [fn for fn in page.fns.values() if fn.fn and "event" in inspect.signature(fn.fn).parameters]
    single = [fn for fn in carrying if inspect.isgeneratorfunction(fn.fn)]  # a video at a time
    assert len(carrying) > 6 and all(fn.trigger_mode == "multiple" for fn in carrying if fn not in single)


def test_progress_that_is_not_shown_makes_the_browser_copy_nothing(page):
    hidden = [fn for fn in page.fns.values() if fn.show_progress == "hidden"]
    assert len(hidden) > 20 and all(isinstance(part, gr.State) for fn in hidden for part in fn.show_progress_on)


def test_nothing_but_the_endpoints_is_public(page):
    public = {fn.api_name for fn in page.fns.values() if fn.api_visibility == "public"}
    assert public == {"detect", "inspect", "models"}


def test_every_tab_has_a_panel_and_all_that_the_server_draws_is_drawn_on_demand(page):
    panels = {block.elem_id for block in page.blocks.values() if getattr(block, "elem_classes", None) == ["panel"]}
    assert panels == {f"panel-{tab.key}" for tab in TABS}
    needed = [fn for fn in page.fns.values() if any(target[1] == "need" for target in fn.targets)]
    late = [fn for fn in page.fns.values() if fn.concurrency_id == wiring.ONE["concurrency_id"]]
    drawn = {part for fn in (*needed, *late) for part in fn.outputs}
    names = {part.elem_id for part in drawn}
    assert {"why", "probe", "sampling", "paper", "object-html"} <= names
    at_once = {part.elem_id for fn in needed if not fn.queue for part in fn.outputs}
    assert {"object-html", "trace-npz"} <= at_once and "sampling" not in at_once, "old files are taken away first"


def test_settings_are_read_from_all_components_that_hold_them(page):
    sizes = {len(fn.inputs) for fn in page.fns.values() if fn.inputs_as_dict}
    assert sizes == {len(FIELDS) + 1 + sum(len(tab.controls) for tab in TABS)}
