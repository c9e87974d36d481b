"""The records that pass from room to room, with the shapes of what they hold.

B pictures, T tokens, Q queries, K classes, N+1 values per edge, D width, L decoder layers. Boxes are cxcywh in 0..1
unless the name says otherwise; edges come in the order left, top, right, bottom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from dfine.trace.base import Record, check_shape
from dfine.trace.edges import EdgeReading
from dfine.trace.history import History
from dfine.trace.sampling import Sampling
from dfine.trace.stages import stage_names

_ESTIMATE = ("logits", "boxes")  # what proposals and initial boxes hold
_LAYER = ("logits", "quality", "edges", "boxes")  # what a layer holds


@dataclass(frozen=True, repr=False)
class Memory(Record):
    """The encoder's output: the tokens of all levels, the finest level first, row by row."""

    tokens: Tensor  # [B, T, D]
    shapes: tuple[tuple[int, int], ...]  # (height, width) per level

    def __post_init__(self):
        check_shape(self, "tokens", self.tokens, None, sum(h * w for h, w in self.shapes), None)


@dataclass(frozen=True, repr=False)
class Estimate(Record):
    """Boxes with class logits: the proposals, and the initial boxes."""

    logits: Tensor  # [B, Q, K]
    boxes: Tensor  # [B, Q, 4]

    def __post_init__(self):
        check_shape(self, "boxes", self.boxes, *self.logits.shape[:2], 4)


@dataclass(frozen=True, repr=False)
class Queries(Record):
    """The tokens that the encoder chose to become queries."""

    content: Tensor  # [B, Q, D], cut from the gradient
    reference: Tensor  # [B, Q, 4] boxes, cut from the gradient
    origin: Tensor  # [B, Q] index of the token that each query came from; −1 for a denoising query
    proposals: Estimate  # the encoder's own boxes and classes for the chosen tokens

    def __post_init__(self):
        check_shape(self, "reference", self.reference, *self.content.shape[:2], 4)
        check_shape(self, "origin", self.origin, *self.content.shape[:2])


@dataclass(frozen=True, repr=False)
class Target(Record):
    """The true objects of one picture. Data sets return (picture uint8 [3, H, W], Target)."""

    labels: Tensor  # [n] int64
    boxes: Tensor  # [n, 4] cxcywh in 0..1
    image_id: int = 0
    size: tuple[int, int] = (0, 0)  # (width, height) in pixels of the picture on disk

    def __post_init__(self):
        check_shape(self, "boxes", self.boxes, len(self.labels), 4)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, repr=False)
