"""How far answers lie from others: by hand, and where there is nothing to compare."""

from dataclasses import replace

import pytest
import torch

from dfine.engines.shift import Shift, shift
from dfine.trace.records import Refinement, Trace
from tests.helpers import synthetic_trace

SIZE = (200, 100)


def told(scores: float, **change) -> Trace:
    """A trace whose last layer is sure of its classes to a degree, with some of it replaced."""
    trace = synthetic_trace(batch=2, queries=8)
    last = trace.last
    label = last.logits.argmax(-1, keepdim=True)
    logits = torch.full_like(last.logits, -9.0).scatter(-1, label, torch.logit(torch.tensor(scores)).item())
    parts = {"logits": logits, "quality": last.quality, "edges": last.edges, "boxes": last.boxes} | change
    return replace(trace, refinements=(*trace.refinements[:-1], Refinement(**parts)))


@pytest.mark.parametrize("scores, objects", [(0.9, 16), (0.1, 10)], ids=["all", "the five best of each"])
def test_an_answer_lies_on_itself(scores, objects):
    trace = told(scores)
    found = shift(trace, trace, SIZE)
    assert (found.edges, found.late, found.objects, found.lost) == (0, 0, objects, 0)
    assert found.widths == pytest.approx(0, abs=1e-6)


def test_how_many_count_in_any_case():
    unsure, sure = told(0.1), told(0.9)
    assert [shift(trace, trace, SIZE, fewest=1).objects for trace in (unsure, sure)] == [2, 16]


def test_boxes_moved_to_the_right_by_a_hundredth():
    """Left and right move by 2 pixels of 200, top and bottom by none: 1 on average."""
    trace = told(0.9)
    moved = told(0.9, boxes=trace.last.boxes + torch.tensor([0.01, 0, 0, 0]))
    found = shift(trace, moved, SIZE)
    assert found.edges == pytest.approx(1, abs=1e-4) and found.late == pytest.approx(2, abs=1e-4)
    assert found.lost == 0


def test_queries_in_another_order_are_the_same_answers():
    trace = told(0.9)
    turned = replace(
        trace,
        origin=trace.origin.flip(1),
        initial=replace(trace.initial, logits=trace.initial.logits.flip(1), boxes=trace.initial.boxes.flip(1)),
        refinements=tuple(
            Refinement(*(getattr(r, n).flip(1) for n in r.__dataclass_fields__)) for r in trace.refinements
        ),
    )
    assert shift(trace, turned, SIZE).edges == pytest.approx(0, abs=1e-5)


def test_an_object_that_is_gone_is_counted():
    trace = told(0.9)
    gone = told(0.9, boxes=torch.full_like(trace.last.boxes, 1e-3))
    found = shift(trace, gone, SIZE)
    assert found == Shift(0.0, 0.0, 0.0, 16, 16)
    assert found.to_dict() == {"edges": 0.0, "late": 0.0, "widths": 0.0, "objects": 16, "lost": 16}


def test_flatter_distributions_have_wider_intervals():
    trace = told(0.9)
    assert shift(trace, told(0.9, edges=trace.last.edges / 2), SIZE).widths > 0.05


@pytest.mark.parametrize("lost, same", [(0, True), (8, True), (9, False), (16, False)])
def test_who_loses_most_objects_finds_something_else(lost, same):
    """However near the rest lies."""
    trace = told(0.9)
    boxes = trace.last.boxes.clone()
    boxes.view(-1, 4)[:lost] = 1e-3
    found = shift(trace, told(0.9, boxes=boxes), SIZE)
    assert (found.edges, found.lost, found.finds_the_same) == (0, lost, same)
    assert not shift(trace, told(0.9, boxes=boxes * float("nan")), SIZE).finds_the_same
    assert Shift(0.0, 0.0, 0.0, 0, 0).finds_the_same
