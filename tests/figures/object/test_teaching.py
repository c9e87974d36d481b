"""Lessons and matches drawn: what the panels and cells say is what the records hold."""

import pytest
import torch

from dfine import distribution
from dfine.figures import style
from dfine.figures.object import teaching

TRUTH = torch.tensor([0.5, 0.5, 0.2, 0.4])  # the initial box of query 0: no edge has to move


def test_no_step_is_said(history):
    with pytest.raises(ValueError, match="no step"):
        teaching.lessons({}, TRUTH)
    with pytest.raises(ValueError, match="no step 7; there are 0, 5"):
        teaching.lessons({0: history, 5: history}, TRUTH, shown=7)


def test_every_panel_holds_its_distribution(history):
    figure = teaching.lessons({3: history}, TRUTH)
    assert len(figure.data) == 3 * 4 and not figure.layout.sliders
    for layer in range(3):
        for k in range(4):
            assert list(figure.data[layer * 4 + k].y) == pytest.approx(
                history.probabilities[layer, k].tolist(), abs=1e-4
            )


def test_the_line_stands_where_the_truth_lies_among_the_bins(history):
    lines = [s.x0 for s in teaching.lessons({0: history}, TRUTH).layout.shapes]
    assert lines == pytest.approx([16.0] * 12, abs=1e-4)
    wider = torch.tensor([0.5, 0.5, 0.2 + 2 * 0.2 * float(history.w[20]), 0.4])
    lines = [s.x0 for s in teaching.lessons({0: history}, wider).layout.shapes]
    assert lines[:4] == pytest.approx([20.0, 16.0, 20.0, 16.0], abs=1e-3)


def test_the_numbers_are_how_far_the_edges_are_off(history):
    true = distribution.decode(history.initial, history.offsets[-1])
    texts = [a.text for a in teaching.lessons({0: history}, true).layout.annotations]
    assert texts[8:12] == ["0 px"] * 4  # the last layer


def test_a_step_of_the_slider_changes_all_panels_and_numbers(history):
    figure = teaching.lessons({0: history, 9: history}, TRUTH, shown=0)
    slider = figure.layout.sliders[0]
    assert slider.active == 0 and [s.label for s in slider.steps] == ["0", "9"]
    bars, notes = slider.steps[1].args
    assert len(bars["y"]) == 12 and len(notes) == 12


def test_answers_mark_who_changed_and_who_is_kept():
    matches = {"initial": {0: [4], 1: [7]}, "layer 1": {0: [4], 1: [9]}, "union": {0: [4], 1: [7, 9]}}
    cells = teaching.answers(matches, ["star", "fish"]).data[0]
    assert [list(row) for row in cells.text] == [["4", "4", "4"], ["7", "9", "7 + 9"]]
    assert [list(row) for row in cells.z] == [[1, 1, 1], [1, 2, 3]]


def test_answers_without_objects_and_with_too_few():
    assert len(teaching.answers({"initial": {}}, []).data[0].z) == 0
    with pytest.raises(ValueError, match="object 2; there are 1"):
        teaching.answers({"initial": {2: [1]}}, ["star"])


def test_a_long_name_fits_beside_its_row():
    figure = teaching.answers({"initial": {0: [1]}}, ["a name that is much longer than its margin"])
    assert figure.layout.yaxis.ticktext == ("a name t…margin",)
    assert "much longer" in figure.data[0].hovertext[0][0]


@pytest.mark.parametrize("cell", [teaching.SAME, teaching.OTHER, teaching.SEVERAL])
def test_cells_can_be_read_on_any_page(cell):
    """Pale cells would be dark on a dark page, and their dark text with them."""
    (table,) = teaching.answers({"initial": {0: [1]}, "union": {0: [1, 2]}}, ["cat"]).data
    assert cell in {colour for _, colour in table.colorscale} and table.textfont.color == teaching.INK
    assert style.ink_on(cell) == "#000000" and style.ink_on(teaching.INK) == "#FFFFFF"
