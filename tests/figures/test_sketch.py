import base64
import re
from xml.etree import ElementTree

import pytest

from dfine.figures import sketch
from dfine.trace.stages import stage_names


def drawn(text):
    """The SVG inside the pictures of a piece of HTML, each of which a browser can read."""
    found = [base64.b64decode(code).decode() for code in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)]
    assert all(ElementTree.fromstring(svg).tag.endswith("svg") for svg in found)
    return found


def test_numbers_of_a_trace_are_of_the_queries_that_are_sure(trace_of):
    rows = sketch.numbers(trace_of())
    assert [r["sure"] for r in rows] == [0, 0, 1, 1, 1]
    assert rows[0]["entropy"] is None and rows[-1]["iou"] == 1.0
    assert rows[-1]["entropy"] < rows[-2]["entropy"] < rows[-3]["entropy"]


def test_a_trace_without_a_sure_query_has_no_means(trace_of):
    shy = trace_of().map(lambda t: t - 30 if t.ndim == 3 and t.shape[-1] == 3 else t)  # class logits
    assert all(r["iou"] is None and r["entropy"] is None for r in sketch.numbers(shy))
    assert "–" in shy._repr_html_()


def test_a_sketch_has_a_frame_for_every_box(detections, history, trace_of):
    assert drawn(sketch.of_detections(detections))[0].count("<rect") == 3
    assert drawn(sketch.of_history(history))[0].count("<rect") == 1 + 3
    assert drawn(sketch.of_trace(trace_of()))[0].count("<rect") == 2 * 2
    assert "&lt;fish&gt;" in drawn(sketch.of_detections(detections))[0]


def test_nothing_found_is_an_empty_frame(nothing):
    (svg,) = drawn(sketch.of_detections(nothing))
    assert "<rect" not in svg


def test_a_row_for_every_stage_the_proposals_first(trace_of):
    for layers in (1, 4):
        names = [row["stage"] for row in sketch.numbers(trace_of(layers))]
        assert names == ["proposals", *stage_names(layers)]


@pytest.mark.parametrize("words", ["plain", '<b> & "quotes"'])
def test_words_for_those_who_do_not_see_it_cannot_break_the_page(words):
    text = sketch.image("<g/>", (10, 20), words)
    image = ElementTree.fromstring(text.replace(">", "/>", 1) if not text.endswith("/>") else text)
    assert image.attrib["alt"] == image.attrib["title"] == words
    assert (image.attrib["width"], image.attrib["height"]) == ("10", "20")


def test_the_longest_side_is_as_it_should_be(detections, history, trace_of):
    for text in (sketch.of_detections(detections), sketch.of_history(history), sketch.of_trace(trace_of())):
        width, height = (int(re.search(rf'{side}="(\d+)"', text)[1]) for side in ("width", "height"))
        assert max(width, height) == sketch.SIDE
