"""The hybrid encoder: attention on the coarsest map, then fusion of all maps, from coarse to fine and back.

It is the encoder of RT-DETR (arXiv 2304.08069, section 4.2) with the RepNCSPELAN4 blocks of GELAN, as D-FINE has them
(paper section 5.4.1).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfine.config import Config
from dfine.network.attention import SelfAttention
from dfine.network.layers import ConvNorm, flatten, table
from dfine.trace.records import Memory


class Bottleneck(nn.Module):
    """A 3x3 and a 1x1 convolution side by side (they fuse into one for inference), then SiLU."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv1 = ConvNorm(channels, channels, 3)
        self.conv2 = ConvNorm(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.conv1(x) + self.conv2(x))


class CSP(nn.Module):
    """The sum of two 1x1 projections, one of which goes through bottlenecks."""

    def __init__(self, in_channels: int, out_channels: int, depth: int):
        super().__init__()
        self.conv1 = ConvNorm(in_channels, out_channels, activation="silu")
        self.conv2 = ConvNorm(in_channels, out_channels, activation="silu")
        self.bottlenecks = nn.Sequential(*(Bottleneck(out_channels) for _ in range(depth)))

    def forward(self, x: Tensor) -> Tensor:
        return self.bottlenecks(self.conv1(x)) + self.conv2(x)


class Fusion(nn.Module):
    """RepNCSPELAN4: split in two, send one half through two CSP branches in a row, merge halves and results."""

    def __init__(self, in_channels: int, out_channels: int, mid: int, depth: int):
        super().__init__()
        half = out_channels
        silu = dict(activation="silu")
        self.cv1 = ConvNorm(in_channels, 2 * half, **silu)
        self.cv2 = nn.Sequential(CSP(half, mid, depth), ConvNorm(mid, mid, 3, **silu))
        self.cv3 = nn.Sequential(CSP(mid, mid, depth), ConvNorm(mid, mid, 3, **silu))
        self.cv4 = ConvNorm(2 * half + 2 * mid, out_channels, **silu)

    def forward(self, x: Tensor) -> Tensor:
        return self.merge(*self.cv1(x).chunk(2, 1))

    def merge(self, first: Tensor, second: Tensor) -> Tensor:
        """Both halves, each [B, C, H, W] -> [B, C, H, W]."""
        third = self.cv2(second)
        return self.cv4(torch.cat((first, second, third, self.cv3(third)), 1))


class EncoderLayer(nn.Module):
    """Self-attention among the tokens of one map, then a feed-forward with GELU; norms come after the sums."""

    def __init__(self, width: int, ffn: int, heads: int):
        super().__init__()
        self.self_attn = SelfAttention(width, heads)
        self.linear1 = nn.Linear(width, ffn)
        self.linear2 = nn.Linear(ffn, width)
        self.activation = nn.GELU()
        self.norm1 = nn.LayerNorm(width)
        self.norm2 = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, position: Tensor) -> Tensor:
        tokens = self.norm1(tokens + self.self_attn(tokens, position))
        return self.norm2(tokens + self.linear2(self.activation(self.linear1(tokens))))


@table
def positions(height: int, width: int, channels: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Sine table of a map's cells in row-major order, [H·W, channels]: first half the row, second half the column.

    Unlike the published code, whose table of a map that is not square is column-major, this one always follows the
    order of the tokens. On squares the two agree.
    """
    omega = 1 / 10_000.0 ** (torch.arange(channels // 4, device=device) / (channels // 4))
    row = torch.arange(height, device=device)[:, None] * omega  # [H, C/4]
    column = torch.arange(width, device=device)[:, None] * omega
    row = torch.cat((row.sin(), row.cos()), 1)[:, None].expand(-1, width, -1)
    column = torch.cat((column.sin(), column.cos()), 1)[None].expand(height, -1, -1)
    return torch.cat((row, column), -1).flatten(0, 1).to(dtype)


class Encoder(nn.Module):
    """Features of all levels, finest first -> Memory."""

    def __init__(self, config: Config):
        super().__init__()
        d, levels = config.encoder_width, len(config.strides)
        mid, depth = int(config.expansion * d // 2), round(3 * config.depth)
        self.project = nn.ModuleList(ConvNorm(c, d) for c in config.channels)
        self.transformer = EncoderLayer(d, config.encoder_ffn, config.heads)
        # Both lists run in the order of the steps: top-down from the coarsest map, bottom-up from the finest.
        self.lateral = nn.ModuleList(ConvNorm(d, d) for _ in range(levels - 1))
        self.top_down = nn.ModuleList(Fusion(2 * d, d, mid, depth) for _ in range(levels - 1))
        self.downsample = nn.ModuleList(
            nn.Sequential(ConvNorm(d, d), ConvNorm(d, d, 3, 2, groups=d)) for _ in range(levels - 1)
        )
        self.bottom_up = nn.ModuleList(Fusion(2 * d, d, mid, depth) for _ in range(levels - 1))
        narrower = d != config.width  # only in X, whose decoder is narrower than its encoder
        self.output = nn.ModuleList(ConvNorm(d, config.width) if narrower else nn.Identity() for _ in range(levels))

    def fuse(self, features: list[Tensor]) -> list[Tensor]:
        """Features of the backbone -> maps of one width [B, D, H, W], each with what all the others contribute."""
        *maps, coarsest = [project(f) for project, f in zip(self.project, features)]
        fused = [attend(self.transformer, coarsest)]
        for lateral, block, fine in zip(self.lateral, self.top_down, reversed(maps)):
            fused[0] = lateral(fused[0])
            above = F.interpolate(fused[0], scale_factor=2.0, mode="nearest")
            fused.insert(0, block(torch.cat((above, fine), 1)))

        outputs = [fused[0]]
        for down, block, coarse in zip(self.downsample, self.bottom_up, fused[1:]):
            outputs.append(block(torch.cat((down(outputs[-1]), coarse), 1)))
        return outputs

    def forward(self, features: list[Tensor]) -> Memory:
        return memory([output(m) for output, m in zip(self.output, self.fuse(features))])


def attend(transformer: EncoderLayer, coarsest: Tensor) -> Tensor:
    """Self-attention among the cells of the coarsest map: [B, D, H, W] -> [B, D, H, W]."""
    height, width = map(int, coarsest.shape[-2:])
    tokens = flatten(coarsest)
    tokens = transformer(tokens, positions(height, width, int(tokens.shape[-1]), like=tokens))
    return tokens.transpose(1, 2).unflatten(2, (height, width))


def memory(maps: list[Tensor]) -> Memory:
    """Maps [B, D, H, W] of all levels, finest first, as tokens."""
    tokens = torch.cat([flatten(m) for m in maps], 1)  # [B, T, D]
    return Memory(tokens, tuple(tuple(map(int, m.shape[-2:])) for m in maps))
