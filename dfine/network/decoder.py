"""The decoder: Fine-grained Distribution Refinement (FDR, paper section 4.1), one refinement a layer.

The first layer predicts an initial box. No layer predicts coordinates after that: each one adds to the logits of four
distributions, and its box is the initial one with every edge moved by the mean of its distribution (eq. 2 and 3).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from dfine import distribution
from dfine.config import LQE_PEAKS, Config
from dfine.network.attention import DeformableAttention, SelfAttention
from dfine.network.families import family
from dfine.network.layers import ACTIVATIONS, MLP, inverse_sigmoid
from dfine.network.queries import PRIOR
from dfine.trace.records import Estimate, Memory, Queries, Refinement, Trace
from dfine.trace.sampling import Sampling


class Gate(nn.Module):
    """A learned mixture of a query and what it read from the picture, in place of their sum (paper section 5.4.1)."""

    def __init__(self, width: int, norm: Callable[[int], nn.Module] = nn.LayerNorm):
        super().__init__()
        self.gate = nn.Linear(2 * width, 2 * width)
        self.norm = norm(width)
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)

    def forward(self, known: Tensor, read: Tensor) -> Tensor:
        keep, take = torch.sigmoid(self.gate(torch.cat((known, read), -1))).chunk(2, -1)
        return self.norm(keep * known + take * read)


class DecoderLayer(nn.Module):
    """Queries attend to each other, then read the picture, then go through a feed-forward."""

    def __init__(self, config: Config):
        super().__init__()
        d, kind = config.width, family(config)
        self.self_attn = SelfAttention(d, config.heads)
        self.norm1 = kind.norm(d)
        self.cross_attn = DeformableAttention(config)
        self.gateway = Gate(d, kind.norm)
        self.linear1 = nn.Linear(d, config.ffn)
        self.linear2 = nn.Linear(config.ffn, d)
        self.activation = ACTIVATIONS[kind.activation]()
        self.norm3 = kind.norm(d)
        nn.init.xavier_uniform_(self.linear1.weight)
        nn.init.xavier_uniform_(self.linear2.weight)

    def forward(
        self, x: Tensor, position: Tensor, reference: Tensor, values: list[Tensor], mask: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Queries [B, Q, D] -> queries [B, Q, D], and where they read the picture (`DeformableAttention.sampling`)."""
        x = self.norm1(x + self.self_attn(x, position, mask))
        read, sampled = self.cross_attn(x + position, reference, values)
        x = self.gateway(x, read)
        return self.norm3(x + self.feedforward(x)), sampled

    def feedforward(self, x: Tensor) -> Tensor:
        """[B, Q, D] -> [B, Q, D], each query for itself."""
        return self.linear2(self.activation(self.linear1(x)))


class LQE(nn.Module):
    """Location Quality Estimator: a correction of the class logits by how peaked the four distributions are.

    It sees the 4 highest probabilities of each edge and their mean (published `LQE(4, 64, 2)`), as in GFLv2
    (arXiv 2011.12885).
    """

    top = LQE_PEAKS

    def __init__(self, activation: str):
        super().__init__()
        self.mlp = MLP(4 * (self.top + 1), 64, 1, 2, activation).zero_last()

    def forward(self, edges: Tensor) -> Tensor:
        """Edge logits [B, Q, 4, N+1] -> quality [B, Q, 1]."""
        peaks = torch.softmax(edges, -1).topk(self.top, -1).values
        return self.mlp(torch.cat((peaks, peaks.mean(-1, keepdim=True)), -1).flatten(2))


class Heads(nn.Module):
    """A layer's answer for a query: class logits, a change of the edge logits, and the quality of the box."""

    def __init__(self, config: Config):
        super().__init__()
        d = config.width
        self.score = nn.Linear(d, config.classes)
        activation = family(config).activation
        self.edges = MLP(d, d, 4 * (config.bins + 1), 3, activation).zero_last()
        self.lqe = LQE(activation)
        nn.init.constant_(self.score.bias, PRIOR)


class Decoder(nn.Module):
    """Queries and memory -> Trace."""

    def __init__(self, config: Config):
        super().__init__()
        d, activation = config.width, family(config).activation
        self.position = MLP(4, 2 * d, d, 2, activation)
        self.initial = MLP(d, d, 4, 3, activation).zero_last()  # the traditional head, on the first layer
        self.layers = nn.ModuleList(DecoderLayer(config) for _ in range(config.layers))
        self.heads = nn.ModuleList(Heads(config) for _ in range(config.layers))
        self.register_buffer("w", distribution.weighting(config.bins, config.a, config.c), persistent=False)
        for layer in self.position.layers:
            nn.init.xavier_uniform_(layer.weight)

    def forward(
        self,
        queries: Queries,
        memory: Memory,
        mask: Tensor | None = None,
        layers: int | None = None,
        sampling: bool = False,
    ) -> Trace:
        """`mask` [Q, Q] is True where a query must not attend.

        `layers` is how many to run, by default all; with `sampling` the trace says where queries read the picture.
        """
        count = checked_layers(layers, len(self.layers))
        x, reference = queries.content, queries.reference
        values = self.layers[0].cross_attn.values(memory.tokens, memory.shapes)
        previous, edges, initial, refinements, samplings = 0.0, 0.0, None, [], []

        for layer, heads in zip(self.layers[:count], self.heads):
            position = self.position(reference.to(x.dtype)).clamp(-10, 10)
            x, sampled = layer(x, position, reference, values, mask)
            if sampling:
                samplings.append(Sampling(*sampled, reference))
            logits = heads.score(x)

            if initial is None:
                boxes = torch.sigmoid(distribution.full(self.initial(x)) + inverse_sigmoid(reference))
                initial = Estimate(logits, boxes)

            # Distributions stay in float32 whatever the autocast type, because their sums grow layer by layer.
            edges = distribution.full(heads.edges(x + previous)).unflatten(-1, (4, -1)) + edges
            boxes = distribution.decode(initial.boxes.detach(), distribution.offsets(edges, self.w))
            quality = heads.lqe(edges)
            refinements.append(Refinement(logits + quality, quality, edges, boxes))

            previous, reference = x.detach(), boxes.detach()

        seen = tuple(samplings) if sampling else None
        trace = (queries.proposals, initial, tuple(refinements), queries.origin, memory.shapes, self.w)
        return Trace(*trace, sampling=seen)


def checked_layers(layers: int | None, available: int) -> int:
    """How many layers to run. Raises ValueError when there are not that many."""
    if layers is None:
        return available
    if layers not in range(1, available + 1):
        raise ValueError(f"this network has {available} decoder layers; layers is 1 to {available}, not {layers!r}")
    return layers
