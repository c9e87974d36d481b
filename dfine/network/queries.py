"""From tokens to queries: every token proposes a box, and those with the best scores become queries."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

from dfine.config import Config
from dfine.distribution import full
from dfine.network.families import family
from dfine.network.layers import MLP, inverse_sigmoid, table
from dfine.trace.records import Estimate, Memory, NoisedQueries, Queries

PRIOR = -math.log(99)  # score bias at which every class starts at a probability of 0.01


@table
def anchors(shapes: tuple[tuple[int, int], ...], device: torch.device, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The anchor box of each token, and which tokens may propose.

    An anchor has its centre in the middle of the cell and both sides of 0.05·2^level of the picture. Tokens one of
    whose four numbers lies outside 0.01..0.99 may not propose (published rule); their logits are infinite.

    Returns:
        logits of cxcywh [T, 4] in float32, and valid [T, 1] in `dtype`: 1 where a token may propose, else 0.
    """
    levels = []
    for level, (h, w) in enumerate(shapes):
        y = (torch.arange(h, device=device) + 0.5) / h
        x = (torch.arange(w, device=device) + 0.5) / w
        cx, cy = x.expand(h, w), y[:, None].expand(h, w)
        side = torch.full_like(cx, 0.05 * 2**level)
        levels.append(torch.stack((cx, cy, side, side), -1).flatten(0, 1))
    boxes = torch.cat(levels)
    valid = ((boxes > 0.01) & (boxes < 0.99)).all(-1, keepdim=True)
    return torch.where(valid, torch.log(boxes / (1 - boxes)), torch.inf), valid.to(dtype)


@lru_cache(maxsize=8)
def margins(shapes: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int, int, int], ...]:
    """The cells of each level that may not propose (`anchors`): so many from the left, right, top and bottom."""
    _, valid = anchors(shapes, like=torch.empty(0, device="cpu"))
    levels = []
    for (h, w), level in zip(shapes, valid.split([h * w for h, w in shapes])):
        level, counts = level.view(h, w).bool(), []
        for line in (level.any(0), level.any(1)):  # columns, then rows
            inside = line.nonzero().flatten().tolist() or [len(line)]
            counts += inside[0], len(line) - 1 - inside[-1] if line.any() else 0
        levels.append(tuple(counts))
    return tuple(levels)


class TokenNorm(nn.Module):
    """A linear layer and a norm in front of the encoder's heads."""

    def __init__(self, width: int):
        super().__init__()
        self.proj = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        nn.init.xavier_uniform_(self.proj.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x))

    def proposing(self, memory: Memory, valid: Tensor) -> Tensor:
        """The same of all tokens [B, T, D]; those that may not propose (`anchors`) count as zeros."""
        return self(memory.tokens * valid)


class QuerySelection(nn.Module):
    """The tokens with the best class scores and their boxes; in training, noised true boxes come before them."""

    def __init__(self, config: Config):
        super().__init__()
        self.count = config.queries
        self.output = TokenNorm(config.width)
        self.score = nn.Linear(config.width, config.classes)
        self.box = MLP(config.width, config.width, 4, 3, family(config).activation).zero_last()
        self.label = nn.Embedding(config.classes + 1, config.width, padding_idx=config.classes)  # of noised queries
        nn.init.constant_(self.score.bias, PRIOR)
        nn.init.normal_(self.label.weight[:-1])

    def forward(self, memory: Memory, noise: NoisedQueries | None = None) -> Queries:
        anchor, valid = anchors(memory.shapes, like=memory.tokens)
        tokens = self.output.proposing(memory, valid)
        logits = self.score(tokens)  # [B, T, K]

        count = min(self.count, tokens.shape[1])
        origin = logits.amax(-1).topk(count, 1).indices  # [B, Q]
        content = _picked(tokens, origin)
        boxes = torch.sigmoid(full(self.box(content)) + anchor[origin])
        proposals = Estimate(_picked(logits, origin), boxes)

        content, reference = content.detach(), boxes.detach()
        if noise is not None:
            content = torch.cat((self.label(noise.labels).to(content.dtype), content), 1)
            noised = torch.sigmoid(inverse_sigmoid(noise.boxes))  # keeps the logit of a side of zero finite
            reference = torch.cat((noised.to(reference.dtype), reference), 1)
            origin = torch.cat((torch.full_like(noise.labels, -1), origin), 1)
        return Queries(content, reference, origin, proposals)


def _picked(tokens: Tensor, origin: Tensor) -> Tensor:
    """The tokens [B, T, D] at the indices [B, Q]: [B, Q, D]."""
    return tokens.gather(1, origin[..., None].expand(-1, -1, tokens.shape[-1]))
