"""Kernels for NVIDIA GPUs in Triton's language: one pass over memory where torch's operators make several.

Only `dfine.engines.gpu` imports this module, and only where there is a GPU: Triton comes with torch for Linux.
"""

from __future__ import annotations

import contextlib
import math

import torch
import triton
import triton.language as tl
from torch import Tensor

TILE = 2048  # numbers that one program of `finish` writes
WIDEST = 64  # channels of it at most
LEVELS, POINTS = 4, 32  # maps and points of a head that `read` reads at most; D-FINE has two or three and 12


@triton.jit
def _ended(value, low, high, SILU: tl.constexpr):
    if SILU:
        return value / (1.0 + tl.exp(-value))
    value = tl.maximum(value, low, propagate_nan=tl.PropagateNan.ALL)
    return tl.minimum(value, high, propagate_nan=tl.PropagateNan.ALL)


@triton.jit
def _finish(
    x, bias, other, into, rows, channels, stride, width, height, low, high,
    BIAS: tl.constexpr, SILU: tl.constexpr, OTHER: tl.constexpr, KEEP: tl.constexpr, INTO: tl.constexpr,
    TALL: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * TALL + tl.arange(0, TALL)
    column = tl.program_id(1) * WIDE + tl.arange(0, WIDE)[None, :]
    inside = (row < rows)[:, None]
    place = row.to(tl.int64)[:, None] * channels + column
    value = tl.load(x + place, mask=inside, other=0.0).to(tl.float32)
    if BIAS:
        value += tl.load(bias + column).to(tl.float32)
    if OTHER == 1:
        value += tl.load(other + place, mask=inside, other=0.0).to(tl.float32)
    if OTHER == 2:  # a map of half the height and width: each of its cells counts for four
        line = row // width
        cell = (line // height * (height // 2) + line % height // 2) * (width // 2) + row % width // 2
        there = other + cell.to(tl.int64)[:, None] * channels + column
        value += tl.load(there, mask=inside, other=0.0).to(tl.float32)
    value = _ended(value, low, high, SILU).to(x.dtype.element_ty)
    if KEEP:
        tl.store(x + place, value, mask=inside)
    if INTO:
        tl.store(into + row.to(tl.int64)[:, None] * stride + column, value, mask=inside)


def can_finish(x: Tensor) -> bool:
    """Whether `finish`, `pooled` and `put` are for these maps: channels in blocks of 8, and last."""
    return x.shape[1] % 8 == 0 and x.is_contiguous(memory_format=torch.channels_last)


def finish(
    x: Tensor,
    bias: Tensor | None,
    activation: tuple[bool, float | None, float | None] = (False, None, None),
    other: Tensor | None = None,
    into: Tensor | None = None,
    keep: bool = True,
) -> Tensor:
    """Add to maps [B, C, H, W] a bias and perhaps other maps, then apply an activation.

    Args:
        x: is written over, unless `keep` is False.
        bias: [C].
        activation: whether SiLU, and the bounds.
        other: maps of the same shape, or of half the height and width.
        into: where to put the answer besides: some of the channels of larger maps.
        keep: whether to write to `x` where there is `into`.

    Returns:
        The maps with the answer, `x` or `into`.
    """
    channels, height, width = x.shape[1:]
    rows, wide = x.numel() // channels, math.gcd(channels, WIDEST)
    tall, kind, keep = TILE // wide, 0, keep or into is None
    if other is not None:
        other = other.contiguous(memory_format=torch.channels_last)
        kind = 1 if other.shape == x.shape else 2
    place, stride = (x, channels) if into is None else (into, into.stride(3))
    with _on(x):
        _finish[triton.cdiv(rows, tall), channels // wide](
            x, x if bias is None else bias, x if other is None else other, place, rows, channels, stride, width, height,
            *_bounds(activation), bias is not None, activation[0], kind, keep, into is not None, tall, wide,
        )  # fmt: skip
    return x if keep else into


def put(x: Tensor, into: Tensor) -> None:
    """Copy maps to some of the channels of larger ones."""
    finish(x, None, into=into, keep=False)


@triton.jit
def _laid(
    x, out, rows, height, width, of_picture, of_channel, of_line, of_cell,
    CHANNELS: tl.constexpr, WIDE: tl.constexpr, TALL: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * TALL + tl.arange(0, TALL)
    column = tl.arange(0, WIDE)[None, :]
    line = row // width
    place = (line // height).to(tl.int64) * of_picture + line % height * of_line + row % width * of_cell
    inside = (row < rows)[:, None]
    value = tl.load(x + place[:, None] + column * of_channel, mask=inside & (column < CHANNELS), other=0.0)
    tl.store(out + row.to(tl.int64)[:, None] * WIDE + column, value.to(out.dtype.element_ty), mask=inside)


def laid(x: Tensor, channels: int, kind: torch.dtype) -> Tensor:
    """Maps of any layout with their channels last, filled up with zeros to a power of two, in another type."""
    batch, count, height, width = x.shape
    out = torch.empty(batch, height, width, channels, dtype=kind, device=x.device)
    rows, tall = batch * height * width, TILE // channels
    with _on(x):
        _laid[(triton.cdiv(rows, tall),)](x, out, rows, height, width, *x.stride(), count, channels, tall)
    return out.permute(0, 3, 1, 2)


@triton.jit
def _pooled(
    x, bias, out, pool, rows, channels, width, height, low, high,
    SILU: tl.constexpr, TALL: tl.constexpr, WIDE: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0) * TALL + tl.arange(0, TALL)
    column = tl.program_id(1) * WIDE + tl.arange(0, WIDE)[None, :]
    added = tl.load(bias + column).to(tl.float32)
    place = row.to(tl.int64)[:, None] * channels + column
    for corner in tl.static_range(4):
        right, below = corner % 2, corner // 2
        there = (row % width + right < width) & (row // width % height + below < height) & (row < rows)
        step = (right + below * width) * channels
        value = tl.load(x + place + step, mask=there[:, None], other=0.0).to(tl.float32) + added
        value = tl.where(there[:, None], _ended(value, low, high, SILU), 0.0)
        if corner == 0:
            tl.store(out + place, value.to(x.dtype.element_ty), mask=there[:, None])
            most = value
        else:
            most = tl.maximum(most, value, propagate_nan=tl.PropagateNan.ALL)
    tl.store(pool + place, most.to(x.dtype.element_ty), mask=(row < rows)[:, None])


def pooled(x: Tensor, bias: Tensor, activation: tuple[bool, float | None, float | None]) -> tuple[Tensor, Tensor]:
    """Maps with a bias and an activation, and of these the largest of each 2x2 cells, zeros to the right and below."""
    channels, height, width = x.shape[1:]
    rows, wide = x.numel() // channels, math.gcd(channels, WIDEST)
    tall = TILE // 2 // wide
    out, pool = torch.empty_like(x), torch.empty_like(x)
    with _on(x):
        _pooled[triton.cdiv(rows, tall), channels // wide](
            x, bias, out, pool, rows, channels, width, height, *_bounds(activation), activation[0], tall, wide
        )
    return out, pool


def _bounds(activation: tuple[bool, float | None, float | None]) -> tuple[float, float]:
    _, low, high = activation
    return (-math.inf if low is None else low), (math.inf if high is None else high)


@triton.jit
def _of_level(
    total, tokens, points, weights, first, width, height, BEGIN: tl.constexpr, COUNT: tl.constexpr, D: tl.constexpr
):
    """`total` [heads, D/heads] and what the points BEGIN … BEGIN + COUNT read of a map that begins at `first`."""
    for i in tl.static_range(BEGIN, BEGIN + COUNT):
        x = tl.load(points + 2 * i) * width - 0.5
        y = tl.load(points + 2 * i + 1) * height - 0.5
        x = tl.minimum(tl.maximum(x, -2.0), width + 1.0)  # so far outside there is nothing to read either
        y = tl.minimum(tl.maximum(y, -2.0), height + 1.0)
        left, top = tl.floor(x), tl.floor(y)
        weight = tl.load(weights + i).to(tl.float32)
        for corner in tl.static_range(4):
            column, row = left + corner % 2, top + corner // 2
            share = (1.0 - tl.abs(x - column)) * (1.0 - tl.abs(y - row)) * weight
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            cell = row.to(tl.int32) * width + column.to(tl.int32)
            total += share * tl.load(tokens + first + cell * D, mask=inside, other=0.0).to(tl.float32)
    return total


@triton.jit
def _read(
    tokens, points, weights, out, queries, length, w0, h0, w1, h1, w2, h2, w3, h3,
    P0: tl.constexpr, P1: tl.constexpr, P2: tl.constexpr, P3: tl.constexpr, HEADS: tl.constexpr, D: tl.constexpr,
):  # fmt: skip
    query = tl.program_id(0).to(tl.int64)
    head = tl.arange(0, HEADS)[:, None]
    channel = head * (D // HEADS) + tl.arange(0, D // HEADS)[None, :]
    sampled = (query * HEADS + head) * (P0 + P1 + P2 + P3)
    points, weights = points + 2 * sampled, weights + sampled
    first = (query // queries) * length * D + channel
    total = tl.full((HEADS, D // HEADS), 0.0, tl.float32)
    total = _of_level(total, tokens, points, weights, first, w0, h0, 0, P0, D)
    first += w0 * h0 * D
    total = _of_level(total, tokens, points, weights, first, w1, h1, P0, P1, D)
    first += w1 * h1 * D
    total = _of_level(total, tokens, points, weights, first, w2, h2, P0 + P1, P2, D)
    first += w2 * h2 * D
    total = _of_level(total, tokens, points, weights, first, w3, h3, P0 + P1 + P2, P3, D)
    tl.store(out + query * D + channel, total.to(out.dtype.element_ty))


def can_read(heads: int, counts: tuple[int, ...], width: int) -> bool:
    """Whether `read` is for so many heads, points per level and numbers of a token.

    It wants powers of two, and few points, since it has a line for each.
    """
    return all(n & (n - 1) == 0 for n in (width, heads)) and len(counts) <= LEVELS and sum(counts) <= POINTS


def read(
    tokens: Tensor,
    shapes: tuple[tuple[int, int], ...],
    counts: tuple[int, ...],
    points: Tensor,
    weights: Tensor,
    kind: torch.dtype,
) -> Tensor:
    """What queries read of the tokens of all levels, bilinearly, nothing outside of a map; summed in single precision.

    Args:
        tokens: [B, T, D], the finest level first, row by row.
        shapes: (height, width) per level.
        counts: points per level, P in all.
        points: [B, Q, heads, P, 2] as (x, y) in 0..1 of the picture.
        weights: [B, Q, heads, P].
        kind: the type of the answer.

    Returns:
        Weighted sums [B, Q, D].
    """
    batch, queries, heads = points.shape[:3]
    length, width = tokens.shape[1:]
    tokens, points, weights = (t.contiguous() for t in (tokens, points, weights))
    out = torch.empty(batch, queries, width, dtype=kind, device=tokens.device)
    more = LEVELS - len(shapes)
    sides = [side for h, w in (*shapes, *[(0, 0)] * more) for side in (w, h)]
    with _on(tokens):
        _read[(batch * queries,)](
            tokens, points, weights, out, queries, length, *sides, *counts, *[0] * more, heads, width,
            num_warps=max(1, width // 128),
        )  # fmt: skip
    return out


def _on(x: Tensor) -> contextlib.AbstractContextManager:
    """The GPU on which `x` lies as the current one: Triton starts kernels there."""
    return torch.cuda.device(x.device) if x.is_cuda else contextlib.nullcontext()
