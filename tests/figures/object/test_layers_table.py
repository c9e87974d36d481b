import pytest
import torch

from dfine.boxes import to_pixels
from dfine.figures import html
from dfine.figures.object import layers_table


def test_the_first_rung_is_the_initial_box_which_no_distribution_moved(history):
    first = layers_table.rows(history)[0]
    assert first["stage"] == "initial"
    assert first["shift"] is None and first["spread"] is None and first["score_before_lqe"] is None
    assert first["box"] == pytest.approx([80, 30, 120, 70], abs=1e-4)
    assert first["score"] == pytest.approx(torch.tensor(-1.0).sigmoid().item())


def test_shifts_lead_from_the_initial_box_to_the_final_one(history):
    rows = layers_table.rows(history)
    assert [r["stage"] for r in rows] == ["initial", "layer 1", "layer 2", "layer 3"]
    outward = torch.tensor([-1.0, -1, 1, 1])
    moved = torch.tensor([r["shift"] for r in rows[1:]]).sum(0) * outward
    final = torch.tensor(rows[0]["box"]) + moved
    torch.testing.assert_close(final, to_pixels(history.boxes[-1], history.size), atol=1e-3, rtol=0)
    assert rows[-1]["iou"] == pytest.approx(1)


def test_scores_before_and_after_lqe(history):
    last = layers_table.rows(history)[-1]
    assert last["score"] == pytest.approx(torch.tensor(3.0).sigmoid().item())
    assert last["score_before_lqe"] == pytest.approx(torch.tensor(2.5).sigmoid().item())


def test_the_plot_has_four_edges_and_three_curves_that_end_at_the_final_box(history):
    figure = layers_table.plot(history)
    assert [t.name for t in figure.data] == ["left", "top", "right", "bottom", "IoU", "after LQE", "before LQE"]
    for t in figure.data[:4]:
        assert t.y[-1] == pytest.approx(0)
    assert figure.data[4].y[-1] == pytest.approx(1)
    assert figure.data[6].y[0] is None


def test_the_table_says_the_same_in_html(history):
    text = html.layers_html(history)
    assert text.count("<tr ") == 5
    assert f"± {history.deviations[-1, 0]:.2f}" in text
    assert "uncalibrated" in text
    assert "0.92 → <b>0.95</b>" in text


def test_nothing_found_is_a_sentence(nothing):
    assert "No detections" in nothing._repr_html_()


def test_detections_and_histories_show_themselves_without_loading_anything(detections, history):
    for text in (detections._repr_html_(), history._repr_html_()):
        assert "http" not in text and "<script" not in text
    assert "&lt;fish&gt;" in detections._repr_html_()


def test_long_lists_are_cut_and_counted(detections):
    many = detections[torch.zeros(50, dtype=torch.long)]
    text = many._repr_html_()
    assert text.count("<tr ") == html.MOST + 1 and "30 more" in text


@pytest.mark.parametrize("layers, second", [(3, "layer 1"), (6, "1")])
def test_names_of_many_stages_are_numbers(trace_of, layers, second):
    """Written out they would be set aslant, and the last would leave the figure."""
    figure = layers_table.plot(trace_of(layers).history(0, (200, 100)))
    for axis in (figure.layout.xaxis, figure.layout.xaxis2, figure.layout.xaxis3):
        assert len(axis.tickvals) == len(axis.ticktext) == 1 + layers and axis.ticktext[:2] == ("initial", second)
