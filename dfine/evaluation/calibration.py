"""Do the edges mean what they say? How often the truth lies where their distributions put it, and what betters it.

Of every detection that found an object, the offset of each true edge is held against that edge's distribution: the mass
below it (the probability integral transform, PIT) is spread evenly over 0..1 if, and only if, an interval of 80 % holds
the truth in 80 % of cases. Only objects that were found are asked, since a miss has no edges: what is measured is how
far a box that is about right may be trusted.

A true offset beyond ±2a, where W(n) ends, lies in no interval: its PIT is 0 or 1. It stays in every figure, and in the
fit, though no calibration reaches it; how many there are is reported.

From 75 objects on it is a table of levels, which depends on how wide an edge's interval is
(`dfine.evaluation.level_fit`), and for fewer a temperature per edge. Both are fitted on one half of the pictures,
tested on the other, and kept only where the score there is better than without, and than with the one before.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from dfine import distribution
from dfine.config import EDGES
from dfine.evaluation import level_fit
from dfine.evaluation.matches import Matches
from dfine.files import replacing
from dfine.paths import as_json
from dfine.trace import levels
from dfine.trace.base import SCHEMA
from dfine.trace.card import Card
from dfine.trace.edges import EdgeReading
from dfine.weights.cache import HUB_FILES
from dfine.weights.checkpoints import open_checkpoint
from dfine.weights.exceptions import CheckpointError, refused
from dfine.weights.saving import written

MASSES = (0.5, 0.8, 0.95)  # of the intervals in tables
GRID = tuple(round(0.05 * i, 2) for i in range(1, 20))  # of the reliability diagram
RANGE = (0.1, 10.0)  # of temperatures
FEWEST, ENOUGH = 50, 500  # objects to fit on: at least; for the result to be told from chance
A_GROUP = 75  # objects to fit on for each group of width in a table of levels
Fitted = tuple[Tensor | None, Tensor | None]  # a temperature per edge [4], and a table of levels
_BINS = 10  # of the histogram of PIT values
_LEVELS = tuple(i / 40 for i in range(1, 40))  # of the quantiles that a score is made of


def pit(matches: Matches, temperature: Tensor | None = None, table: Tensor | None = None) -> Tensor:
    """The mass that every layer's distribution puts below the true edge: [n, L, 4] in 0..1.

    Args:
        matches: n objects that were found.
        temperature: [4] per edge.
        table: of levels (`dfine.trace.levels`), applied after the temperature.
    """
    p, truth = distribution.probabilities(matches.edges, _column(temperature)), matches.truth[:, None]
    return distribution.cdf(p, matches.w, truth) if table is None else levels.cdf(p, matches.w, table, truth)


def coverage(below: Tensor, masses: Sequence[float] = MASSES) -> Tensor:
    """How often the central interval of each mass holds the truth: PIT values [n, …] -> [len(masses), …].

    The interval of mass m holds the truth when its PIT lies in (1 − m)/2 … (1 + m)/2. NaN for n = 0.
    """
    return torch.stack([((below - 0.5).abs() <= m / 2).double().mean(0) for m in masses])


def scores(matches: Matches, temperature: Tensor | None = None, table: Tensor | None = None) -> Tensor:
    """How well the last layer's distributions fit the true edges, smaller is better: [n, 4].

    The continuous ranked probability score, ∫ (CDF(x) − [x ≥ truth])² dx, as twice the mean pinball loss of 39
    quantiles (the mean interval score of their 19 central intervals and the median), in units of the standard deviation
    that the network itself gives the edge, at least the finest step of W.
    """
    warm = torch.ones(4) if temperature is None else temperature
    return torch.stack([_scores(matches, k, float(warm[k]), table) for k in range(4)], -1)


def _scores(matches: Matches, edge: int, temperature: float, table: Tensor | None = None) -> Tensor:
    """The scores of one edge: [n]."""
    logits, w = matches.edges[:, -1, edge], matches.w  # [n, N+1]
    unit = distribution.deviation(distribution.probabilities(logits), w).clamp(min=float(w.diff().min()))
    p, shares = distribution.probabilities(logits, temperature), logits.new_tensor(_LEVELS)
    plain = table is None
    q = distribution.quantiles(p, w, _LEVELS) if plain else levels.quantiles(p, w, table, shares)  # [n, 39]
    truth = matches.truth[:, edge, None]
    return 2 * (((truth < q).to(q) - shares) * (q - truth)).mean(-1) / unit


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


def measured(matches: Matches, temperature: Tensor | None = None, table: Tensor | None = None) -> dict:
    """All that is reported of calibration, as plain values; None where there is nothing to measure.

    Keys: `objects`; `temperature` and `levels`; `masses`, and per mass and edge `coverage` of the last layer (`layers`
    and `groups` hold the same of every layer, and of every group and value with its number of `objects` and its
    `score`; the group "width" are fifths of all objects by the mean length of their own four intervals);
    `reliability` with its own `masses`; `pit`, the share of each tenth of 0..1 per edge; `score` (see `scores`) and
    `length` (of the 80 % interval, in sizes of the initial box), means per edge; `outside`, the share of true edges
    beyond ±2a.
    """
    below = pit(matches, temperature, table)  # [n, L, 4]
    last, scored = below[:, -1], scores(matches, temperature, table)
    reading = EdgeReading(matches.edges[:, -1], torch.ones(4), (1, 1), matches.w, temperature, table)
    ends, by_width = reading.spans(0.8), level_fit.by_width(matches)
    groups = {
        group: {
            value: {"objects": len(i), "coverage": _plain(coverage(last[i])), "score": _plain(scored[i].mean())}
            for value, i in whole.by(group)
        }
        for whole in (by_width, matches)
        for group in whole.groups
    }
    return {
        "objects": len(matches),
        "temperature": None if temperature is None else _plain(temperature),
        "levels": None if table is None else _plain(table),
        "masses": list(MASSES),
        "coverage": _plain(coverage(last)),
        "layers": [_plain(coverage(below[:, layer])) for layer in range(below.shape[1])],
        "groups": groups,
        "reliability": {"masses": list(GRID), "coverage": _plain(coverage(last, GRID))},
        "pit": _plain(_histogram(last)),
        "score": _plain(scored.mean(0)),
        "length": _plain((ends[..., 1] - ends[..., 0]).mean(0)),
        "outside": _plain(matches.outside.double().mean(0)),
    }


@dataclass(frozen=True)
class Calibration:
    """What was fitted on some pictures, and what it does on the others. Printing it gives the table."""

    temperature: Tensor | None  # [4]
    before: dict  # `measured` on the pictures that it was not fitted on
    after: dict
    fitted: int  # objects that it was fitted on
    table: Tensor | None = None  # of levels, in place of a temperature
    stored: dict | None = None  # `measured` there with the calibration that the model has already

    @property
    def better(self) -> bool:
        """Whether the mean score on the other pictures is better than without, and than with the stored one."""
        return self.mean_scores["this"] < min(score for which, score in self.mean_scores.items() if which != "this")

    @property
    def mean_scores(self) -> dict[str, float]:
        """The mean score on the other pictures, less is better: without any, with the stored one, with this."""
        every = {"none": self.before, "stored": self.stored, "this": self.after}
        return {which: sum(m["score"]) / 4 for which, m in every.items() if m is not None}

    @property
    def doubt(self) -> str:
        """What to say of one that rests on few objects, or makes things worse; empty otherwise."""
        before, after = self.mean_scores["none"], self.mean_scores["this"]
        said = "the score of the intervals on other pictures is no better with it"
        if after >= before:
            return f"{said} ({before:.4f} -> {after:.4f})"
        if not self.better:
            return f"{said} than with the stored calibration ({self.mean_scores['stored']:.4f} -> {after:.4f})"
        if self.fitted >= ENOUGH:
            return ""
        return f"{self.fitted} objects are few to fit on: take enough pictures for {ENOUGH} before you trust the result"

    def to_dict(self) -> dict:
        """Plain JSON values."""
        return {
            "temperature": None if self.temperature is None else _plain(self.temperature),
            "levels": None if self.table is None else _plain(self.table),
            "fitted": self.fitted,
            "doubt": self.doubt,
            "before": self.before,
            "stored": self.stored,
            "after": self.after,
        }

    def __str__(self) -> str:
        warm, what = self.temperature, "temperature" if self.table is None else "levels by width"
        lines = [
            f"{what} fitted on {self.fitted} objects, tested on {self.before['objects']} of other pictures",
            f"{'edge':8}{'T' if warm is not None else '':>6}   "
            + "".join(f"{f'in {m:.0%}':>18}" for m in self.before["masses"]),
        ]
        for k, edge in enumerate(EDGES):
            cells = [f"{b[k]:.3f} -> {a[k]:.3f}" for b, a in zip(self.before["coverage"], self.after["coverage"])]
            t = "" if warm is None else f"{float(warm[k]):.2f}"
            lines.append(f"{edge:8}{t:>6}   " + "".join(f"{c:>18}" for c in cells))
        if self.stored:
            with_it = "score of the intervals, less is better: {none:.4f} without, {stored:.4f} with the stored "
            lines.append((with_it + "calibration, {this:.4f} with this one").format(**self.mean_scores))
        if self.doubt:
            lines.append(self.doubt)
        return "\n".join(lines)


def study(matches: Matches, *, share: float = 0.5, seed: int = 0, stored: Fitted = (None, None)) -> Calibration:
    """Fit on `share` of the pictures, and measure before and after on the others.

    That is a table of levels with a group of width for every 75 objects to fit on, at most five, and for fewer than 75
    a temperature per edge. What is `stored` with the model is measured there, too; if it was fitted on these pictures,
    it may have seen some that are new to the other.

    Raises:
        ValueError: there are too few objects to fit on, or none to test on.
    """
    first, rest = matches.split(share, seed)
    groups = min(len(first) // A_GROUP, level_fit.GROUPS)
    temperature, table = (None, level_fit.fit(first, groups)) if groups else (fit(first), None)
    if not len(rest):
        raise ValueError("no object is left to test the calibration on; take more pictures, or a smaller share")
    kept = None if all(one is None for one in stored) else measured(rest, *stored)
    return Calibration(temperature, measured(rest), measured(rest, temperature, table), len(first), table, kept)


def fitted(temperature: Sequence | None, table: Sequence | None) -> Fitted:
    """A calibration from plain values, as a card holds them."""
    return tuple(None if one is None else torch.tensor(one, dtype=torch.float32) for one in (temperature, table))


def store(folder: str | os.PathLike, temperature: Sequence[float] | Tensor | None, table: Tensor | None = None) -> Path:
    """Write a calibration into the `config.json` of a checkpoint, or take it out; the weights stay as they are.

    Every result of the loaded folder then follows it: intervals, spread and entropy, in figures and files.

    Args:
        folder: a checkpoint that this project saved.
        temperature: four positive numbers (left, top, right, bottom), or None.
        table: of levels (`dfine.trace.levels`), or None.

    Raises:
        CheckpointError: the folder is none, or is in another layout, or the temperature is not four positive numbers,
            or the table is none.
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
    warm = None if temperature is None else [float(t) for t in temperature]
    values = {"temperature": warm, "levels": levels.rows(table)}
    with refused(folder):
        card = Card.from_dict(about | values)
    about = {key: value for key, value in about.items() if key not in values} | written(card)
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
