from dataclasses import replace

import pytest
import torch

from dfine.trace.sampling import Looks, birthplace, cells
from tests.helpers import synthetic_trace


def history(token, shapes=((6, 8), (3, 4))):
    return replace(synthetic_trace().history(0, (200, 100)), token=token, shapes=shapes)


def looks(**changes):
    weights = torch.zeros(3, 2, 4)
    weights[0, :, 0] = 1.0
    weights[1:, :, 1:] = 1 / 3
    values = dict(
        query=1,
        points=torch.zeros(3, 2, 4, 2),
        weights=weights,
        strides=torch.tensor([8, 16, 16, 16]),
        reference=torch.zeros(3, 4),
    )
    return Looks(**values | changes)


def test_no_levels_have_no_cells():
    assert cells(()).shape == (0, 4)


@pytest.mark.parametrize(
    "token, place, stride, box",
    [
        (0, (0, 0, 0), 16, (1 / 16, 1 / 12, 1 / 8, 1 / 6)),
        (8, (0, 1, 0), 16, (1 / 16, 3 / 12, 1 / 8, 1 / 6)),
        (47, (0, 5, 7), 16, (15 / 16, 11 / 12, 1 / 8, 1 / 6)),
        (48, (1, 0, 0), 32, (1 / 8, 1 / 6, 1 / 4, 1 / 3)),
        (59, (1, 2, 3), 32, (7 / 8, 5 / 6, 1 / 4, 1 / 3)),
    ],
)
def test_a_token_has_its_cell(token, place, stride, box):
    born = birthplace(history(token))
    assert (born.level, born.row, born.column) == place
    assert born.stride == stride
    assert born.box == pytest.approx(box)


def test_three_levels_have_the_published_strides():
    shapes = ((80, 80), (40, 40), (20, 20))
    assert [birthplace(history(t, shapes)).stride for t in (0, 6400, 8000)] == [8, 16, 32]


def test_the_cells_of_a_level_tile_the_picture():
    of_level = cells(((2, 4),))
    assert float(of_level[:, 2:].prod(-1).sum()) == pytest.approx(1)
    assert torch.equal(of_level[:4, 1], torch.full((4,), 0.25)), "rows before columns"


@pytest.mark.parametrize("token, said", [(-1, "denoising"), (60, "there are 60 tokens")])
def test_who_was_not_born_of_a_token_has_no_birthplace(token, said):
    with pytest.raises(ValueError, match=said):
        birthplace(history(token))


def test_shares_of_the_levels_sum_to_one():
    shares = looks().shares()
    assert list(shares) == [8, 16]
    assert shares[8].tolist() == [1, 0, 0]
    assert torch.allclose(shares[8] + shares[16], torch.ones(3))


@pytest.mark.parametrize(
    "name, value",
    [
        ("points", torch.zeros(3, 2, 4)),
        ("points", torch.zeros(3, 2, 5, 2)),
        ("weights", torch.zeros(3, 4, 2)),
        ("strides", torch.zeros(3)),
        ("reference", torch.zeros(2, 4)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(name, value):
    with pytest.raises(ValueError, match="Looks.* has shape"):
        looks(**{name: value})
