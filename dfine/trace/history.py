"""One object through the layers."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dfine import distribution
from dfine.boxes import iou, to_pixels
from dfine.trace.base import Record


@dataclass(frozen=True)
class History(Record):
    """One object through the layers: where it started, what every layer made of its four edges, how sure each is."""

    query: int
    label: int  # the class whose score is followed
    name: str
    size: tuple[int, int]  # picture (width, height) in pixels
    proposal: Tensor  # [4]
    proposal_logits: Tensor  # [K]
    initial: Tensor  # [4] the box that all edges are measured from
    initial_logits: Tensor  # [K]
    logits: Tensor  # [L, K] after LQE
    quality: Tensor  # [L] what LQE added
    edges: Tensor  # [L, 4, N+1] logits
    boxes: Tensor  # [L, 4]
    w: Tensor  # [N+1] in box sizes
    token: int = -1
    shapes: tuple[tuple[int, int], ...] = ()
    temperature: Tensor | None = None  # [4] fitted per edge; None: uncalibrated

    @property
    def layers(self) -> int:
        """L, the number of decoder layers."""
        return len(self.logits)

    @property
    def probabilities(self) -> Tensor:
        """Pr(n) of every layer and edge as the network uses them: [L, 4, N+1]."""
        return distribution.probabilities(self.edges)

    @property
    def calibrated(self) -> Tensor:
        """Pr(n) after the fitted temperature, where there is one: [L, 4, N+1]. Spread is read off these."""
        t = 1.0 if self.temperature is None else self.temperature[:, None]
        return distribution.probabilities(self.edges, t)

    @property
    def offsets(self) -> Tensor:
        """Σ W(n)·Pr(n) of every layer and edge, in sizes of the initial box: [L, 4]."""
        return distribution.offsets(self.edges, self.w)

    @property
    def pixels_per_size(self) -> Tensor:
        """Pixels in one size of the initial box, per edge: [4]."""
        return distribution.sizes_in_pixels(self.initial, self.size)

    @property
    def shifts(self) -> Tensor:
        """How far each layer moved each edge from where it was before, in pixels, positive outward: [L, 4]."""
        previous = torch.cat((torch.zeros(1, 4), self.offsets[:-1]))
        return (self.offsets - previous) * self.pixels_per_size

    @property
    def deviations(self) -> Tensor:
        """Standard deviation of every layer's edges, in pixels: [L, 4]."""
        return distribution.deviation(self.calibrated, self.w) * self.pixels_per_size

    @property
    def entropies(self) -> Tensor:
        """Entropy of every layer's edges, in bits: [L, 4]."""
        return distribution.entropy(self.calibrated)

    def intervals(self, mass: float = 0.8) -> Tensor:
        """Picture coordinates in pixels between which an edge lies with probability `mass`: [L, 4, 2]."""
        q = distribution.interval(self.calibrated, self.w, mass)  # [L, 4, 2]
        ends = [distribution.edge_positions(self.initial, q[..., i], self.size) for i in range(2)]
        return torch.stack(ends, -1).sort(-1).values

    @property
    def scores(self) -> Tensor:
        """Score of the followed class after LQE, per layer: [L]."""
        return self.logits[:, self.label].sigmoid()

    @property
    def scores_before_lqe(self) -> Tensor:
        """Score of the followed class before LQE, per layer: [L]."""
        return (self.logits[:, self.label] - self.quality).sigmoid()

    @property
    def iou_with_last(self) -> Tensor:
        """IoU with the last layer's box, of the initial box and every layer's: [1 + L]."""
        return iou(torch.cat((self.initial[None], self.boxes)), self.boxes[-1:])

    @property
    def xyxy_pixels(self) -> Tensor:
        """Corners in pixels of the initial box and every layer's: [1 + L, 4]."""
        return to_pixels(torch.cat((self.initial[None], self.boxes)), self.size)

    def _repr_html_(self) -> str:
        from dfine.figures.html import history_html

        return history_html(self)
