import pytest
import torch
from torchvision.transforms import v2

from dfine.data.transforms import Compose, RandomHorizontalFlip, Resize, Torchvision
from dfine.trace.records import Target


def target(*boxes, size=(8, 4)):
    return Target(torch.arange(len(boxes)), torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4), 7, size)


def gradient(height=4, width=8):
    """A picture whose red channel counts columns and green channel counts rows."""
    picture = torch.zeros(3, height, width, dtype=torch.uint8)
    picture[0] = torch.arange(width)
    picture[1] = torch.arange(height)[:, None]
    return picture


ALL = [Resize((6, 10)), RandomHorizontalFlip(1.0), Torchvision(v2.RandomHorizontalFlip(1.0))]


@pytest.mark.parametrize("transform", ALL, ids=lambda t: type(t).__name__)
def test_a_picture_without_objects_passes(transform):
    picture, answer = transform(gradient(), target())
    assert picture.dtype == torch.uint8
    assert answer.boxes.shape == (0, 4)
    assert answer.image_id == 7


def test_resize_ignores_proportions_and_leaves_boxes_as_they_are():
    before = target([0.3, 0.6, 0.123456789, 0.2])
    picture, after = Resize((32, 32))(gradient(), before)
    assert picture.shape == (3, 32, 32)
    assert torch.equal(after.boxes, before.boxes)
    assert after.size == (8, 4), "the size on disk is not the size of the batch"


def test_resize_to_the_same_size_changes_nothing():
    picture = gradient()
    assert Resize((4, 8))(picture, target())[0] is picture


def test_shrinking_is_antialiased():
    stripes = torch.zeros(3, 8, 64, dtype=torch.uint8)
    stripes[..., ::2] = 200  # one column in two: any antialiased filter makes an even grey of it
    inner = Resize((2, 8))(stripes, target())[0][..., 1:-1]
    assert (inner.int() - 100).abs().max() <= 3


def test_resize_needs_positive_sides():
    with pytest.raises(ValueError, match="must be positive"):
        Resize((0, 32))


def test_a_flip_mirrors_picture_and_centres_and_twice_is_nothing():
    flip = RandomHorizontalFlip(1.0)
    before = target([0.25, 0.5, 0.1, 0.2], [1.0, 0.0, 0.5, 0.5])
    picture, after = flip(gradient(), before)
    assert picture[0, 0].tolist() == [7, 6, 5, 4, 3, 2, 1, 0]
    assert torch.equal(after.boxes, torch.tensor([[0.75, 0.5, 0.1, 0.2], [0.0, 0.0, 0.5, 0.5]]))
    again, back = flip(picture, after)
    assert torch.equal(again, gradient())
    assert torch.equal(back.boxes, before.boxes)


def test_our_flip_agrees_with_torchvision_over_pixels():
    before = target([0.25, 0.5, 0.125, 0.25], [0.7, 0.4, 0.25, 0.5])
    ours = RandomHorizontalFlip(1.0)(gradient(), before)
    theirs = Torchvision(v2.RandomHorizontalFlip(1.0))(gradient(), before)
    assert torch.equal(ours[0], theirs[0])
    torch.testing.assert_close(ours[1].boxes, theirs[1].boxes)


def test_a_flip_happens_about_half_of_the_time():
    torch.manual_seed(0)
    flips = sum(RandomHorizontalFlip()(gradient(), target())[0][0, 0, 0].item() == 7 for _ in range(400))
    assert 160 < flips < 240


def test_what_a_crop_leaves_outside_is_dropped_with_its_label():
    left, right = [0.25, 0.5, 0.25, 0.5], [0.875, 0.5, 0.25, 0.5]
    crop = Torchvision(v2.Lambda(lambda x: v2.functional.crop(x, 0, 0, 4, 4)))  # the left half
    picture, after = crop(gradient(), target(left, right))
    assert picture.shape == (3, 4, 4)
    assert after.labels.tolist() == [0]
    assert torch.allclose(after.boxes, torch.tensor([[0.5, 0.5, 0.5, 0.5]]))


def test_compose_runs_in_order():
    picture, after = Compose(RandomHorizontalFlip(1.0), Resize((4, 4)))(gradient(), target([0.25, 0.5, 0.1, 0.2]))
    assert picture.shape == (3, 4, 4)
    assert picture[0, 0, 0] > picture[0, 0, -1]
    assert after.boxes[0, 0] == 0.75
