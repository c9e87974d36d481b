"""Trace to detections: the highest scores, with boxes in pixels and the query that gave each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dfine.boxes import clipped, to_pixels
from dfine.trace.detections import Detections
from dfine.trace.records import Estimate, Refinement, Trace
from dfine.trace.stages import INITIAL, PROPOSALS


def stage(trace: Trace, layer: int | str) -> Estimate | Refinement:
    """The proposals, the initial boxes, or a layer of a trace (0 … L−1, or −1 for the last).

    Raises:
        ValueError: there is no such layer.
    """
    if layer in (PROPOSALS, INITIAL):
        return getattr(trace, layer)
    count = len(trace.refinements)
    if isinstance(layer, str) or not -count <= layer < count:
        raise ValueError(f"there is no layer {layer!r}; choose 0 to {count - 1}, −1, 'initial' or 'proposals'")
    return trace.refinements[layer]


@dataclass(frozen=True)
class Ranking:
    """Which (query, class) pairs are reported, and whose boxes.

    Raises:
        ValueError: `scores` is neither "own" nor "last".
    """

    top: int = 300  # how many to keep at most
    layer: int | str = -1  # whose boxes to report: 0 … L−1, −1 for the last, "initial" or "proposals"
    ignore: Sequence[int] = ()  # classes that are never reported
    scores: str = "own"  # rank by that layer's scores; "last": by the last layer's, so that layers differ only in boxes

    def __post_init__(self):
        if self.scores not in ("own", "last"):
            raise ValueError(f"scores is {self.scores!r}; it must be 'own' or 'last'")


BEST = Ranking()  # of the last layer


def detections(
    trace: Trace, names: tuple[str, ...], sizes: Sequence[tuple[int, int]], ranking: Ranking = BEST
) -> list[Detections]:
    """The best (query, class) pairs of every picture, best first (the published rule).

    The sigmoid scores of all queries and classes compete in one list [Q·K], so a query may appear once per class.
    Overlapping boxes are not suppressed. Everything comes back on the CPU, in float32.

    Args:
        trace: of B pictures.
        names: the K class names.
        sizes: (width, height) in pixels of each of the B pictures.
        ranking: which pairs are reported, by default the 300 best of the last layer.

    Raises:
        ValueError: a layer that is not there, counts that do not fit, or a size that is none.
    """
    reported = stage(trace, ranking.layer)
    boxes, logits = reported.boxes, (reported if ranking.scores == "own" else trace.last).logits
    if logits.shape[2] != len(names):
        raise ValueError(f"the trace has {logits.shape[2]} classes, but there are {len(names)} names")
    if len(logits) != len(sizes):
        raise ValueError(f"the trace has {len(logits)} pictures, but there are {len(sizes)} sizes")

    if none := [size for size in sizes if min(size) < 1]:
        raise ValueError(
            f"a picture's size is {tuple(none[0])}, and should be its (width, height) in pixels; where it comes from a "
            "data set, its `Target` says it: Target(…, size=(width, height))"
        )

    value, query, label = _best(logits.detach().float(), ranking.top, ranking.ignore)
    value, query, label, boxes = (t.cpu() for t in (value, query, label, boxes.detach().float()))
    return [
        Detections(clipped(to_pixels(boxes[i][query[i]], size), size), label[i], value[i], query[i], names, size)
        for i, size in enumerate(sizes)
    ]


def _best(logits: Tensor, top: int, ignore: Sequence[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, queries and classes of the best pairs: [B, Q, K] -> three times [B, n], best first."""
    classes = logits.shape[2]
    score = torch.sigmoid(logits)
    if len(ignore):
        score[..., list(ignore)] = -1.0  # below any score, so that they come last and are cut off
    count = min(top, logits.shape[1] * (classes - len(set(ignore))))
    value, index = score.flatten(1).topk(count, 1)
    return value, index // classes, index % classes