class NoisedQueries(Record):
    """True objects with noise on their labels and boxes, from which the decoder learns to restore them (denoising)."""

    labels: Tensor  # [B, M]; K stands for padding
    boxes: Tensor  # [B, M, 4]
    groups: int  # M = groups · 2 · most objects; queries see only their own group
    positive: tuple[Tensor, ...]  # per picture: indices of the queries that answer for an object, group by group

    @property
    def count(self) -> int:
        """M, the number of denoising queries per picture."""
        return self.labels.shape[1]

    def mask(self, queries: int) -> Tensor:
        """Which query may not see which in self-attention: [M+Q, M+Q], True where the row must not see the column.

        Matching queries never see noised truth; a group never sees another group.
        """
        group = torch.arange(self.count + queries, device=self.labels.device)
        group = torch.where(group < self.count, group // (self.count // self.groups), self.groups)
        same, matching = group[:, None] == group[None, :], group[None, :] == self.groups
        return ~(same | matching)


@dataclass(frozen=True, repr=False)
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


@dataclass(frozen=True, repr=False)
class Trace(Record):
    """Everything the network says of a batch: proposals, initial boxes, and what every layer made of them.

    The edges of all layers are offsets from the same initial box (paper eq. 2). `w` is W(n) in box sizes.
    """

    proposals: Estimate
    initial: Estimate
    refinements: tuple[Refinement, ...]
    origin: Tensor  # [B, Q] index of the encoder token that each query came from
    shapes: tuple[tuple[int, int], ...]  # (height, width) of the encoder's levels, whose tokens `origin` counts
    w: Tensor  # [N+1]
    temperature: Tensor | None = None  # [4] fitted per edge; every reading of spread uses it
    levels: Tensor | None = None  # [G+1, K+1] fitted, likewise (`dfine.trace.levels`); without either: uncalibrated
    sampling: tuple[Sampling, ...] | None = None  # where queries read the picture, by layer, if asked for

    def __post_init__(self):
        check_shape(self, "origin", self.origin, *self.initial.logits.shape[:2])
        for r in self.refinements:
            check_shape(r, "logits", r.logits, *self.initial.logits.shape)
            check_shape(r, "edges", r.edges, *self.initial.logits.shape[:2], 4, len(self.w))
        if self.temperature is not None:
            check_shape(self, "temperature", self.temperature, 4)
        if self.levels is not None:
            check_shape(self, "levels", self.levels, None, None)

    @property
    def last(self) -> Refinement:
        """The last layer's refinement: the network's answer."""
        return self.refinements[-1]

    @property
    def stages(self) -> dict[str, Estimate | Refinement]:
        """Every stage that gives the final boxes shape, by name and in order: "initial", "layer 1" … "layer L".

        Each has `logits` [B, Q, K] and `boxes` [B, Q, 4]. The proposals come before them and are no stage.
        """
        return dict(zip(stage_names(len(self.refinements)), (self.initial, *self.refinements)))

    def split(self, count: int) -> tuple[Trace, Trace]:
        """The first `count` queries (denoising ones, which have no proposals) and the rest."""
        return self._each(lambda t: t[:, :count], lambda t: t[:, :0]), self._each(lambda t: t[:, count:], lambda t: t)

    def picture(self, index: int) -> Trace:
        """The trace of one picture of the batch, still with a batch axis of length 1. Raises IndexError."""
        if not 0 <= index < len(self.origin):
            raise IndexError(f"there is no picture {index}; this trace is of {len(self.origin)}, counted from 0")
        return self._each(lambda t: t[index : index + 1])

    def _each(self, fn: Callable[[Tensor], Tensor], of_proposals: Callable[[Tensor], Tensor] | None = None) -> Trace:
        """The trace with `fn` applied to all that has the axes [B, Q]; `of_proposals` to those, where they differ."""
        return replace(
            self,
            proposals=self.proposals.map(of_proposals or fn),
            initial=self.initial.map(fn),
            refinements=tuple(r.map(fn) for r in self.refinements),
            origin=fn(self.origin),
            sampling=self.sampling and tuple(s.map(fn) for s in self.sampling),
        )

    @staticmethod
    def joined(traces: Sequence[Trace], axis: int = 0) -> Trace:
        """One trace of the pictures (axis 0) or of the queries (axis 1) of several; the first has what they share.

        Raises:
            IndexError: there are none.
        """
        whole = iter([torch.cat(parts, axis) for parts in zip(*(t._of_queries() for t in traces), strict=True)])
        return traces[0]._each(lambda _: next(whole))

    def _of_queries(self) -> list[Tensor]:
        """Every tensor that has the axes [B, Q], in the order in which `_each` meets them."""
        records = self.proposals, self.initial, *self.refinements
        points = [tensor for s in self.sampling or () for tensor in s.tensors()]
        return [*(tensor for record in records for tensor in record.tensors()), self.origin, *points]

    def to_tensors(self) -> dict[str, Tensor]:
        """What differs from picture to picture as named tensors, batch first, layers stacked behind the batch.

        `proposals.logits` and `initial.logits` [B, Q, K], `proposals.boxes` and `initial.boxes` [B, Q, 4],
        `layers.logits` [B, L, Q, K], `layers.quality` [B, L, Q, 1], `layers.edges` [B, L, Q, 4, N+1],
        `layers.boxes` [B, L, Q, 4], `origin` [B, Q]. Files, exported models and tiles use these names.
        """
        estimates = {"proposals": self.proposals, "initial": self.initial}
        parts = {f"{name}.{key}": getattr(estimate, key) for name, estimate in estimates.items() for key in _ESTIMATE}
        parts |= {f"layers.{key}": torch.stack([getattr(r, key) for r in self.refinements], 1) for key in _LAYER}
        return parts | {"origin": self.origin}

    @staticmethod
    def from_tensors(
        parts: Mapping[str, Tensor],
        shapes: tuple[tuple[int, int], ...],
        w: Tensor,
        temperature: Tensor | None = None,
        levels: Tensor | None = None,
    ) -> Trace:
        """The inverse of `to_tensors`, with what holds for the whole batch.

        Raises:
            KeyError: a part is missing.
            ValueError: the shapes of the parts do not fit each other.
        """
        proposals, initial = (
            Estimate(*(parts[f"{name}.{key}"] for key in _ESTIMATE)) for name in ("proposals", "initial")
        )
        layers = zip(*(parts[f"layers.{key}"].unbind(1) for key in _LAYER), strict=True)
        refinements = tuple(Refinement(*layer) for layer in layers)
        return Trace(proposals, initial, refinements, parts["origin"], shapes, w, temperature, levels)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The trace without sampling points as NumPy arrays in single precision: `to_tensors`, and what is the batch's.

        That is `shapes` [levels, 2], `w` [N+1] and, where one was fitted, `temperature` [4] or `levels` [G+1, K+1].
        """
        plain = self.cpu()
        arrays = {name: tensor.numpy() for name, tensor in plain.to_tensors().items()}
        arrays |= {"shapes": np.array(self.shapes, dtype=np.int64).reshape(-1, 2), "w": plain.w.numpy()}
        fitted = {"temperature": plain.temperature, "levels": plain.levels}
        return arrays | {name: value.numpy() for name, value in fitted.items() if value is not None}

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> Trace:
        """The inverse of `to_arrays`; raises as `from_tensors` does."""
        tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
        shapes = tuple((int(height), int(width)) for height, width in arrays["shapes"])
        return Trace.from_tensors(tensors, shapes, tensors["w"], tensors.get("temperature"), tensors.get("levels"))

    def edges_of(self, queries: Tensor, size: tuple[int, int], *, layer: int = -1, picture: int = 0) -> EdgeReading:
        """The edges that one layer gave to some queries, to be read in pixels.

        Args:
            queries: [n] indices.
            size: (width, height) of the picture in pixels.
            layer: 0 … L−1, or −1 for the last.
            picture: which of the batch.

        Returns:
            A reading with the leading axis [n].
        """
        edges = self.refinements[layer].edges[picture, queries]
        return EdgeReading(edges, self.initial.boxes[picture, queries], size, self.w, self.temperature, self.levels)

    def history(
        self, query: int, size: tuple[int, int], *, picture: int = 0, name: str = "", label: int = 0
    ) -> History:
        """One query's way through the layers, for a picture of `size` = (width, height) pixels.

        Raises:
            IndexError: there is no such query or picture.
        """
        if not 0 <= query < self.origin.shape[1]:
            raise IndexError(f"there is no query {query}; this trace has queries 0 to {self.origin.shape[1] - 1}")

        one = self.picture(picture)._each(lambda t: t[:, query : query + 1]).cpu()
        parts = {
            key: tensor[0, :, 0] if key.startswith("layers.") else tensor[0, 0]
            for key, tensor in one.to_tensors().items()
        }
        return History(
            query=query,
            label=label,
            name=name,
            size=size,
            proposal=parts["proposals.boxes"],
            proposal_logits=parts["proposals.logits"],
            initial=parts["initial.boxes"],
            initial_logits=parts["initial.logits"],
            logits=parts["layers.logits"],
            quality=parts["layers.quality"][:, 0],
            edges=parts["layers.edges"],
            boxes=parts["layers.boxes"],
            w=one.w,
            token=int(parts["origin"]),
            shapes=self.shapes,
            temperature=one.temperature,
            levels=one.levels,
        )

    def _repr_html_(self) -> str:
        from dfine.figures.html import trace_html

        return trace_html(self)
