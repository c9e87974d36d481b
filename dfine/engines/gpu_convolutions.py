"""A folded network's convolutions for an NVIDIA GPU, where every pass over a map costs time of its own.

On a GPU, torch's convolution adds its bias in a second pass, number by number, and what follows is a third. Here both
are one (`Finish`), which also puts its answer where maps are wanted side by side. 1x1 convolutions in half precision
are products of matrices. The stem pads nothing and keeps no indices of maxima.
"""

from __future__ import annotations

from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfine.distribution import full
from dfine.engines.folded import FoldedFusion, FoldedStem, TwoMapConv
from dfine.engines.fused import FusedConv, StemPaths
from dfine.network.backbone import Block, LightConv

Activation = tuple[bool, float | None, float | None]  # whether SiLU, and the bounds


class Finish(nn.Module):
    """What follows a convolution: a bias, perhaps the sum with other maps, then SiLU or bounds.

    Other maps have the same shape or half the height and width. With `into`, some channels of larger maps, the answer
    is put there, and is returned as what lies there unless it is to be kept besides.
    """

    def __init__(self, bias: Tensor, kernels: ModuleType | None, activation: Activation):
        super().__init__()
        self.register_buffer("bias", bias.detach(), persistent=False)
        self.kernels, self.activation = kernels, activation

    def forward(self, x: Tensor, other: Tensor | None = None, into: Tensor | None = None, keep: bool = True) -> Tensor:
        if self.kernels and self.kernels.can_finish(x):
            return self.kernels.finish(x, self.bias, self.activation, other, into, keep)
        bias = self.bias[:, None, None]
        add(x, bias if other is None else full(other) + bias)  # a sum of three is rounded once
        x = activated(x, self.activation)
        return x if into is None else _put(x, into)


def activated(x: Tensor, activation: Activation) -> Tensor:
    """SiLU, or bounds, in place."""
    silu, low, high = activation
    if silu:
        return F.silu(x, inplace=True)
    return x if low is None and high is None else x.clamp_(low, high)


def _put(x: Tensor, into: Tensor) -> Tensor:
    into.copy_(x)
    return x


def add(x: Tensor, other: Tensor) -> None:
    """Add to maps, in place, a bias, others of the same shape, or of half the height and width, for four cells each."""
    if other.ndim == x.ndim and x.shape != other.shape:
        x, other = x.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)), other[:, :, :, None, :, None]
    x.add_(other)


