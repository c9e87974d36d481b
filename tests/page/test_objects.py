"""The table of objects, as the browser is told of it."""

import pytest

pytest.importorskip("gradio")

from dfine.figures import style  # noqa: E402
from dfine.page import objects  # noqa: E402
from dfine.page.view import select  # noqa: E402
from tests.page.visitor import EXAMPLES, LOW  # noqa: E402


def test_without_a_picture_there_is_no_row():
    assert objects.value(None) == dict(rows=[], chosen=None)


def test_a_row_an_object_best_first_with_the_colour_of_its_box(runner):
    view = select(runner.answer(EXAMPLES[1]), LOW)
    rows = objects.value(view)["rows"]
    assert [row["number"] for row in rows] == view.numbers and len(rows) > 1
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    for row, found in zip(rows, view.found.to_list()):
        assert (row["name"], row["colour"]) == (found["name"], style.class_colour(found["label"]))
        assert row["box"] == [round(v) for v in found["box"]]


def test_the_table_has_a_heading_for_all_that_a_row_shows():
    component = objects.objects()
    assert component.elem_id == "objects"
    for key in ("number", "name", "score"):
        assert f'data-key="{key}"' in objects.TEMPLATE
