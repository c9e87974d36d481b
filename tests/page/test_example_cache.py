"""Examples need the network once; visitors' pictures are not kept."""

import shutil

import pytest

from dfine.page.example_cache import ExampleCache
from dfine.page.models import KEPT, Models
from dfine.page.runner import Runner
from dfine.weights.cache import assets
from tests.page.visitor import EXAMPLES, PHOTO, SCENES, drawn


@pytest.fixture
def counted(models):
    """A cache of the page's examples, and a list of what the network was run on."""
    runs = []

    class Counted(Runner):
        def answer(self, path, name=""):
            runs.append((path, name))
            return super().answer(path, name)

    return ExampleCache(Counted(models), SCENES), runs


def test_an_example_is_looked_at_once_wherever_its_copy_lies(counted, models, tmp_path):
    cache, runs = counted
    copy = shutil.copy(EXAMPLES[0], tmp_path / "copy.jpg")
    first, second = cache.answer(EXAMPLES[0]), cache.answer(str(copy), models.default)
    assert len(runs) == 1 and len(cache) == 1
    assert second.path == str(copy) and second.where.picture == "copy.jpg"
    assert first.where.picture == "1-clean.jpg"
    assert second.result.trace is first.result.trace


def test_the_page_opens_with_the_example_that_is_meant_for_it(counted, models):
    cache, runs = counted
    cache.answer(EXAMPLES[2])
    assert cache.first()[0].opens
    assert ExampleCache(cache.runner, []).first() is None


def test_a_page_with_a_model_of_its_own_begins_where_something_was_found():
    own = Models(assets() / "checkpoints" / "demo", "cpu")
    cache = ExampleCache(Runner(own), SCENES)
    assert cache.first() == (SCENES[0], own.default), "nothing is known yet"
    cache.answer(EXAMPLES[2])
    assert cache.first()[0] == SCENES[2]


def test_visitors_pictures_are_not_kept(counted, tmp_path):
    cache, runs = counted
    same_size = tmp_path / "other.jpg"
    same_size.write_bytes(PHOTO.read_bytes())
    for _ in range(2):
        cache.answer(str(same_size))
    assert len(runs) == 2 and len(cache) == 0
    with pytest.raises((ValueError, OSError)):
        cache.answer(str(tmp_path / "missing.jpg"))


def test_all_examples_wait_once_the_cache_is_filled(counted):
    cache, runs = counted
    started = []
    thread = cache.fill(ready=lambda: bool(started))
    assert not runs, "a page that is not up yet comes first"
    started.append(True)
    thread.join(600)
    assert len(cache) == len(EXAMPLES)
    runs.clear()
    for path in EXAMPLES:
        cache.answer(path)
    assert not runs


def test_the_cache_holds_no_more_than_the_models_in_memory_need(counted, models, monkeypatch):
    cache, runs = counted
    answer = cache.answer(EXAMPLES[0])
    monkeypatch.setattr(cache.runner, "answer", lambda path, name: answer)
    for i in range(KEPT * len(EXAMPLES) + 3):
        cache.answer(EXAMPLES[i % 4], f"model {i}")
    assert len(cache) == KEPT * len(EXAMPLES)


def test_an_example_answers_without_the_network_on_the_page(page, url):
    """The time that the page tells is that of the one run behind it, however often the example is asked for."""
    said = []
    for _ in range(2):
        for index in (1, 2):
            before = page.locator("#scene img").get_attribute("src")
            page.get_by_role("button", name=f"Example: {SCENES[index].label}").click()
            page.wait_for_function("s => document.querySelector('#scene img').getAttribute('src') !== s", arg=before)
            drawn(page)
            said.append((index, page.inner_text("#status")))
    assert said[0] == said[2] and said[1] == said[3]
