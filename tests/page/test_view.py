"""What the settings leave in sight of an answer, without running the network again."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

pytest.importorskip("gradio")

from dfine.data import scenes  # noqa: E402
from dfine.figures import words  # noqa: E402
from dfine.page import examples  # noqa: E402
from dfine.page.example_cache import ExampleCache  # noqa: E402
from dfine.page.models import Models  # noqa: E402
from dfine.page.runner import Runner  # noqa: E402
from dfine.page.view import known, leading, select, spoken, summary  # noqa: E402
from dfine.weights.cache import assets  # noqa: E402


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
    assert summary(nothing).startswith("Nothing with a score of at least 1.10, in 320 × 320 pixels")
    assert spoken(nothing) == "The picture with 0 framed objects: none"
    assert nothing.history is None
    assert len(select(answer, 0.05, (), 0).found) == 0


def test_where_nothing_is_found_the_page_says_what_the_model_knows(answer):
    said = summary(select(answer, 1.1))
    assert known(answer) in said and all(name in said for name in scenes.NAMES)
    assert "`dfine train`" in said
    assert "finds these" not in summary(select(answer, 1.1, ["sun"])), "there the classes are what is narrow"


def test_a_long_list_of_classes_is_counted(answer):
    many = tuple(f"thing {i}" for i in range(80))
    found = replace(answer.result.detections[:0], names=many)
    assert "80 kinds of things, from thing 0 to thing 79" in known(
        replace(answer, result=replace(answer.result, detections=found))
    )


def test_the_model_of_drawings_says_so_and_others_do_not(answer):
    assert "demo knows drawings" in summary(select(replace(answer, model="demo"), 0.5))
    assert "drawings" not in summary(select(replace(answer, model="photos"), 0.5))


@pytest.mark.parametrize("size", [(1, 1), (15, 400), (400, 3)])
def test_a_tiny_picture_is_not_passed_over_in_silence(runner, tmp_path, size):
    Image.new("RGB", size).save(tmp_path / "dot.png")
    said = summary(select(runner.answer(str(tmp_path / "dot.png")), 0.05))
    assert f"in {size[0]} × {size[1]} pixels" in said and "So small a picture" in said


def test_settings_select_without_the_network(answer):
    everything, some = select(answer, 0.05), select(answer, 0.5)
    assert 0 < len(some.found) < len(everything.found)
    assert everything.numbers == list(range(len(everything.found)))
    name = some.found.class_names[-1]
    one = select(answer, 0.05, [name])
    assert set(one.found.class_names) == {name} and set(one.numbers) <= set(everything.numbers)
    assert len(one.found) == everything.found.class_names.count(name)
    assert "of the classes that you chose" in summary(one)
    assert select(answer, 0.05, (), 2).numbers == [0, 1]


def test_several_detections_by_one_query_are_not_several_objects(answer):
    """The published way of choosing detections ranks classes of queries: a query may answer more than once."""
    everything = select(answer, 0.05)
    queries = len(set(everything.found.query.tolist()))
    assert queries < len(everything.found)
    assert summary(everything).startswith(f"{len(everything.found)} detections by {queries} queries ")
    assert summary(select(answer, 0.05, (), 1)).startswith("1 object ")


def test_classes_are_counted_and_a_chosen_one_stays(answer):
    assert set(scenes.NAMES) >= {name for _, name in answer.classes(0)}
    assert answer.classes(1.1) == [] and answer.classes(1.1, ["sun"]) == [("sun (0)", "sun")]


def test_nothing_in_sight_has_nothing_to_begin_with(answer):
    assert leading(select(answer, 1.1)) is None


def test_a_visitors_picture_begins_with_its_best_detection(answer):
    assert leading(select(answer, 0.5)) == 0
    assert leading(select(answer, 0.5, [answer.result.detections.class_names[1]])) == 1


@pytest.mark.parametrize(
    "name, thing, ending",
    [
        (
            "4-occlusion.jpg",
            "heart",
            r"Sure of three edges, within 1\d\.\d px\. The bottom edge could lie anywhere within 9\d\.\d px\.",
        ),
        ("5-far-off.jpg", "balloon", "About equally sure of all four edges"),
    ],
)
def test_an_example_begins_with_what_its_caption_promises(examples_of_demo, name, thing, ending):
    answer = examples_of_demo(name)
    assert thing in answer.caption and summary(select(answer, 0.5)).startswith(answer.caption)
    history = answer.history(leading(select(answer, 0.5)))
    assert history.name == thing and re.match(ending, words.sureness(history))
    overlap = float(history.iou_with_last[0])
    assert (0.55 < overlap < 0.7) == (name == "5-far-off.jpg"), "how far off the initial box is"


def test_a_caption_is_of_the_model_that_it_was_written_for():
    cache = ExampleCache(Runner(Models(assets() / "checkpoints" / "demo", "cpu")), examples.scenes())
    assert cache.answer(cache.examples[0].path).caption == ""
