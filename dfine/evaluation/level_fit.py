"""A table of levels (`dfine.trace.levels`) fitted to objects that were found: a map of PIT values for each width.

How far a distribution can be believed depends on how wide it is: on the shipped checkpoint the narrowest fifth of all
80 % intervals holds 98 % of the true edges, the fourth 81 %. So the edges, all four together, fall into five groups of
as many edges each by the length of their own 80 % interval, and within each group a level of the table is the quantile
of the PIT values: the level below which that share of the true edges lay. That is in the manner of split conformal
prediction within each group, without its guarantee: the quantile is the sample's own, not the one for n + 1, and the
four edges of an object, and the objects of a picture, are not exchangeable. So coverage is measured, not promised, and
carries over only to pictures like those that it was fitted on.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dfine import distribution
from dfine.evaluation.matches import Matches
from dfine.trace.levels import MASS

GROUPS = 5
FIFTHS = ("narrowest", "narrow", "middle", "wide", "widest")  # of intervals
SHARES = (0.005, 0.025, 0.05, 0.1, 0.175, 0.25, 0.375, 0.5, 0.625, 0.75, 0.825, 0.9, 0.95, 0.975, 0.995)
_STEP = 1e-4  # by which a row rises at least, so that the map can be inverted


def widths(matches: Matches) -> Tensor:
    """How long the 80 % interval of every last edge is, as the network says, in sizes of the initial box: [n, 4]."""
    ends = distribution.interval(distribution.probabilities(matches.edges[:, -1]), matches.w, MASS)
    return ends[..., 1] - ends[..., 0]


def by_width(matches: Matches) -> Matches:
    """The same objects in one group, "width": fifths by the mean length of their four intervals; none for few."""
    if len(matches) < len(FIFTHS):
        return Matches(matches.edges, matches.truth, matches.w)
    length = widths(matches).mean(1)
    fifth = torch.bucketize(length, torch.quantile(length, torch.linspace(0, 1, len(FIFTHS) + 1)[1:-1]), right=True)
    return Matches(matches.edges, matches.truth, matches.w, groups={"width": [FIFTHS[i] for i in fifth.tolist()]})


def fit(matches: Matches, groups: int = GROUPS) -> Tensor:
    """The table of levels of the last layer's edges: [groups + 1, 16].

    Raises:
        ValueError: there are fewer objects than groups.
    """
    if len(matches) < groups:
        raise ValueError(f"{len(matches)} objects do not make {groups} groups")
    p = distribution.probabilities(matches.edges[:, -1])
    below = distribution.cdf(p, matches.w, matches.truth).flatten()
    length, shares = widths(matches).flatten(), torch.tensor(SHARES)
    limits = torch.quantile(length, torch.linspace(0, 1, groups + 1)[1:-1]).unique()  # edges alike make fewer groups
    group = torch.bucketize(length, limits, right=True)
    found = [(limit, below[group == i]) for i, limit in enumerate((0.0, *limits.tolist()))]
    rows = [
        torch.cat((torch.tensor([limit]), _rising(torch.quantile(mine, shares)))) for limit, mine in found if len(mine)
    ]
    rows[0][0] = 0
    return torch.stack([torch.cat((torch.zeros(1), shares)), *rows])


def _rising(levels: Tensor) -> Tensor:
    """Levels [K] that rise strictly between 0 and 1, moved as little as that takes."""
    steps = _STEP * torch.arange(1, len(levels) + 1, dtype=torch.float64)
    risen = torch.cummax(levels.double() - steps, 0).values.clamp(min=0) + steps
    return torch.minimum(risen, 1 - _STEP * (len(levels) + 1) + steps).float()
