"""Which quantiles of an edge's distribution to read, so that an interval of 80 % holds the truth in 80 % of cases.

A network whose intervals are too wide where they are narrow, and too narrow where they are wide, is not helped by one
temperature. A table of levels says, for edges of some width each, at which level of Pr(n) the truth lies below in 5 %,
10 % … of cases: [G+1, K+1], fitted by `dfine.evaluation.calibration`.

    0         level 1    …  level K       shares of true edges, rising, between 0 and 1
    width 1   u(1, 1)    …  u(1, K)       the levels of Pr(n) below which that share lies, rising,
    …                                     for edges whose own 80 % interval is at least `width` long,
    width G   u(G, 1)    …  u(G, K)       in sizes of the initial box; width 1 is 0

Between levels the table is linear; 0 stays 0, and 1 stays 1. An interval of mass m is read at the levels that the table
has for (1 − m)/2 and (1 + m)/2, from the row with the largest width that the edge reaches.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dfine import distribution

MASS = 0.8  # of the interval whose length chooses the row
_SHARES = 40  # quantiles that a deviation is made of


def quantiles(p: Tensor, w: Tensor, table: Tensor, shares: Tensor) -> Tensor:
    """Offsets below which the given shares of true edges lie, in box sizes: [..., N+1], [K] -> [..., K]."""
    known, levels = _row(p, w, table)
    return distribution.quantiles(p, w, _between(shares.to(p).expand(*p.shape[:-1], -1), known, levels))


def cdf(p: Tensor, w: Tensor, table: Tensor, offset: Tensor) -> Tensor:
    """The share of true edges that lies below an offset: [..., N+1], offsets [...] -> [...] in 0..1."""
    known, levels = _row(p, w, table)
    return _between(distribution.cdf(p, w, offset).unsqueeze(-1), levels, known).squeeze(-1)


def deviation(p: Tensor, w: Tensor, table: Tensor) -> Tensor:
    """The standard deviation of 40 evenly spaced quantiles, in box sizes: [..., N+1] -> [...]."""
    shares = (torch.arange(_SHARES, dtype=p.dtype, device=p.device) + 0.5) / _SHARES
    at = quantiles(p, w, table, shares)
    return (at - at.mean(-1, keepdim=True)).square().mean(-1).sqrt()


def probabilities(p: Tensor, w: Tensor, table: Tensor) -> Tensor:
    """The mass around each W(n), up to half-way to its neighbours: Pr(n) [..., N+1] -> [..., N+1], with the sum 1."""
    known, levels = _row(p, w, table)
    middle = ((w[1:] + w[:-1]) / 2).expand(*p.shape[:-1], -1)  # [..., N]
    below = distribution.cdf(p.unsqueeze(-2).expand(*p.shape[:-1], len(w) - 1, -1), w, middle)
    below = _between(below, levels, known)
    return torch.cat((below, torch.ones_like(below[..., :1])), -1).diff(prepend=torch.zeros_like(below[..., :1]))


def rows(table: Tensor | None) -> tuple[tuple[float, ...], ...] | None:
    """A table as plain values."""
    return None if table is None else tuple(tuple(row) for row in table.tolist())


def fault(table: object) -> str:
    """What is wrong with plain values that should be a table of levels, in words; "" where nothing is."""
    lists = isinstance(table, (list, tuple)) and all(isinstance(row, (list, tuple)) for row in table)
    if not lists or len(table) < 2 or len({len(row) for row in table}) != 1 or len(table[0]) < 2:
        return "is not a list of at least two rows of one length"
    if not all(type(v) in (int, float) and math.isfinite(v) for row in table for v in row):
        return "does not hold finite numbers only"
    if not all(a < b for _, *row in table for a, b in zip([0.0, *row], [*row, 1.0])):
        return "has a row that does not rise between 0 and 1"
    widths = [row[0] for row in table[1:]]
    if table[0][0] != 0 or widths[0] != 0 or any(a >= b for a, b in zip(widths, widths[1:])):
        return "does not begin with 0 and widths that rise from 0"
    return ""


def _row(p: Tensor, w: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
    """The shares [..., K+2], with 0 and 1, and the levels of each edge's own row [..., K+2]."""
    ends = distribution.interval(p, w, MASS)
    group = torch.bucketize(ends[..., 1] - ends[..., 0], table[2:, 0].contiguous(), right=True)  # [...]
    table = table.to(p)
    whole = torch.cat((torch.zeros_like(table[:, :1]), table[:, 1:], torch.ones_like(table[:, :1])), 1)  # [G+1, K+2]
    levels = whole[1:][group]
    return whole[0].expand_as(levels), levels


def _between(x: Tensor, xs: Tensor, ys: Tensor) -> Tensor:
    """Linear interpolation: at x [..., m] between the points (xs, ys) [..., k], both rising -> [..., m]."""
    right = torch.searchsorted(xs.contiguous(), x.contiguous()).clamp(1, xs.shape[-1] - 1)
    left = right - 1
    a, b = xs.gather(-1, left), xs.gather(-1, right)
    share = ((x - a) / (b - a).clamp(min=1e-12)).clamp(0, 1)
    return ys.gather(-1, left) + share * (ys.gather(-1, right) - ys.gather(-1, left))