class Product(nn.Module):
    """A 1x1 convolution without a bias, or with one; in half precision a product of matrices, which a GPU is best at.

    In single precision it remains a convolution, because torch lets those use TF32 and products not.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None = None, relu: bool = False):
        """Where there is a bias in half precision, ReLU may follow it inside the product."""
        super().__init__()
        self.half, self.relu = weight.dtype != torch.float32, relu
        self.register_buffer("weight", weight.flatten(1).detach(), persistent=False)
        self.register_buffer("bias", None if bias is None else bias.detach(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        if not self.half:
            return F.conv2d(x, self.weight[:, :, None, None], self.bias)
        x = x.to(self.weight.dtype).permute(0, 2, 3, 1)  # as channels lie: last
        rows, weight = x.flatten(0, 2), self.weight.T
        if self.bias is None:
            y = rows @ weight
        else:
            y = (torch._addmm_activation if self.relu else torch.addmm)(self.bias, rows, weight)
        return y.unflatten(0, x.shape[:3]).permute(0, 3, 1, 2)


class GpuConv(nn.Module):
    """A fused convolution: the sums, then everything else in one pass (`Finish`, whose options it has)."""

    def __init__(self, fused: FusedConv, kernels: ModuleType | None):
        super().__init__()
        conv, activation = fused.conv, (fused.silu, fused.low, fused.high)
        point = (conv.kernel_size, conv.stride, conv.groups) == ((1, 1), (1, 1), 1)
        product, relu = point and conv.weight.dtype != torch.float32, activation == (False, 0.0, None)
        self.whole = product and (relu or activation == (False, None, None))  # the product does everything
        self.sums = Product(conv.weight, conv.bias if self.whole else None, relu) if product else Sums(conv)
        self.finish = Finish(conv.bias, kernels, activation)

    def forward(self, x: Tensor, **place) -> Tensor:
        x = self.sums(x)
        return x if self.whole else self.finish(x, **place)


class Sums(nn.Module):
    """A convolution without its bias."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.args = conv.stride, conv.padding, conv.dilation, conv.groups
        self.register_buffer("weight", conv.weight.detach(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, None, *self.args)


class GpuLightConv(nn.Module):
    """A 1x1 convolution, then a depthwise one, which takes the options of `Finish`."""

    def __init__(self, light: LightConv, kernels: ModuleType | None):
        super().__init__()
        self.conv1, self.conv2 = GpuConv(light.conv1, kernels), GpuConv(light.conv2, kernels)

    def forward(self, x: Tensor, **place) -> Tensor:
        return self.conv2(self.conv1(x), **place)


class GpuBlock(nn.Module):
    """A block of the backbone whose convolutions write where the next but one reads them, side by side."""

    def __init__(self, block: Block, kernels: ModuleType | None):
        super().__init__()
        self.kernels, self.residual = kernels, block.residual
        form = GpuLightConv if isinstance(block.layers[0], LightConv) else GpuConv
        self.layers = nn.ModuleList(form(layer, kernels) for layer in block.layers)
        self.aggregation = nn.Sequential(*(GpuConv(part, kernels) for part in block.aggregation))
        self.total = block.aggregation[0].conv.in_channels
        # A product of matrices reads some channels of larger maps as they lie; a convolution would copy them.
        self.keep = form is GpuConv or block.aggregation[0].conv.weight.dtype == torch.float32

    def forward(self, x: Tensor) -> Tensor:
        if not (self.kernels and self.kernels.can_finish(x)):
            kept = [x]
            for layer in self.layers:
                kept.append(layer(kept[-1]))
            y = self.aggregation(torch.cat(kept, 1))
            return x + y if self.residual else y
        whole, end, last = _maps(x, self.total), x.shape[1], x
        self.kernels.put(x, whole[:, :end])
        step = (self.total - end) // len(self.layers)
        for i, layer in enumerate(self.layers):
            keep = self.keep and i < len(self.layers) - 1
            last = layer(last, into=whole[:, end : end + step], keep=keep)
            end += step
        y = self.aggregation(whole)
        return y.add_(x) if self.residual else y


def _maps(like: Tensor, channels: int) -> Tensor:
    """Empty maps with so many channels, which come last."""
    batch, _, height, width = like.shape
    return like.new_empty(batch, height, width, channels).permute(0, 3, 1, 2)


class GpuTwoMap(nn.Module):
    """As `TwoMapConv`: the first map is enlarged, where it has to be, while it is added."""

    def __init__(self, parts: TwoMapConv | list[TwoMapConv], kernels: ModuleType | None):
        """Of several, the outputs lie one behind the other."""
        super().__init__()
        parts = parts if isinstance(parts, list) else [parts]
        self.first, self.second = (
            Product(torch.cat([getattr(part, name).conv.weight for part in parts])) for name in ("first", "second")
        )
        bias = torch.cat([part.first.conv.bias.float() + part.second.conv.bias.float() for part in parts])
        self.finish = Finish(bias.to(self.first.weight.dtype), kernels, (True, None, None))

    def forward(self, first: Tensor, second: Tensor, **place) -> Tensor:
        return self.finish(self.second(second), self.first(first), **place)


class GpuFusion(nn.Module):
    """As `FoldedFusion`, in half precision: what is to be merged is written side by side."""

    def __init__(self, fusion: FoldedFusion, kernels: ModuleType | None):
        super().__init__()
        self.kernels, self.both, self.rest = kernels, GpuTwoMap(list(fusion.halves), kernels), fusion.rest
        replace_convolutions(self.rest, kernels)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        cv2, cv3, cv4 = self.rest.cv2, self.rest.cv3, self.rest.cv4
        if not (self.kernels and self.kernels.can_finish(second)):
            both = self.both(first, second)
            third = cv2(both.chunk(2, 1)[1])
            return cv4(torch.cat((both, third, cv3(third)), 1))
        half, total = len(self.both.finish.bias) // 2, cv4.sums.weight.shape[1]
        mid = (total - 2 * half) // 2
        whole = _maps(second, total)
        self.both(first, second, into=whole[:, : 2 * half], keep=False)
        third = whole[:, 2 * half : 2 * half + mid]
        cv2[1](cv2[0](whole[:, half : 2 * half]), into=third, keep=False)
        cv3[1](cv3[0](third), into=whole[:, 2 * half + mid :], keep=False)
        return cv4(whole)


class GpuStem(StemPaths):
    """The folded stem without padded maps: 2x2 kernels become 3x3 ones, which see the zeros to the right and below."""

    def __init__(self, stem: FoldedStem, kernels: ModuleType | None):
        super().__init__(stem.stem1, _three(stem.stem2a), _three(stem.stem2b), stem.stem4)
        replace_convolutions(self, kernels)
        self.finish = Finish(stem.of_pool.bias, kernels, (False, stem.low, stem.high))
        self.of_pool, self.of_conv = Sums(stem.of_pool), Sums(stem.of_conv)
        if kernels:  # convolutions with three channels are slow; 16 bytes is what they like to read at once
            weight = self.stem1.sums.weight
            weight = F.pad(weight, (0, 0, 0, 0, 0, 16 // weight.element_size() - weight.shape[1]))
            self.stem1.sums.weight = weight.to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> Tensor:
        first, weight = self.stem1.finish, self.stem1.sums.weight
        if first.kernels:
            x = first.kernels.laid(x, weight.shape[1], weight.dtype)
        x = self.stem1.sums(x.contiguous(memory_format=torch.channels_last))
        if first.kernels and first.kernels.can_finish(x):
            x, pool = first.kernels.pooled(x, first.bias, first.activation)
        else:
            x = first(x)
            pool = self.pool(x)
        return self.stem4(self.join(pool, self.stem2b(self.stem2a(x))))

    def pool(self, x: Tensor) -> Tensor:
        """The largest of each 2x2 cells, zeros to the right and below; torch's pooling writes indices, of 8 bytes."""
        for axis in (2, 3):
            last, larger = x.shape[axis] - 1, torch.empty_like(x)
            torch.maximum(x.narrow(axis, 0, last), x.narrow(axis, 1, last), out=larger.narrow(axis, 0, last))
            torch.clamp(x.narrow(axis, last, 1), min=0, out=larger.narrow(axis, last, 1))
            x = larger
        return x

    def join(self, pool: Tensor, conv: Tensor) -> Tensor:
        return self.finish(self.of_pool(pool), self.of_conv(conv))


def replace_convolutions(module: nn.Module, kernels: ModuleType | None) -> None:
    """Put the GPU's form in the place of every part that has one."""
    forms = {FusedConv: GpuConv, FoldedStem: GpuStem, Block: GpuBlock, FoldedFusion: GpuFusion, TwoMapConv: GpuTwoMap}
    for name, child in module.named_children():
        form = forms.get(type(child))
        if form is GpuFusion and child.halves[0].first.conv.weight.dtype == torch.float32:
            form = None  # a convolution would copy the half that it reads
        if form:
            setattr(module, name, form(child, kernels))
        else:
            replace_convolutions(child, kernels)


def _three(fused: FusedConv) -> FusedConv:
    """A convolution of 2x2 that is given a row and a column of zeros, as one of 3x3 that pads its input itself."""
    conv = fused.conv
    conv.weight = nn.Parameter(F.pad(conv.weight, (1, 0, 1, 0)), requires_grad=False)
    conv.weight.data = conv.weight.to(memory_format=torch.channels_last)
    conv.kernel_size, conv.padding = (3, 3), (1, 1)
    return fused
