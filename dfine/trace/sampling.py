"""Where a query looked, and where it was born: the places in the picture that an answer came from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dfine.trace.base import COARSEST, Comparable, Record, check_shape
from dfine.trace.history import History


@dataclass(frozen=True, repr=False)
class Sampling(Record):
    """Where all queries of a batch read the picture in one layer; P points per head, as in `Looks`."""

    points: Tensor  # [B, Q, heads, P, 2] as (x, y) in 0..1 of the picture
    weights: Tensor  # [B, Q, heads, P], which sum to 1 over P
    reference: Tensor  # [B, Q, 4] cxcywh, the boxes that the layer read around

    def __post_init__(self):
        check_shape(self, "points", self.points, *self.weights.shape, 2)
        check_shape(self, "reference", self.reference, *self.weights.shape[:2], 4)


@dataclass(frozen=True)
class Looks(Comparable):
    """The sampling points of one query in every layer's deformable attention, and the weight of each.

    Each head has P points over all levels, the finest level first. Points may lie outside the picture, where they read
    nothing.
    """

    query: int
    points: Tensor  # [L, heads, P, 2] as (x, y) in 0..1 of the picture
    weights: Tensor  # [L, heads, P], which sum to 1 over P
    strides: Tensor  # [P] of the level that each point reads, in pixels of the network's input
    reference: Tensor  # [L, 4] cxcywh, the box that each layer looked around

    def __post_init__(self):
        heads, count = self.points.shape[1:3] if self.points.ndim == 4 else (0, 0)
        layers = len(self.reference)
        wanted = dict(
            points=(layers, heads, count, 2), weights=(layers, heads, count), strides=(count,), reference=(layers, 4)
        )
        for name, shape in wanted.items():
            have = tuple(getattr(self, name).shape)
            if have != shape:
                raise ValueError(f"Looks.{name} has shape {list(have)}, expected {list(shape)}")

    @property
    def layers(self) -> int:
        """L, the number of decoder layers."""
        return len(self.reference)

    @property
    def heads(self) -> int:
        """The number of attention heads; each has points and weights of its own."""
        return self.points.shape[1]

    def shares(self) -> dict[int, Tensor]:
        """The share of each layer's weight that each level gets: stride -> [L]; over the strides they sum to 1."""
        return {
            stride: self.weights[:, :, self.strides == stride].sum((1, 2)) / self.heads
            for stride in dict.fromkeys(self.strides.tolist())
        }


@dataclass(frozen=True)
class Birthplace:
    """The cell of the encoder's maps whose token became a query."""

    level: int  # 0 is the finest
    row: int
    column: int
    stride: int  # pixels of the network's input per cell
    box: tuple[float, ...]  # the cell, cxcywh in 0..1


def birthplace(history: History) -> Birthplace:
    """Where on the picture the query of `history` was born.

    Raises:
        ValueError: it was not born from a token: a denoising query, or a history that does not know its token.
    """
    shapes, token = history.shapes, history.token
    count = sum(h * w for h, w in shapes)
    if not 0 <= token < count:
        why = "a denoising query is made from noised truth" if token < 0 else f"there are {count} tokens"
        raise ValueError(f"query {history.query} has the token {token}, so it has no birthplace: {why}")
    level, row, column = locate(token, shapes)
    stride = COARSEST * shapes[-1][0] // shapes[level][0]
    return Birthplace(level, row, column, stride, tuple(cells(shapes)[token].tolist()))


def locate(token: int, shapes: tuple[tuple[int, int], ...]) -> tuple[int, int, int]:
    """Level (0 is the finest), row and column of a token, counted over the (height, width) of the encoder's levels.

    Raises:
        ValueError: there is no such token.
    """
    place = token
    for level, (height, width) in enumerate(shapes):
        if 0 <= place < height * width:
            return level, place // width, place % width
        place -= height * width
    raise ValueError(f"there is no token {token}; the levels {shapes} have {sum(h * w for h, w in shapes)}")


def cells(shapes: tuple[tuple[int, int], ...]) -> Tensor:
    """The part of the picture that belongs to each token, as cxcywh in 0..1: (height, width) per level -> [T, 4]."""
    levels = [torch.zeros(0, 4)]
    for h, w in shapes:
        y, x = torch.meshgrid((torch.arange(h) + 0.5) / h, (torch.arange(w) + 0.5) / w, indexing="ij")
        size = torch.tensor((1 / w, 1 / h)).expand(h, w, 2)
        levels.append(torch.cat((x[..., None], y[..., None], size), -1).flatten(0, 1))
    return torch.cat(levels)
