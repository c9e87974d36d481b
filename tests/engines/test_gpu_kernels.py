"""The kernels say what torch says; Triton's interpreter runs them here, without a GPU."""

import importlib

import pytest
import torch
from torch.nn import functional as F

from dfine.engines.folded import folded
from dfine.engines.fused import fused
from dfine.engines.gpu import GpuAttention, for_gpu, working_kernels
from dfine.engines.precision import rounded
from tests.engines.test_fused import TOLERANCE, apart, drawn
from tests.engines.test_gather_attention import asked
from tests.engines.test_gather_attention import drawn as drawn_attention
from tests.engines.test_gpu_convolutions import counted

pytest.importorskip("triton")
NONE = (False, None, None)
kinds = pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])


@pytest.fixture(scope="module")
def kernels():
    from dfine.engines import gpu_kernels

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        yield importlib.reload(gpu_kernels)
    importlib.reload(gpu_kernels)


def maps(*shape, kind=torch.float32):
    return torch.randn(shape, dtype=kind).to(memory_format=torch.channels_last)


def close(have, want, kind=torch.float32):
    torch.testing.assert_close(have.float(), want.float(), atol=1e-5 if kind == torch.float32 else 0.04, rtol=0)


@kinds
@pytest.mark.parametrize("channels", [8, 48, 128])
@pytest.mark.parametrize("activation", [NONE, (True, None, None), (False, 0.3, None), (False, None, -0.1)])
def test_bias_and_activation_in_place(kernels, activation, channels, kind):
    torch.manual_seed(0)
    x, bias = maps(2, channels, 5, 7, kind=kind), torch.randn(channels, dtype=kind)
    want, (silu, low, high) = x.float() + bias.float()[:, None, None], activation
    want = F.silu(want) if silu else want.clamp(low, high) if low or high else want
    assert kernels.can_finish(x)
    have = kernels.finish(x, bias, activation)
    assert have is x
    close(have, want, kind)


@pytest.mark.parametrize("half", [False, True])
def test_other_maps_are_added_before_the_activation(kernels, half):
    torch.manual_seed(0)
    x, bias, other = maps(2, 16, 6, 8), torch.randn(16), torch.randn(2, 16, *((3, 4) if half else (6, 8)))
    large = F.interpolate(other, scale_factor=2.0) if half else other
    want = F.silu(x + bias[:, None, None] + large)
    close(kernels.finish(x, bias, (True, None, None), other), want)


@pytest.mark.parametrize("keep", [False, True])
def test_answers_are_put_among_the_channels_of_larger_maps(kernels, keep):
    torch.manual_seed(0)
    x, whole, bias = maps(2, 16, 3, 5), torch.full((2, 3, 5, 40), 7.0).permute(0, 3, 1, 2), torch.randn(16)
    before, want, place = x.clone(), F.silu(x + bias[:, None, None]), whole[:, 8:24]
    have = kernels.finish(x, bias, (True, None, None), into=place, keep=keep)
    assert have is (x if keep else place) and torch.equal(x, place if keep else before)
    close(place, want)
    assert (whole[:, :8] == 7).all() and (whole[:, 24:] == 7).all()
    kernels.put(before, place)
    assert torch.equal(place, before)


@kinds
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_pixels_are_laid_out(kernels, layout, kind):
    pixels = torch.rand(2, 3, 6, 40).to(memory_format=layout)
    have = kernels.laid(pixels, 8, kind)
    assert have.shape == (2, 8, 6, 40) and have.dtype == kind and kernels.can_finish(have)
    close(have[:, :3], pixels, kind)
    assert not have[:, 3:].any()


@kinds
@pytest.mark.parametrize("low, high", [(0.0, None), (-0.3, None), (None, -0.2)])
def test_the_largest_of_four_cells(kernels, low, high, kind):
    """With zeros to the right and below, also where all the rest lies under them."""
    torch.manual_seed(0)
    x, bias = maps(2, 16, 5, 6, kind=kind), torch.randn(16, dtype=kind)
    want = (x.float() + bias.float()[:, None, None]).clamp(low, high)
    out, pool = kernels.pooled(x, bias, (False, low, high))
    close(out, want, kind)
    close(pool, F.max_pool2d(F.pad(want, (0, 1, 0, 1)), 2, stride=1), kind)


@pytest.mark.parametrize("shapes", [((6, 8), (3, 4), (1, 1)), ((4, 1), (2, 1), (1, 1))])
@torch.inference_mode()
def test_tokens_say_what_maps_say(kernels, shapes):
    attention = drawn_attention()
    query, boxes, tokens = asked(attention, shapes, queries=3)  # the interpreter takes long
    want, (points, weights) = attention(query, boxes, attention.values(tokens, shapes))
    assert (points < 0).any() and (points > 1).any()  # some lie outside, where there is nothing to read
    form = GpuAttention(attention, kernels)
    have, sampled = form(query, boxes, form.values(tokens, shapes))
    close(have, want)
    assert torch.equal(sampled[0], points) and torch.equal(sampled[1], weights)
    half = kernels.read(tokens.bfloat16(), shapes, attention.points, points, weights, torch.float32)
    exact = attention(query, boxes, attention.values(tokens.bfloat16().float(), shapes))[0]
    close(half, exact)  # what is read may be in half precision, its sum is not


@torch.no_grad()
def test_the_whole_copy(kernels):
    """No maps are put together, and none are sampled."""
    network, pixels = drawn("n", queries=2, classes=2), torch.rand(1, 3, 32, 32).to(memory_format=torch.channels_last)
    copy = for_gpu(folded(fused(network)), kernels)
    assert apart(copy(pixels), network(pixels)) <= TOLERANCE
    old, new = counted(folded(fused(network)), pixels), counted(copy, pixels)
    assert new["grid_sampler_2d"] == 0 < old["grid_sampler_2d"]
    assert new["cat"] == old["cat"] - 5 - network.config.layers  # blocks of the backbone, and samples of levels
    half = for_gpu(rounded(folded(fused(network)), torch.bfloat16, "cuda"), kernels)
    plain = for_gpu(rounded(folded(fused(network)), torch.bfloat16, "cuda"), None)
    with torch.autocast("cpu", torch.bfloat16):
        have, want = half(pixels), plain(pixels)
        assert counted(half, pixels)["cat"] == new["cat"] - 2  # and fusions
    assert apart(have, want) < 0.1 and have.last.boxes.dtype == torch.float32


def test_what_is_tried_at_first_works(kernels):
    working_kernels.cache_clear()
    assert working_kernels(torch.device("cpu"), torch.float32) is kernels
    working_kernels.cache_clear()
