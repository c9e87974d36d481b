"""Suspects in FiftyOne: found in what is stored of a run, kept as labels of their own, and shown as a saved view."""

from __future__ import annotations

import csv
from collections.abc import Container
from functools import partial
from pathlib import Path

import fiftyone as fo
import numpy as np
from bson import ObjectId
from PIL import Image

from dfine.config import EDGES
from dfine.data.pictures import PictureError, read
from dfine.explore import fields, suspect_decisions
from dfine.explore.columns import Collection, chunks, corners, looked_at
from dfine.explore.datasets import classes
from dfine.explore.fiftyone_private import extend_schema
from dfine.explore.suspect_clues import KINDS, Evidence
from dfine.explore.suspect_decisions import OPEN
from dfine.explore.suspect_learning import ENOUGH
from dfine.explore.suspect_replies import Decoders
from dfine.explore.suspect_text import fix, reason
from dfine.explore.suspect_view import save_view
from dfine.explore.suspects import Suspect, rank
from dfine.figures.pages.suspects import LIKELY, crop
from dfine.files import replacing

SHOWN = 40  # suspects in the report
MOST = 1000  # suspects that are stored of a data set, the best
WEAK = 0.2  # AP of the folds' models below which, where it was looked at one by one, most places were their mistakes
COLUMNS = (
    "rank picture kind score label suggested fix reason edge z box_x box_y box_width box_height to_x to_y to_width "
    "to_height seen_in_training review"
).split()

_READ = ("id", "label", "bounding_box", "confidence", *(f"interval_{edge}" for edge in EDGES))
_KINDS = {
    "kind": fo.StringField,
    "rank": fo.IntField,
    "reason": fo.StringField,
    "fix": fo.StringField,
    "labelled": fo.StringField,
    "edge": fo.StringField,
    "z": fo.FloatField,
    "review": fo.StringField,
    "answer_id": fo.StringField,
    "found_id": fo.StringField,
    "seen_in_training": fo.BooleanField,
}
_STORED = ("id", "label", "bounding_box", "confidence", "tags", "labelled_box", *_KINDS)  # of a suspect


def find(
    dataset: fo.Dataset,
    field: str = fields.FIELD,
    *,
    trained: Container[str] = (),
    judge: str | None = None,
    decoders: Decoders | None = None,
    most: int = MOST,
) -> dict[str, int]:
    """Rank the probable label errors of an explored data set, store them, and save the view that shows them.

    What a person has decided of a suspect stays: where the same place is suspected again of the same, with that (and
    with the box that was accepted), else behind the others, as long as the answer, or the gap, that it is about is
    still there. Answers of classes that the judge cannot say are no suspects, and nothing is missing in pictures
    without answers.

    Args:
        dataset: explored in `field`, with answers.
        field: FIELD.
        trained: the files of pictures that the model was trained on (`dfine.explore.suspect_training`).
        judge: the field whose boxes speak for and against the answers, as of `dfine.explore.suspect_folds.judge`; by
            default FIELD itself.
        decoders: the networks that filled that field, which are asked about the answers; by default none is.
        most: how many to store at most.

    Returns:
        How many there are of each kind.

    Raises:
        ValueError: nothing was explored in `field`, or there are no answers.
    """
    truth, judge = fields.about(dataset, field)["truth"], judge or field
    names = classes(dataset, truth)
    if not names:
        raise ValueError(f"the data set {dataset.name!r} has no answers, so none of them can be wrong")
    samples, name = looked_at(dataset, judge).exists(truth), fields.suspects_field(field)
    before = suspect_decisions.decided(dataset, name, truth, _STORED)
    extend_schema(dataset, {name: fo.Detections} | {f"{name}.detections.{k}": v for k, v in _KINDS.items()})
    rows = list(_rows(samples, judge, truth))
    said = set(fields.about(dataset, judge)["names"])
    evidence = [_evidence(row, judge, truth, {n: i for i, n in enumerate(names)}, said) for row in rows]
    ids = [row["id"] for row in rows]
    ask = decoders and partial(decoders.replies, dataset, judge, names, ids)
    ranked = rank(evidence, ask=ask)[:most]
    stored: dict[str, list[dict]] = {}
    for place, suspect in enumerate(ranked, 1):
        row = rows[suspect.picture]
        label = _label(suspect, row, evidence[suspect.picture], judge, truth, names) | {"rank": place}
        earlier = next((one for one in before.get(row["id"], []) if suspect_decisions.same(one, label)), None)
        label["seen_in_training"] = row["filepath"] in trained
        stored.setdefault(row["id"], []).append(suspect_decisions.renewed(label, earlier))
    for place, (id, one) in enumerate(suspect_decisions.not_among(stored, before), len(ranked) + 1):
        stored.setdefault(id, []).append(one | {"rank": place})
    documents = {id: {"_cls": "Detections", "detections": stored.get(id, [])} for id in dataset.values("id")}
    dataset.set_values(name, documents, key_field="id", expand_schema=False, validate=False)
    save_view(dataset, field)
    counts = {kind: sum(s.kind == kind for s in ranked) for kind in KINDS if any(s.kind == kind for s in ranked)}
    seen = sum(row["filepath"] in trained for row in rows)
    unlearned = [kind for kind in KINDS if any(s.kind == kind and not s.score for s in ranked)]
    about = {"kinds": counts, "pictures": len(rows), "seen_in_training": seen, "unlearned": unlearned}
    fields.note(dataset, field, {"suspects": about | {"folds": fields.about(dataset, judge).get("folds")}})
    return counts


