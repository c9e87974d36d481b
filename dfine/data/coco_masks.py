"""The box around what COCO's `segmentation` outlines, for files that give no `bbox`: polygons and run lengths."""

from __future__ import annotations

import numpy as np


def box_around(segmentation: object) -> list[float] | None:
    """x, y, width and height in pixels of the box around a segmentation, None where it outlines nothing.

    Args:
        segmentation: a list of polygons [x, y, x, y, …], or {"size": [height, width], "counts": runs} where the runs
            are numbers or COCO's compressed string.
    """
    try:
        if isinstance(segmentation, dict):
            return _around_runs(segmentation)
        corners = [np.asarray(p, dtype=np.float64).reshape(-1, 2) for p in segmentation or () if len(p)]
    except (TypeError, ValueError, KeyError, IndexError, OverflowError):
        return None
    points = np.concatenate(corners) if corners else np.zeros((0, 2))
    if not len(points) or not np.isfinite(points).all():
        return None
    low, high = points.min(0), points.max(0)
    return [*low.tolist(), *(high - low).tolist()]


def _around_runs(mask: dict) -> list[float] | None:
    """Runs alternate between outside and inside, from the top of the first column downwards, column by column."""
    height, width = (int(side) for side in mask["size"])
    counts = mask["counts"]
    runs = _uncompressed(counts) if isinstance(counts, (str, bytes)) else [int(run) for run in counts]
    ends = np.cumsum(runs)
    if not len(ends) or min(runs) < 0 or ends[-1] > height * width:
        return None
    start, last = (edge[: len(ends) // 2] for edge in (ends[0::2], ends[1::2] - 1))  # of the runs that are inside
    start, last = start[last >= start], last[last >= start]
    if not len(start):
        return None
    left, right = start // height, last // height
    top = np.where(left < right, 0, start % height).min()  # a run of several columns takes in their whole height
    bottom = np.where(left < right, height - 1, last % height).max()
    x, y = float(left.min()), float(top)
    return [x, y, float(right.max()) + 1 - x, float(bottom) + 1 - y]


def _uncompressed(counts: str | bytes) -> list[int]:
    """Run lengths from COCO's string.

    Each number is written as characters from "0" on with five bits each, the lowest first; the sixth bit says that more
    follow, and the highest bit of the last five is the sign. From the fourth number on, each is the difference to the
    one two places before.
    """
    data = counts.encode() if isinstance(counts, str) else counts
    runs: list[int] = []
    value = shift = 0
    for byte in data:
        bits = byte - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if shift > 60:
            raise ValueError("a run is longer than any picture")
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << shift
        runs.append(value + (runs[-2] if len(runs) > 2 else 0))
        value = shift = 0
    return runs
