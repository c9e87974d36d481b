"""The fused copy for one kind of machine: float32 on an x86 CPU, with oneDNN's own layouts and kernels.

oneDNN ships inside torch. Its convolutions with the activation inside, its matrix products and its blocked weights are
what `torch.compile` uses on a CPU; here they are called directly, so that no compiler is needed and any size works.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfine.engines.folded import FoldedStem
from dfine.engines.fused import FusedConv, StemPaths
from dfine.engines.gather_attention import BagAttention
from dfine.network.attention import DeformableAttention, SelfAttention, attended
from dfine.network.decoder import DecoderLayer
from dfine.network.detector import DFINE
from dfine.network.encoder import EncoderLayer
from dfine.network.layers import MLP

ONEDNN = torch.ops.mkldnn
REORDER = "mkldnn_reorder_conv2d_weight"  # of torch._C._nn
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
    return (
        torch.backends.mkldnn.is_available()
        and all(hasattr(ONEDNN, name) for name in NEEDED)
        and hasattr(torch._C._nn, REORDER)
    )


class OneDnnConv(nn.Module):
    """A fused convolution whose weights lie as oneDNN wants them, its activation inside."""

    def __init__(self, conv: nn.Conv2d, post: tuple[str, list, str]):
        super().__init__()
        self.args = (list(conv.padding), list(conv.stride), list(conv.dilation), conv.groups)
        self.plain, self.bias, self.post = conv.weight, conv.bias, post
        self.weight = None

    def forward(self, x: Tensor) -> Tensor:
        return ONEDNN._convolution_pointwise(x, self.laid_out(x), self.bias, *self.args, *self.post)

    def laid_out(self, x: Tensor) -> Tensor:
        """The weights in oneDNN's layout, chosen at the first picture for its size; it serves other sizes too."""
        if self.weight is None:
            self.weight = getattr(torch._C._nn, REORDER)(self.plain.to_mkldnn(), *self.args, x.shape)
        return self.weight


class OneDnnStem(StemPaths):
    """The folded stem; of its two convolutions that are joined, the second adds to what the first has written."""

    def __init__(self, stem: FoldedStem):
        super().__init__(stem.stem1, stem.stem2a, stem.stem2b, stem.stem4)
        self.of_pool, self.of_conv = (OneDnnConv(conv, POST[type(None)]) for conv in (stem.of_pool, stem.of_conv))
        self.low, self.high = stem.low, stem.high

    def pool(self, x: Tensor) -> Tensor:
        rows = torch.maximum(x[:, :, :-1], x[:, :, 1:])  # three times as fast as max_pool2d, whose indices nobody needs
        return torch.maximum(rows[..., :-1], rows[..., 1:])

    def join(self, pool: Tensor, conv: Tensor) -> Tensor:
        out, other = self.of_pool(pool), self.of_conv
        add = ("add", 1.0, None, [], None)
        ONEDNN._convolution_pointwise_(out, conv, other.laid_out(conv), None, *other.args, *add)
        return out.clamp_(self.low, self.high)


class Pointwise(nn.Module):
    """A fused 1x1 convolution as what it is: a matrix product over the channels, which come last."""

    def __init__(self, fused: FusedConv):
        super().__init__()
        self.linear = OneDnnLinear(fused.conv.weight.flatten(1), fused.conv.bias)
        self.linear.post = _post(fused)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class OneDnnLinear(nn.Module):
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


class OneDnnSelfAttention(nn.Module):
    """Self-attention whose projections go through oneDNN."""

    def __init__(self, attention: SelfAttention):
        super().__init__()
        self.heads, d = attention.num_heads, attention.embed_dim
        weight, bias = attention.in_proj_weight, attention.in_proj_bias
        self.query_key = OneDnnLinear(weight[: 2 * d], bias[: 2 * d])
        self.value = OneDnnLinear(weight[2 * d :], bias[2 * d :])
        self.out_proj = OneDnnLinear(attention.out_proj.weight, attention.out_proj.bias)

    def forward(self, x: Tensor, position: Tensor, mask: Tensor | None = None) -> Tensor:
        query, key = self.query_key(x + position).chunk(2, -1)
        return self.out_proj(attended(query, key, self.value(x), self.heads, mask))


def for_onednn(network: DFINE) -> DFINE:
    """A fused network on the CPU, rewritten in place for oneDNN; only for float32."""
    _replace(network)
    return network


def _replace(module: nn.Module) -> None:
    """Put oneDNN's form in the place of every part that has one."""
    if isinstance(module, MLP):
        for i in range(len(module.layers) - 1):
            module.layers[i] = OneDnnLinear(module.layers[i].weight, module.layers[i].bias, module.activation)
        module.activation = nn.Identity()
    elif isinstance(module, (EncoderLayer, DecoderLayer)):
        module.linear1 = OneDnnLinear(module.linear1.weight, module.linear1.bias, module.activation)
        module.activation = nn.Identity()
    for name, child in module.named_children():
        form = {DeformableAttention: BagAttention, FoldedStem: OneDnnStem}.get(type(child))
        if form:
            child = form(child)
            setattr(module, name, child)
        if isinstance(child, FusedConv):
            point = child.conv.kernel_size == (1, 1)
            setattr(module, name, Pointwise(child) if point else OneDnnConv(child.conv, _post(child)))
        elif isinstance(child, SelfAttention):
            setattr(module, name, OneDnnSelfAttention(child))
        elif isinstance(child, nn.Linear):
            setattr(module, name, OneDnnLinear(child.weight, child.bias))
        else:
            _replace(child)


def _post(conv: FusedConv) -> tuple[str, list, str]:
    """The entry of `POST` for the activation of a fused convolution."""
    if conv.low is None and conv.high is None:
        return POST[nn.SiLU if conv.silu else type(None)]
    low, high = (-math.inf if conv.low is None else conv.low), (math.inf if conv.high is None else conv.high)
    return POST[nn.ReLU] if (low, high) == (0, math.inf) else ("hardtanh", [low, high], "")
