"""oneDNN's layers compute what torch's do, and are used only where all that they need is there."""

import pytest
import torch
from torch import nn

from dfine.engines import onednn
from dfine.engines.fused import FusedConv
from dfine.engines.onednn import OneDnnConv, OneDnnLinear, OneDnnSelfAttention, Pointwise
from dfine.network.attention import SelfAttention
from tests.engines.test_fused import FORMS, TOLERANCE, apart, drawn, needs_onednn

ACTIVATIONS = [dict(), dict(silu=True), dict(low=0.0), dict(low=-0.3), dict(high=0.4), dict(low=-0.1, high=0.2)]


@needs_onednn
@pytest.mark.parametrize("bounds", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("kernel, stride, groups", [(1, 1, 1), (3, 1, 1), (3, 2, 1), (5, 1, 8)])
@torch.inference_mode()
def test_a_convolution_with_what_stands_behind_it(kernel, stride, groups, bounds):
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 16, kernel, stride, kernel // 2, groups=groups).to(memory_format=torch.channels_last)
    fused = FusedConv(conv, **bounds)
    forms = [OneDnnConv(conv, onednn._post(fused))] + ([Pointwise(fused)] if kernel == 1 and stride == 1 else [])
    for side in (9, 12, 9):  # the layout was chosen for another size
        x = torch.randn(2, 8, side, side).to(memory_format=torch.channels_last)
        for form in forms:
            torch.testing.assert_close(form(x), fused(x), atol=1e-5, rtol=1e-4)


@needs_onednn
@pytest.mark.parametrize("activation", [None, nn.ReLU(), nn.SiLU(), nn.GELU()], ids=lambda a: type(a).__name__)
@pytest.mark.parametrize("small", [0, 1 << 60])
@torch.inference_mode()
def test_a_linear_layer_with_its_activation(activation, small, monkeypatch):
    """By oneDNN, and by torch."""
    monkeypatch.setattr(onednn, "SMALL", small)
    torch.manual_seed(0)
    linear = nn.Linear(12, 7)
    x = torch.randn(3, 5, 12)
    want = linear(x) if activation is None else activation(linear(x))
    torch.testing.assert_close(OneDnnLinear(linear.weight, linear.bias, activation)(x), want, atol=1e-5, rtol=1e-4)


@needs_onednn
@pytest.mark.parametrize("masked", [False, True])
@torch.inference_mode()
def test_self_attention_is_built_from_the_parts_of_the_network(masked):
    torch.manual_seed(0)
    attention = SelfAttention(16, 4).eval()
    x, position = torch.randn(2, 6, 16), torch.randn(2, 6, 16)
    mask = torch.eye(6, dtype=torch.bool).roll(1, 0) if masked else None
    torch.testing.assert_close(
        OneDnnSelfAttention(attention)(x, position, mask), attention(x, position, mask), atol=1e-5, rtol=1e-4
    )


@needs_onednn
@pytest.mark.parametrize("small", [0, 1 << 60])
@torch.inference_mode()
def test_products_are_the_same_whoever_computes_them(small, monkeypatch):
    """All of them by oneDNN, and none."""
    monkeypatch.setattr(onednn, "SMALL", small)
    network, pixels = drawn("n", queries=50), torch.rand(2, 3, 128, 96)
    copy = FORMS["onednn"](network)
    assert apart(copy(pixels), network(pixels)) <= TOLERANCE
    linears = [part for part in copy.modules() if isinstance(part, onednn.OneDnnLinear)]
    assert linears and all((part.weight is None) == (small > 0) != (part.plain is None) for part in linears)
    monkeypatch.setattr(onednn, "SMALL", 1 << 60)  # a smaller picture after a large one
    assert apart(copy(pixels[..., :64, :64]), network(pixels[..., :64, :64])) <= TOLERANCE


@needs_onednn
def test_a_build_without_one_of_the_operators_does_without_all(monkeypatch):
    assert onednn.available()
    monkeypatch.setattr(onednn, "REORDER", "an operator that is not there")
    assert not onednn.available()
    monkeypatch.undo()
    monkeypatch.setattr(onednn, "NEEDED", (*onednn.NEEDED, "_another"))
    assert not onednn.available()
