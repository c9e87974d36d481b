"""What passes from room to room, with its shape.

B pictures, T tokens, Q queries, K classes, N+1 values per edge, D width, L decoder layers. Boxes are cxcywh in 0..1
unless the name says otherwise; edges come in the order left, top, right, bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from dfine import conversions, distribution
from dfine.boxes import iou, to_pixels

SCHEMA = 1  # version of everything that is written to disk


def _check(record: object, name: str, value: Tensor, *shape: int | None) -> None:
    """Raise ValueError when `value` does not have `shape`; None stands for any length."""
    ok = value.ndim == len(shape) and all(want is None or want == have for want, have in zip(shape, value.shape))
    if not ok:
        want = "[" + ", ".join("any" if s is None else str(s) for s in shape) + "]"
        raise ValueError(f"{type(record).__name__}.{name} has shape {list(value.shape)}, expected {want}")


class _Record:
    """Shared by the records of tensors: the same record with every tensor mapped."""

    def map(self, fn):
        """The same record with `fn` applied to every tensor in it."""
        return type(self)(**{f.name: _map(getattr(self, f.name), fn) for f in fields(self)})

    def cpu(self):
        """The same record detached, in float32, on the CPU. From a GPU its numbers travel together."""
        plain = self.map(lambda t: (t.float() if t.is_floating_point() else t).detach())
        tensors = []
        plain.map(lambda t: tensors.append(t) or t)
        if not tensors or tensors[0].device.type == "cpu":
            return plain
        moved = iter(together(tensors))
        return plain.map(lambda t: next(moved))


def together(tensors: list[Tensor]) -> list[Tensor]:
    """The same tensors on the CPU, all those of a type in one copy: each copy from a GPU waits for it."""
    moved = [None] * len(tensors)
    for kind in {t.dtype for t in tensors}:
        places = [i for i, t in enumerate(tensors) if t.dtype == kind]
        flat = torch.cat([tensors[i].flatten() for i in places]).cpu()
        for i, part in zip(places, flat.split([tensors[i].numel() for i in places])):
            moved[i] = part.view(tensors[i].shape)
    return moved


def _map(value, fn):
    if isinstance(value, Tensor):
        return fn(value)
    if isinstance(value, _Record):
        return value.map(fn)
    if isinstance(value, tuple) and value and isinstance(value[0], _Record):
        return tuple(v.map(fn) for v in value)
    return value


@dataclass(frozen=True)
class Memory(_Record):
    """What the encoder hands on: the tokens of all levels, finest first, rows before columns."""

    tokens: Tensor  # [B, T, D]
    shapes: tuple[tuple[int, int], ...]  # (height, width) per level

    def __post_init__(self):
        _check(self, "tokens", self.tokens, None, sum(h * w for h, w in self.shapes), None)


@dataclass(frozen=True)
class Estimate(_Record):
    """Boxes with class logits: the proposals, and the initial boxes."""

    logits: Tensor  # [B, Q, K]
    boxes: Tensor  # [B, Q, 4]

    def __post_init__(self):
        _check(self, "boxes", self.boxes, *self.logits.shape[:2], 4)


@dataclass(frozen=True)
class Queries(_Record):
    """The tokens that were chosen to become objects."""

    content: Tensor  # [B, Q, D], cut from the gradient
    reference: Tensor  # [B, Q, 4] boxes, cut from the gradient
    origin: Tensor  # [B, Q] index of the token that each query came from; −1 for a denoising query
    proposals: Estimate  # what the encoder said of the chosen tokens

    def __post_init__(self):
        _check(self, "reference", self.reference, *self.content.shape[:2], 4)
        _check(self, "origin", self.origin, *self.content.shape[:2])


@dataclass(frozen=True)
class Target(_Record):
    """The true objects of one picture. Data sets return (picture uint8 [3, H, W], Target)."""

    labels: Tensor  # [n] int64
    boxes: Tensor  # [n, 4] cxcywh in 0..1
    image_id: int = 0
    size: tuple[int, int] = (0, 0)  # picture (width, height) in pixels, as it lies on disk

    def __post_init__(self):
        _check(self, "boxes", self.boxes, len(self.labels), 4)

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class NoisedQueries(_Record):
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
class Refinement(_Record):
    """What one decoder layer made of every query."""

    logits: Tensor  # [B, Q, K] class logits after LQE
    quality: Tensor  # [B, Q, 1] what LQE added: class logits before LQE are logits − quality
    edges: Tensor  # [B, Q, 4, N+1] logits of the edge distributions
    boxes: Tensor  # [B, Q, 4]

    def __post_init__(self):
        _check(self, "quality", self.quality, *self.logits.shape[:2], 1)
        _check(self, "edges", self.edges, *self.logits.shape[:2], 4, None)
        _check(self, "boxes", self.boxes, *self.logits.shape[:2], 4)


@dataclass(frozen=True)
class Trace(_Record):
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
        _check(self, "origin", self.origin, *self.initial.logits.shape[:2])
        for r in self.refinements:
            _check(r, "logits", r.logits, *self.initial.logits.shape)
            _check(r, "edges", r.edges, *self.initial.logits.shape[:2], 4, len(self.w))
        if self.temperature is not None:
            _check(self, "temperature", self.temperature, 4)

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


@dataclass(frozen=True)
class History(_Record):
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


@dataclass(frozen=True)
class Detections:
    """What was found in one picture, best first. `query` is the thread back into the trace."""

    boxes: Tensor  # [n, 4] xyxy in pixels of the picture, clipped to it
    labels: Tensor  # [n] indices into `names`
    scores: Tensor  # [n] in 0..1
    query: Tensor  # [n] indices into the trace's queries
    names: tuple[str, ...] = field(repr=False)
    size: tuple[int, int]  # picture (width, height) in pixels

    def __post_init__(self):
        n = len(self.scores)
        _check(self, "boxes", self.boxes, n, 4)
        _check(self, "labels", self.labels, n)
        _check(self, "query", self.query, n)
        if n and not 0 <= int(self.labels.min()) <= int(self.labels.max()) < len(self.names):
            raise ValueError(f"labels run to {int(self.labels.max())}, but there are only {len(self.names)} names")

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, index) -> Detections:
        """A selection by slice, boolean mask or index tensor; an int selects one detection, still as `Detections`."""
        if isinstance(index, int):
            index = [index]
        return Detections(
            self.boxes[index], self.labels[index], self.scores[index], self.query[index], self.names, self.size
        )

    @property
    def class_names(self) -> list[str]:
        """The name of each detection's class."""
        return [self.names[i] for i in self.labels.tolist()]

    def above(self, threshold: float) -> Detections:
        """Those with a score of at least `threshold`."""
        return self[self.scores >= threshold]

    def to_list(self) -> list[dict]:
        """Plain values: `label`, `name`, `score`, `box` (xyxy pixels) and `query` of each detection."""
        return [
            {"label": label, "name": self.names[label], "score": score, "box": box, "query": query}
            for label, score, box, query in zip(
                self.labels.tolist(), self.scores.tolist(), self.boxes.tolist(), self.query.tolist()
            )
        ]

    def to_coco(self, image_id: int = 0, category_ids: list[int] | None = None) -> list[dict]:
        """COCO result entries; `category_ids` maps labels to the data set's ids, by default label + 1."""
        return conversions.to_coco(self, image_id, category_ids)

    def to_supervision(self):
        """A `supervision.Detections`, with class names and queries in its data. Raises ImportError without it."""
        return conversions.to_supervision(self)

    def to_fiftyone(self):
        """A `fiftyone.Detections` in relative coordinates. Raises ImportError without fiftyone."""
        return conversions.to_fiftyone(self)

    def to_pandas(self):
        """A table with one row a detection. Raises ImportError without pandas."""
        return conversions.to_pandas(self)

    def _repr_html_(self) -> str:
        from dfine.figures.html import sketched_html

        return sketched_html(self)
