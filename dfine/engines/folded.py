"""The fused copy with the same sums in a cheaper order: fewer operations than the published count, the same answer.

It rests on two facts about convolutions, exact but for rounding. A convolution of two concatenated maps is the sum of a
convolution of each, so that nothing need be concatenated; and of these, a 1x1 that reads an enlarged map can read it
before it is enlarged, which is a quarter of the work. And two 1x1 without an activation between them are one.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from dfine.engines.fused import FusedConv, FusedStem, StemPaths, bounded
from dfine.network.detector import DFINE
from dfine.network.encoder import Encoder, Fusion, attend, memory
from dfine.trace.records import Memory

BLOCK = 16  # channels that an AVX-512 register holds
Matrix = tuple[Tensor, Tensor]  # a linear map: weight [out, in] and bias [out]


class TwoMapConv(nn.Module):
    """SiLU of a 1x1 convolution of two concatenated maps; the first may have half the height and width.

    Args:
        first: weight [out, in] and bias of the half that reads the first map.
        second: weight and bias of the other half.
    """

    def __init__(self, first: Matrix, second: Matrix):
        super().__init__()
        self.first, self.second = _pointwise(*first), _pointwise(*second)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        first, second = self.first(first), self.second(second)
        if first.shape[-2:] != second.shape[-2:]:
            first = F.interpolate(first, scale_factor=2.0, mode="nearest")
        return F.silu(first + second)


class FoldedStem(StemPaths):
    """The stem without concatenating its two paths: its third convolution is two, one of each path."""

    @torch.no_grad()
    def __init__(self, stem: FusedStem):
        super().__init__(stem.stem1, stem.stem2a, stem.stem2b, stem.stem4)
        channels = stem.stem2a.conv.out_channels
        for part in (self.stem2a, self.stem2b):
            part.conv = _widened(part.conv, channels, _whole_blocks(channels))
        self.of_pool, self.of_conv = _side_by_side(stem.stem3.conv)
        self.low, self.high = stem.stem3.low, stem.stem3.high

    def join(self, pool: Tensor, conv: Tensor) -> Tensor:
        return bounded(self.of_pool(pool) + self.of_conv(conv), self.low, self.high)


class FoldedFusion(nn.Module):
    """A fusion of two maps. Its first convolution is four: one for each half of its output and each of the maps."""

    def __init__(self, fusion: Fusion, first: Matrix, second: Matrix):
        super().__init__()
        (w, b), (v, c) = first, second
        self.halves = nn.ModuleList(
            TwoMapConv(*pair) for pair in zip(zip(w.chunk(2), b.chunk(2)), zip(v.chunk(2), c.chunk(2)))
        )
        self.rest = aligned(fusion)
        fusion.cv1 = nn.Identity()  # the halves do its work

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        return self.rest.merge(*(half(first, second) for half in self.halves))


class FoldedEncoder(nn.Module):
    """The encoder of a fused network, without the projections and laterals that the fusions can do themselves."""

    @torch.no_grad()
    def __init__(self, encoder: Encoder):
        super().__init__()
        levels = len(encoder.project)
        self.transformer, self.output, self.downsample = encoder.transformer, encoder.output, encoder.downsample
        self.project = nn.ModuleList([nn.Identity() for _ in range(levels - 1)] + [encoder.project[-1]])
        self.top_down, self.bottom_up = nn.ModuleList(), nn.ModuleList()
        laterals = [_matrix(lateral) for lateral in encoder.lateral]  # from the coarsest level on

        for step, block in enumerate(encoder.top_down):
            level = levels - 2 - step
            above, fine = _split(block.cv1)
            project = _matrix(encoder.project[level])
            if composed(fine, project)[0].numel() <= fine[0].numel() + project[0].numel():
                fine = composed(fine, project)
            else:
                self.project[level] = encoder.project[level]
            self.top_down.append(FoldedFusion(block, composed(above, laterals[step]), fine))
        for step, block in enumerate(encoder.bottom_up):
            below, coarse = _split(block.cv1)
            self.bottom_up.append(FoldedFusion(block, composed(coarse, laterals[levels - 2 - step]), below))

    def forward(self, features: list[Tensor]) -> Memory:
        return memory([output(m) for output, m in zip(self.output, self.fuse(features))])

    def fuse(self, features: list[Tensor]) -> list[Tensor]:
        """As `Encoder.fuse`."""
        *maps, coarsest = [project(f) for project, f in zip(self.project, features)]
        fused = [attend(self.transformer, coarsest)]
        for block, fine in zip(self.top_down, reversed(maps)):
            fused.insert(0, block(fused[0], fine))

        outputs = [fused[0]]
        for down, block, coarse in zip(self.downsample, self.bottom_up, fused[1:]):
            outputs.append(block(coarse, down(outputs[-1])))
        return outputs


def aligned(fusion: Fusion) -> Fusion:
    """Fill the branches of a fusion up to a multiple of 16 channels with zeros, because kernels work in blocks of 16.

    Only size N needs this; it has 21. Zeros stay zeros through SiLU, and the last convolution gives them no weight.
    """
    channels = fusion.cv2[1].conv.out_channels
    wide = _whole_blocks(channels)
    if wide == channels:
        return fusion
    for part in (*fusion.cv2.modules(), *fusion.cv3.modules()):
        if isinstance(part, FusedConv):
            part.conv = _widened(part.conv, channels, wide)
    weight, bias = fusion.cv4.conv.weight, fusion.cv4.conv.bias
    half = (weight.shape[1] - 2 * channels) // 2
    parts = weight.split([half, half, channels, channels], 1)
    zeros = weight.new_zeros(len(weight), wide - channels, 1, 1)
    fusion.cv4.conv = _pointwise(torch.cat((*parts[:3], zeros, parts[3], zeros), 1).flatten(1), bias).conv
    return fusion


def _whole_blocks(channels: int) -> int:
    """The next multiple of `BLOCK`."""
    return math.ceil(channels / BLOCK) * BLOCK


def _widened(conv: nn.Conv2d, channels: int, wide: int) -> nn.Conv2d:
    """A convolution with zeros added to whichever side, input or output, has `channels` channels."""
    ins, outs = (wide if count == channels else count for count in (conv.in_channels, conv.out_channels))
    other = skip_init(nn.Conv2d, ins, outs, conv.kernel_size, conv.stride, conv.padding, device=conv.weight.device)
    for new, old in ((other.weight, conv.weight), (other.bias, conv.bias)):
        new.zero_()[tuple(slice(0, length) for length in old.shape)] = old
    return other.requires_grad_(False)


def folded(network: DFINE) -> DFINE:
    """A fused network, rewritten in place."""
    network.backbone.stem = FoldedStem(network.backbone.stem).eval().to(memory_format=torch.channels_last)
    network.encoder = FoldedEncoder(network.encoder).eval().to(memory_format=torch.channels_last)
    return network


def _side_by_side(conv: nn.Conv2d) -> tuple[nn.Conv2d, nn.Conv2d]:
    """Two convolutions, one of each half of the input channels, whose sum is `conv`. The first has the bias."""
    parts = []
    for weight, bias in zip(conv.weight.chunk(2, 1), (conv.bias, None)):
        part = skip_init(
            nn.Conv2d,
            *reversed(weight.shape[:2]),
            conv.kernel_size,
            conv.stride,
            conv.padding,
            bias=bias is not None,
            device=weight.device,
        )
        part.weight.copy_(weight)
        if bias is not None:
            part.bias.copy_(bias)
        parts.append(part.requires_grad_(False))
    return tuple(parts)


def composed(outer: Matrix, inner: Matrix) -> Matrix:
    """Two linear maps as one: `outer` of `inner`."""
    (w, b), (v, c) = outer, inner
    return w @ v, w @ c + b


def _matrix(conv: FusedConv) -> Matrix:
    """A 1x1 convolution in double precision."""
    return conv.conv.weight.detach().flatten(1).double(), conv.conv.bias.detach().double()


def _split(conv: FusedConv) -> tuple[Matrix, Matrix]:
    """The two halves of a 1x1 convolution's input; the bias goes with the first."""
    weight, bias = _matrix(conv)
    first, second = weight.chunk(2, 1)
    return (first, bias), (second, torch.zeros_like(bias))


def _pointwise(weight: Tensor, bias: Tensor) -> FusedConv:
    conv = skip_init(nn.Conv2d, weight.shape[1], weight.shape[0], 1, device=weight.device)
    conv.weight.copy_(weight[..., None, None])
    conv.bias.copy_(bias)
    return FusedConv(conv.requires_grad_(False))
