"""The tab that covers a side of the object or spoils its picture."""

from dataclasses import replace

import pytest
import torch

pytest.importorskip("gradio")

from dfine.config import EDGES
from dfine.inference.sweep import Sweep
from dfine.page.tabs import spoil
from dfine.page.view import select
from tests.page.visitor import EXAMPLES


@pytest.fixture(scope="module")
def view(runner):
    """A drawn scene with its best object chosen."""
    return replace(select(runner.answer(EXAMPLES[0]), 0.5), chosen=0, runner=runner)


def turned(view, way, amount):
    return replace(view, controls=dict(way=way, amount=amount))


def test_nothing_is_shown_of_no_object():
    assert spoil.draw(None) == dict(picture=None, table="", plot=None)


def test_an_unspoiled_picture_has_the_edges_that_the_page_shows(view):
    values = spoil.draw(turned(view, "blur", 0))
    reach = view.history.intervals()[-1]
    for edge, length in zip(EDGES, (reach[:, 1] - reach[:, 0]).tolist()):
        row = values["table"].split(f"<th>{edge}</th>")[1].split("</tr>")[0]
        before, now = (float(cell.split(" px")[0].split(">")[-1]) for cell in row.split("</td>")[:2])
        assert before == now == pytest.approx(length, rel=0.15), "the shown picture may be smaller than the original"
    assert "No edge has become much less sure" in values["table"] and values["plot"] is None


def test_blur_is_told_in_a_sentence_and_a_sweep_is_drawn(view):
    values = spoil.swept(turned(view, "blur", 0.3))
    assert "times as unsure, more than any other" in values["table"]
    assert len(values["plot"].data[0].x) == len(spoil.STEPS)


@pytest.mark.parametrize("edge", EDGES)
def test_what_is_covered_wholly_is_not_found(view, edge):
    values = spoil.draw(turned(view, edge, 1))
    assert values["table"].endswith("is not found any more.</p>") and "<table>" not in values["table"]


@pytest.mark.parametrize(
    "made_up, meant",
    [
        (("nonsense", 0.3), ("blur", 0.3)),
        (("left", 7), ("left", 1)),
        (("left", None), ("left", 0)),
        (("rotation", -1), ("rotation", 0)),
    ],
)
def test_what_callers_make_up_is_put_into_bounds(view, made_up, meant):
    assert spoil.draw(turned(view, *made_up))["table"] == spoil.draw(turned(view, *meant))["table"]


@pytest.mark.parametrize(
    "before, now, off, said",
    [
        (
            10,
            11,
            20,
            "20.0 px from where it was, and its interval is 11.0 px long, as before (10.0 px): the",
        ),
        (10, 60, 20, "interval is 60.0 px long instead of 10.0 px, which holds the place where it was."),
        (10, 30, -20, "interval is 30.0 px long instead of 10.0 px: the network is surer than it should be."),
    ],
)
def test_a_covered_edge_is_judged_by_its_own_interval(before, now, off, said):
    spreads, errors = torch.full((2, 4), 5.0), torch.zeros(2, 4)
    spreads[0, 2], spreads[1, 2], errors[1, 2] = before, now, off
    seen = Sweep(torch.tensor([0, 0.3]), torch.tensor([0.9, 0.8]), spreads, errors)
    assert said in spoil._of_covered(seen, 2, 1)


def test_a_class_with_a_hostile_name_is_text(view):
    found = view.answer.result.detections
    hostile = replace(found, names=("<img src=x onerror=alert(1)>",) * len(found.names))
    answer = replace(view.answer, result=replace(view.answer.result, detections=hostile))
    table = spoil.draw(turned(replace(view, answer=answer, found=hostile), "left", 0.3))["table"]
    assert "&lt;img src=x" in table and "<img" not in table


@pytest.mark.parametrize("threshold, said", [(0.05, "is still found"), (0.5, "would not be reported any more")])
def test_what_falls_below_the_threshold_is_not_called_found(view, threshold, said):
    second = replace(view, chosen=1, threshold=threshold)  # a mushroom, whose score falls to 0.06
    assert said in spoil.draw(turned(second, "left", 0.2))["table"]
