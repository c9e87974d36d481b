"""Each loss on values that were worked out by hand."""

import math

import pytest
import torch

from dfine.training import losses


def at(*pairs):
    return torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).unbind(1)


def test_vfl_without_objects_pushes_every_score_down():
    """p = ½ everywhere: each of 6 numbers costs 0.75·½²·ln 2."""
    loss = losses.vfl(
        torch.zeros(1, 2, 3), at(), torch.tensor([], dtype=torch.int64), torch.tensor([]), alpha=0.75, gamma=2
    )
    assert loss.item() == pytest.approx(6 * 0.75 * 0.25 * math.log(2))


@pytest.mark.parametrize("iou", [0.0, 0.3, 1.0])
def test_vfl_of_a_match_is_weighed_by_its_iou(iou):
    """The positive costs IoU·BCE(½, IoU) = IoU·ln 2, and the other number what a negative costs."""
    loss = losses.vfl(torch.zeros(1, 1, 2), at((0, 0)), torch.tensor([1]), torch.tensor([iou]), alpha=0.75, gamma=2)
    assert loss.item() == pytest.approx(iou * math.log(2) + 0.75 * 0.25 * math.log(2))


def test_vfl_is_least_where_the_score_is_the_iou():
    logit = torch.tensor([[[0.4]]], requires_grad=True)
    iou = torch.sigmoid(logit.detach()).flatten()
    losses.vfl(logit, at((0, 0)), torch.tensor([0]), iou, alpha=0.75, gamma=2).backward()
    assert logit.grad.abs().item() < 1e-7


def test_boxes():
    a = torch.tensor([[0.5, 0.5, 0.2, 0.2]])
    b = torch.tensor([[0.6, 0.5, 0.2, 0.4]])
    assert losses.l1(a, b).item() == pytest.approx(0.3)
    # intersection 0.1·0.2, union 0.04 + 0.08 − 0.02, hull 0.3·0.4
    assert losses.giou(a, b).item() == pytest.approx(1 - (0.02 / 0.1 - (0.12 - 0.1) / 0.12), rel=1e-5)
    assert losses.giou(a, a).item() == pytest.approx(0, abs=1e-6)


def test_fgl_shares_the_mass_between_two_bins():
    edges = torch.zeros(1, 4, 5)
    left, right = torch.tensor([[0, 1, 2, 3]]), torch.tensor([[0.0, 0.25, 0.5, 1.0]])
    loss = losses.fgl(edges, left, right, torch.tensor([0.5]))
    assert loss.item() == pytest.approx(0.5 * 4 * math.log(5))  # a flat distribution costs ln 5 in whatever bin


def test_fgl_pulls_towards_the_two_bins_in_their_proportion():
    edges = torch.zeros(1, 1, 5, requires_grad=True)
    losses.fgl(edges, torch.tensor([[1]]), torch.tensor([[0.25]]), torch.tensor([1.0])).backward()
    assert torch.allclose(edges.grad[0, 0], torch.tensor([0.2, 0.2 - 0.75, 0.2 - 0.25, 0.2, 0.2]), atol=1e-6)


def ddf(student, teacher, matched, counts):
    counts = tuple(torch.tensor(float(c)) for c in counts)
    weight = torch.ones(matched.shape)
    return losses.ddf(student, teacher, weight, losses.Parts(matched, counts), temperature=5.0)


def test_ddf_of_equal_distributions_is_zero():
    edges = torch.randn(1, 3, 4, 5)
    assert ddf(edges, edges, torch.tensor([[True, False, False]]), (1, 2)).item() == pytest.approx(0, abs=1e-5)


def test_ddf_weighs_matched_and_unmatched_by_the_roots_of_their_counts():
    """Query 0 differs from its teacher, queries 1 … 4 do not: the loss is √1/(√1+√4) of query 0's."""
    student, teacher = torch.zeros(1, 5, 4, 5), torch.zeros(1, 5, 4, 5)
    teacher[0, 0] = torch.tensor([5.0, 0, 0, 0, 0])
    p = torch.softmax(torch.tensor([1.0, 0, 0, 0, 0]), 0)
    kl = (p * (p * 5).log()).sum().item()
    matched = torch.tensor([[True, False, False, False, False]])
    assert ddf(student, teacher, matched, (1, 4)).item() == pytest.approx(25 * kl / 3, rel=1e-4)
    assert ddf(student, teacher, ~matched, (4, 1)).item() == pytest.approx(25 * kl / 3, rel=1e-4)


