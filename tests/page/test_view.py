"""What the settings leave in sight of an answer, without running the network again."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision.ops import box_iou

pytest.importorskip("gradio")

from dfine.data import scenes
from dfine.figures import words
from dfine.page import examples
from dfine.page.example_cache import ExampleCache
from dfine.page.models import Models
from dfine.page.runner import Runner
from dfine.page.view import known, mistaken, notes, select, spoken
from dfine.weights.cache import assets
from tests.page.visitor import PHOTO


@pytest.fixture(scope="module")
def answer(runner, tmp_path_factory):
    path = tmp_path_factory.mktemp("view") / "scene.png"
    Image.fromarray(scenes.draw(10_000_012, 320, {"crowding": 1.0}).image).save(path)
    return runner.answer(str(path))


@pytest.fixture(scope="module")
def examples_of_demo():
    """A function that gives the shipped model's answer to an example, by the name of its file."""
    cache = ExampleCache(Runner(Models("demo", "cpu")), examples.scenes())
    return lambda name: cache.answer(next(e.path for e in cache.examples if Path(e.path).name == name), "demo")


def test_nothing_in_sight(answer):
    nothing = select(answer, 1.1)
    assert nothing.numbers == [] and nothing.place(None) is None and nothing.place(0) is None
    assert spoken(nothing) == "The picture with 0 framed objects: none"
    assert nothing.history is None
    assert len(select(answer, 0.05, (), 0).found) == 0


def test_the_page_can_say_what_the_model_knows(answer):
    assert all(name in known(answer) for name in scenes.NAMES) and "`dfine train`" in known(answer)


def test_of_a_visitors_picture_it_is_said_what_the_model_of_photographs_knows_and_what_knows_drawings():
    photos = Runner(Models("photos", "cpu")).answer(str(PHOTO))
    few = "The model photos knows only 5 things (person, car, cat, bus, train): it may take others for one of them."
    assert mistaken(photos) == few
    assert mistaken(replace(photos, caption="Look at the cub.")) == mistaken(replace(photos, model="demo")) == ""
    assert "For drawings, choose demo. For other things," in known(photos)
    assert "For drawings" not in known(replace(photos, model="demo"))


def test_a_long_list_of_classes_is_counted(answer):
    many = tuple(f"thing {i}" for i in range(80))
    found = replace(answer.result.detections[:0], names=many)
    assert "80 kinds of things, from thing 0 to thing 79" in known(
        replace(answer, result=replace(answer.result, detections=found))
    )


def test_the_model_of_drawings_says_so_and_others_do_not(answer):
    assert notes(replace(answer, model="demo")) == ["The model demo knows drawings, not photographs."]
    assert notes(replace(answer, model="photos")) == []


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 3)])
def test_a_tiny_picture_is_not_passed_over_in_silence(runner, tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "dot.png")
    assert notes(runner.answer(str(tmp_path / "dot.png")))[0].startswith("So small a picture")


def test_of_a_small_picture_it_is_said_that_much_is_missed(runner, tmp_path):
    for size, small in (((61, 68), True), ((95, 95), True), ((96, 40), False), ((640, 480), False)):
        Image.new("RGB", size).save(tmp_path / "small.png")
        said = " ".join(notes(runner.answer(str(tmp_path / "small.png"))))
        assert (f"only {size[0]} × {size[1]} pixels: in pictures so small much is missed" in said) == small, size


def test_of_a_long_picture_it_is_said_that_it_is_squeezed(runner, tmp_path):
    for size, long in (((2000, 300), True), ((30, 150), True), ((400, 100), False), ((640, 480), False)):
        Image.new("RGB", size).save(tmp_path / "long.png")
        assert ("is squeezed" in " ".join(notes(runner.answer(str(tmp_path / "long.png"))))) == long, size


def test_settings_select_without_the_network(answer):
    everything, some = select(answer, 0.05), select(answer, 0.5)
    assert 0 < len(some.found) < len(everything.found)
    assert everything.numbers == list(range(len(everything.found)))
    name = some.found.class_names[-1]
    one = select(answer, 0.05, [name])
    assert set(one.found.class_names) == {name} and set(one.numbers) <= set(everything.numbers)
    assert len(one.found) == everything.found.class_names.count(name)
    assert select(answer, 0.05, (), 2).numbers == [0, 1]


@pytest.mark.parametrize(
    "name, thing, ending",
    [
        (
            "4-occlusion.jpg",
            "heart",
            r"Sure of three edges, within \d\.\d\d px\. The bottom edge could lie anywhere within \d\d\.\d px\.",
        ),
        ("5-far-off.jpg", "tree", r"Sure of three edges, within 1\d\.\d px\. The top edge could lie"),
    ],
)
def test_an_example_begins_with_what_its_caption_promises(examples_of_demo, name, thing, ending):
    answer = examples_of_demo(name)
    assert thing in answer.caption and answer.about == thing
    history = answer.history(select(answer, 0.5, [answer.about]).numbers[0])
    assert history.name == thing and re.match(ending, words.sureness(history))
    overlap = float(history.iou_with_last[0])
    assert (0.7 < overlap < 0.8) == (name == "5-far-off.jpg"), "how far off the initial box is"


@pytest.mark.parametrize("name", ["1-clean.jpg", "3-low-light.jpg", "4-occlusion.jpg"])
def test_what_is_found_in_an_example_of_few_things_is_what_is_in_it(examples_of_demo, name):
    """Nothing wrong, nothing twice and nothing missed: of these, the captions speak of one difficulty and no other."""
    answer = examples_of_demo(name)
    found, (things, boxes) = select(answer, 0.5).found, zip(*answer.truth, strict=True)
    assert sorted(found.class_names) == sorted(things)
    overlaps = box_iou(found.boxes, torch.tensor(boxes))
    best = overlaps.argmax(1).tolist()
    assert [things[k] for k in best] == found.class_names and len(set(best)) == len(things)
    assert overlaps.amax(1).min() > 0.75


def test_a_caption_is_of_the_model_that_it_was_written_for():
    cache = ExampleCache(Runner(Models(assets() / "checkpoints" / "demo", "cpu")), examples.scenes())
    assert cache.answer(cache.examples[0].path).caption == ""