def judge_note(dataset: Collection, field: str = fields.FIELD) -> str:
    """Who judged: models that did not see the pictures, or one that was trained on them; and what could not be learned.

    "" where there is nothing to say.
    """
    about = fields.about(dataset, field).get("suspects", {})
    kinds = " and ".join(about.get("unlearned") or ())
    few = kinds and (
        f"there are too few answers to learn what tells {kinds} ones: these are no ranking, but stand in the order of "
        f"the pictures, with a score of 0 (at least {ENOUGH} answers are needed)"
    )
    return "; ".join(filter(None, (_judged(about), few)))


def _reached(ap: list[float]) -> str:
    """How good the models of the folds are on what they did not see, and what to do where that is too little."""
    if not ap:
        return ""
    said = " to ".join(dict.fromkeys((f"{min(ap):.2f}", f"{max(ap):.2f}")))
    weak = (
        ": judges as weak as that list mostly their own mistakes; train them for longer with --fold-epochs, or name a "
        "stronger checkpoint with --start"
    )
    return f", and which reach an AP of {said} there{weak if max(ap) < WEAK else ''}"


def _judged(about: dict) -> str:
    """Who judged, in a part of a sentence."""
    if folds := about.get("folds"):
        return (
            f"each of these {about['pictures']} pictures was judged by one of {folds['count']} models that were "
            f"trained on others, from {folds['start']}{_reached([v for v in folds['ap'].values() if v is not None])}"
        )
    if not about.get("seen_in_training"):
        return ""
    return (
        f"the model was trained on {about['seen_in_training']} of these {about['pictures']} pictures and has learned "
        "their label errors, too: fewer of them are found there (the column seen_in_training says where); --folds 4 "
        "judges each by a model that never saw it"
    )


def listed(dataset: Collection, field: str = fields.FIELD) -> list[dict]:
    """All suspects in the order of their rank, as plain values.

    Each has what its label stores (README.md), `sample` and `picture` (id and file), `size` (width, height), and its
    boxes in pixels, x1, y1, x2, y2: `suggested` and, but for missing answers, the answer's as it is, `box`; and
    `holds`, whether what it is about is still as it was (`suspect_decisions.holds`).

    Raises:
        ValueError: suspects were not looked for in this run.
    """
    name, truth = fields.suspects_field(field), fields.about(dataset, field)["truth"]
    if not dataset.has_sample_field(name):
        raise ValueError(f"no suspects of the run {field!r} are stored; `dfine explore --suspects FILE.csv` finds them")
    plain = ["id", "filepath", "metadata.width", "metadata.height"]
    found = []
    for part in chunks(dataset, plain, {name: _STORED, truth: ("id", "label", "bounding_box")}):
        for row in part:
            size = row["metadata.width"], row["metadata.height"]
            if not row[f"{name}.id"]:
                continue  # perhaps of a picture that cannot be read, whose size nobody knows
            answers = suspect_decisions.answers(row, truth)
            boxes = dict(zip(answers, corners(row[f"{truth}.bounding_box"], size).tolist()))
            suggested = corners(row[f"{name}.bounding_box"], size).tolist()
            for at, box in enumerate(suggested):
                one = {a: row[f"{name}.{a}"][at] for a in _STORED}
                holds = suspect_decisions.holds(one, answers)
                del one["bounding_box"]
                one |= {"sample": row["id"], "picture": row["filepath"], "size": size, "suggested": box}
                found.append(one | {"box": boxes.get(one["answer_id"]), "holds": holds})
    return sorted(found, key=lambda one: one["rank"])


