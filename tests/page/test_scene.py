"""The picture with its boxes and the table of objects, as the browser is told of them."""

import pytest
from PIL import Image

pytest.importorskip("gradio")

from dfine.page import objects, scene  # noqa: E402
from dfine.page.answer import FLOOR  # noqa: E402
from dfine.page.view import select, spoken  # noqa: E402
from tests.page.visitor import EXAMPLES, LOW  # noqa: E402


def test_no_picture():
    assert scene.value(None) is None
    assert objects.value(None) == dict(rows=[], chosen=None)


def test_numbers_stay_with_their_objects(runner):
    answer = runner.answer(EXAMPLES[1])
    everything = select(answer, FLOOR)
    mine = select(answer, FLOOR, [everything.found.class_names[-1]])
    assert everything.numbers[-1] in mine.numbers and mine.place(everything.numbers[-1]) == len(mine.found) - 1
    for shown in (objects.value(mine)["rows"], scene.value(mine)["objects"]):
        assert [row["number"] for row in shown] == mine.numbers


def test_boxes_are_sent_in_pixels_of_the_visitors_picture(runner, tmp_path):
    Image.open(EXAMPLES[1]).resize((1900, 1900)).save(tmp_path / "large.jpg")
    view = select(runner.answer(str(tmp_path / "large.jpg")), LOW)
    shown = scene.value(view)
    assert shown["size"] == [1900, 1900] and shown["chosen"] is None
    for told, box in zip(shown["objects"], view.found.boxes.tolist()):
        assert told["box"] == pytest.approx(box, abs=0.051)
    assert shown["alt"] == spoken(view)
