"""The list of tabs and the files of their folder say the same."""

import importlib
import pkgutil

import pytest

pytest.importorskip("gradio")

from dfine.page import tabs  # noqa: E402


def test_every_file_of_the_folder_is_a_tab_of_the_list():
    modules = [name for _, name, _ in pkgutil.iter_modules(tabs.__path__) if name != "base"]
    found = [importlib.import_module(f"dfine.page.tabs.{name}").TAB for name in modules]
    assert sorted(found, key=lambda tab: tab.key) == sorted(tabs.TABS, key=lambda tab: tab.key)


def test_keys_and_labels_are_unique_and_one_tab_answers_about_places():
    assert len({tab.key for tab in tabs.TABS}) == len({tab.label for tab in tabs.TABS}) == len(tabs.TABS)
    assert sum(tab.ask is not None for tab in tabs.TABS) == 1


@pytest.mark.parametrize("tab", tabs.TABS, ids=lambda tab: tab.key)
def test_a_tab_draws_and_reads_what_it_has_built(handlers, tab):
    parts = set(handlers.v.parts[tab.key])
    assert set(tab.controls) <= parts
    assert set(tab.draw(None)) <= parts
