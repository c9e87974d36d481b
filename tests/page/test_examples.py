"""The pictures that the page offers to start with."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("gradio")

from dfine.page import examples
from dfine.page.example_cache import ExampleCache
from dfine.page.models import Models, shipped
from dfine.page.runner import Runner
from dfine.weights.cache import assets


@pytest.fixture
def shipping(tmp_path, monkeypatch):
    """A function that makes an assets folder with so many checkpoints, by name, and the project's scenes."""

    def made(*names):
        for name in names:
            (tmp_path / "checkpoints" / name).mkdir(parents=True)
            (tmp_path / "checkpoints" / name / "config.json").write_text("{}")
        if not (tmp_path / "examples").exists():
            shutil.copytree(assets() / "examples", tmp_path / "examples")
        monkeypatch.setenv("DFINE_ASSETS", str(tmp_path))

    return made


def test_no_assets_are_no_examples(tmp_path, monkeypatch):
    monkeypatch.setenv("DFINE_ASSETS", str(tmp_path))
    assert examples.scenes() == [] and examples.value({}) == []


def test_scenes_are_all_that_ship_and_are_labelled():
    scenes = examples.scenes()
    assert sorted(e.path for e in scenes) == sorted(map(str, (assets() / "examples").glob("*.jpg")))
    assert len({e.label for e in scenes}) == len(scenes) and all(e.drawn for e in scenes)
    assert [e.label for e in scenes if e.opens] == ["Hidden"]


def test_photographs_are_read_where_a_dependency_has_them():
    for example in examples.photographs():
        assert not example.drawn and example.label
        assert min(Image.open(example.path).size) > 200


def test_a_board_hides_the_edge_that_the_page_opens_with():
    covered = [one for one in examples.photographs() if one.opens]
    if not covered:
        pytest.skip("this version of gradio brings no such photograph")
    (one,) = covered
    Path(one.path).unlink()  # as a cleaner of old files does
    with Image.open(one.path) as shown, Image.open(one.source) as whole:
        shown, whole = np.asarray(shown.convert("RGB"), int), np.asarray(whole.convert("RGB"), int)
    ((name, (x1, y1, x2, y2)),) = one.truth
    far = abs(shown - whole).max(2)
    assert name == one.about and shown.shape == whole.shape
    assert far[: y2 - int(0.37 * (y2 - y1))].mean() < 2 < 20 < far[y2 - int(0.35 * (y2 - y1)) :].mean()
    assert np.ptp(shown[y2 - 40 : y2, x1:x2], axis=(0, 1)).max() < 9, "one colour"


@pytest.mark.parametrize(
    "default, first",
    [("demo", "4-occlusion.jpg"), (None, "cheetah2.jpg")],
)
def test_the_page_opens_with_an_edge_that_cannot_be_seen(default, first):
    if not any(one.opens for one in examples.photographs()):
        pytest.skip("this version of gradio brings no such photograph")
    cache = ExampleCache(Runner(Models(default, "cpu")), examples.examples())
    assert Path(cache.first()[0].source).name == first


@pytest.mark.parametrize(
    "default, ships, drawings_only",
    [
        (None, ("demo", "photos"), False),
        (None, ("demo",), True),
        ("nano-coco", ("demo",), False),
        ("demo", ("demo",), True),
        ("demo", ("demo", "photos"), False),
        ("mine", ("demo",), False),
    ],
)
def test_photographs_are_offered_where_a_model_knows_them(shipping, default, ships, drawings_only):
    shipping(*ships)
    cache = ExampleCache(Runner(Models(default, "cpu")), examples.examples())
    offered = examples.scenes() if drawings_only else [*examples.photographs(), *examples.scenes()]
    assert list(cache.offered().values()) == offered
    assert all(cache.examples[number] == example for number, example in cache.offered().items())


def test_which_model_visitors_meet_first(shipping):
    shipping("demo")
    assert shipped() == "demo"
    shipping("photos")
    assert shipped() == "photos"


@pytest.mark.parametrize(
    "default, drawn, wish, model",
    [
        (None, False, "", "photos"),
        (None, True, "", "demo"),
        (None, False, "demo", "photos"),
        (None, True, "nano-coco", "demo"),
        (None, False, "nano-coco", "nano-coco"),
        ("demo", False, "", "photos"),
        ("demo", True, "", "demo"),
        ("mine", True, "", "mine"),
        ("mine", False, "demo", "mine"),
        ("mine", True, "demo", "demo"),
    ],
)
def test_an_example_is_answered_by_the_model_that_suits_it(shipping, default, drawn, wish, model):
    shipping("demo", "photos")
    assert Models(default, "cpu").suited(drawn, wish) == model


def test_without_a_better_model_the_chosen_one_answers(shipping):
    shipping("demo")
    assert Models(None, "cpu").suited(False) == "demo"


def test_thumbnails_are_small_files_of_the_page():
    for shown, example in zip(examples.value(dict(enumerate(examples.scenes()))), examples.scenes(), strict=True):
        with Image.open(shown["picture"]["path"]) as picture:
            assert max(picture.size) <= examples.SIDE
        assert shown["label"] == example.label
