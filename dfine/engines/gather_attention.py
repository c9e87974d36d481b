"""Deformable attention in inference: a weighted sum of rows of one table.

The values of all levels and heads are the rows of a table [B·T·heads, D/heads], which is how the memory's tokens lie
anyway. Each sampling point reads four rows, bilinearly. `BagAttention` sums them with one `embedding_bag`,
`GatherAttention` with operators that ONNX has.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import skip_init

from dfine.network.attention import DeformableAttention
from dfine.network.layers import table

LONG = 17  # numbers of a row: OpenVINO gathers rows of 16 number by number, which takes three times as long
FAR = 1 << 20  # cells: far enough to have the weight 0


class TableAttention(nn.Module):
    """What `BagAttention` and `GatherAttention` share: the rows that a query reads, and the weight of each."""

    @torch.no_grad()
    def __init__(self, attention: DeformableAttention):
        super().__init__()
        self.heads, self.points, self.weights = attention.heads, attention.points, attention.weights
        # All x before all y, and the scale of each point's offset inside the weights.
        linear, scale = attention.offsets, (attention.scale * 0.5)[:, :, None]  # [P, 1, 1]
        weight = linear.weight.unflatten(0, (self.heads, -1, 2)) * scale  # [heads, P, 2, D]
        bias = linear.bias.unflatten(0, (self.heads, -1, 2)) * scale[..., 0]
        self.offsets = skip_init(nn.Linear, linear.in_features, linear.out_features, device=weight.device)
        self.offsets.weight.copy_(weight.permute(2, 0, 1, 3).flatten(0, 2))
        self.offsets.bias.copy_(bias.permute(2, 0, 1).flatten())
        self.requires_grad_(False)

    def forward(self, query: Tensor, reference: Tensor, values: tuple[Tensor, tuple]) -> tuple[Tensor, None]:
        """What each query read [B, Q, D]. Where it read, in the network's units, is not kept."""
        rows, shapes = values
        offset = self.offsets(query).unflatten(-1, (2, -1))  # [B, Q, 2 axes, heads·P]
        weights = self.weights(query).unflatten(-1, (self.heads, -1)).softmax(-1).flatten(2)  # [B, Q, heads·P]
        grid = places(int(query.shape[1]), self.heads, self.points, shapes, like=reference)

        place = (reference[..., :2, None] + offset * reference[..., 2:, None]) * grid.side - 0.5  # in cells
        # Of two neighbouring cells each counts as 1 less its distance; what lies further off does not count.
        low = place.floor().clamp(min=0).minimum(grid.last)
        distance = place - low
        of_low, of_high = (1 - distance.abs()).relu(), (1 - (distance - grid.gap).abs()).relu()

        (x, y), (wx0, wy0), (wx1, wy1) = (low * grid.step).unbind(2), of_low.unbind(2), of_high.unbind(2)
        wy0, wy1 = wy0 * weights, wy1 * weights
        index = (x + y).int().unflatten(-1, (self.heads, 1, -1)) + grid.start
        corners = wy0 * wx0, wy0 * wx1, wy1 * wx0, wy1 * wx1
        share = torch.stack([corner.unflatten(-1, (self.heads, -1)) for corner in corners], -2)  # [B, Q, heads, 4, P]
        # Where the rows of each picture begin. Only this size may be unknown to a tracer.
        first = torch.arange(query.shape[0], dtype=torch.int32, device=query.device) * int(rows.shape[1])
        index = (index + first.view(-1, 1, 1, 1, 1)).flatten(-2)
        return self.read(rows.flatten(0, 1), index, share.flatten(-2)).flatten(2), None

    def values(self, tokens: Tensor, shapes: tuple[tuple[int, int], ...]) -> tuple[Tensor, tuple]:
        """The table of each picture, [B, T·heads, D/heads], and what it is made of."""
        return tokens.unflatten(-1, (self.heads, -1)).flatten(1, 2), shapes

    def read(self, rows: Tensor, index: Tensor, share: Tensor) -> Tensor:
        """Rows of all pictures [B·R, D/heads], summed by `share` [B, Q, heads, 4·P] -> [B, Q, heads, D/heads]."""
        raise NotImplementedError


class BagAttention(TableAttention):
    """With torch's `embedding_bag`."""

    def read(self, rows: Tensor, index: Tensor, share: Tensor) -> Tensor:
        bags = F.embedding_bag(index.flatten(0, 2), rows, per_sample_weights=share.flatten(0, 2), mode="sum")
        return bags.view(*index.shape[:3], -1)


class GatherAttention(TableAttention):
    """With a gather and a product of matrices. The batch may be any, also one that a graph does not know yet."""

    def read(self, rows: Tensor, index: Tensor, share: Tensor) -> Tensor:
        width = rows.shape[-1]
        if width < LONG:  # of N
            rows = F.pad(rows, (0, LONG - width))
        return (share.unsqueeze(-2) @ rows[index]).squeeze(-2)[..., :width]


class Grid(NamedTuple):
    """For every sampling point of a picture: the map that it lies in, along x and y [1, Q, 2, heads·P].

    Whole tables, because sums of tensors of one shape are several times as fast as sums that broadcast a small one.
    """

    side: Tensor  # width and height
    last: Tensor  # the last cell that has a neighbour behind it; 0 where there is only one cell
    gap: Tensor  # how far off that next cell is: 1, or out of sight
    step: Tensor  # what one cell is worth in rows
    start: Tensor  # [1, Q, heads, 4, P] int32: where the map begins, and how far on the four cells around a point are


@table
def places(
    queries: int, heads: int, points: tuple[int, ...], shapes: tuple, device: torch.device, dtype: torch.dtype
) -> Grid:
    """The tables of a picture."""
    level = torch.tensor([i for i, n in enumerate(points) for _ in range(n)])
    side = torch.tensor([(w, h) for h, w in shapes])[level].T  # [2, P]
    step = torch.stack((torch.full_like(side[0], heads), side[0] * heads))
    x, y = torch.where(side > 1, step, 0)
    tokens = torch.tensor([0] + [h * w for h, w in shapes]).cumsum(0)
    around = torch.stack((0 * x, x, y, x + y))  # [4, P]
    start = tokens[level] * heads + around + torch.arange(heads)[:, None, None]  # [heads, 4, P]

    def whole(t: Tensor) -> Tensor:
        return t.repeat(1, heads).expand(1, queries, 2, -1).to(dtype).contiguous().to(device)

    return Grid(
        whole(side),
        whole((side - 2).clamp(min=0)),
        whole(torch.where(side > 1, 1, FAR)),
        whole(step),
        start.expand(1, queries, -1, -1, -1).int().contiguous().to(device),
    )
