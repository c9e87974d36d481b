import pytest
import torch

from dfine import distribution
from dfine.boxes import iou, to_pixels
from tests.helpers import synthetic_trace


@pytest.mark.parametrize("layers, classes", [(1, 1), (3, 3), (6, 80)])
def test_history_shapes(layers, classes):
    h = synthetic_trace(batch=2, layers=layers, classes=classes).history(2, (640, 480), picture=1, name="cat")
    assert h.layers == layers
    shapes = {
        "proposal": (4,),
        "initial": (4,),
        "proposal_logits": (classes,),
        "initial_logits": (classes,),
        "logits": (layers, classes),
        "quality": (layers,),
        "edges": (layers, 4, 33),
        "boxes": (layers, 4),
        "probabilities": (layers, 4, 33),
        "calibrated": (layers, 4, 33),
        "added": (layers, 4, 33),
        "peaks": (layers, 4, 5),
        "offsets": (layers, 4),
        "shifts": (layers, 4),
        "deviations": (layers, 4),
        "entropies": (layers, 4),
        "scores": (layers,),
        "scores_before_lqe": (layers,),
        "iou_with_last": (1 + layers,),
        "xyxy_pixels": (1 + layers, 4),
        "pixels_per_size": (4,),
        "w": (33,),
    }
    assert {name: tuple(getattr(h, name).shape) for name in shapes} == shapes
    assert tuple(h.intervals().shape) == (layers, 4, 2)


def test_history_follows_one_query():
    trace = synthetic_trace(batch=2)
    h = trace.history(3, (640, 480), picture=1, label=2, name="fish")
    assert torch.equal(h.boxes, torch.stack([r.boxes[1, 3] for r in trace.refinements]))
    assert torch.equal(h.edges[-1], trace.last.edges[1, 3])
    torch.testing.assert_close(h.scores[-1], trace.last.logits[1, 3, 2].sigmoid())
    torch.testing.assert_close(
        h.scores_before_lqe[0], (trace.refinements[0].logits - trace.refinements[0].quality)[1, 3, 2].sigmoid()
    )
    assert (h.query, h.token, h.label, h.name, h.size) == (3, 3, 2, "fish", (640, 480))


def test_history_adds_up():
    """Shifts of all layers lead from the initial box to the last; the boxes are what the distributions say."""
    h = synthetic_trace().history(0, (640, 480))
    outward = torch.tensor([-1.0, -1.0, 1.0, 1.0])
    torch.testing.assert_close(h.xyxy_pixels[0] + outward * h.shifts.sum(0), h.xyxy_pixels[-1], rtol=0, atol=1e-3)
    torch.testing.assert_close(distribution.decode(h.initial, h.offsets), h.boxes, rtol=0, atol=1e-6)
    torch.testing.assert_close(h.xyxy_pixels[1:], to_pixels(h.boxes, h.size))
    assert h.iou_with_last[-1].item() == pytest.approx(1)
    torch.testing.assert_close(h.iou_with_last[0], iou(h.initial, h.boxes[-1]))


def test_intervals_hold_the_median_and_grow_with_the_mass():
    h = synthetic_trace().history(0, (640, 480))
    narrow, wide = h.intervals(0.5), h.intervals(0.9)
    assert (narrow[..., 0] <= narrow[..., 1]).all()
    assert (wide[..., 0] <= narrow[..., 0] + 1e-3).all() and (wide[..., 1] >= narrow[..., 1] - 1e-3).all()


def test_temperature_widens_the_spread_and_leaves_the_box():
    from dataclasses import replace

    h = synthetic_trace().history(0, (640, 480))
    hot = replace(h, temperature=torch.full((4,), 3.0))
    assert (hot.deviations.mean() > h.deviations.mean()) and (hot.entropies > h.entropies).all()
    assert torch.equal(hot.offsets, h.offsets)


@pytest.mark.parametrize("query", [-1, 5])
def test_there_is_no_such_query(query):
    with pytest.raises(IndexError, match="queries 0 to 4"):
        synthetic_trace().history(query, (640, 480))


def test_another_weighting_function_moves_edges_and_leaves_the_distributions():
    history = synthetic_trace().history(1, (640, 480))
    same = history.reweighted(*distribution.constants(history.w))
    torch.testing.assert_close(same.boxes, history.boxes, rtol=0, atol=1e-5)
    other = history.reweighted(0.5, 1 / 16)
    assert torch.equal(other.probabilities, history.probabilities) and not torch.allclose(other.boxes, history.boxes)
    assert torch.equal(other.initial, history.initial)
    torch.testing.assert_close(other.boxes, distribution.decode(history.initial, other.offsets))
    with pytest.raises(ValueError, match="positive"):
        history.reweighted(0, 0.25)


def test_what_the_layers_added_makes_up_the_distributions():
    h = synthetic_trace().history(1, (640, 480))
    before = torch.cat((torch.full((1, 4, 33), 1 / 33), h.probabilities[:-1]))
    assert ((h.added > 0) == (h.probabilities > before)).all()
    torch.testing.assert_close(h.added.cumsum(0).softmax(-1), h.probabilities, rtol=0, atol=1e-6)


def test_lqe_reads_the_highest_probabilities_and_their_mean():
    h = synthetic_trace().history(1, (640, 480))
    highest = h.probabilities.sort(-1, descending=True).values[..., :4]
    torch.testing.assert_close(h.peaks[..., :4], highest)
    torch.testing.assert_close(h.peaks[..., 4], highest.mean(-1))
