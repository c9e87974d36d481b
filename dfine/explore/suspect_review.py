"""Suspects decided on by a person: accepted or rejected, one or many at a time, and accepted ones applied."""

from __future__ import annotations

from collections.abc import Collection as Ids

import fiftyone as fo

from dfine.explore import fields
from dfine.explore.columns import Collection
from dfine.explore.suspect_decisions import ACCEPTED, REVIEWS, holds
from dfine.explore.suspect_view import save_view

_ABOUT = ("kind", "answer_id", "bounding_box", "labelled", "labelled_box")  # what says whether a suspect still holds


def decide(dataset: fo.Dataset, ids: Ids[str], review: str, field: str = fields.FIELD) -> int:
    """Set what was decided of some suspects.

    Args:
        dataset: with suspects of the run in `field`.
        ids: of their labels; others are passed over.
        review: "accepted", "rejected" or "open".
        field: FIELD.

    Returns:
        How many were set.

    Raises:
        ValueError: `review` is none of the three, or suspects were not looked for.
    """
    if review not in REVIEWS:
        raise ValueError(f"a suspect is {', '.join(REVIEWS)}, not {review!r}")
    name = fields.suspects_field(field)
    if not dataset.has_sample_field(name):
        raise ValueError(f"the data set {dataset.name!r} has no suspects of the run {field!r}")
    wanted, values = set(ids), []
    for sample, labels in zip(*dataset.values(["id", f"{name}.detections.id"])):
        mine = wanted.intersection(labels or ())
        values += [{"sample_id": sample, "label_id": label, "value": review} for label in mine]
    if values:  # label by label: saving a view that shows a part of the labels would take the others away
        dataset.set_label_values(f"{name}.detections.review", values)
        save_view(dataset, field)  # a view of patches shows what was there when it was made
    return len(values)


def shown(view: Collection, field: str = fields.FIELD) -> list[str]:
    """The ids of the suspects that a view shows: of pictures or of patches."""
    name = fields.suspects_field(field)
    if not view.has_sample_field(name):
        return []
    kind = getattr(view.get_field(name), "document_type", None)
    return view.values(f"{name}.detections.id", unwind=True) if kind is fo.Detections else view.values(f"{name}.id")


def accepted(sample, field: str = fields.FIELD) -> list[fo.Detection]:
    """The accepted suspects of a sample."""
    name = fields.suspects_field(field)
    value = sample[name] if sample.has_field(name) else None
    return [s for s in value.detections if s["review"] == ACCEPTED] if value is not None else []


def corrected(answers: list[fo.Detection], fixes: list[fo.Detection]) -> list[fo.Detection]:
    """The answers of one picture with fixes applied: accepted suspects. The given labels stay as they are.

    Missing answers are added; an answer gets the class or the box that was suggested, or is left out. A fix whose
    answer is not there any more, or was changed since (`suspect_decisions.holds`), does nothing.
    """
    now = {answer.id: (answer.label, answer.bounding_box) for answer in answers}
    by_answer: dict[str, list[fo.Detection]] = {}
    for one in fixes:
        if holds({name: one[name] for name in _ABOUT if one.has_field(name)}, now):
            by_answer.setdefault(one["answer_id"], []).append(one)
    kept = []
    for answer in answers:
        mine = by_answer.get(answer.id, [])
        if any(one["kind"] == "extra" for one in mine):
            continue
        if mine:
            answer = answer.copy()
            for one in mine:
                if one["kind"] == "class":
                    answer.label = one.label
                else:
                    answer.bounding_box = one.bounding_box
        kept.append(answer)
    added = [fo.Detection(label=one.label, bounding_box=one.bounding_box) for one in by_answer.get("", [])]
    return kept + added
