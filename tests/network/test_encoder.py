"""The encoder: tokens in the order of the cells, and where each one is."""

import pytest
import torch

from dfine.config import Config
from dfine.network.encoder import Encoder, Fusion, attend, positions
from dfine.network.layers import flatten


def test_the_position_table_tells_rows_from_columns():
    """Cells of one row share the first half, cells of one column the second, also where a map is not square."""
    table = positions(2, 3, 8, like=torch.zeros(1)).unflatten(0, (2, 3))
    assert torch.equal(table[0, 0, :4], table[0, 2, :4]) and not torch.equal(table[0, 0, :4], table[1, 0, :4])
    assert torch.equal(table[0, 1, 4:], table[1, 1, 4:]) and not torch.equal(table[0, 1, 4:], table[0, 2, 4:])


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return Encoder(Config.of("n", classes=5)).eval()


def features(config, height=96, width=64):
    return [torch.rand(2, c, height // s, width // s) for c, s in zip(config.channels, config.strides)]


@torch.no_grad()
@pytest.mark.parametrize("size", ["n", "s", "x"])
def test_tokens_of_all_levels_the_finest_first(size):
    config = Config.of(size)
    with torch.device("meta"):
        memory = Encoder(config)(features(config))
    assert memory.shapes == tuple((96 // s, 64 // s) for s in config.strides)
    assert memory.tokens.shape == (2, sum(h * w for h, w in memory.shapes), config.width)


@torch.no_grad()
def test_the_tokens_are_the_cells_of_the_fused_maps(encoder):
    given = features(Config.of("n"))
    tokens = torch.cat([flatten(m) for m in encoder.fuse(given)], 1)
    assert torch.equal(encoder(given).tokens, tokens)


@torch.no_grad()
def test_every_level_hears_of_every_other(encoder):
    """A change in one corner of one map changes the opposite corner of all fused maps: attention reaches everywhere."""
    given = features(Config.of("n"), 64, 64)
    before = encoder.fuse(given)
    given[-1] = given[-1].clone()
    given[-1][..., 0, 0] += 5
    for a, b in zip(before, encoder.fuse(given)):
        assert not torch.equal(a[..., -1, -1], b[..., -1, -1])


@torch.no_grad()
def test_attention_does_not_depend_on_the_order_of_the_pictures(encoder):
    map = torch.rand(3, 128, 2, 3)
    said, turned = (attend(encoder.transformer, m) for m in (map, map.flip(0)))
    assert torch.allclose(said.flip(0), turned, atol=1e-6)


@torch.no_grad()
def test_a_fusion_merges_the_two_halves_of_its_first_convolution():
    torch.manual_seed(0)
    fusion, x = Fusion(8, 4, 2, 1).eval(), torch.rand(1, 8, 3, 3)
    assert torch.equal(fusion(x), fusion.merge(*fusion.cv1(x).split(4, 1)))
