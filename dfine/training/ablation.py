"""D-FINE with a part taken out, to see what the part is for: a decoder of other parts, and a criterion of other terms.

For experiments within one process: no checkpoint layout holds an ablated network, and nothing here is an option of
`dfine train`. `Ablation()` takes nothing out, and is the network and the criterion of everywhere else, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from dfine.config import Config, LossWeights
from dfine.network.decoder import Decoder
from dfine.network.families import family
from dfine.training.criterion import Criterion


@dataclass(frozen=True)
class Ablation:
    """Which parts a detector and its training have; False takes one out."""

    weighting: bool = True  # W(n), fine near zero (eq. 4); without it N even steps from −2a to 2a (eq. 1)
    lqe: bool = True  # without it scores do not hear of the edges' shapes
    gate: bool = True  # without it a query and what it read are added
    ddf: bool = True  # without it the last layer does not teach the others
    union: bool = True  # without it every stage learns boxes and edges from its own match

    def decoder(self, config: Config) -> Decoder:
        """A new decoder without the parts that are taken out, of random weights."""
        decoder = Decoder(config)
        if not self.weighting:
            decoder.w = even(config.bins, config.a)
        for layer, heads in zip(decoder.layers, decoder.heads):
            if not self.gate:
                layer.gateway = Sum(config.width, family(config).norm)
            if not self.lqe:
                heads.lqe = NoQuality()
        return decoder

    def criterion(self, weights: LossWeights | None = None) -> Criterion:
        """The criterion without the terms that are taken out."""
        weights = weights or LossWeights()
        return Criterion(weights if self.ddf else replace(weights, ddf=0.0), union=self.union)


VARIANTS = {  # by the words for them
    "D-FINE": Ablation(),
    "even bins": Ablation(weighting=False),
    "no LQE": Ablation(lqe=False),
    "no DDF": Ablation(ddf=False),
    "no union": Ablation(union=False),
    "no Gate": Ablation(gate=False),
}


def even(bins: int, a: float) -> Tensor:
    """N + 1 even steps between −2a and 2a, as far as W(n) reaches: [N+1] in box sizes."""
    return torch.linspace(-2 * a, 2 * a, bins + 1)


class Sum(nn.Module):
    """A query and what it read from the picture, added: what Gate takes the place of (arXiv 2010.04159)."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module]):
        super().__init__()
        self.norm = norm(width)

    def forward(self, known: Tensor, read: Tensor) -> Tensor:
        return self.norm(known + read)


class NoQuality(nn.Module):
    """In place of LQE: a correction of nothing."""

    def forward(self, edges: Tensor) -> Tensor:
        """Edge logits [B, Q, 4, N+1] -> zeros [B, Q, 1]."""
        return edges.new_zeros(*edges.shape[:2], 1)
