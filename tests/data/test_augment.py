"""Augmented pictures keep their objects inside, and what is drawn depends on the seed alone."""

import pytest
import torch
from torchvision.transforms import v2

from dfine.boxes import to_pixels
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
    out, answers = apply(augment.Torchvision(v2.RandomZoomOut(fill=0, p=1.0)), picture, target, 0)
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
    assert augment.sizes((640, 640), 3) == [(side, side) for side in published]
    assert augment.sizes((640, 640), None) == [(640, 640)]
    assert all(s % 32 == 0 for size in augment.sizes((320, 320), 4) for s in size)


def test_sizes_of_a_rectangle_keep_its_proportions():
    drawn = augment.sizes((448, 1280), 2)
    assert drawn.count((448, 1280)) == 2 and {width for _, width in drawn} == set(range(960, 1601, 32))
    assert all(h % 32 == 0 and abs(h - 448 * w / 1280) <= 16 for h, w in drawn)
    assert augment.sizes((1280, 448), 2) == [(w, h) for h, w in drawn]


def test_a_batch_takes_a_size_that_depends_on_the_seed():
    pixels = torch.rand(2, 3, 64, 64)
    assert augment.resized(pixels, [(64, 64)], 0) is pixels
    drawn = [augment.resized(pixels, [(32, 32), (64, 64), (96, 96)], seed).shape[-1] for seed in range(30)]
    assert set(drawn) == {32, 64, 96}
    assert drawn == [augment.resized(pixels, [(32, 32), (64, 64), (96, 96)], seed).shape[-1] for seed in range(30)]
    small = augment.resized(pixels, [(32, 32)], 0)
    torch.testing.assert_close(small.mean(), pixels.mean(), atol=0.02, rtol=0)
    assert small.min() >= 0 and small.max() <= 1


RED, GREEN, BLACK = (250, 0, 0), (0, 250, 0), (0, 0, 0)


def solid(colour, boxes, size=(120, 160)):
    """A black picture in which every object is a rectangle of the colour."""
    picture = torch.zeros(3, *size, dtype=torch.uint8)
    boxes = torch.tensor(boxes).reshape(-1, 4)
    for x1, y1, x2, y2 in to_pixels(boxes, (size[1], size[0])).round().int().tolist():
        picture[:, y1:y2, x1:x2] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    return picture, Target(torch.full((len(boxes),), int(colour == GREEN)), boxes, image_id=7)


def still(p=1.0, size=(96, 128)):
    """A mosaic to which nothing else is done, so that colours stay what they are."""
    mosaic = augment.Mosaic(p, size)
    mosaic.after = lambda picture, target: (picture, target)
    return mosaic


def test_a_mosaic_of_empty_pictures():
    torch.manual_seed(0)
    picture, target = still()(lambda i: solid(RED, []), 0, 1)
    assert picture.shape == (3, 96, 128) and target.boxes.shape == (0, 4) and target.image_id == 7


@pytest.mark.parametrize("seed", range(12))
def test_boxes_of_a_mosaic_hold_their_objects_and_every_object_large_enough_has_a_box(seed):
    items = [solid(RED, [[0.3, 0.4, 0.3, 0.5]]), solid(GREEN, [[0.7, 0.6, 0.4, 0.3], [0.2, 0.2, 0.2, 0.2]])]
    torch.manual_seed(seed)
    picture, target = still()(lambda i: items[i % 2], 0, 10)
    covered = torch.zeros(picture.shape[1:], dtype=torch.bool)
    for label, (x1, y1, x2, y2) in zip(target.labels.tolist(), to_pixels(target.boxes, (128, 96)).tolist()):
        assert 0 <= x1 < x2 <= 128 and 0 <= y1 < y2 <= 96
        inside = picture[:, int(y1 + 1.5) : int(y2 - 0.5), int(x1 + 1.5) : int(x2 - 0.5)].float()
        assert (inside[label] > 200).all() and (inside[1 - label] < 50).all()
        covered[max(0, int(y1) - 1) : int(y2) + 2, max(0, int(x1) - 1) : int(x2) + 2] = True
    bright = (picture[:2].float() > 200).any(0) & ~covered
    assert (
        int(bright.sum()) < 0.25 * 0.4 * 0.5 * 128 * 96
    )  # only what is left of objects that were cut to less than a quarter


