import pytest
import torch

from dfine.boxes import to_pixels
from dfine.trace.postprocess import Ranking, detections, stage
from dfine.trace.records import Estimate, Refinement, Trace
from tests.helpers import synthetic_trace

NAMES = ("cat", "dog", "fish")


def by_hand(logits, boxes) -> Trace:
    """A trace of one picture and one layer."""
    logits, boxes = torch.tensor([logits]), torch.tensor([boxes])
    queries = boxes.shape[1]
    estimate = Estimate(logits, boxes)
    edges = torch.zeros(1, queries, 4, 33)
    layer = Refinement(logits, torch.zeros(1, queries, 1), edges, boxes)
    return Trace(estimate, estimate, (layer,), torch.arange(queries)[None], ((1, queries),), torch.zeros(33))


def test_no_queries():
    trace = synthetic_trace(queries=0)
    (found,) = detections(trace, NAMES, [(64, 48)])
    assert len(found) == 0 and found.boxes.shape == (0, 4)


def test_top_scores_by_hand():
    trace = by_hand([[0.0, 2.0, -1.0], [3.0, 1.0, -9.0]], [[0.5, 0.5, 0.5, 0.5], [0.25, 0.5, 0.5, 1.0]])
    (found,) = detections(trace, NAMES, [(100, 200)], Ranking(top=4))
    assert found.query.tolist() == [1, 0, 1, 0]
    assert found.class_names == ["cat", "dog", "dog", "cat"]
    torch.testing.assert_close(found.scores, torch.sigmoid(torch.tensor([3.0, 2.0, 1.0, 0.0])))
    assert found.boxes.tolist() == [[0, 0, 50, 200], [25, 50, 75, 150], [0, 0, 50, 200], [25, 50, 75, 150]]


def test_boxes_end_at_the_picture():
    trace = by_hand([[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.5, 0.5]])
    (found,) = detections(trace, NAMES, [(100, 200)], Ranking(top=1))
    assert found.boxes.tolist() == [[0, 150, 25, 200]]


def test_every_pair_at_most_once_and_in_order():
    (found,) = detections(synthetic_trace(queries=7), NAMES, [(64, 48)])
    assert len(found) == 21
    assert len(set(zip(found.query.tolist(), found.labels.tolist()))) == 21
    assert (found.scores.diff() <= 0).all()


def test_top_cuts():
    whole, cut = (detections(synthetic_trace(), NAMES, [(64, 48)], Ranking(top=n))[0] for n in (300, 4))
    assert len(cut) == 4
    assert cut.scores.tolist() == whole.scores[:4].tolist()


@pytest.mark.parametrize("ignore", [(0,), (0, 2), (0, 1, 2)])
def test_ignored_classes_never_appear(ignore):
    trace = synthetic_trace()
    for r in trace.refinements:
        r.logits[..., 0] += 100
    (found,) = detections(trace, NAMES, [(64, 48)], Ranking(ignore=ignore))
    assert len(found) == 5 * (3 - len(ignore))
    assert not set(found.labels.tolist()) & set(ignore)
    assert (found.scores >= 0).all()


@pytest.mark.parametrize("layer", [0, 1, 2, -1, "initial", "proposals"])
def test_layers_report_their_own_boxes(layer):
    trace = synthetic_trace()
    (found,) = detections(trace, NAMES, [(64, 48)], Ranking(layer=layer))
    want = to_pixels(stage(trace, layer).boxes[0], (64, 48))[found.query]
    torch.testing.assert_close(found.boxes, want)
    torch.testing.assert_close(found.scores, stage(trace, layer).logits[0, found.query, found.labels].sigmoid())


def test_scores_of_the_last_layer_keep_its_ranking():
    trace = synthetic_trace()
    (last,) = detections(trace, NAMES, [(64, 48)])
    (early,) = detections(trace, NAMES, [(64, 48)], Ranking(layer="initial", scores="last"))
    assert early.query.tolist() == last.query.tolist()
    assert early.scores.tolist() == last.scores.tolist()
    torch.testing.assert_close(early.boxes, to_pixels(trace.initial.boxes[0], (64, 48))[last.query])


def test_a_batch_is_its_pictures():
    trace, sizes = synthetic_trace(batch=3), [(64, 48), (10, 10), (300, 200)]
    together = detections(trace, NAMES, sizes)
    for i, found in enumerate(together):
        (alone,) = detections(trace.picture(i), NAMES, [sizes[i]])
        assert found.size == sizes[i]
        assert torch.equal(found.boxes, alone.boxes) and torch.equal(found.scores, alone.scores)


@pytest.mark.parametrize(
    "arguments, said",
    [
        (dict(names=("cat",)), "3 classes, but there are 1 names"),
        (dict(sizes=[]), "1 pictures, but there are 0 sizes"),
        (dict(sizes=[(0, 0)]), r"size is \(0, 0\), and should be its \(width, height\) in pixels; .* `Target` says it"),
        (dict(layer=3), "no layer 3"),
        (dict(layer="middle"), "no layer 'middle'"),
        (dict(scores="best"), "'own' or 'last'"),
    ],
)
def test_mistakes_are_named(arguments, said):
    with pytest.raises(ValueError, match=said):
        where = {key: arguments[key] for key in ("names", "sizes") if key in arguments}
        ranking = Ranking(**{key: value for key, value in arguments.items() if key not in where})
        detections(synthetic_trace(), **dict(names=NAMES, sizes=[(64, 48)]) | where, ranking=ranking)
