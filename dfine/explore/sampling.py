"""Which pictures to label next: those that the detector doubts, and that are unlike what was taken before them."""

from __future__ import annotations

import csv
from pathlib import Path

import fiftyone as fo
import numpy as np

from dfine.explore import fields
from dfine.explore.columns import chunks
from dfine.explore.export import MORE, without_answers
from dfine.explore.similar import standardised
from dfine.files import replacing

MOST = 1000  # pictures that are put in order; the others are not worth a choice before these are labelled
COUNTED = 0.2  # score from which a box says something of a picture's doubt
MIX = 0.5  # share of diversity, against doubt


def ordered(doubt: np.ndarray, z: np.ndarray, known: np.ndarray, count: int, mix: float = MIX) -> list[int]:
    """Places of pictures in the order in which to label them.

    The first has the most doubt. Every next one has the largest product of the rank of its doubt and its distance to
    the nearest picture that was taken or is labelled, each to its share: doubt^(1 − mix) · distance^mix.

    Args:
        doubt: [n] of the pool's pictures; only their order counts.
        z: [n, D] their features of unit length.
        known: [m, D] those of the pictures that are labelled already.
        count: how many to take at most.
        mix: 0: only doubt, 1: only diversity.

    Raises:
        ValueError: `mix` is not between 0 and 1.
    """
    if not 0 <= mix <= 1:
        raise ValueError(f"diversity has a share between 0 and 1, not {mix}")
    n, rising = len(doubt), np.sort(doubt)
    ends = [np.searchsorted(rising, doubt, side) for side in ("left", "right")]
    rank = (sum(ends) + 1) / 2 / max(n, 1)  # equal doubts have one rank, the mean of theirs
    far = np.full(n, 2.0) if not len(known) else 1 - (z @ known.T).max(1)
    free, taken = np.ones(n, bool), []
    for _ in range(min(count, n)):
        worth = np.where(free, rank ** (1 - mix) * np.maximum(far, 1e-9) ** mix, -1.0)
        at = int(worth.argmax())
        taken.append(at)
        free[at] = False
        far = np.minimum(far, 1 - z @ z[at])
    return taken


def doubt_of(scores: np.ndarray, doubts: np.ndarray) -> float:
    """The doubt of a picture: of its most doubtful box, half by the score and half by the least certain edge.

    A score says least at 0.5; an edge may lie anywhere within `doubts` of the box's width or height. 0 without boxes.
    """
    counted = scores >= COUNTED
    if not counted.any():
        return 0.0
    return float((0.5 * (1 - np.abs(2 * scores[counted] - 1)) + 0.5 * doubts[counted].clip(0, 1)).max())


def sampling(dataset: fo.Dataset, field: str = fields.FIELD, count: int = MOST, mix: float = MIX) -> list[dict]:
    """The pictures without answers in the order in which to label them.

    Args:
        dataset: explored in `field`, with features (`dfine.explore.similar.embed`).
        field: FIELD.
        count: how many at most.
        mix: share of diversity against doubt.

    Returns:
        `rank`, `sample`, `picture` (file), `boxes` (score from 0.2) and `doubt` of each.

    Raises:
        ValueError: every picture has answers, or none has features.
    """
    name = fields.features_field(field)
    pool = without_answers(dataset, fields.about(dataset, field)["truth"])
    pool = pool.exists(name) if dataset.has_sample_field(name) else pool.limit(0)
    if not len(pool):
        raise ValueError(
            f"there is nothing to choose from: every picture of {dataset.name!r} has answers, or cannot be read{MORE}"
        )
    inside = set(pool.values("id"))
    ids, features = dataset.exists(name).values(["id", name])
    z = standardised(np.stack(features))
    place = {id: i for i, id in enumerate(ids)}
    mine, doubts = [], []
    for part in chunks(pool, ["id", "filepath"], {field: ("confidence", "doubt")}):
        for row in part:
            scores = np.array(row[f"{field}.confidence"], float)
            doubts.append(doubt_of(scores, np.array(row[f"{field}.doubt"], float)))
            mine.append((row["id"], row["filepath"], int((scores >= COUNTED).sum())))
    known = z[[i for i, id in enumerate(ids) if id not in inside]]
    order = ordered(np.array(doubts), z[[place[id] for id, _, _ in mine]], known, count, mix)
    return [
        {"rank": rank, "sample": mine[i][0], "picture": mine[i][1], "boxes": mine[i][2], "doubt": round(doubts[i], 4)}
        for rank, i in enumerate(order, 1)
    ]


def write_csv(found: list[dict], path: str | Path) -> Path:
    """Write the list, first what to label first."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, ["rank", "picture", "boxes", "doubt"], extrasaction="ignore")
        rows.writeheader()
        rows.writerows(found)
    return path
