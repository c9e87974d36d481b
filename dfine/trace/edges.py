"""Edges read in pixels: where each one lies, how far it was moved, how sure it is; for any number of boxes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dfine import distribution
from dfine.trace import levels as calibrated
from dfine.trace.base import Comparable


@dataclass(frozen=True)
class EdgeReading(Comparable):
    """The four edges of any number of boxes as distributions, and what can be read off them.

    The leading axes are free: a `History` reads [L], a video all detections of a frame [n], FiftyOne [n, L].
    Everything about spread follows the fitted temperature or table of levels, where there is one.
    """

    edges: Tensor  # [..., 4, N+1] logits, order left, top, right, bottom
    initial: Tensor  # cxcywh in 0..1, the boxes that edges are measured from; broadcasts to [..., 4]
    size: tuple[int, int]  # picture (width, height) in pixels
    w: Tensor  # [N+1] in box sizes
    temperature: Tensor | None = None  # [4] fitted per edge
    levels: Tensor | None = None  # [G+1, K+1] fitted (`dfine.trace.levels`); without either: uncalibrated

    @property
    def probabilities(self) -> Tensor:
        """Pr(n) as the network uses them: [..., 4, N+1]."""
        return distribution.probabilities(self.edges)

    @property
    def calibrated(self) -> Tensor:
        """Pr(n) after the fitted temperature or table of levels, where there is one: [..., 4, N+1]."""
        p = self._warm
        return p if self.levels is None else calibrated.probabilities(p, self.w, self.levels)

    @property
    def _warm(self) -> Tensor:
        t = 1.0 if self.temperature is None else self.temperature[:, None]
        return distribution.probabilities(self.edges, t)

    @property
    def pixels_per_size(self) -> Tensor:
        """Pixels in one size of the initial box, per edge; the shape of `initial`."""
        return distribution.sizes_in_pixels(self.initial, self.size)

    @property
    def offsets(self) -> Tensor:
        """The mean Σ W(n)·Pr(n) of every edge, in sizes of the initial box, positive outward: [..., 4]."""
        return distribution.offsets(self.edges, self.w)

    @property
    def deviations(self) -> Tensor:
        """Standard deviation of every edge, in pixels: [..., 4]."""
        p, w = self._warm, self.w
        found = distribution.deviation(p, w) if self.levels is None else calibrated.deviation(p, w, self.levels)
        return found * self.pixels_per_size

    @property
    def entropies(self) -> Tensor:
        """Entropy of every edge, in bits: [..., 4]."""
        return distribution.entropy(self.calibrated)

    def spans(self, mass: float = 0.8) -> Tensor:
        """Offsets in sizes of the initial box between which an edge lies with probability `mass`: [..., 4, 2].

        Raises:
            ValueError: `mass` is not in 0..1.
        """
        if not 0 <= mass <= 1:
            raise ValueError(f"the probability of an interval is between 0 and 1, not {mass}")
        return self.quantiles(((1 - mass) / 2, (1 + mass) / 2))

    def quantiles(self, shares: Sequence[float]) -> Tensor:
        """Offsets in sizes of the initial box below which an edge lies with the given probabilities: [..., 4, K]."""
        p = self._warm
        if self.levels is None:
            return distribution.quantiles(p, self.w, tuple(shares))
        return calibrated.quantiles(p, self.w, self.levels, p.new_tensor(shares))

    def intervals(self, mass: float = 0.8) -> Tensor:
        """Picture coordinates in pixels between which an edge lies with probability `mass`, in order: [..., 4, 2].

        Raises as `spans` does.
        """
        ends = self.spans(mass).unbind(-1)
        places = [distribution.edge_positions(self.initial, end, self.size) for end in ends]
        return torch.stack(places, -1).sort(-1).values

    def shifts(self) -> Tensor:
        """How far each layer moved each edge from where it was before, in pixels, positive outward: [..., L, 4].

        The last leading axis must be that of the layers, from the first one on.
        """
        offsets = self.offsets
        before = torch.cat((torch.zeros_like(offsets[..., :1, :]), offsets[..., :-1, :]), -2)
        return (offsets - before) * self.pixels_per_size
