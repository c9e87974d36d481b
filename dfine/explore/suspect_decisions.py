"""What a person has decided of suspects, and what of it still holds when they are ranked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bson import ObjectId

from dfine.explore.columns import Collection, chunks, corners
from dfine.explore.suspect_clues import SAME, iou

OPEN, ACCEPTED, REJECTED = REVIEWS = ("open", "accepted", "rejected")

Labels = Mapping[str, Sequence[dict]]  # id of a sample -> its suspects, as plain documents of `fiftyone.Detection`


def same(one: dict, other: dict) -> bool:
    """Whether two suspects of a picture are the same: of one kind and class, and of one answer or place."""
    if any(one[key] != other[key] for key in ("kind", "label", "answer_id")):
        return False
    return bool(one["answer_id"]) or float(iou(_corners(one), _corners(other))[0, 0]) >= SAME


def decided(dataset: Collection, name: str, truth: str, stored: Sequence[str]) -> dict[str, list[dict]]:
    """The suspects that a person has accepted or rejected, as far as what they are about is still there.

    It is not where the answer is gone or has got another class since, or where an answer lies now that was missing.

    Args:
        dataset: the data set.
        name: the field of the suspects, which may not be there yet.
        truth: the field of the answers.
        stored: what is stored of a suspect.
    """
    found: dict[str, list[dict]] = {}
    if not dataset.has_sample_field(name):
        return found
    for part in chunks(dataset, ["id"], {name: stored, truth: ("id", "label", "bounding_box")}):
        for row in part:
            answers = dict(zip(row[f"{truth}.id"], row[f"{truth}.label"]))
            boxes = corners(row[f"{truth}.bounding_box"], (1, 1))
            for values in zip(*(row[f"{name}.{a}"] for a in stored)):
                one = dict(zip(stored, values))
                answer = one["answer_id"]
                there = (
                    answers.get(answer) == one["labelled"]
                    if answer
                    else iou(_corners(one), boxes).max(initial=0) < SAME
                )
                if one["review"] != OPEN and there:
                    plain = {"_id": ObjectId(one.pop("id")), "_cls": "Detection", "attributes": {}}
                    found.setdefault(row["id"], []).append(plain | one | {"tags": one["tags"] or []})
    return found


def not_among(ranked: Labels, decided: Labels) -> list[tuple[str, dict]]:
    """Those decided on, with the ids of their samples, that are not suspected again, in the order of their ranks."""
    kept = [
        (id, one) for id, own in decided.items() for one in own if not any(same(one, s) for s in ranked.get(id, ()))
    ]
    return sorted(kept, key=lambda pair: pair[1]["rank"])


def _corners(label: dict):
    return corners([label["bounding_box"]], (1, 1))
