"""HGNetV2 (PaddleDetection's PP-HGNetV2, as published with D-FINE): pictures to features at strides 8, 16, 32."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfine.config import Config, StageSpec
from dfine.network.layers import ConvNorm


class Stem(nn.Module):
    """Stride 4: a strided convolution, two paths (max-pool, and two 2x2 convolutions), a second strided convolution."""

    def __init__(self, mid: int, out: int, affine: bool):
        super().__init__()
        args = dict(activation="relu", affine=affine)
        self.stem1 = ConvNorm(3, mid, 3, 2, **args)
        self.stem2a = ConvNorm(mid, mid // 2, 2, padding=0, **args)
        self.stem2b = ConvNorm(mid // 2, mid, 2, padding=0, **args)
        self.stem3 = ConvNorm(2 * mid, mid, 3, 2, **args)
        self.stem4 = ConvNorm(mid, out, 1, **args)

    def forward(self, x: Tensor) -> Tensor:
        right_and_below = (0, 1, 0, 1)  # a 2x2 kernel needs one more column and one more row
        x = F.pad(self.stem1(x), right_and_below)
        conv = self.stem2b(F.pad(self.stem2a(x), right_and_below))
        pool = F.max_pool2d(x, 2, stride=1)
        return self.stem4(self.stem3(torch.cat((pool, conv), 1)))


class LightConv(nn.Module):
    """A 1x1 convolution, then a depthwise one with an activation."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, affine: bool):
        super().__init__()
        self.conv1 = ConvNorm(in_channels, out_channels)
        self.conv2 = ConvNorm(out_channels, out_channels, kernel, groups=out_channels, activation="relu", affine=affine)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.conv1(x))


class Block(nn.Module):
    """A chain of convolutions whose outputs are all concatenated, squeezed and expanded again."""

    def __init__(self, in_channels: int, spec: StageSpec, *, residual: bool, affine: bool):
        super().__init__()
        self.residual = residual
        ins = [in_channels] + [spec.mid_channels] * (spec.layers - 1)
        if spec.light:
            layers = [LightConv(i, spec.mid_channels, spec.kernel, affine) for i in ins]
        else:
            layers = [ConvNorm(i, spec.mid_channels, spec.kernel, activation="relu", affine=affine) for i in ins]
        self.layers = nn.ModuleList(layers)

        total, out = in_channels + spec.layers * spec.mid_channels, spec.out_channels
        self.aggregation = nn.Sequential(
            ConvNorm(total, out // 2, activation="relu", affine=affine),
            ConvNorm(out // 2, out, activation="relu", affine=affine),
        )

    def forward(self, x: Tensor) -> Tensor:
        kept = [x]
        for layer in self.layers:
            kept.append(layer(kept[-1]))
        y = self.aggregation(torch.cat(kept, 1))
        return x + y if self.residual else y


class Stage(nn.Module):
    """A depthwise strided convolution (in all but the first stage), then blocks."""

    def __init__(self, spec: StageSpec, affine: bool):
        super().__init__()
        i, o = spec.in_channels, spec.out_channels
        self.downsample = ConvNorm(i, i, 3, 2, groups=i) if spec.downsample else nn.Identity()
        self.blocks = nn.Sequential(
            *(Block(o if n else i, spec, residual=n > 0, affine=affine) for n in range(spec.blocks))
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.downsample(x))


class Backbone(nn.Module):
    """Pixels [B, 3, H, W] in 0..1 -> one feature map [B, C, H/s, W/s] per stride s of the configuration."""

    def __init__(self, config: Config):
        super().__init__()
        self.stem = Stem(*config.spec.stem, config.affine)
        self.stages = nn.ModuleList(Stage(spec, config.affine) for spec in config.spec.stages)
        self.first = len(self.stages) - len(config.strides)  # features of earlier stages are not returned

    def forward(self, pixels: Tensor) -> list[Tensor]:
        x, features = self.stem(pixels), []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        return features[self.first :]
