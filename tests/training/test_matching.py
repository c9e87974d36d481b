"""Matching: every object gets one query, the cheapest; the union keeps what most stages agreed on."""

import pytest
import torch

from dfine.config import LossWeights
from dfine.trace.records import NoisedQueries, Target
from dfine.training.matching import Match, costs, hungarian, known, matches, padded, union

WEIGHTS = LossWeights()


def target(labels, boxes):
    return Target(torch.tensor(labels, dtype=torch.int64), torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4))


def match(*triples):
    return Match(*torch.tensor(triples, dtype=torch.int64).reshape(-1, 3).unbind(1))


def pairs(m):
    return sorted(zip(m.picture.tolist(), m.query.tolist(), m.target.tolist()))


def test_no_object_anywhere_matches_nothing():
    found = hungarian(torch.zeros(2, 5, 3), torch.rand(2, 5, 4), [target([], []), target([], [])], WEIGHTS)
    assert len(found) == 0
    assert len(union([found, found])) == 0


def test_each_object_gets_the_query_on_top_of_it():
    boxes = torch.tensor([[[0.2, 0.2, 0.1, 0.1], [0.8, 0.8, 0.1, 0.1], [0.5, 0.5, 0.3, 0.3]]] * 2)
    targets = [target([1, 0], [[0.8, 0.8, 0.1, 0.1], [0.2, 0.2, 0.1, 0.1]]), target([2], [[0.5, 0.5, 0.3, 0.3]])]
    found = hungarian(torch.zeros(2, 3, 3), boxes, targets, WEIGHTS)
    assert pairs(found) == [(0, 0, 1), (0, 1, 0), (1, 2, 2)]  # targets count through both pictures


def test_more_objects_than_queries_uses_every_query_once():
    found = hungarian(
        torch.zeros(1, 2, 3), torch.rand(1, 2, 4), [target([0, 1, 2], torch.rand(3, 4).tolist())], WEIGHTS
    )
    assert sorted(found.query.tolist()) == [0, 1]


def test_cost_of_a_perfect_box_by_hand():
    """p = ½: class cost ¼·½²·ln2 − ¾·½²·ln2 = −0.0866; distance 0; GIoU 1."""
    box = [0.5, 0.5, 0.2, 0.2]
    cost = costs(torch.zeros(1, 1, 1), torch.tensor([[box]]), [target([0], [box])], WEIGHTS)[0]
    assert cost.item() == pytest.approx(2 * -0.0866434 - 2 * 1.0, abs=1e-5)


def test_scores_that_are_not_numbers_still_match():
    logits = torch.full((1, 3, 2), float("nan"))
    assert len(hungarian(logits, torch.rand(1, 3, 4), [target([0], [[0.5, 0.5, 0.2, 0.2]])], WEIGHTS)) == 1


@pytest.mark.parametrize(
    ("stages", "expected"),
    [
        ([[(0, 1, 0)], [(0, 2, 0)]], [(0, 1, 0), (0, 2, 0)]),  # two queries for one object: both stay
        ([[(0, 1, 0)], [(0, 1, 1)], [(0, 1, 1)]], [(0, 1, 1)]),  # the majority decides
        ([[(0, 1, 3)], [(0, 1, 2)]], [(0, 1, 2)]),  # among equals, the lower object
        ([[(1, 0, 5)], [(0, 0, 4)]], [(0, 0, 4), (1, 0, 5)]),  # pictures are apart
    ],
)
def test_union(stages, expected):
    assert pairs(union([match(*s) for s in stages])) == expected


def test_known_positives_answer_for_their_objects_group_by_group():
    targets = [target([0, 1], torch.rand(2, 4).tolist()), target([], []), target([2], torch.rand(1, 4).tolist())]
    positive = (torch.tensor([0, 1, 4, 5]), torch.tensor([], dtype=torch.int64), torch.tensor([0, 4]))
    noise = NoisedQueries(torch.zeros(3, 8, dtype=torch.int64), torch.zeros(3, 8, 4), 2, positive)
    assert pairs(known(noise, targets)) == [(0, 0, 0), (0, 1, 1), (0, 4, 0), (0, 5, 1), (2, 0, 2), (2, 4, 2)]


def test_stages_are_matched_together_as_each_alone():
    torch.manual_seed(3)
    objects = [target([i % 3] * n, torch.rand(n, 4) * 0.3 + 0.2) for i, n in enumerate((2, 0, 5, 1))]
    answers = [(torch.randn(4, 7, 3), torch.rand(4, 7, 4) * 0.3 + 0.2) for _ in range(3)]
    for found, (logits, boxes) in zip(matches(answers, objects, WEIGHTS), answers, strict=True):
        alone = hungarian(logits, boxes, objects, WEIGHTS)
        assert all(torch.equal(getattr(found, k), getattr(alone, k)) for k in ("picture", "query", "target"))
        assert len(found) == 8 and found.target.tolist() == sorted(
            found.target.tolist(), key=lambda t: (t > 1) + (t > 6)
        )


def test_objects_of_a_batch_in_one_table():
    objects = [target([4], [[0.1, 0.2, 0.3, 0.4]]), target([], []), target([2, 3], [[0.5] * 4, [0.6] * 4])]
    labels, boxes, real = padded(objects, label=9)
    assert labels.tolist() == [[4, 9], [9, 9], [2, 3]]
    assert real.tolist() == [[True, False], [False, False], [True, True]]
    assert boxes[0, 0].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4]) and boxes[~real].abs().sum() == 0
    assert [part.shape for part in padded([target([], [])])] == [(1, 0), (1, 0, 4), (1, 0)]
