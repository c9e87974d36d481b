"""The list of tabs and the files of their folder say the same."""

import importlib
import pkgutil
import re

import pytest

pytest.importorskip("gradio")

from dfine.page import modules, tabs


def test_every_file_of_the_folder_is_a_tab_of_the_list():
    names = [name for _, name, _ in pkgutil.iter_modules(tabs.__path__) if name not in ("base", "browser")]
    found = {importlib.import_module(f"dfine.page.tabs.{name}").TAB.key for name in names}
    assert found == {tab.key for tab in tabs.TABS if tab.draw or tab.wire or tab.brings}, (
        "all others are drawn by the browser only"
    )


def test_every_other_tab_is_a_view_of_the_browser():
    """By its key in `VIEWS`; a name that is missing there would stay empty."""
    main = (modules.FOLDER / "main.js").read_text(encoding="utf-8")
    views = re.search(r"const VIEWS = \{(.*?)\};", main, re.DOTALL)[1]
    for tab in tabs.TABS:
        assert bool(re.search(rf"\b{tab.key}\b", views)) == (tab.draw is None), tab.key


def test_keys_and_labels_are_unique_and_one_tab_answers_about_places():
    assert len({tab.key for tab in tabs.TABS}) == len({tab.label for tab in tabs.TABS}) == len(tabs.TABS)
    assert sum(tab.ask is not None for tab in tabs.TABS) == 1


@pytest.mark.parametrize("tab", tabs.TABS, ids=lambda tab: tab.key)
def test_a_tab_draws_and_reads_what_it_has_built(handlers, tab):
    parts = set(handlers.v.parts[tab.key])
    assert set(tab.controls) <= parts
    assert tab.draw is None or set(tab.draw(None)) <= parts
