"""Augmented pictures keep their objects inside, and what is drawn depends on the seed alone."""

import pytest
import torch

from dfine.data import augment
from dfine.data.scenes import Scenes
from dfine.trace.records import Target


def apply(transform, picture, target, seed):
    torch.manual_seed(seed)
    return transform(picture, target)


@pytest.fixture(scope="module")
def scene():
    return Scenes(1, size=(128, 96), seed=3, clean=1.0)[0]


def test_a_picture_without_objects():
    picture = torch.zeros(3, 40, 60, dtype=torch.uint8)
    target = Target(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4))
    for seed in range(8):
        out, answers = apply(augment.strong(), picture, target, seed)
        assert out.dtype == torch.uint8 and out.shape[0] == 3
        assert answers.boxes.shape == (0, 4)


def test_strong_augmentation_keeps_boxes_in_the_picture_and_labels_with_them(scene):
    picture, target = scene
    shapes, kept = set(), []
    for seed in range(30):
        out, answers = apply(augment.strong(), picture, target, seed)
        shapes.add(tuple(out.shape))
        kept.append(len(answers))
        low, high = answers.boxes[:, :2] - answers.boxes[:, 2:] / 2, answers.boxes[:, :2] + answers.boxes[:, 2:] / 2
        assert (low >= -1e-5).all() and (high <= 1 + 1e-5).all()
        assert set(answers.labels.tolist()) <= set(target.labels.tolist())
    assert len(shapes) > 10  # zoomed and cropped
    assert max(kept) == len(target) and min(kept) >= 1  # a crop loses some, never all


def test_a_zoomed_out_object_is_where_its_box_is():
    picture = torch.zeros(3, 40, 40, dtype=torch.uint8)
    picture[:, 10:20, 20:40] = 255
    target = Target(torch.tensor([0]), torch.tensor([[0.75, 0.375, 0.5, 0.25]]))
    out, answers = apply(augment.Torchvision(augment.v2.RandomZoomOut(fill=0, p=1.0)), picture, target, 0)
    h, w = out.shape[1:]
    assert (h, w) != (40, 40)
    ys, xs = (out[0] > 128).nonzero().unbind(1)
    cx, cy, bw, bh = answers.boxes[0].tolist()
    assert (cx - bw / 2) * w == pytest.approx(int(xs.min()), abs=1e-3)
    assert (cy + bh / 2) * h == pytest.approx(int(ys.max()) + 1, abs=1e-3)


def test_the_same_seed_draws_the_same(scene):
    a, b = (apply(augment.strong(), *scene, seed=5) for _ in range(2))
    assert torch.equal(a[0], b[0]) and torch.equal(a[1].boxes, b[1].boxes)


def test_published_sizes():
    """`generate_scales(640, 3)` of the published code."""
    published = [480, 512, 544, 576, 608, 640, 640, 640, 800, 768, 736, 704, 672]
    assert augment.sizes(640, 3) == published
    assert augment.sizes(640, None) == [640]
    assert all(s % 32 == 0 for s in augment.sizes(320, 4))


def test_a_batch_takes_a_size_that_depends_on_the_seed():
    pixels = torch.rand(2, 3, 64, 64)
    assert augment.resized(pixels, [64], 0) is pixels
    drawn = [augment.resized(pixels, [32, 64, 96], seed).shape[-1] for seed in range(30)]
    assert set(drawn) == {32, 64, 96}
    assert drawn == [augment.resized(pixels, [32, 64, 96], seed).shape[-1] for seed in range(30)]
    small = augment.resized(pixels, [32], 0)
    torch.testing.assert_close(small.mean(), pixels.mean(), atol=0.02, rtol=0)
    assert small.min() >= 0 and small.max() <= 1
