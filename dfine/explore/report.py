"""The report on an explored data set: its numbers as JSON, and a page that shows them and opens without a network.

`tally` needs nothing but plain arrays; `numbers` takes them from what is stored in FiftyOne, where the network is not
asked again.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from dfine.data.pictures import PictureError, read
from dfine.evaluation import calibration
from dfine.evaluation.coco import THRESHOLDS, by_threshold, measure
from dfine.evaluation.confusion import Confusion
from dfine.evaluation.curves import curves
from dfine.evaluation.tide import KINDS, Errors, error_types
from dfine.explore import fields
from dfine.explore.compare import latest
from dfine.explore.slices import BY, slices, unknown
from dfine.explore.worst_pictures import SURE, WORST, worst_pictures
from dfine.figures.pages.report import report
from dfine.files import replacing

SCHEMA = 1  # of the numbers
KEPT = ("model", "digest", "dfine", "size", "threshold", "top")  # of what is stored of a run


def write(
    dataset,
    field: str = fields.FIELD,
    folder: str | Path = "report",
    *,
    worst: int = WORST,
    by: Sequence[str] = BY,
) -> Path:
    """Write `report.html` and `report.json` into a folder, each all at once or not at all.

    Args:
        dataset: a FiftyOne data set that was explored, or a view of it.
        field: FIELD.
        folder: made if it is not there.
        worst: how many of the worst pictures to show.
        by: the slices, as `dfine.explore.slices.slices` takes them.

    Returns:
        The page.

    Raises:
        ValueError: nothing was explored in `field`, or it was not evaluated.
    """
    tables, matches, head = _stored(dataset, field)
    found = tally(tables.truth, tables.rows, matches, head, worst=worst) | _more(dataset, field, by)
    suspected: list = []
    if fields.about(dataset, field).get("suspects"):  # of this run, and of no other that was in the field before
        from dfine.explore.suspect_store import details, judge_note, kinds

        counts, suspected = kinds(dataset, field), details(dataset, field)
        found |= {"suspects": counts["all"], "suspects_likely": counts["likely"]}
        found["suspects_judged"] = judge_note(dataset, field)
    page = report(found, list(_pictures(tables.truth, found["worst"])), suspected)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (("report.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n"), ("report.html", page)):
        with replacing(folder / name) as draft:
            draft.write_text(text, encoding="utf-8")
    return folder / "report.html"


def numbers(dataset, field: str = fields.FIELD, *, worst: int = WORST, by: Sequence[str] = BY) -> dict:
    """The report's numbers from what is stored; see `tally`. Raises ValueError as `write` does.

    Besides, `slices`, and `comparison` where the run was compared with another one.
    """
    tables, matches, head = _stored(dataset, field)
    return tally(tables.truth, tables.rows, matches, head, worst=worst) | _more(dataset, field, by)


def _more(dataset, field: str, by: Sequence[str]) -> dict:
    """What needs the data set itself: slices, and the latest comparison with another run."""
    compared = latest(dataset, field)
    found = {"slices": [s.to_dict() for s in slices(dataset, field, by)]}
    return found | ({"comparison": compared} if compared else {})


def _stored(dataset, field: str) -> tuple:
    """Answers and detections as columns, matches for calibration, and where they come from."""
    from dfine.explore.columns import Tables, looked_at
    from dfine.explore.true_edges import matches

    info = fields.about(dataset, field)
    found = matches(dataset, field)  # says in a sentence that there was no evaluation
    tables = Tables.of(looked_at(dataset, field), field)
    card = fields.card(info).to_dict()
    head = {"schema": SCHEMA, "data": getattr(dataset, "dataset_name", None) or dataset.name, "field": field}
    head |= {key: info.get(key) for key in KEPT} | {"input": card["input_size"]}
    head |= {key: card.get(key) for key in ("temperature", "levels")}
    head["unknown"] = unknown(dataset, field)
    return tables, found, head


def tally(
    truth: dict, rows: dict[str, np.ndarray], matches: calibration.Matches, head: dict, *, worst: int = WORST
) -> dict:
    """All numbers of a report, as plain JSON values; None where there was nothing to measure.

    Args:
        truth: a COCO-format dict.
        rows: stage -> detections, as `dfine.evaluation.rows.as_rows` takes them, the last layer last.
        matches: what calibration is measured on.
        head: where it comes from: `data`, `model`, `digest`, `threshold`, `temperature` …; and `unknown`, the classes
            of the data set that the model does not have.
        worst: how many of the worst pictures to name.

    Returns:
        `head`, with `pictures` and `objects`; `stages`, each with its metrics; `thresholds` and AP `by_threshold` of
        every stage; `classes` with `ap` by stage; `unknown`, what the model cannot find (`_unknown`), or None; `errors`
        of the last layer (`all`, `cases`, `sizes`, `classes`; all but the first are of the classes that the model
        knows, and so is `known`, where there are others); `reporting` (curves by score, and confusion matrix and counts
        of errors of boxes with a score from 0.5); `calibration` (`measured`, and `study` of a temperature or a `note`
        that says why there is none); and the `worst` pictures.
    """
    measured = {stage: measure(truth, found) for stage, found in rows.items()}
    last = list(rows)[-1]
    errors = error_types(truth, rows[last])
    objects = Counter(a["category_id"] for a in truth["annotations"] if not a.get("iscrowd"))
    names = {c["id"]: c["name"] for c in truth["categories"]}
    classes = [
        {"name": name, "objects": objects[c], "ap": {s: _plain(ap[name]) for s, (_, ap) in measured.items()}}
        for c, name in names.items()
        if objects[c]
    ]
    lacking = set(head.get("unknown") or ())
    beyond = {c for c in objects if names[c] in lacking}
    known = errors.only(categories=names.keys() - beyond) if beyond else errors
    return {
        "head": head | {"pictures": len(truth["images"]), "objects": sum(objects.values())},
        "stages": [{"stage": s} | {k: _plain(v) for k, v in stats.items()} for s, (stats, _) in measured.items()],
        "thresholds": list(THRESHOLDS),
        "by_threshold": {s: [_plain(v) for v in by_threshold(truth, found).values()] for s, found in rows.items()},
        "classes": sorted(classes, key=lambda c: -(c["ap"][last] or 0)),
        "unknown": _unknown([c for c in classes if c["name"] in lacking], classes, last),
        "errors": _errors(errors, known),
        "reporting": _reporting(truth, known, head.get("threshold") or 0.0),
        "calibration": _calibration(matches, head),
        "worst": worst_pictures(truth, rows[last], worst, beyond),
    }


def _unknown(beyond: list[dict], classes: list[dict], last: str) -> dict | None:
    """What the model has no class for; None where it knows all classes with objects.

    `classes`, the most frequent first, out of `of`; how many `objects`; and `known`, the mean AP of the other classes.
    """
    if not beyond:
        return None
    found = [c["ap"][last] for c in classes if c not in beyond and c["ap"][last] is not None]
    return {
        "classes": [c["name"] for c in sorted(beyond, key=lambda c: -c["objects"])],
        "of": len(classes),
        "objects": sum(c["objects"] for c in beyond),
        "known": _plain(float(np.mean(found))) if found else None,
    }


def _reporting(truth: dict, errors: Errors, least: float) -> dict:
    """What reporting boxes from a score gives; `least` is the lowest score that was kept."""
    sure = error_types(truth, errors.rows[errors.rows["score"] >= SURE]).only(categories=errors.names)
    counts = {"reported": sure.counts, "all": errors.counts}
    return {
        "score": SURE,
        "errors": {which: {kind: found[kind] for kind in KINDS} for which, found in counts.items()},
        "curves": [curve.to_dict() for curve in curves(errors, least)],
        "confusion": Confusion.of(sure).to_dict(),
    }


def _errors(errors: Errors, known: Errors) -> dict:
    """Summaries of the whole and its parts, classes by what their errors cost, the costliest first.

    Parts are of the classes that are `known`, and these have a summary of their own where there are others.
    """
    classes = {name: part.summary() for name, part in known.by_class().items()}
    classes = {k: v for k, v in classes.items() if v["ap50"] is not None}
    cost = {name: sum(delta or 0 for delta in v["delta"].values()) for name, v in classes.items()}
    parts = {"cases": known.by_case(), "sizes": known.by_size()}
    return {
        "all": errors.summary(),
        **({} if known is errors else {"known": known.summary()}),
        **{key: {name: part.summary() for name, part in found.items()} for key, found in parts.items()},
        "classes": dict(sorted(classes.items(), key=lambda item: -cost[item[0]])),
    }


def _calibration(matches: calibration.Matches, head: dict) -> dict:
    """As it is used, and what one fitted to these pictures would do."""
    used = calibration.fitted(head.get("temperature"), head.get("levels"))
    found = {"measured": calibration.measured(matches, *used), "study": None, "note": ""}
    try:
        found["study"] = calibration.study(matches, stored=used).to_dict()
    except ValueError as error:
        found["note"] = f"No calibration was fitted: {error}."
    return found


def _pictures(truth: dict, entries: list[dict]) -> Iterator[tuple[Image.Image, dict]]:
    """The pictures that can still be read, with their entries."""
    files = {image["id"]: image["file_name"] for image in truth["images"]}
    for entry in entries:
        try:
            yield read(files[entry["image"]]), entry
        except PictureError:
            continue


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
