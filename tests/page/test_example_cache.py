"""The shelf: examples are looked at once; visitors' pictures are not kept."""

import shutil

import pytest

from dfine.page import example_cache, layout
from dfine.page.example_cache import Shelf
from dfine.page.models import KEPT
from tests.page.visitor import PHOTO


@pytest.fixture
def counted(models, monkeypatch):
    """A shelf of the page's examples, and a list of what the network was run on."""
    real, runs = example_cache.looker(models), []

    def looker(_):
        return lambda path, name: runs.append((path, name)) or real(path, name)

    monkeypatch.setattr(example_cache, "looker", looker)
    return Shelf(models, layout.EXAMPLES), runs


def test_an_example_is_looked_at_once_wherever_its_copy_lies(counted, models, tmp_path):
    looks, runs = counted
    copy = shutil.copy(layout.EXAMPLES[0], tmp_path / "copy.jpg")
    first, second = looks(layout.EXAMPLES[0]), looks(str(copy), models.default)
    assert len(runs) == 1 and len(looks) == 1
    assert second.path == str(copy) and second.where.picture == "copy.jpg"
    assert first.where.picture == "1-clean.jpg"
    assert second.result.trace is first.result.trace


def test_visitors_pictures_are_not_kept(counted, tmp_path):
    looks, runs = counted
    same_size = tmp_path / "other.jpg"
    same_size.write_bytes(PHOTO.read_bytes())
    for _ in range(2):
        looks(str(same_size))
    assert len(runs) == 2 and len(looks) == 0
    with pytest.raises((ValueError, OSError)):
        looks(str(tmp_path / "missing.jpg"))


def test_all_examples_wait_once_the_shelf_is_filled(counted):
    looks, runs = counted
    started = []
    thread = looks.fill(ready=lambda: bool(started))
    assert not runs, "a page that is not up yet comes first"
    started.append(True)
    thread.join(60)
    assert len(looks) == len(layout.EXAMPLES)
    runs.clear()
    for path in layout.EXAMPLES:
        looks(path)
    assert not runs


def test_a_shelf_holds_no_more_than_the_models_in_memory_need(counted, models, monkeypatch):
    looks, runs = counted
    look = looks(layout.EXAMPLES[0])
    monkeypatch.setattr(looks, "_look", lambda path, name: look)
    for i in range(KEPT * len(layout.EXAMPLES) + 3):
        looks(layout.EXAMPLES[i % 4], f"model {i}")
    assert len(looks) == KEPT * len(layout.EXAMPLES)


def test_an_example_answers_without_the_network_on_the_page(page, url):
    """The time that the page tells is that of the one run behind it, however often the example is asked for."""
    said = []
    for _ in range(2):
        for index in (1, 2):
            before = page.locator("#scene img").get_attribute("src")
            page.locator("#examples button.gallery-item").nth(index).click()
            page.wait_for_function("s => document.querySelector('#scene img').getAttribute('src') !== s", arg=before)
            page.wait_for_timeout(300)
            said.append((index, page.inner_text("#status")))
    assert said[0] == said[2] and said[1] == said[3]
