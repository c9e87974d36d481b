"""What the settings leave in sight of an answer, without running the network again."""

import pytest
from PIL import Image

pytest.importorskip("gradio")

from dfine.data import scenes  # noqa: E402
from dfine.page.view import select, spoken, summary  # noqa: E402


@pytest.fixture(scope="module")
def answer(runner, tmp_path_factory):
    path = tmp_path_factory.mktemp("view") / "scene.png"
    Image.fromarray(scenes.draw(10_000_012, 320, {"crowding": 1.0}).image).save(path)
    return runner.answer(str(path))


def test_nothing_in_sight(answer):
    nothing = select(answer, 1.1)
    assert nothing.numbers == [] and nothing.place(None) is None and nothing.place(0) is None
    assert summary(nothing).startswith("Nothing with a score of at least 1.10, in 320 × 320 pixels")
    assert spoken(nothing) == "The picture with 0 framed objects: none"
    assert nothing.history is None
    assert len(select(answer, 0.05, (), 0).found) == 0


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


def test_classes_are_counted_and_a_chosen_one_stays(answer):
    assert set(scenes.NAMES) >= {name for _, name in answer.classes(0)}
    assert answer.classes(1.1) == [] and answer.classes(1.1, ["sun"]) == [("sun (0)", "sun")]
