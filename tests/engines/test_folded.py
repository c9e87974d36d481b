"""The folded copy's parts compute what the parts that they replace do, with fewer multiplications."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from dfine.engines.cost import gflops
from dfine.engines.folded import BLOCK, TwoMapConv, aligned, composed, folded
from dfine.engines.fused import fused
from tests.engines.test_fused import TOLERANCE, apart, drawn


def test_two_linear_maps_as_one():
    """(2x + 1) then (3y + 5) is 6x + 8."""
    outer, inner = (torch.tensor([[3.0]]), torch.tensor([5.0])), (torch.tensor([[2.0]]), torch.tensor([1.0]))
    assert [t.item() for t in composed(outer, inner)] == [6.0, 8.0]


@pytest.mark.parametrize("shrunk", [False, True])
@torch.no_grad()
def test_a_convolution_of_two_maps_is_the_sum_of_one_of_each(shrunk):
    """Also where the first map would have to be enlarged before."""
    torch.manual_seed(0)
    weight, bias = torch.randn(5, 8), torch.randn(5)
    first, second = torch.randn(2, 3, 4, 6), torch.randn(2, 5, 4, 6)
    if shrunk:
        first = first[..., ::2, ::2]
    part = TwoMapConv((weight[:, :3], bias), (weight[:, 3:], torch.zeros(5)))
    large = F.interpolate(first, scale_factor=2.0, mode="nearest") if shrunk else first
    want = F.silu(F.conv2d(torch.cat((large, second), 1), weight[..., None, None], bias))
    torch.testing.assert_close(part(first, second), want, atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_filled_up_channels_change_nothing():
    """Size N has 21 channels in the branches of its fusions, S a whole number of blocks."""
    for size, filled in (("n", True), ("s", False)):
        fusion = fused(drawn(size)).encoder.top_down[0]
        channels = fusion.cv2[1].conv.out_channels
        x = torch.randn(1, fusion.cv1.conv.in_channels, 6, 5)
        want = fusion(x)
        assert (channels % BLOCK > 0) == filled
        torch.testing.assert_close(aligned(fusion)(x), want, atol=1e-5, rtol=1e-4)
        assert fusion.cv2[1].conv.out_channels % BLOCK == 0


@pytest.mark.parametrize("size", ["s", "m"])
@torch.inference_mode()
def test_fewer_operations_say_the_same(size):
    network, pixels = drawn(size, queries=30, classes=4), torch.rand(1, 3, 64, 96)
    plain = fused(network)
    fewer = folded(fused(network))
    assert apart(fewer(pixels), plain(pixels)) <= TOLERANCE
    assert gflops(fewer, (64, 96)) < 0.985 * gflops(plain, (64, 96))
    assert not any(isinstance(part, nn.BatchNorm2d) for part in fewer.modules())