def kinds(dataset: Collection, field: str = fields.FIELD) -> dict[str, dict[str, int]]:
    """How many suspects there are of each kind: of `all`, and of the `likely` ones (a score of LIKELY or more)."""
    found = listed(dataset, field)
    parts = {"all": found, "likely": [one for one in found if one["confidence"] >= LIKELY]}
    named = {which: [one["kind"] for one in part] for which, part in parts.items()}
    return {which: {kind: names.count(kind) for kind in KINDS if kind in names} for which, names in named.items()}


def details(dataset: Collection, field: str = fields.FIELD, most: int = SHOWN) -> list[tuple[Image.Image, dict]]:
    """The first suspects that nobody has decided on, as details of their pictures, for the report.

    Those whose answers have changed since, or whose pictures cannot be read any more, are left out.
    """
    found = []
    for one in listed(dataset, field):
        if one["review"] != OPEN or not one["holds"] or len(found) == most:
            continue
        try:
            picture = read(one["picture"])
        except PictureError:
            continue
        image = crop(picture, one["box"], None if one["kind"] == "extra" else one["suggested"])
        about = {key: one[key] for key in ("rank", "kind", "reason", "fix", "seen_in_training")}
        found.append((image, about | {"picture": Path(one["picture"]).name, "score": one["confidence"]}))
    return found


def write_csv(dataset: Collection, path: str | Path, field: str = fields.FIELD) -> Path:
    """Write the list of suspects as CSV, best first: which picture, what is wrong, and what is suggested."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for one in listed(dataset, field):
            said = [one["rank"], one["picture"], one["kind"], round(one["confidence"], 4), one["labelled"]]
            said += [one["label"], one["fix"], one["reason"], one["edge"], one["z"]]
            to = None if one["kind"] == "extra" else one["suggested"]
            writer.writerow([*said, *_xywh(one["box"]), *_xywh(to), one["seen_in_training"], one["review"]])
    return path


def _xywh(box: list[float] | None) -> list[float | None]:
    if box is None:
        return [None] * 4
    x1, y1, x2, y2 = box
    return [round(v, 2) for v in (x1, y1, x2 - x1, y2 - y1)]


def _rows(samples: Collection, field: str, truth: str):
    """What is read of every picture."""
    lists = {truth: ("id", "label", "bounding_box", "iscrowd"), field: _READ}
    for part in chunks(samples, ["id", "filepath", "metadata.width", "metadata.height"], lists):
        yield from part


def _evidence(row: dict, field: str, truth: str, number: dict[str, int], said: set[str]) -> Evidence:
    """A picture's answers and detections as arrays; `said` are the classes that the detector can say."""
    size = row["metadata.width"], row["metadata.height"]
    count = len(row[f"{field}.id"])
    edges = [np.array(row[f"{field}.interval_{edge}"], float).reshape(count, 2) for edge in EDGES]
    return Evidence(
        corners(row[f"{truth}.bounding_box"], size).clip(0, [*size, *size]),
        np.array([number[n] for n in row[f"{truth}.label"]], int),
        np.array([bool(c) for c in row[f"{truth}.iscrowd"]], bool),
        corners(row[f"{field}.bounding_box"], size),
        np.array([number.get(n, -1) for n in row[f"{field}.label"]], int),
        np.array(row[f"{field}.confidence"], float),
        np.stack(edges, 1) if count else np.zeros((0, 4, 2)),
        size,
        np.array([n in said for n in row[f"{truth}.label"]], bool),
    )


def _label(s: Suspect, row: dict, seen: Evidence, field: str, truth: str, names: list[str]) -> dict:
    """A suspect as a plain document of a `fiftyone.Detection`: its box and class are those suggested."""
    c = s.about
    answer = "" if c.answer is None else row[f"{truth}.id"][c.answer]
    found = "" if c.found is None else row[f"{field}.id"][c.found]
    labelled = "" if c.answer is None else names[seen.classes[c.answer]]
    suggested = row[f"{field}.label"][c.found] if c.kind in ("missing", "class") else labelled
    box = row[f"{field}.bounding_box"][c.found] if c.kind in ("missing", "shifted") else None
    return {
        "_id": ObjectId(),
        "_cls": "Detection",
        "attributes": {},
        "tags": [],
        "label": suggested,
        "bounding_box": box or row[f"{truth}.bounding_box"][c.answer],
        "confidence": round(s.score, 6),
        "kind": c.kind,
        "reason": reason(c, seen, names),
        "fix": fix(c, suggested),
        "labelled": labelled,
        "labelled_box": None if c.answer is None else row[f"{truth}.bounding_box"][c.answer],
        "edge": EDGES[c.worst.edge] if c.worst else "",
        "z": round(c.worst.z, 2) if c.worst else None,
        "answer_id": answer,
        "found_id": found,
    }
