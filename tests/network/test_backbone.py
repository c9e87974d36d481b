"""The backbone: maps of the published widths at the published strides."""

import pytest
import torch

from dfine.config import SIZES, Config
from dfine.network.backbone import Backbone, Block, Stem


@pytest.mark.parametrize("size", list(SIZES))
def test_a_map_for_every_stride_with_the_channels_that_the_encoder_expects(size):
    config = Config.of(size)
    with torch.device("meta"):
        features = Backbone(config)(torch.empty(2, 3, 96, 64))
    assert [tuple(f.shape) for f in features] == [
        (2, c, 96 // s, 64 // s) for c, s in zip(config.channels, config.strides)
    ]


@pytest.mark.parametrize("height, width", [(4, 4), (32, 64), (20, 12)])
def test_the_stem_divides_both_sides_by_four(height, width):
    assert Stem(8, 16, affine=True).eval()(torch.rand(1, 3, height, width)).shape == (1, 16, height // 4, width // 4)


def test_only_a_residual_block_adds_what_came_in():
    spec = Config.of("s").spec.stages[0]
    torch.manual_seed(0)
    plain = Block(spec.out_channels, spec, residual=False, affine=True).eval()
    added = Block(spec.out_channels, spec, residual=True, affine=True).eval()
    added.load_state_dict(plain.state_dict())
    x = torch.rand(1, spec.out_channels, 4, 4)
    with torch.no_grad():
        assert torch.equal(added(x), x + plain(x))
