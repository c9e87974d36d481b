"""One object's history, and where it comes from, as plain values for files and the API."""

from __future__ import annotations

from dfine.config import EDGES
from dfine.trace.disk import About
from dfine.trace.history import History
from dfine.trace.sampling import locate
from dfine.trace.stages import INITIAL


def provenance(where: About, threshold: float | None = None) -> dict:
    """The head of every file about an answer, as plain values, with the threshold where one was applied."""
    head = where.provenance() | {"picture": where.picture, "size": list(where.picture_size)}
    return head if threshold is None else head | {"threshold": threshold}


def described(history: History, mass: float = 0.8) -> dict:
    """One object's history as plain values.

    `w` holds W(n) in sizes of the initial box and `pixels_per_size` what one size is in pixels on each edge, so that
    edge k of the box of a layer lies `Σ w[n]·distributions[k][n]·pixels_per_size[k]` pixels outside of `initial`. A
    layer has, per edge: `offsets` (that sum, in sizes), `shifts` (pixels since the stage before), `deviations`
    (pixels), `entropies` (bits), `intervals` (picture coordinates between which the edge lies with probability `mass`)
    and `distributions` (Pr(n)); besides `box`, `iou_with_last`, `score` and `score_before_lqe`.
    """
    h, boxes, ious = history, history.xyxy_pixels.tolist(), history.iou_with_last.tolist()
    per_layer = {
        "box": boxes[1:],
        "score": h.scores.tolist(),
        "score_before_lqe": h.scores_before_lqe.tolist(),
        "iou_with_last": ious[1:],
        "offsets": h.offsets.tolist(),
        "shifts": h.shifts.tolist(),
        "deviations": h.deviations.tolist(),
        "entropies": h.entropies.tolist(),
        "intervals": h.intervals(mass).tolist(),
        "distributions": h.probabilities.tolist(),
    }
    initial_score = float(h.initial_logits[h.label].sigmoid())
    return {
        "query": h.query,
        "label": h.label,
        "name": h.name,
        "score": per_layer["score"][-1],
        "box": boxes[-1],
        "edges": list(EDGES),
        "w": h.w.tolist(),
        "pixels_per_size": h.pixels_per_size.tolist(),
        "mass": mass,
        "calibrated": h.is_calibrated,
        "token": _token(h),
        INITIAL: {"box": boxes[0], "score": initial_score, "iou_with_last": ious[0]},
        "layers": [{"layer": i + 1} | {key: values[i] for key, values in per_layer.items()} for i in range(h.layers)],
    }


def _token(history: History) -> dict | None:
    """The encoder's token from which the query came: index, level (0 is the finest), row and column, or None."""
    if not 0 <= history.token < sum(height * width for height, width in history.shapes):
        return None
    level, row, column = locate(history.token, history.shapes)
    return {"index": history.token, "level": level, "row": row, "column": column}