def test_ddf_teaches_the_student_alone():
    student = torch.randn(1, 2, 4, 5, requires_grad=True)
    teacher = torch.randn(1, 2, 4, 5, requires_grad=True)
    ddf(student, teacher, torch.tensor([[True, False]]), (1, 1)).backward()
    assert student.grad.abs().sum() > 0
    assert teacher.grad is None


def test_ddf_in_half_precision_is_computed_in_float32():
    student, teacher = torch.randn(1, 4, 4, 33), torch.randn(1, 4, 4, 33)
    matched = torch.tensor([[True, False, True, False]])
    full = ddf(student.half().float(), teacher.half().float(), matched, (2, 2))
    assert ddf(student.half(), teacher.half(), matched, (2, 2)).item() == pytest.approx(full.item(), rel=1e-6)


def test_soft_scores_are_least_at_the_teachers_probabilities():
    scores = torch.tensor([[0.7, 0.2]])
    logits = torch.logit(scores).requires_grad_()
    loss = losses.soft_scores(logits, scores, torch.tensor([0.7]))
    entropy = -sum(p * math.log(p) + (1 - p) * math.log(1 - p) for p in (0.7, 0.2))
    assert loss.item() == pytest.approx(0.7 * entropy, rel=1e-5)
    loss.backward()
    assert logits.grad.abs().max() < 1e-6


def test_soft_edges_of_two_bins_are_the_fgl_loss():
    edges, weight = torch.randn(2, 4, 5, generator=torch.Generator().manual_seed(0)), torch.tensor([0.5, 0.9])
    left, right = (
        torch.tensor([[0, 1, 2, 3], [3, 2, 1, 0]]),
        torch.tensor([[0.0, 0.25, 0.5, 1.0], [0.1, 0.2, 0.3, 0.4]]),
    )
    two = torch.zeros(2, 4, 5).scatter_(-1, left[..., None], 1 - right[..., None])
    two.scatter_add_(-1, left[..., None] + 1, right[..., None])
    assert losses.soft_edges(edges, two, weight).item() == pytest.approx(losses.fgl(edges, left, right, weight).item())


def test_boxes_can_be_weighed():
    a = torch.tensor([[0.5, 0.5, 0.2, 0.2], [0.2, 0.2, 0.1, 0.1]])
    b = torch.tensor([[0.6, 0.5, 0.2, 0.4], [0.2, 0.2, 0.1, 0.1]])
    weight = torch.tensor([0.5, 1.0])
    assert losses.l1(a, b, weight).item() == pytest.approx(losses.l1(a, b).item() / 2)
    assert losses.giou(a, b, weight).item() == pytest.approx(losses.giou(a, b).item() / 2)


def test_losses_of_several_stages_are_those_of_each():
    torch.manual_seed(0)
    logits, boxes, edges = torch.randn(3, 2, 6, 4), torch.rand(3, 5, 4) + 0.1, torch.randn(3, 2, 6, 4, 9)
    stage, picture, query = torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 0]), torch.tensor([3, 5, 0, 2])
    labels, quality = torch.tensor([1, 0, 3, 2]), torch.rand(4)
    together = losses.vfl(logits, (stage, picture, query), labels, quality, alpha=0.75, gamma=2)
    truth, weight = torch.rand(5, 4) + 0.1, torch.rand(3, 5)
    left, right = torch.randint(8, (5, 4)), torch.rand(5, 4)
    some, doubt = torch.randn(3, 5, 4, 9), torch.rand(3, 2, 6)
    parts = losses.Parts(torch.rand(2, 6) > 0.5, (torch.tensor(3.0), torch.tensor(9.0)))
    all_of = {
        "l1": losses.l1(boxes, truth),
        "giou": losses.giou(boxes, truth),
        "fgl": losses.fgl(some, left, right, weight),
        "ddf": losses.ddf(edges, edges[2], doubt, parts, 5.0),
    }
    for i in range(3):
        of = stage == i
        one = losses.vfl(logits[i], (picture[of], query[of]), labels[of], quality[of], alpha=0.75, gamma=2)
        assert one.item() == pytest.approx(together[i].item())
        alone = {
            "l1": losses.l1(boxes[i], truth),
            "giou": losses.giou(boxes[i], truth),
            "fgl": losses.fgl(some[i], left, right, weight[i]),
            "ddf": losses.ddf(edges[i], edges[2], doubt[i], parts, 5.0),
        }
        for name, value in alone.items():
            assert value.shape == () and value.item() == pytest.approx(all_of[name][i].item(), rel=1e-5, abs=1e-6), name
