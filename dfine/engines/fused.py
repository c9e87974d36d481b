"""A copy of the network for inference, with everything folded that can be folded without changing what it says.

`fused(network)` is a `DFINE` of fewer operations: BatchNorm and the backbone's affine blocks go into the convolution in
front of them, the encoder's 3x3 and 1x1 convolutions side by side become one (RepVGG, arXiv 2101.03697, section 3.3).
The network itself stays as it is. What the copy returns is the same `Trace`, within float32's rounding.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dfine.network.backbone import Stem
from dfine.network.detector import DFINE
from dfine.network.encoder import Bottleneck
from dfine.network.layers import Affine, ConvNorm


class FusedConv(nn.Module):
    """A convolution with a bias, then SiLU, or a bound below or above, or nothing.

    An affine block after ReLU is such a bound: s·max(z, 0) + b is max(s·z + b, b) where s ≥ 0, and min(s·z + b, b)
    where s < 0; s and b go into the convolution.
    """

    def __init__(self, conv: nn.Conv2d, *, silu: bool = False, low: float | None = None, high: float | None = None):
        super().__init__()
        self.conv, self.silu, self.low, self.high = conv, silu, low, high

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        return F.silu(x) if self.silu else bounded(x, self.low, self.high)


def bounded(x: Tensor, low: float | None, high: float | None) -> Tensor:
    """`x` clamped to `low` and `high`; None is no bound."""
    if low == 0 and high is None:
        return F.relu(x)
    return x if low is None and high is None else x.clamp(low, high)


class StemPaths(nn.Module):
    """A stem of fused convolutions; its subclasses say how its two paths are computed and joined."""

    def __init__(self, stem1: nn.Module, stem2a: nn.Module, stem2b: nn.Module, stem4: nn.Module):
        super().__init__()
        self.stem1, self.stem2a, self.stem2b, self.stem4 = stem1, stem2a, stem2b, stem4

    def forward(self, x: Tensor) -> Tensor:
        right_and_below = (0, 1, 0, 1)
        x = F.pad(self.stem1(x.contiguous(memory_format=torch.channels_last)), right_and_below)
        conv = self.stem2b(F.pad(self.stem2a(x), right_and_below))
        return self.stem4(self.join(self.pool(x), conv))

    def pool(self, x: Tensor) -> Tensor:
        """The largest of each 2x2 cells."""
        return F.max_pool2d(x, 2, stride=1)

    def join(self, pool: Tensor, conv: Tensor) -> Tensor:
        """What the third convolution makes of both paths."""
        raise NotImplementedError


class FusedStem(StemPaths):
    """The stem with its convolutions fused."""

    def __init__(self, stem: Stem):
        super().__init__(*(_conv_norm(part) for part in (stem.stem1, stem.stem2a, stem.stem2b, stem.stem4)))
        self.stem3 = _conv_norm(stem.stem3)

    def join(self, pool: Tensor, conv: Tensor) -> Tensor:
        return self.stem3(torch.cat((pool, conv), 1))


@torch.no_grad()
def fused(network: DFINE) -> DFINE:
    """A copy for inference: the same device, the same `Trace` within rounding, no gradients; channels come last.

    Raises:
        ValueError: the network is in training mode, where BatchNorm depends on the batch.
    """
    if network.training:
        raise ValueError("a network in training mode cannot be fused; call network.eval() first")
    network = copy.deepcopy(network)
    replace_parts(network)
    return network.requires_grad_(False).eval().to(memory_format=torch.channels_last)


def replace_parts(module: nn.Module) -> None:
    """Put the fused form in the place of every part that has one."""
    forms = {Stem: FusedStem, Bottleneck: _bottleneck, ConvNorm: _conv_norm}
    for name, child in module.named_children():
        form = forms.get(type(child))
        if form:
            setattr(module, name, form(child))
        else:
            replace_parts(child)


def _conv_norm(block: ConvNorm) -> FusedConv:
    """Convolution, BatchNorm, activation and affine block as one."""
    conv = fuse_conv_bn_eval(block.conv, block.norm)
    if isinstance(block.activation, nn.SiLU):
        return FusedConv(conv, silu=True)
    if isinstance(block.activation, nn.Identity):
        return FusedConv(conv)
    if not isinstance(block.affine, Affine):
        return FusedConv(conv, low=0.0)
    scale, bias = block.affine.scale.item(), block.affine.bias.item()
    conv.weight.mul_(scale)
    conv.bias.mul_(scale).add_(bias)
    return FusedConv(conv, low=bias) if scale >= 0 else FusedConv(conv, high=bias)


def _bottleneck(block: Bottleneck) -> FusedConv:
    """A 3x3 and a 1x1 convolution that are added: one 3x3 with the 1x1 in its middle."""
    conv = fuse_conv_bn_eval(block.conv1.conv, block.conv1.norm)
    centre = fuse_conv_bn_eval(block.conv2.conv, block.conv2.norm)
    conv.weight.add_(F.pad(centre.weight, (1, 1, 1, 1)))
    conv.bias.add_(centre.bias)
    return FusedConv(conv, silu=True)
