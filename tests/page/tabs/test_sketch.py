"""The tab with a pen."""

import math
from types import SimpleNamespace

import pytest

gr = pytest.importorskip("gradio")

from dfine.data.scenes import NAMES
from dfine.page import cached_files
from dfine.page.models import DRAWINGS
from tests.page.visitor import EXAMPLES, example, hosts, open_tab, set_threshold
from tests.pointer import at_rest


def event(**said):
    return SimpleNamespace(_data=said)


def test_a_sketch_becomes_the_page_s_picture_and_gets_the_model_of_drawings(handlers):
    v, path = handlers.v, cached_files.copy(EXAMPLES[0])
    answer = handlers.brought("before.jpg", "photos", "", event(path=path, drawn=True))
    assert answer == {v.source: path, v.model: handlers.models.suited(True)}
    on_a_picture = handlers.brought("before.jpg", "photos", "", event(path=path, drawn=False))
    assert on_a_picture == {v.source: path, v.model: "photos"}


@pytest.mark.parametrize("path", [None, 3, "", "/etc/passwd", "../x.jpg", EXAMPLES[0], "x" * 9999, "a\0b", ["x"]])
def test_what_is_no_upload_changes_nothing(handlers, path):
    v = handlers.v
    assert handlers.brought("before.jpg", "demo", "", event(path=path)) == {v.source: "before.jpg", v.model: "demo"}


def heart(box, middle, size, points=36):
    """Places in the window that draw a heart, in shares of the sheet."""
    for i in range(points + 1):
        t = 2 * math.pi * i / points
        x = 16 * math.sin(t) ** 3 / 17
        y = -(13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)) / 17
        yield box["x"] + box["width"] * (middle[0] + size * x), box["y"] + box["height"] * (middle[1] + size * y)


def stroke(page, places):
    first, *others = places
    page.mouse.move(*first)
    page.mouse.down()
    for place in others:
        page.mouse.move(*place)
    page.mouse.up()


def test_a_heart_is_found_as_soon_as_it_is_drawn(page, checkpoint):
    if checkpoint != DRAWINGS:
        pytest.skip("the model of drawings is not here")
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    set_threshold(page, 0.5)
    open_tab(page, "sketch")
    words = page.inner_text("#sketch .caption")
    assert all(name in words for name in NAMES), "it says what can be drawn"
    sheet = page.locator("#sketch canvas")
    place = at_rest(sheet)
    stroke(page, heart(place, (0.3, 0.35), 0.22))
    page.wait_for_selector("#sketch .outcome:has-text('heart')")
    page.wait_for_selector("#headline:has-text('heart')")
    assert page.locator("#sketch .frame").count() == 1 and page.locator("#sketch .whisker:visible").count() == 4
    place = at_rest(sheet)  # what was found is told above it
    for i in range(3):  # strokes that come faster than answers
        stroke(page, heart(place, (0.75, 0.7), 0.1 + 0.02 * i))
    page.wait_for_function("lens.store.state.trace.detections.filter((d) => d.score >= 0.5).length >= 2")
    page.get_by_role("button", name="Clear").click()
    page.wait_for_selector("#sketch .outcome:has-text('Nothing is found yet')")
    page.locator("#sketch canvas").focus()
    page.keyboard.press("Control+z")
    page.wait_for_selector("#sketch .outcome:has-text('heart')")
    assert "tab=sketch" in page.url and "example=" not in page.url
    assert hosts(asked) == hosts([page.url])
    example(page, 0)
    assert page.locator("#sketch .frame").count() == 0, "another picture is not the sketch"
    page.wait_for_selector("#sketch .outcome:has-text('The sheet is not the open picture now')")
    page.get_by_role("button", name="Draw on the open picture").click()
    corner = "document.querySelector('#sketch canvas').getContext('2d').getImageData(5, 5, 1, 1).data.join()"
    page.wait_for_function(f"{corner} !== '255,255,255,255'")
    page.get_by_role("button", name="Empty sheet").click()
    page.wait_for_function(f"{corner} === '255,255,255,255'")
