"""Do the edges mean what they say? How often the truth lies where their distributions put it, and a temperature.

Of every detection that found an object, the offset of each true edge is held against that edge's distribution: the mass
below it (the probability integral transform, PIT) is spread evenly over 0..1 if, and only if, an interval of 80 % holds
the truth in 80 % of cases. Only objects that were found are asked, since a miss has no edges: what is measured is how
far a box that is about right may be trusted.

A true offset beyond ±2a, where W(n) ends, lies in no interval: its PIT is 0 or 1. It stays in every figure, and in the
fit, though no temperature reaches it; how many there are is reported.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from dfine import distribution
from dfine.config import EDGES
from dfine.files import as_json, replacing
from dfine.trace.base import SCHEMA
from dfine.weights.cache import HUB_FILES
from dfine.weights.checkpoints import open_checkpoint
from dfine.weights.checks import checked_temperature
from dfine.weights.exceptions import CheckpointError

MASSES = (0.5, 0.8, 0.95)  # of the intervals in tables
GRID = tuple(round(0.05 * i, 2) for i in range(1, 20))  # of the reliability diagram
RANGE = (0.1, 10.0)  # of temperatures
FEWEST, ENOUGH = 50, 500  # objects that a temperature is fitted to: at least; for it to be told from chance
_BINS = 10  # of the histogram of PIT values
_LEVELS = tuple(i / 40 for i in range(1, 40))  # of the quantiles that a score is made of


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


def pit(matches: Matches, temperature: Tensor | None = None) -> Tensor:
    """The mass that every layer's distribution puts below the true edge: [n, L, 4] in 0..1."""
    p = distribution.probabilities(matches.edges, _column(temperature))
    return distribution.cdf(p, matches.w, matches.truth[:, None])


def coverage(levels: Tensor, masses: Sequence[float] = MASSES) -> Tensor:
    """How often the central interval of each mass holds the truth: PIT values [n, …] -> [len(masses), …].

    The interval of mass m holds the truth when its PIT lies in (1 − m)/2 … (1 + m)/2. NaN for n = 0.
    """
    return torch.stack([((levels - 0.5).abs() <= m / 2).double().mean(0) for m in masses])


def scores(matches: Matches, temperature: Tensor | None = None) -> Tensor:
    """How well the last layer's distributions fit the true edges, smaller is better: [n, 4].

    The continuous ranked probability score, ∫ (CDF(x) − [x ≥ truth])² dx, as twice the mean pinball loss of 39
    quantiles, in units of the standard deviation that the network itself gives the edge, at least the finest step of W.
    """
    warm = torch.ones(4) if temperature is None else temperature
    return torch.stack([_scores(matches, k, float(warm[k])) for k in range(4)], -1)


def _scores(matches: Matches, edge: int, temperature: float) -> Tensor:
    """The scores of one edge: [n]."""
    logits, w = matches.edges[:, -1, edge], matches.w  # [n, N+1]
    unit = distribution.deviation(distribution.probabilities(logits), w).clamp(min=float(w.diff().min()))
    q = distribution.quantiles(distribution.probabilities(logits, temperature), w, _LEVELS)  # [n, 39]
    truth, levels = matches.truth[:, edge, None], q.new_tensor(_LEVELS)
    return 2 * (((truth < q).to(q) - levels) * (q - truth)).mean(-1) / unit


def fit(matches: Matches) -> Tensor:
    """The temperature of each edge of the last layer: [4], left, top, right, bottom, in 0.1 … 10.

    It minimises the mean of `scores`: a proper score of the very quantiles that intervals are read off, in which small
    and large, sure and unsure boxes weigh alike; the log score would widen every interval for a few that are far off,
    and the two-bin target of training (eq. 5) adds a width of its own.

    Raises:
        ValueError: there are fewer than 50 objects.
    """
    if len(matches) < FEWEST:
        raise ValueError(
            f"a temperature needs at least {FEWEST} objects that were found, and here are {len(matches)}; "
            "take more pictures, or a lower score threshold"
        )

    def loss(log_temperature: float, edge: int) -> float:
        return float(_scores(matches, edge, math.exp(log_temperature)).mean())

    bounds = tuple(math.log(limit) for limit in RANGE)
    found = [minimize_scalar(loss, bounds=bounds, method="bounded", args=(k,)).x for k in range(len(EDGES))]
    return torch.tensor(found).exp().float()


