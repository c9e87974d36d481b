"""Records that draw themselves in a notebook."""

from dfine.figures import html, sketch
from dfine.predictor import Result


def test_a_trace_says_what_every_stage_holds(trace_of):
    text = trace_of()._repr_html_()
    assert "2 queries, 3 classes, 3 layers, 33 offsets" in text and "4 × 8" in text
    for stage in ("proposals", "initial", "layer 1", "layer 2", "layer 3"):
        assert stage in text
    assert "<script" not in text and "http" not in text


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
    assert sketch.of_detections(detections).count("<rect") == 3
    assert sketch.of_history(history).count("<rect") == 1 + 3
    assert sketch.of_trace(trace_of()).count("<rect") == 2 * 2
    assert "&lt;fish&gt;" in sketch.of_detections(detections)


def test_a_result_shows_its_picture_and_its_table(picture, detections, nothing, trace_of):
    text = Result(picture, detections, trace_of())._repr_html_()
    assert "data:image/jpeg;base64," in text and "star" in text
    assert "No detections" in html.result_html(picture, nothing)
