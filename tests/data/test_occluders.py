"""Patches have the size that is asked for, cover what their shape says, and show no object."""

import pytest
import torch

from dfine.data import occluders


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("kind", occluders.SHAPES)
@pytest.mark.parametrize("size", [(1, 1), (1, 30), (40, 25)])
def test_a_shape_has_its_size_and_covers_its_middle(kind, size):
    mask = occluders.shape(kind, *size)
    assert mask.shape == size and mask.dtype == torch.bool
    assert mask[size[0] // 2, size[1] // 2] or min(size) == 1
    assert (mask.float().mean() == 1) == (kind == "rectangle") or min(size) == 1


@pytest.mark.parametrize("kind", occluders.FILLS)
@pytest.mark.parametrize("size", [(1, 1), (3, 50), (64, 64)])
def test_a_fill_has_its_size_also_in_a_picture_smaller_than_it(kind, size):
    picture = torch.randint(256, (3, 32, 40), dtype=torch.uint8)
    patch = occluders.fill(kind, picture, torch.zeros(0, 4), *size)
    assert patch.shape == (3, *size) and patch.dtype == torch.uint8


def test_a_piece_cut_from_the_picture_never_shows_most_of_an_object():
    """The object is all that is bright. Where every piece would show it, there is none, and clouds take its place."""
    picture = torch.zeros(3, 100, 100, dtype=torch.uint8)
    picture[:, 40:60, 40:60] = 255
    pieces = [occluders._piece(picture, torch.tensor([[40.0, 40.0, 60.0, 60.0]]), 50, 50) for _ in range(60)]
    bright = torch.tensor([float((piece[0] > 128).float().mean()) for piece in pieces if piece is not None])
    assert len(bright) > 20 and 0 < bright.max() < occluders.MOST * 20**2 / 25**2 + 0.02
    whole = torch.tensor([[45.0, 45.0, 55.0, 55.0]])
    assert occluders._piece(picture, whole, 400, 400) is None
    assert occluders.fill("cut", picture, whole, 400, 400).shape == (3, 400, 400)


def test_fills_differ_from_each_other_and_from_draw_to_draw():
    picture = torch.randint(256, (3, 64, 64), dtype=torch.uint8)
    drawn = [occluders.fill(kind, picture, torch.zeros(0, 4), 16, 16) for kind in occluders.FILLS for _ in range(2)]
    assert len({patch.numpy().tobytes() for patch in drawn}) == len(drawn)
