"""Convolutions for a GPU make few passes, and say what the folded copy's say."""

import collections

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from dfine.engines.folded import TwoMapConv, folded
from dfine.engines.fused import FusedConv, fused
from dfine.engines.gpu import for_gpu
from dfine.engines.gpu_convolutions import GpuConv, GpuTwoMap
from dfine.engines.precision import rounded
from tests.engines.test_fused import drawn


class Counted(TorchDispatchMode):
    """How often every operation is called."""

    def __init__(self):
        super().__init__()
        self.calls = collections.Counter()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.calls[function.overloadpacket.__name__] += 1
        return function(*args, **kwargs or {})


def counted(network, pixels) -> collections.Counter:
    with Counted() as mode:
        network(pixels)
    return mode.calls


@pytest.mark.parametrize("half", [None, torch.bfloat16])
@torch.no_grad()  # in inference mode, operations come without their parts
def test_fewer_passes_over_maps(half):
    """No padding, no indices of maxima, no map enlarged; half precision has fewer convolutions."""
    network, pixels = drawn("s", queries=30, classes=4), torch.rand(1, 3, 64, 96).to(memory_format=torch.channels_last)
    before = folded(fused(network))
    after = for_gpu(rounded(folded(fused(network)), half, "cuda") if half else folded(fused(network)), None)
    before(pixels)
    old = counted(before, pixels)
    with torch.autocast("cpu", half or torch.bfloat16, enabled=half is not None):
        after(pixels)  # tables of this size and type are made the first time
        new = counted(after, pixels)
    for name in ("constant_pad_nd", "max_pool2d_with_indices", "upsample_nearest2d"):
        assert old[name] > 0 and new[name] == 0, name
    assert (new["convolution"] < 0.6 * old["convolution"]) if half else (new["convolution"] <= old["convolution"])
    assert new["cat"] <= old["cat"]


@pytest.mark.parametrize("large", [(8, 6), (4, 3)])
@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
@torch.inference_mode()
def test_a_map_is_enlarged_while_it_is_added(large, kind):
    """Several parts of one input, too: their outputs lie one behind the other."""
    torch.manual_seed(0)
    parts = [TwoMapConv(*((torch.randn(8, n), torch.randn(8)) for n in (3, 5))).to(kind) for _ in range(2)]
    first, second = torch.randn(2, 3, 4, 3, dtype=kind), torch.randn(2, 5, *large, dtype=kind)
    want = torch.cat([part.float()(first.float(), second.float()) for part in parts], 1)
    for part in parts:
        part.to(kind)
    have = GpuTwoMap(parts, None)(first, second)
    assert have.dtype == kind
    torch.testing.assert_close(have.float(), want, atol=1e-5 if kind == torch.float32 else 0.05, rtol=0.02)


@pytest.mark.parametrize("activation", [dict(silu=True), dict(low=0.0), dict(low=-0.2), dict(high=0.1), {}])
@pytest.mark.parametrize("kernel, stride, groups", [(1, 1, 1), (1, 2, 1), (3, 1, 1), (3, 2, 8)])
@torch.inference_mode()
def test_a_convolution_says_what_the_fused_one_says(kernel, stride, groups, activation):
    """In half precision within its rounding; a 1x1 convolution is a product then, which may read parts of maps."""
    torch.manual_seed(0)
    conv = torch.nn.Conv2d(8, 16, kernel, stride, kernel // 2, groups=groups)
    x = torch.randn(2, 24, 5, 6).to(memory_format=torch.channels_last)[:, 8:16]
    want = FusedConv(conv, **activation)(x)
    torch.testing.assert_close(GpuConv(FusedConv(conv, **activation), None)(x), want, atol=1e-5, rtol=0)
    half = GpuConv(FusedConv(conv.bfloat16(), **activation), None)(x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), want, atol=0.05, rtol=0.02)
