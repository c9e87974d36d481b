"""How far the answers of an exported file are from torch's, and whether that is still the same answer."""

from __future__ import annotations

import math

import torch
from torch import Tensor

TOLERANCE = {False: 1e-3, True: 0.1}  # of the scale of an output, in single and in half precision
OTHERS = {False: 0.02, True: 0.2}  # share of answers that may be of another class, their scores lie close together


class ExportError(ValueError):
    """What was asked for cannot be exported, or the file does not say what torch says; the message says why."""


def compare(have: dict[str, Tensor], want: dict[str, Tensor]) -> dict[str, float]:
    """By output, the largest difference in units of the largest value of `want` (at least 1), over all pictures.

    Answers whose scores lie within rounding of each other may come in another order: queries are matched by the token
    they were born of, where it is known, and otherwise by what they say. `trace.origin` says of tokens that only one
    side chose how far their scores are from those of the last ones chosen; `labels` is the share of answers of another
    class.
    """
    worst = dict.fromkeys(want, 0.0)
    for i in range(len(next(iter(want.values())))):
        mine, theirs = ({name: value[i] for name, value in side.items()} for side in (have, want))
        for group in (_same_token, _same_answer):
            for name, value in group(mine, theirs).items():
                worst[name] = max(worst[name], value) if math.isfinite(value) else math.inf
    return worst


def check(parity: dict[str, float], half: bool) -> None:
    """Raise ExportError, naming the output, when a difference is too large."""
    for name, value in parity.items():
        limit = OTHERS[half] if name == "labels" else TOLERANCE[half]
        if not value <= limit:
            raise ExportError(f"the exported file is {value:.2g} from torch in {name!r}; nothing was written")


def _same_token(have: dict[str, Tensor], want: dict[str, Tensor]) -> dict[str, float]:
    """Differences of a picture's trace."""
    names = [name for name in want if name.startswith("trace.")]
    if not names:
        return {}
    born = have["trace.origin"][:, None] == want["trace.origin"]
    a, b = born.nonzero(as_tuple=True)
    found = {"trace.origin": _chosen_once(have["trace.proposals.logits"], want["trace.proposals.logits"], born)}
    for name in names[:-1]:
        axis = 1 if name.startswith("trace.layers.") else 0
        found[name] = _apart(have[name].index_select(axis, a), want[name].index_select(axis, b))
    return found


def _chosen_once(have: Tensor, want: Tensor, born: Tensor) -> float:
    """How far tokens that only one side chose are from the border of the choice, in units of the largest logit.

    Proposals' logits [Q, K] of both sides, and which queries are born of the same token [Q, Q]. Rounding may swap the
    last chosen with the first left out, however many have nearly that score. Where more than half differ, or some
    score is no number, it is infinite.
    """
    scores, single = (have.amax(-1), want.amax(-1)), (~born.any(1), ~born.any(0))
    if not all(s.isfinite().all() for s in scores) or single[0].sum() > len(born) / 2:
        return math.inf
    gaps = [(mine[one] - other.min()).abs() for mine, one, other in zip(scores, single, scores[::-1])]
    return _largest(torch.cat(gaps), want)


def _same_answer(have: dict[str, Tensor], want: dict[str, Tensor]) -> dict[str, float]:
    """Differences of a picture's answers, each with the nearest of its class."""
    if "labels" in want:
        scale = want["boxes"].abs().max().clamp(min=1)

        def say(d):
            return torch.cat((d["boxes"] / scale, d["scores"][:, None], d["labels"][:, None].float()), 1)

    elif "logits" in want:

        def say(d):
            return torch.cat((d["boxes"], d["logits"].sigmoid()), 1)

    else:
        return {}
    nearest = torch.cdist(say(have), say(want)).argmin(1)
    names = [name for name in ("boxes", "scores", "logits") if name in want]
    found = {name: _apart(have[name], want[name][nearest]) for name in names}
    if "labels" in want:
        found["labels"] = (have["labels"] != want["labels"][nearest]).float().mean().item()
    return found


def _apart(have: Tensor, want: Tensor) -> float:
    """The largest difference, in units of the largest value of `want`, which counts as at least 1."""
    return _largest((have - want).abs(), want)


def _largest(differences: Tensor, want: Tensor) -> float:
    if not differences.numel():
        return 0.0
    return (differences.max() / want.abs().max().clamp(min=1)).item()
