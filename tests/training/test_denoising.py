"""Denoising queries: what is noised, by how much, and who may see whom."""

import torch

from dfine.boxes import to_xyxy
from dfine.config import NoiseSpec
from dfine.trace.records import Target
from dfine.training.denoising import add_noise


def targets():
    first = torch.tensor([[0.3, 0.4, 0.2, 0.1], [0.6, 0.6, 0.1, 0.3], [0.5, 0.5, 0.2, 0.2]])
    return [
        Target(torch.tensor([0, 1, 2]), first),
        Target(torch.tensor([], dtype=torch.int64), torch.zeros(0, 4)),
        Target(torch.tensor([3]), torch.tensor([[0.5, 0.5, 0.4, 0.4]])),
    ]


def noised(**spec):
    return add_noise(targets(), 7, NoiseSpec(**spec), torch.Generator().manual_seed(0))


def test_a_batch_without_objects_has_no_denoising():
    empty = Target(torch.tensor([], dtype=torch.int64), torch.zeros(0, 4))
    assert add_noise([empty, empty], 7, NoiseSpec()) is None
    assert add_noise(targets(), 7, NoiseSpec(queries=0)) is None


def test_groups_are_filled_with_positive_and_negative_copies():
    noise = noised(queries=10)
    assert noise.groups == 3  # 10 // 3 objects
    assert noise.count == 3 * 2 * 3
    assert noise.positive[0].tolist() == [0, 1, 2, 6, 7, 8, 12, 13, 14]
    assert noise.positive[1].tolist() == []
    assert noise.positive[2].tolist() == [0, 6, 12]
    assert (noise.labels[1] == 7).all()  # padding


def test_more_objects_than_queries_still_get_one_group():
    assert noised(queries=2).groups == 1


def test_without_noise_the_positives_are_the_truth():
    noise, truth = noised(queries=10, flip=0.0, scale=0.0), targets()
    for i, target in enumerate(truth):
        assert torch.equal(noise.labels[i, noise.positive[i]], target.labels.repeat(3))
        assert torch.allclose(noise.boxes[i, noise.positive[i]], target.boxes.repeat(3, 1), atol=1e-6)


def test_positives_move_by_less_than_half_a_side_and_negatives_by_more():
    noise = add_noise(targets(), 7, NoiseSpec(queries=300, flip=0.0), torch.Generator().manual_seed(1))
    truth = targets()[2].boxes
    moved = (to_xyxy(noise.boxes[2]) - to_xyxy(truth)).abs() / (truth[:, [2, 3, 2, 3]] / 2)  # in half sides
    positive = torch.zeros(noise.count, dtype=torch.bool)
    positive[noise.positive[2]] = True
    assert (moved[positive] <= 1 + 1e-5).all()
    assert moved[positive].max() > 0.9
    negative = torch.arange(noise.count) % 6 == 3  # the only real object's negative copy of each group
    outer = moved[negative].amax(1)
    assert (outer > 0.9).float().mean() > 0.8  # corners that changed places may come to lie nearer


def test_a_quarter_of_the_labels_is_replaced():
    many = [Target(torch.zeros(50, dtype=torch.int64), torch.full((50, 4), 0.5))] * 8
    noise = add_noise(many, 1000, NoiseSpec(queries=500), torch.Generator().manual_seed(2))
    assert abs((noise.labels != 0).float().mean().item() - 0.25) < 0.02


def test_the_same_generator_gives_the_same_noise():
    a, b = noised(), noised()
    assert torch.equal(a.boxes, b.boxes) and torch.equal(a.labels, b.labels)


def test_nobody_sees_another_group_and_queries_never_see_truth():
    mask = noised(queries=10).mask(4)  # 3 groups of 6, then 4 matching queries
    assert mask.shape == (22, 22)
    assert not mask[:6, :6].any() and not mask[6:12, 6:12].any()
    assert mask[:6, 6:18].all() and mask[6:12, :6].all()
    assert mask[18:, :18].all()  # matching queries see no denoising query
    assert not mask[18:, 18:].any()
    assert not mask[:18, 18:].any()  # denoising queries see the matching ones (published)
