"""Attention among queries, and deformable attention from queries to the picture.

The latter is that of Deformable DETR (arXiv 2010.04159, eq. 3) as RT-DETRv2 and D-FINE use it: without a projection of
the values, and with a number of points per level.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfine.config import Config
from dfine.distribution import full


class SelfAttention(nn.MultiheadAttention):
    """Every token attends to all. Positions are added to queries and keys, not to values. Weights as in torch."""

    def __init__(self, width: int, heads: int):
        super().__init__(width, heads, batch_first=True)

    def forward(self, x: Tensor, position: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens [B, T, D] and their positions -> [B, T, D]; `mask` [T, T] is True where a token must not attend."""
        query, key = self.query_key(x + position).chunk(2, -1)
        return self.out_proj(attended(query, key, self.value(x), self.num_heads, mask))

    def query_key(self, x: Tensor) -> Tensor:
        """Queries and keys, side by side: [B, T, 2·D]."""
        return F.linear(x, self.in_proj_weight[: 2 * self.embed_dim], self.in_proj_bias[: 2 * self.embed_dim])

    def value(self, x: Tensor) -> Tensor:
        """Values: [B, T, D]."""
        return F.linear(x, self.in_proj_weight[2 * self.embed_dim :], self.in_proj_bias[2 * self.embed_dim :])


def attended(query: Tensor, key: Tensor, value: Tensor, heads: int, mask: Tensor | None = None) -> Tensor:
    """What every token reads from all, head by head: three times [B, T, D] -> [B, T, D], before the last projection."""
    query, key, value = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (query, key, value))
    read = F.scaled_dot_product_attention(query, key, value, attn_mask=None if mask is None else ~mask)
    return read.transpose(1, 2).flatten(2)


class DeformableAttention(nn.Module):
    """Each query reads a few points around its reference box.

    Queries [B, Q, D], references [B, Q, 4] as cxcywh in 0..1, and values as maps per level -> what each query read
    [B, Q, D], and where, see `sampling`.
    """

    def __init__(self, config: Config):
        super().__init__()
        self.heads, self.points = config.heads, config.points
        total = self.heads * sum(self.points)
        self.offsets = nn.Linear(config.width, 2 * total)
        self.weights = nn.Linear(config.width, total)
        # An offset of n, for one of n points, reaches the border of the reference box.
        scale = torch.tensor([1 / n for n in self.points for _ in range(n)])
        self.register_buffer("scale", scale[:, None], persistent=False)  # [P, 1]
        self._reset()

    def _reset(self) -> None:
        """Each head starts in a direction of its own, each point further out than the last; all weigh the same."""
        angle = torch.arange(self.heads) * (2 * math.pi / self.heads)
        direction = torch.stack((angle.cos(), angle.sin()), -1)
        direction = direction / direction.abs().amax(-1, keepdim=True)
        distance = torch.cat([torch.arange(1, n + 1) for n in self.points]).float()
        nn.init.zeros_(self.offsets.weight)
        with torch.no_grad():
            self.offsets.bias.copy_((direction[:, None] * distance[:, None]).flatten())
        nn.init.zeros_(self.weights.weight)
        nn.init.zeros_(self.weights.bias)

    def sampling(self, query: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
        """Where a query reads the picture, and how much each point counts.

        Returns:
            points [B, Q, heads, P, 2] as (x, y) in 0..1 of the picture, P over all levels, finest first;
            weights [B, Q, heads, P], which sum to 1 over P.
        """
        offset = self.offsets(query).unflatten(-1, (self.heads, -1, 2))
        weight = self.weights(query).unflatten(-1, (self.heads, -1)).softmax(-1)
        centre, size = reference[:, :, None, None, :2], reference[:, :, None, None, 2:]
        return centre + offset * self.scale * size * 0.5, weight

    def forward(self, query: Tensor, reference: Tensor, values: list[Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        points, weights = sampled = self.sampling(query, reference)
        grid = (2 * points - 1).transpose(1, 2).flatten(0, 1)  # [B·heads, Q, P, 2], in −1..1
        samples = [
            F.grid_sample(value, g.to(value.dtype), mode="bilinear", padding_mode="zeros", align_corners=False)
            for value, g in zip(values, grid.split(self.points, 2))
        ]  # each [B·heads, D/heads, Q, points of the level]
        weights = weights.transpose(1, 2).flatten(0, 1).unsqueeze(1)  # [B·heads, 1, Q, P]
        read = (torch.cat(samples, -1) * weights).sum(-1)  # [B·heads, D/heads, Q]
        read = read.unflatten(0, (-1, self.heads)).flatten(1, 2).transpose(1, 2)  # [B, Q, D]
        return read.to(query.dtype), sampled

    def values(self, tokens: Tensor, shapes: tuple[tuple[int, int], ...]) -> list[Tensor]:
        """Memory tokens [B, T, D] as one map per level and head: [B·heads, D/heads, H, W].

        In single precision, like the positions to sample: bfloat16 resolves a position to a tenth of a cell only.
        """
        levels = full(tokens).transpose(1, 2).split([h * w for h, w in shapes], 2)
        return [level.reshape(-1, level.shape[1] // self.heads, h, w) for level, (h, w) in zip(levels, shapes)]
