"""What passes from room to room, with its shape.

B pictures, T tokens, Q queries, K classes, N+1 values per edge, D width, L decoder layers. Boxes are cxcywh in 0..1
unless the name says otherwise; edges come in the order left, top, right, bottom.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from dfine.trace.base import Record, check_shape
from dfine.trace.history import History


@dataclass(frozen=True)
class Memory(Record):
    """What the encoder hands on: the tokens of all levels, finest first, rows before columns."""

    tokens: Tensor  # [B, T, D]
    shapes: tuple[tuple[int, int], ...]  # (height, width) per level

    def __post_init__(self):
        check_shape(self, "tokens", self.tokens, None, sum(h * w for h, w in self.shapes), None)


@dataclass(frozen=True)
class Estimate(Record):
    """Boxes with class logits: the proposals, and the initial boxes."""

    logits: Tensor  # [B, Q, K]
    boxes: Tensor  # [B, Q, 4]

    def __post_init__(self):
        check_shape(self, "boxes", self.boxes, *self.logits.shape[:2], 4)


@dataclass(frozen=True)
class Queries(Record):
    """The tokens that were chosen to become objects."""

    content: Tensor  # [B, Q, D], cut from the gradient
    reference: Tensor  # [B, Q, 4] boxes, cut from the gradient
    origin: Tensor  # [B, Q] index of the token that each query came from; −1 for a denoising query
    proposals: Estimate  # what the encoder said of the chosen tokens

    def __post_init__(self):
        check_shape(self, "reference", self.reference, *self.content.shape[:2], 4)
        check_shape(self, "origin", self.origin, *self.content.shape[:2])


@dataclass(frozen=True)
class Target(Record):
    """The true objects of one picture. Data sets return (picture uint8 [3, H, W], Target)."""

    labels: Tensor  # [n] int64
    boxes: Tensor  # [n, 4] cxcywh in 0..1
    image_id: int = 0
    size: tuple[int, int] = (0, 0)  # picture (width, height) in pixels, as it lies on disk

    def __post_init__(self):
        check_shape(self, "boxes", self.boxes, len(self.labels), 4)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class NoisedQueries(Record):
    """True objects with noise on labels and boxes, which the decoder learns to restore (contrastive denoising)."""

    labels: Tensor  # [B, M]; K stands for padding
    boxes: Tensor  # [B, M, 4]
    groups: int  # M = groups · 2 · most objects; queries see their own group alone
    positive: tuple[Tensor, ...]  # per picture: indices of the queries that answer for an object, group by group

    @property
    def count(self) -> int:
        """M, the number of denoising queries per picture."""
        return self.labels.shape[1]

    def mask(self, queries: int) -> Tensor:
        """Who may not look at whom in self-attention: [M+Q, M+Q], True where the row must not see the column.

        Matching queries never see noised truth; a group never sees another group.
        """
        group = torch.arange(self.count + queries, device=self.labels.device)
        group = torch.where(group < self.count, group // (self.count // self.groups), self.groups)
        same, matching = group[:, None] == group[None, :], group[None, :] == self.groups
        return ~(same | matching)


@dataclass(frozen=True)
class Refinement(Record):
    """What one decoder layer made of every query."""

    logits: Tensor  # [B, Q, K] class logits after LQE
    quality: Tensor  # [B, Q, 1] what LQE added: class logits before LQE are logits − quality
    edges: Tensor  # [B, Q, 4, N+1] logits of the edge distributions
    boxes: Tensor  # [B, Q, 4]

    def __post_init__(self):
        check_shape(self, "quality", self.quality, *self.logits.shape[:2], 1)
        check_shape(self, "edges", self.edges, *self.logits.shape[:2], 4, None)
        check_shape(self, "boxes", self.boxes, *self.logits.shape[:2], 4)


@dataclass(frozen=True)
class Trace(Record):
    """The whole story of a batch: proposals, initial boxes, and every layer's refinement of them.

    Every layer's edges are offsets from the same initial box (paper eq. 2). `w` is W(n) in box sizes.
    """

    proposals: Estimate
    initial: Estimate
    refinements: tuple[Refinement, ...]
    origin: Tensor  # [B, Q] index of the encoder token that each query came from
    shapes: tuple[tuple[int, int], ...]  # (height, width) of the encoder's levels, to which `origin` counts
    w: Tensor  # [N+1]
    temperature: Tensor | None = None  # [4] fitted per edge, for all that is said of spread; None: uncalibrated

    def __post_init__(self):
        check_shape(self, "origin", self.origin, *self.initial.logits.shape[:2])
        for r in self.refinements:
            check_shape(r, "logits", r.logits, *self.initial.logits.shape)
            check_shape(r, "edges", r.edges, *self.initial.logits.shape[:2], 4, len(self.w))
        if self.temperature is not None:
            check_shape(self, "temperature", self.temperature, 4)

    @property
    def last(self) -> Refinement:
        """The last layer's refinement: the network's answer."""
        return self.refinements[-1]

    def split(self, count: int) -> tuple[Trace, Trace]:
        """The first `count` queries (denoising ones, which have no proposals) and the rest."""
        return self._queries(slice(0, count), slice(0, 0)), self._queries(slice(count, None), slice(None))

    def _queries(self, part: slice, of_proposals: slice) -> Trace:
        cut = lambda record, s: record.map(lambda t: t[:, s])  # noqa: E731
        return Trace(
            cut(self.proposals, of_proposals),
            cut(self.initial, part),
            tuple(cut(r, part) for r in self.refinements),
            self.origin[:, part],
            self.shapes,
            self.w,
            self.temperature,
        )

    def picture(self, index: int) -> Trace:
        """The trace of one picture of the batch, still with a batch axis of length 1."""
        one = lambda record: record.map(lambda t: t[index : index + 1])  # noqa: E731
        return Trace(
            one(self.proposals), one(self.initial), tuple(one(r) for r in self.refinements),
            self.origin[index : index + 1], self.shapes, self.w, self.temperature,
        )  # fmt: skip

    def _repr_html_(self) -> str:
        from dfine.figures.html import trace_html

        return trace_html(self)

    def history(
        self, query: int, size: tuple[int, int], *, picture: int = 0, name: str = "", label: int = 0
    ) -> History:
        """One query's way through the layers, for a picture of `size` = (width, height) pixels.

        Raises:
            IndexError: there is no such query.
        """
        if not 0 <= query < self.origin.shape[1]:
            raise IndexError(f"there is no query {query}; this trace has queries 0 to {self.origin.shape[1] - 1}")
        at = lambda t: t[picture, query].detach().float().cpu()  # noqa: E731
        stack = lambda key: torch.stack([at(getattr(r, key)) for r in self.refinements])  # noqa: E731
        return History(
            query=query, label=label, name=name, size=size,
            proposal=at(self.proposals.boxes), proposal_logits=at(self.proposals.logits),
            initial=at(self.initial.boxes), initial_logits=at(self.initial.logits),
            logits=stack("logits"), quality=stack("quality")[:, 0], edges=stack("edges"), boxes=stack("boxes"),
            w=self.w.detach().float().cpu(), token=int(self.origin[picture, query]), shapes=self.shapes,
            temperature=None if self.temperature is None else self.temperature.detach().float().cpu(),
        )  # fmt: skip
