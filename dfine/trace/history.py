"""One object through the layers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from dfine import distribution
from dfine.boxes import iou, to_pixels
from dfine.config import LQE_PEAKS
from dfine.trace.base import Record
from dfine.trace.edges import EdgeReading


@dataclass(frozen=True, repr=False)
class History(Record):
    """One object through the layers: where it started, what every layer made of its four edges, how sure each is.

    L layers, K classes, N+1 values per edge. Boxes are cxcywh in 0..1.
    """

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
    token: int = -1  # of the encoder, from which the query came; −1: unknown, or a denoising query
    shapes: tuple[tuple[int, int], ...] = ()  # (height, width) of the encoder's levels, whose tokens are counted
    temperature: Tensor | None = None  # [4] fitted per edge
    levels: Tensor | None = None  # [G+1, K+1] fitted (`dfine.trace.levels`); without either: uncalibrated

    @property
    def layers(self) -> int:
        """L, the number of decoder layers."""
        return len(self.logits)

    @property
    def reading(self) -> EdgeReading:
        """The edges of all layers, to be read in pixels, with the leading axis [L]."""
        return EdgeReading(self.edges, self.initial, self.size, self.w, self.temperature, self.levels)

    @property
    def probabilities(self) -> Tensor:
        """Pr(n) of every layer and edge as the network uses them: [L, 4, N+1]."""
        return self.reading.probabilities

    @property
    def added(self) -> Tensor:
        """What every layer added to the logits of every edge (paper eq. 3): [L, 4, N+1].

        The softmax does not see what is added to all bins alike. That is chosen here so that a bin with more than 0
        became more probable in the layer, and one with +1 e times as probable; the first layer starts from equal bins.
        """
        log = torch.log_softmax(self.edges, -1)
        equal = torch.full_like(log[:1], -math.log(log.shape[-1]))
        return log.diff(dim=0, prepend=equal)

    @property
    def peaks(self) -> Tensor:
        """What LQE read of every layer's edges: their highest probabilities, largest first, and the mean of these.

        [L, 4, LQE_PEAKS + 1]. It reads Pr(n) as the network uses them, without a fitted temperature.
        """
        top = self.probabilities.topk(LQE_PEAKS, -1).values
        return torch.cat((top, top.mean(-1, keepdim=True)), -1)

    @property
    def calibrated(self) -> Tensor:
        """Pr(n) after the fitted temperature or table of levels, where there is one: [L, 4, N+1]."""
        return self.reading.calibrated

    @property
    def is_calibrated(self) -> bool:
        """Whether a temperature or a table of levels was fitted."""
        return self.temperature is not None or self.levels is not None

    @property
    def offsets(self) -> Tensor:
        """Σ W(n)·Pr(n) of every layer and edge, in sizes of the initial box: [L, 4]."""
        return self.reading.offsets

    @property
    def pixels_per_size(self) -> Tensor:
        """Pixels in one size of the initial box, per edge: [4]."""
        return self.reading.pixels_per_size

    @property
    def shifts(self) -> Tensor:
        """How far each layer moved each edge from where it was before, in pixels, positive outward: [L, 4]."""
        return self.reading.shifts()

    @property
    def deviations(self) -> Tensor:
        """Standard deviation of every layer's edges, in pixels: [L, 4]."""
        return self.reading.deviations

    @property
    def entropies(self) -> Tensor:
        """Entropy of every layer's edges, in bits: [L, 4]."""
        return self.reading.entropies

    def intervals(self, mass: float = 0.8) -> Tensor:
        """Picture coordinates in pixels between which an edge lies with probability `mass`: [L, 4, 2].

        Raises:
            ValueError: `mass` is not in 0..1.
        """
        return self.reading.intervals(mass)

    def reweighted(self, a: float, c: float) -> History:
        """The same distributions read with another W(n), of the constants `a` and `c`; the boxes follow from them.

        The network was not trained for it: this shows what W(n) does, and not what such a network would find.

        Raises:
            ValueError: `a` or `c` is not positive.
        """
        w = distribution.weighting(len(self.w) - 1, a, c).to(self.w)
        return replace(self, w=w, boxes=distribution.decode(self.initial, distribution.offsets(self.edges, w)))

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