def test_an_object_cut_to_a_sliver_has_no_box():
    mosaic, boxes = still(), torch.tensor([[0.5, 0.5, 0.9, 0.9]])
    for seed in range(20):
        torch.manual_seed(seed)
        _, target = mosaic(
            lambda i: (torch.zeros(3, 96, 128, dtype=torch.uint8), Target(torch.zeros(1).long(), boxes)), 0, 1
        )
        sides = target.boxes[:, 2:] * torch.tensor([128.0, 96.0])
        assert (sides.prod(1) >= 0.25 * 0.81 * (0.4 * 128) * (0.4 * 96) - 1).all()


def test_mosaics_depend_on_the_random_state_only_and_come_as_often_as_asked():
    items = [solid(RED, [[0.5, 0.5, 0.5, 0.5]]), solid(GREEN, [[0.5, 0.5, 0.5, 0.5]])]
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made.append(augment.Mosaic(1.0, (64, 64))(lambda i: items[i % 2], 0, 2))
    assert torch.equal(made[0][0], made[1][0]) and torch.equal(made[0][1].boxes, made[1][1].boxes)
    torch.manual_seed(0)
    assert not any(augment.Mosaic(0.0, (64, 64)).wanted() for _ in range(20))
    assert 300 < sum(augment.Mosaic(0.4, (64, 64)).wanted() for _ in range(1000)) < 500
    with pytest.raises(ValueError, match="between 0 and 1, not 40"):
        augment.Mosaic(40, (64, 64))


def test_a_picture_is_shrunk_as_often_as_asked_and_its_boxes_stay(scene):
    picture, target = scene
    sizes = []
    for seed in range(200):
        out, answers = apply(augment.Downscale(0.5), picture, target, seed)
        sizes.append(tuple(out.shape[1:]))
        assert out.dtype == torch.uint8
        large = target.boxes[:, 2:].mul(torch.tensor([sizes[-1][1], sizes[-1][0]])).amin(1) >= 2
        assert torch.equal(answers.boxes, target.boxes[large]) and torch.equal(answers.labels, target.labels[large])
    shrunk = [size for size in sizes if size != (128, 96)]
    assert 70 <= len(shrunk) <= 130
    assert all(16 <= h <= 64 and abs(w - 0.75 * h) <= 1 for h, w in shrunk)
    assert min(shrunk)[0] <= 18 and max(shrunk)[0] >= 58


def test_what_is_thinner_than_two_pixels_in_the_shrunk_picture_is_not_asked_for(monkeypatch):
    monkeypatch.setattr(augment.Downscale, "FACTORS", (0.25, 0.25))
    boxes = torch.tensor([[0.5, 0.5, 0.5, 0.5], [0.5, 0.5, 0.5, 0.11], [0.5, 0.5, 0.09, 0.5]])  # of 20 x 20 pixels then
    target = Target(torch.tensor([4, 5, 6]), boxes)
    out, answers = apply(augment.Downscale(1.0), torch.zeros(3, 80, 80, dtype=torch.uint8), target, 0)
    assert out.shape == (3, 20, 20) and answers.labels.tolist() == [4, 5]


def test_shrinking_has_nothing_to_lose_in_an_empty_picture():
    target = Target(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4))
    out, answers = apply(augment.Downscale(1.0), torch.zeros(3, 3, 90, dtype=torch.uint8), target, 1)
    assert out.shape[1] >= 1 and answers.boxes.shape == (0, 4)
    with pytest.raises(ValueError, match="between 0 and 1, not 2"):
        augment.Downscale(2)


def test_flat_colours_are_few_and_as_frequent_as_asked(scene):
    picture, target = scene
    treated, counts = 0, set()
    for seed in range(100):
        out, answers = apply(augment.Posterize(0.4), picture, target, seed)
        assert answers is target and out.shape == picture.shape and out.dtype == torch.uint8
        if not torch.equal(out, picture):
            treated += 1
            counts.add(len(out.flatten(1).unique(dim=1).T))
    assert 25 <= treated <= 55
    assert min(counts) >= 2 and max(counts) <= 16 and len(counts) > 5


def test_a_flat_picture_without_objects_stays_flat():
    target = Target(torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4))
    picture = torch.full((3, 1, 7), 90, dtype=torch.uint8)
    out, answers = apply(augment.Posterize(1.0), picture, target, 0)
    assert torch.equal(out, picture) and answers.boxes.shape == (0, 4)
    with pytest.raises(ValueError, match="between 0 and 1, not -1"):
        augment.Posterize(-1)
