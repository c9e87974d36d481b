"""An edge as a distribution: W(n), its mean, its spread, and the way back from a distance to bins.

Everything here is in the paper's units (arXiv 2410.13842, section 4.1): the offset of an edge is measured in sizes of
the *initial* box, widths for left and right, heights for top and bottom, and is positive outward on every edge. The
published code carries W·(1/c) and divides by it when it decodes; the boxes are the same.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dfine.boxes import to_cxcywh, to_xyxy


def full(x: Tensor) -> Tensor:
    """At least single precision: half becomes float32, double stays."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def weighting(bins: int = 32, a: float = 0.5, c: float = 0.25) -> Tensor:
    """The weighting function W(n) (paper eq. 4): [N+1] offsets in box sizes, rising, symmetric about W(N/2) = 0.

    Fine steps near zero for small corrections, coarse ones further out; W(0) = −2a and W(N) = 2a are escape bins for
    edges that lie further than a. `c` is the curvature: the smaller, the finer the steps around zero.

        W(n) = c − c·(a/c + 1)^((N−2n)/(N−2))     for 1 ≤ n < N/2
        W(n) = −c + c·(a/c + 1)^((2n−N)/(N−2))    for N/2 ≤ n ≤ N−1

    Raises:
        ValueError: `bins` is odd or less than 4, or `a` or `c` is not positive.
    """
    if bins < 4 or bins % 2:
        raise ValueError(f"W(n) needs an even number of bins of at least 4, not {bins}")
    if a <= 0 or c <= 0:
        raise ValueError(f"a and c of W(n) must be positive, not a={a}, c={c}")
    n = torch.arange(bins // 2, dtype=torch.float64)
    half = c * (a / c + 1) ** (2 * n / (bins - 2)) - c  # W(N/2) … W(N−1)
    end = torch.tensor([2 * a], dtype=torch.float64)
    return torch.cat((-end, -half.flip(0)[:-1], half, end)).float()  # [N+1]


def constants(w: Tensor) -> tuple[float, float]:
    """The constants a and c of a weighting function [N+1], the way back from `weighting`.

    W(N) is 2a, and a bin halfway out gives c: it lies the further in, the smaller c is.

    Raises:
        ValueError: `w` has an even count or fewer than 7 values, or is not a W(n) of any a and c.
    """
    if w.ndim != 1 or len(w) < 7 or not len(w) % 2:
        raise ValueError(f"W(n) has an odd count of at least 7 values, not the shape {list(w.shape)}")
    bins, values = len(w) - 1, w.double()
    a, n = float(values[-1]) / 2, bins // 4
    share = 2 * n / (bins - 2)
    inside = float(values[bins // 2 + n]) / a if a > 0 else 0.0  # W(N/2 + n) / a: 0 for c = 0, `share` for a large c
    if not 0 < inside < share:
        raise ValueError("these values are not a W(n): it rises from −2a to 2a in steps that grow away from zero")
    low, high = -20.0, 20.0  # of log(c / a)
    for _ in range(80):
        middle = (low + high) / 2
        c = math.exp(middle)
        low, high = (middle, high) if c * math.expm1(share * math.log1p(1 / c)) < inside else (low, middle)
    return a, a * math.exp((low + high) / 2)


def offsets(edges: Tensor, w: Tensor) -> Tensor:
    """The mean of every edge's distribution, Σ W(n)·Pr(n): logits [..., N+1] -> box sizes [...]."""
    # No matrix product: autocast would do that in half precision, whatever comes in.
    return (torch.softmax(edges, -1) * w.to(edges.dtype)).sum(-1)


def decode(initial: Tensor, offset: Tensor) -> Tensor:
    """Boxes from edge offsets (paper eq. 2): each edge is centre ± (½ + offset)·size of the initial box.

    `initial` [..., 4] cxcywh, `offset` [..., 4] in box sizes, order left, top, right, bottom -> cxcywh [..., 4].
    """
    centre, size = initial[..., :2], initial[..., 2:]
    low = centre - (0.5 + offset[..., :2]) * size
    high = centre + (0.5 + offset[..., 2:]) * size
    return to_cxcywh(torch.cat((low, high), -1))


def encode(initial: Tensor, boxes: Tensor) -> Tensor:
    """The inverse of `decode`: the offsets [..., 4], in sizes of `initial`, at which the edges of `boxes` lie."""
    centre, size = initial[..., :2], initial[..., 2:].clamp(min=1e-16)
    xyxy = to_xyxy(boxes)
    return torch.cat(((centre - xyxy[..., :2]) / size, (xyxy[..., 2:] - centre) / size), -1) - 0.5


def to_bins(offset: Tensor, w: Tensor) -> tuple[Tensor, Tensor]:
    """The two bins around an offset and how much of the right one (paper eq. 5): [...] -> left index, right weight.

    The left bin gets 1 − weight, the right bin (left + 1) gets weight, so that W(left)·(1−weight) + W(left+1)·weight is
    the offset again. Beyond ±2a the outermost bin gets all of it.
    """
    left = (torch.searchsorted(w, offset.contiguous(), right=True) - 1).clamp(0, len(w) - 2)
    low, high = w[left], w[left + 1]
    return left, ((offset - low) / (high - low)).clamp(0, 1)


def nearest(offset: Tensor, w: Tensor) -> Tensor:
    """Each offset put on the W(n) nearest to it: [...] -> [...], in box sizes.

    That is where a distribution of one bin can put an edge; what is left to the offset is the error of quantisation.
    """
    left, share = to_bins(offset, w)
    return w[left + (share > 0.5).long()]


def probabilities(edges: Tensor, temperature: float | Tensor = 1.0) -> Tensor:
    """Pr(n) of edge logits [..., N+1]; a fitted `temperature` (one number, or one per edge, [4, 1]) flattens it."""
    return torch.softmax(edges / temperature, -1)


def rebinned(p: Tensor, w: Tensor, initial: Tensor, other: Tensor, other_w: Tensor) -> Tensor:
    """Distributions about one initial box, as distributions about another one, with their masses where they were.

    Probabilities [..., 4, M+1] over w [M+1] of `initial` [..., 4] -> [..., 4, N+1] over `other_w` [N+1] of `other`
    [..., 4]. Each bin's mass is shared between the two bins around its place (`to_bins`), which keeps the mean;
    what lies beyond the outermost bins goes to these.
    """
    places = decode(initial[..., None, :], w[:, None].expand(-1, 4))  # [..., M+1, 4]: every edge in the same bin
    left, right = to_bins(encode(other[..., None, :], places).transpose(-1, -2), other_w)
    moved = p.new_zeros(*p.shape[:-1], len(other_w))
    return moved.scatter_add_(-1, left, p * (1 - right)).scatter_add_(-1, left + 1, p * right)


def mean(p: Tensor, w: Tensor) -> Tensor:
    """Σ W(n)·Pr(n): probabilities [..., N+1] -> box sizes [...]."""
    return p @ w


def deviation(p: Tensor, w: Tensor) -> Tensor:
    """Standard deviation √(Σ Pr(n)·(W(n) − mean)²), in box sizes: [..., N+1] -> [...]."""
    return (p * (w - mean(p, w).unsqueeze(-1)) ** 2).sum(-1).sqrt()


def entropy(p: Tensor) -> Tensor:
    """−Σ Pr(n)·log₂ Pr(n) in bits: [..., N+1] -> [...]. 0 is one bin only, log₂(N+1) ≈ 5.04 all alike."""
    return -torch.special.xlogy(p, p).sum(-1) / p.new_tensor(2.0).log()


def quantiles(p: Tensor, w: Tensor, levels: tuple[float, ...] | Tensor = (0.1, 0.9)) -> Tensor:
    """Offsets below which the given shares of the mass lie, in box sizes: [..., N+1] -> [..., len(levels)].

    A tensor of levels [..., K] gives each distribution its own.

    The CDF is linear between the points (W(n), mass up to n less half of Pr(n)), and flat outside W(0) … W(N).
    """
    cdf = p.cumsum(-1) - p / 2  # [..., N+1]
    levels = levels if isinstance(levels, Tensor) else p.new_tensor(levels)
    q = levels.expand(*p.shape[:-1], -1).contiguous()  # [..., K]
    right = torch.searchsorted(cdf.contiguous(), q).clamp(1, p.shape[-1] - 1)
    left = right - 1
    low, high = cdf.gather(-1, left), cdf.gather(-1, right)
    share = ((q - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
    return w[left] + share * (w[right] - w[left])


def cdf(p: Tensor, w: Tensor, offset: Tensor) -> Tensor:
    """The mass below an offset, the way back from `quantiles`: [..., N+1], offsets [...] in box sizes -> [...] in 0..1.

    Linear between W(0) and W(N), where the same points are joined as there; 0 below W(0) and 1 above W(N).
    """
    offset = offset.to(p.dtype).expand(p.shape[:-1]).unsqueeze(-1).contiguous()
    points = p.cumsum(-1) - p / 2  # [..., N+1]
    left = (torch.searchsorted(w, offset, right=True) - 1).clamp(0, len(w) - 2)
    low, high = points.gather(-1, left), points.gather(-1, left + 1)
    inside = low + (offset - w[left]) / (w[left + 1] - w[left]) * (high - low)
    outside = (offset > w[-1]).to(p.dtype)
    return torch.where((offset < w[0]) | (offset > w[-1]), outside, inside).squeeze(-1)


def interval(p: Tensor, w: Tensor, mass: float = 0.8) -> Tensor:
    """The central interval that holds `mass` of the distribution, in box sizes: [..., N+1] -> [..., 2]."""
    tail = (1 - mass) / 2
    return quantiles(p, w, (tail, 1 - tail))


def sizes_in_pixels(initial: Tensor, size: tuple[int, int]) -> Tensor:
    """What one box size is in pixels on each edge: initial boxes [..., 4] and picture (width, height) -> [..., 4].

    Multiply an offset or a spread in box sizes by it; left and right are measured in widths, top and bottom in heights.
    """
    return initial[..., [2, 3, 2, 3]] * initial.new_tensor((size[0], size[1], size[0], size[1]))


def edge_positions(initial: Tensor, offset: Tensor, size: tuple[int, int]) -> Tensor:
    """Picture coordinates in pixels of edges at the given offsets: [..., 4], [..., 4] -> [..., 4] (x, y, x, y).

    The corner sides left and top move against the axis, right and bottom along it.
    """
    return to_xyxy(decode(initial, offset)) * initial.new_tensor((size[0], size[1], size[0], size[1]))
