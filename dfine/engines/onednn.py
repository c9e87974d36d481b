"""The fused copy for one kind of machine: float32 on an x86 CPU, with oneDNN's own layouts and kernels.

oneDNN ships inside torch. Its convolutions with the activation inside, its matrix products and its blocked weights are
what `torch.compile` uses on a CPU; here they are called directly, so that no compiler is needed and any size works.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfine.engines.folded import LeanStem
from dfine.engines.fused import FusedConv
from dfine.engines.gather_attention import Bags
from dfine.network.attention import DeformableAttention, SelfAttention
from dfine.network.decoder import DecoderLayer
from dfine.network.detector import DFINE
from dfine.network.encoder import EncoderLayer
from dfine.network.layers import MLP

ONEDNN = torch.ops.mkldnn
# What oneDNN does with a sum before it writes it: its name, its numbers, and how it is computed.
POST = {
    type(None): ("none", [], ""),
    nn.ReLU: ("relu", [], ""),
    nn.SiLU: ("swish", [], ""),
    nn.GELU: ("gelu", [], "none"),
}
# The same by torch, over what it is computed from where torch has that.
PLAIN = {
    "none": lambda x: x,
    "relu": torch.relu_,
    "swish": lambda x: F.silu(x, inplace=True),
    "gelu": F.gelu,
    "hardtanh": torch.clamp_,
}
SMALL = 1 << 24  # multiplications of a product below which calling oneDNN costs more (50 µs and up) than it saves
NEEDED = ("_convolution_pointwise", "_convolution_pointwise_", "_linear_pointwise", "_reorder_linear_weight")


def available() -> bool:
    """Whether this build of torch has oneDNN's fused operations (x86 builds do)."""
    return torch.backends.mkldnn.is_available() and all(hasattr(ONEDNN, name) for name in NEEDED)


class PackedConv(nn.Module):
    """A fused convolution whose weights lie as oneDNN wants them, its activation inside."""

    def __init__(self, conv: nn.Conv2d, post: tuple[str, list, str]):
        super().__init__()
        self.args = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
        self.plain, self.bias, self.post = conv.weight, conv.bias, post
        self.weight = None

    def forward(self, x: Tensor) -> Tensor:
        return ONEDNN._convolution_pointwise(x, self.packed(x), self.bias, *self.args, *self.post)

    def packed(self, x: Tensor) -> Tensor:
        """The weights, laid out at the first picture: the best layout follows its size; for others it is right too."""
        if self.weight is None:
            self.weight = torch._C._nn.mkldnn_reorder_conv2d_weight(self.plain.to_mkldnn(), *self.args, x.shape)
        return self.weight


class PackedStem(LeanStem):
    """The lean stem, of whose two last convolutions the second adds to what the first has written."""

    def __init__(self, stem: LeanStem):
        nn.Module.__init__(self)
        self.stem1, self.stem2a, self.stem2b, self.stem4 = stem.stem1, stem.stem2a, stem.stem2b, stem.stem4
        self.of_pool, self.of_conv = (PackedConv(conv, POST[type(None)]) for conv in (stem.of_pool, stem.of_conv))
        self.low, self.high = stem.low, stem.high

    def pool(self, x: Tensor) -> Tensor:
        rows = torch.maximum(x[:, :, :-1], x[:, :, 1:])  # three times as fast as max_pool2d, whose indices nobody needs
        return torch.maximum(rows[..., :-1], rows[..., 1:])

    def join(self, pool: Tensor, conv: Tensor) -> Tensor:
        out, other = self.of_pool(pool), self.of_conv
        add = ("add", 1.0, None, [], None)
        ONEDNN._convolution_pointwise_(out, conv, other.packed(conv), None, *other.args, *add)
        return out.clamp_(self.low, self.high)


class Pointwise(nn.Module):
    """A fused 1x1 convolution as what it is: a matrix product over the channels, which come last."""

    def __init__(self, fused: FusedConv):
        super().__init__()
        self.linear = PackedLinear(fused.conv.weight.flatten(1), fused.conv.bias)
        self.linear.post = _post(fused)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class PackedLinear(nn.Module):
    """A linear layer with the activation behind it where there is one: through oneDNN where that pays for its call."""

    def __init__(self, weight: Tensor, bias: Tensor, activation: nn.Module | None = None):
        super().__init__()
        self.plain, self.bias, self.post = weight.contiguous(), bias, POST[type(activation)]
        self.weight = None

    def forward(self, x: Tensor) -> Tensor:
        plain = self.plain
        if plain is not None:
            if x.numel() * len(plain) < SMALL:
                name, numbers, _ = self.post
                return PLAIN[name](F.linear(x, plain, self.bias), *numbers)
            self.weight = ONEDNN._reorder_linear_weight(plain)
            self.plain = None  # one copy is enough; smaller products of this layer take it too
        return ONEDNN._linear_pointwise(x, self.weight, self.bias, *self.post)


class PackedSelfAttention(SelfAttention):
    """Self-attention with packed projections."""

    def __init__(self, attention: SelfAttention):
        nn.Module.__init__(self)
        self.num_heads, d = attention.num_heads, attention.embed_dim
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        self.looks = PackedLinear(weight[: 2 * d], bias[: 2 * d])
        self.holds = PackedLinear(weight[2 * d :], bias[2 * d :])
        self.out_proj = PackedLinear(attention.out_proj.weight, attention.out_proj.bias)

    def query_key(self, x: Tensor) -> Tensor:
        return self.looks(x)

    def value(self, x: Tensor) -> Tensor:
        return self.holds(x)


def packed(network: DFINE) -> DFINE:
    """A fused network on the CPU, rewritten in place for oneDNN; float32 alone."""
    _replace(network)
    return network


def _replace(module: nn.Module) -> None:
    """Put the packed form in the place of every part that has one."""
    if isinstance(module, MLP):
        for i in range(len(module.layers) - 1):
            module.layers[i] = PackedLinear(module.layers[i].weight, module.layers[i].bias, module.activation)
        module.activation = nn.Identity()
    elif isinstance(module, (EncoderLayer, DecoderLayer)):
        module.linear1 = PackedLinear(module.linear1.weight, module.linear1.bias, module.activation)
        module.activation = nn.Identity()
    for name, child in module.named_children():
        form = {DeformableAttention: Bags, LeanStem: PackedStem}.get(type(child))
        if form:
            child = form(child)
            setattr(module, name, child)
        if isinstance(child, FusedConv):
            alone = child.conv.kernel_size == (1, 1)
            setattr(module, name, Pointwise(child) if alone else PackedConv(child.conv, _post(child)))
        elif isinstance(child, SelfAttention):
            setattr(module, name, PackedSelfAttention(child))
        elif isinstance(child, nn.Linear):
            setattr(module, name, PackedLinear(child.weight, child.bias))
        else:
            _replace(child)


def _post(conv: FusedConv) -> tuple[str, list, str]:
    """The same for what stands behind a fused convolution."""
    if conv.low is None and conv.high is None:
        return POST[nn.SiLU if conv.silu else type(None)]
    low, high = (-math.inf if conv.low is None else conv.low), (math.inf if conv.high is None else conv.high)
    return POST[nn.ReLU] if (low, high) == (0, math.inf) else ("hardtanh", [low, high], "")
