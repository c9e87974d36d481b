"""Why not here: also where something was found, in sight or not."""

from dataclasses import replace

import pytest

pytest.importorskip("gradio")

from dfine.page.tabs import why_not
from dfine.page.view import select
from tests.page.visitor import EXAMPLES, LOW, click_at, example, open_tab


@pytest.fixture(scope="module")
def view(runner):
    return replace(select(runner.answer(EXAMPLES[1]), LOW), controls=dict(point=None))


def middle(view, number):
    x1, y1, x2, y2 = view.answer.result.detections.boxes[number].tolist()
    return view.answer.inside((x1 + x2) / 2, (y1 + y2) / 2)


def test_before_a_place_is_named_the_picture_shows_its_boxes(view):
    shown = why_not.draw(view)
    assert shown["answer"] == "" and shown["picture"].alt_text.startswith("The picture with")
    empty = why_not.draw(replace(view, found=view.found[:0], numbers=[]))
    assert shown["picture"].value["path"] != empty["picture"].value["path"], "boxes make another picture"


def test_a_detected_object_is_named(view):
    values = why_not.ask(view, middle(view, 0))
    name = view.found.class_names[0]
    assert values["answer"].startswith("<h3>What was found at")
    assert f"<b>{name} {float(view.found.scores[0]):.2f}</b> was found here: object 1 of the list." in values["answer"]


def test_an_object_of_another_class_is_named_with_what_hides_it(view):
    name = view.found.class_names[0]
    others = [other for other in view.found.class_names if other != name]
    narrowed = select(view.answer, LOW, others)
    values = why_not.ask(narrowed, middle(view, 0))
    assert "but only the classes that you chose are shown" in values["answer"]


def test_an_object_beyond_the_number_is_named_with_what_hides_it(view):
    last = len(view.found) - 1
    values = why_not.ask(select(view.answer, LOW, (), 1), middle(view, last))
    assert "but only the best object is shown" in values["answer"]


def test_where_nothing_was_found_nothing_is_claimed(view):
    nothing = select(view.answer, 0.95)
    values = why_not.ask(nothing, (1.0, 1.0))
    assert "Why nothing was found at 1, 1 px" in values["answer"] and "was found here" not in values["answer"]


def test_the_picture_beside_the_answers_answers_about_objects(page, model):
    example(page, 1)
    found = model(EXAMPLES[1], LOW)
    open_tab(page, "why")
    page.wait_for_selector("#probe img")
    x1, y1, x2, y2 = found.detections.boxes[0].tolist()
    page.fill("#x input", str(round((x1 + x2) / 2)))
    page.fill("#y input", str(round((y1 + y2) / 2)))
    page.locator("#ask").click()
    page.wait_for_selector(f"#why:has-text('{found.detections.class_names[0]}'):has-text('object 1 of the list')")
    page.wait_for_selector("#spoken:has-text('What was found at'):has-text('object 1 of the list')")
    click_at(page, (2, 2), found.picture.size)
    open_tab(page, "shape")
