"""What a person has decided of suspects, and what of it still holds when they are ranked again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bson import ObjectId

from dfine.explore.columns import Collection, chunks, corners
from dfine.explore.suspect_clues import SAME, iou

OPEN, ACCEPTED, REJECTED = REVIEWS = ("open", "accepted", "rejected")
AGREED = ("bounding_box", "reason", "edge", "z")  # what a person saw of a suspect whose box is a suggested one

MOVED = 1e-6  # of the picture's sides, from which on an answer's box is another one

Labels = Mapping[str, Sequence[dict]]  # id of a sample -> its suspects, as plain documents of `fiftyone.Detection`


def same(one: dict, other: dict) -> bool:
    """Whether two suspects of a picture are the same: of one kind and class, and of one answer or place."""
    if any(one[key] != other[key] for key in ("kind", "label", "answer_id")):
        return False
    return bool(one["answer_id"]) or float(iou(_corners(one), _corners(other))[0, 0]) >= SAME


def renewed(label: dict, earlier: dict | None) -> dict:
    """A suspect of another ranking with what was decided of it before; its box is then the one that was accepted.

    Another judge, or the same with other answers around, suggests another box for the same place: nobody has seen it.

    Args:
        label: the suspect.
        earlier: the same one of the ranking before (`same`), decided on; None where there is none.
    """
    kept = {key: earlier[key] for key in AGREED} if earlier and _suggests(earlier) else {}
    return label | kept | {"review": earlier["review"] if earlier else OPEN}


def _suggests(one: dict) -> bool:
    """Whether a suspect was accepted together with a box."""
    return one["review"] == ACCEPTED and one["kind"] in ("missing", "shifted")


def answers(row: dict, truth: str) -> dict[str, tuple[str, Sequence[float]]]:
    """The answers of a row of `columns.chunks`, by their ids: class and box (x, y, width, height in 0..1)."""
    return dict(zip(row[f"{truth}.id"], zip(row[f"{truth}.label"], row[f"{truth}.bounding_box"])))


def holds(one: dict, now: Mapping[str, tuple[str, Sequence[float]]]) -> bool:
    """Whether what a suspect is about is still as it was when it was suspected.

    It is not where the answer is gone, has got another class since or, of one that is shifted or extra, another box;
    nor where an answer lies now that was missing.

    Args:
        one: the suspect.
        now: the picture's answers of today, as `answers` gives them.
    """
    if not one["answer_id"]:
        boxes = corners([box for _, box in now.values()], (1, 1))
        return float(iou(_corners(one), boxes).max(initial=0)) < SAME
    name, box = now.get(one["answer_id"], (None, None))
    was = one.get("labelled_box") if one["kind"] in ("shifted", "extra") else None  # of earlier versions: none
    return name == one["labelled"] and (was is None or max(abs(a - b) for a, b in zip(was, box)) < MOVED)


def decided(dataset: Collection, name: str, truth: str, stored: Sequence[str]) -> dict[str, list[dict]]:
    """The suspects that a person has accepted or rejected, as far as what they are about is still there.

    See `holds`.

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
            now = answers(row, truth)
            for values in zip(*(row[f"{name}.{a}"] for a in stored)):
                one = dict(zip(stored, values))
                if one["review"] != OPEN and holds(one, now):
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