def measured(matches: Matches, temperature: Tensor | None = None) -> dict:
    """All that is reported of calibration, as plain values; None where there is nothing to measure.

    Keys: `objects`; `temperature`; `masses`, and per mass and edge `coverage` of the last layer (`layers` and `groups`
    hold the same of every layer, and of every group and value with its number of `objects`); `reliability` with its own
    `masses`; `pit`, the share of each tenth of 0..1 per edge; `score` (see `scores`) and `length` (of the 80 %
    interval, in sizes of the initial box), means per edge; `outside`, the share of true edges beyond ±2a.
    """
    levels = pit(matches, temperature)  # [n, L, 4]
    last = levels[:, -1]
    p = distribution.probabilities(matches.edges[:, -1], _column(temperature))
    ends = distribution.interval(p, matches.w, 0.8)
    groups = {
        group: {value: {"objects": len(i), "coverage": _plain(coverage(last[i]))} for value, i in matches.by(group)}
        for group in matches.groups
    }
    return {
        "objects": len(matches),
        "temperature": None if temperature is None else _plain(temperature),
        "masses": list(MASSES),
        "coverage": _plain(coverage(last)),
        "layers": [_plain(coverage(levels[:, layer])) for layer in range(levels.shape[1])],
        "groups": groups,
        "reliability": {"masses": list(GRID), "coverage": _plain(coverage(last, GRID))},
        "pit": _plain(_histogram(last)),
        "score": _plain(scores(matches, temperature).mean(0)),
        "length": _plain((ends[..., 1] - ends[..., 0]).mean(0)),
        "outside": _plain(matches.outside.double().mean(0)),
    }


@dataclass(frozen=True)
class Calibration:
    """A temperature fitted on some pictures, and what it does on the others. Printing it gives the table."""

    temperature: Tensor  # [4]
    before: dict  # `measured` on the pictures that it was not fitted on
    after: dict
    fitted: int  # objects that it was fitted on

    @property
    def doubt(self) -> str:
        """What to say of a temperature that rests on few objects; empty otherwise."""
        if self.fitted >= ENOUGH:
            return ""
        return f"{self.fitted} objects are few to fit on: take enough pictures for {ENOUGH} before you trust the result"

    def to_dict(self) -> dict:
        """Plain JSON values."""
        return {
            "temperature": _plain(self.temperature),
            "fitted": self.fitted,
            "doubt": self.doubt,
            "before": self.before,
            "after": self.after,
        }

    def __str__(self) -> str:
        lines = [
            f"temperature fitted on {self.fitted} objects, tested on {self.before['objects']} of other pictures",
            f"{'edge':8}{'T':>6}   " + "".join(f"{f'in {m:.0%}':>18}" for m in self.before["masses"]),
        ]
        for k, edge in enumerate(EDGES):
            cells = [f"{b[k]:.3f} -> {a[k]:.3f}" for b, a in zip(self.before["coverage"], self.after["coverage"])]
            lines.append(f"{edge:8}{float(self.temperature[k]):6.2f}   " + "".join(f"{c:>18}" for c in cells))
        if self.doubt:
            lines.append(self.doubt)
        return "\n".join(lines)


def study(matches: Matches, *, share: float = 0.5, seed: int = 0) -> Calibration:
    """Fit a temperature on `share` of the pictures, and measure before and after on the others.

    Raises:
        ValueError: there are too few objects to fit on, or none to test on.
    """
    first, rest = matches.split(share, seed)
    temperature = fit(first)
    if not len(rest):
        raise ValueError("no object is left to test the temperature on; take more pictures, or a smaller share")
    return Calibration(temperature, measured(rest), measured(rest, temperature), len(first))


def store(folder: str | os.PathLike, temperature: Sequence[float] | Tensor | None) -> Path:
    """Write a temperature into the `config.json` of a checkpoint, or take it out; the weights stay as they are.

    Every result of the loaded folder then follows it: intervals, spread and entropy, in figures and files.

    Args:
        folder: a checkpoint that this project saved.
        temperature: four positive numbers (left, top, right, bottom), or None.

    Raises:
        CheckpointError: the folder is none, or is in another layout, or the temperature is not four positive numbers.
    """
    folder = Path(folder)
    path = folder / HUB_FILES[0]
    open_checkpoint(folder)  # says what is wrong with it
    about = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if about.get("schema") != SCHEMA:
        raise CheckpointError(
            f"{folder} is not in this project's layout, the only one that holds a temperature; "
            "save it again: dfine.load(…).save(folder)"
        )
    about.pop("temperature", None)
    if temperature is not None:
        about["temperature"] = list(checked_temperature(folder, [float(t) for t in temperature]))
    with replacing(path) as draft:
        draft.write_text(as_json(about, indent=1) + "\n", encoding="utf-8")
    return path


def _column(temperature: Tensor | None) -> Tensor | float:
    """A temperature per edge as it divides logits: [4] -> [4, 1]."""
    return 1.0 if temperature is None else temperature[:, None]


def _histogram(levels: Tensor) -> Tensor:
    """The share of PIT values [n, 4] in each tenth of 0..1: [10, 4]; NaN for n = 0."""
    tenth = (levels * _BINS).long().clamp(0, _BINS - 1)
    return torch.stack([(tenth == i).double().mean(0) for i in range(_BINS)])


def _plain(values: Tensor) -> list:
    """Nested lists of numbers, rounded; None for NaN."""
    if values.ndim:
        return [_plain(v) for v in values]
    value = float(values)
    return None if math.isnan(value) else round(value, 6)
