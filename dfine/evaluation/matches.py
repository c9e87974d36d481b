"""Detections and the objects that they found: what calibration is measured on and fitted to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass(frozen=True)
class Matches:
    """Detections and the objects that they found: what the network said of n boxes' edges, and where they truly are."""

    edges: Tensor  # [n, L, 4, N+1] logits of every layer's edge distributions
    truth: Tensor  # [n, 4] true offsets in sizes of the initial box (`distribution.encode`)
    w: Tensor  # [N+1] in box sizes
    images: Sequence = field(default=())  # [n] the picture of each
    groups: dict[str, Sequence] = field(default_factory=dict)  # e.g. "size" -> [n]; a tuple belongs to all in it

    def __post_init__(self):
        n = len(self.truth)
        if self.edges.ndim != 4 or self.edges.shape[0] != n or self.edges.shape[2:] != (4, len(self.w)):
            raise ValueError(f"Matches.edges has shape {list(self.edges.shape)}, expected [{n}, any, 4, {len(self.w)}]")
        if self.truth.shape != (n, 4):
            raise ValueError(f"Matches.truth has shape {list(self.truth.shape)}, expected [{n}, 4]")
        for name, values in {"images": self.images, **self.groups}.items():
            if len(values) != n and (name != "images" or len(values)):
                raise ValueError(f"Matches has {n} objects, but {len(values)} entries under {name!r}")

    def __len__(self) -> int:
        return len(self.truth)

    def at(self, indices: Sequence[int]) -> Matches:
        """Those at `indices`."""
        index = torch.as_tensor(list(indices), dtype=torch.long)
        images = [self.images[i] for i in indices] if len(self.images) else ()
        groups = {name: [values[i] for i in indices] for name, values in self.groups.items()}
        return Matches(self.edges[index], self.truth[index], self.w, images, groups)

    def split(self, share: float = 0.5, seed: int = 0) -> tuple[Matches, Matches]:
        """Two parts that have no picture in common, `share` of the pictures in the first.

        Raises:
            ValueError: it is not known which picture each object is in, or `share` is not between 0 and 1.
        """
        if not 0 < share < 1:
            raise ValueError(f"the share must be between 0 and 1, not {share}")
        if len(self) and not len(self.images):
            raise ValueError("these matches cannot be split by picture: give Matches(images=…)")
        pictures = sorted(set(self.images))
        order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed)).tolist()
        first = {pictures[i] for i in order[: round(share * len(pictures))]}
        parts = [[i for i, image in enumerate(self.images) if (image in first) == here] for here in (True, False)]
        return self.at(parts[0]), self.at(parts[1])

    def by(self, group: str) -> Iterator[tuple[str, list[int]]]:
        """Every value of a group with the indices of its objects, the most frequent first."""
        members: dict[str, list[int]] = {}
        for i, value in enumerate(self.groups[group]):
            for one in value if isinstance(value, (tuple, list)) else (value,):
                members.setdefault(str(one), []).append(i)
        yield from sorted(members.items(), key=lambda item: (-len(item[1]), item[0]))

    @property
    def outside(self) -> Tensor:
        """Which true edges lie beyond ±2a, out of reach of any distribution: [n, 4] bool."""
        return (self.truth < self.w[0]) | (self.truth > self.w[-1])
