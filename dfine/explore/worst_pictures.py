"""The pictures of a data set with the most mistakes, and what the mistakes are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np

from dfine.evaluation.rows import as_rows
from dfine.evaluation.tide import Errors, error_types
from dfine.figures.pages.errors import WORDS
from dfine.wording import counted

SURE = 0.5  # score from which a box counts, as a person would see them
WORST = 12


def worst_pictures(truth: dict, rows: np.ndarray, count: int = WORST, unknown: Collection[int] = ()) -> list[dict]:
    """The pictures with the most mistakes among detections with a score from 0.5, and what the mistakes are.

    A find where nothing is labelled is not counted: the label may be missing. Nor are objects of the classes (category
    ids) that are `unknown` to the model, which nothing could have found.

    Each has `picture` (file name), `image` (id in `truth`), `size` (width, height), `mistakes`, `unlabelled` (finds
    where nothing is labelled), `objects`, `why` in words, and `boxes`: dicts of `role` ("correct", "wrong",
    "unlabelled", "missed"), `box` (xyxy in pixels) and `label`.
    """
    rows = as_rows(rows)
    errors = error_types(truth, rows[rows["score"] >= SURE])
    wrong = ~np.isin(errors.kind, ("correct", "ignored", "Bkg"))
    known = ~np.isin(errors.truth.category, list(unknown))
    missed = known & (errors.truth.state == "Miss")
    score = Counter(errors.rows["image"][wrong].tolist()) + Counter(errors.truth.image[missed].tolist())
    images = {i["id"]: i for i in truth["images"]}
    surest = {i: max(errors.rows["score"][wrong & (errors.rows["image"] == i)], default=0.0) for i in score}
    order = sorted(score, key=lambda i: (-score[i], -surest[i], i))[:count]
    return [_entry(images[i], errors, score[i], known) for i in order]


def _entry(image: dict, errors: Errors, mistakes: int, known: np.ndarray) -> dict:
    """One of the worst pictures; objects that are not `known` [m] are left out."""
    here, objects = np.flatnonzero(errors.rows["image"] == image["id"]), errors.truth
    boxes, said, free = [], {}, []
    for i in here[errors.kind[here] != "ignored"]:
        row, kind = errors.rows[i], errors.kind[i]
        (x, y, w, h), name = row["box"].tolist(), errors.names[int(row["category"])]
        text, label = name, f"{name} {row['score']:.2f}"
        if kind in ("Cls", "Both"):
            true = errors.names[int(objects.category[errors.target[i]])]
            text, label = f"{name} for {true}", f"{name} {row['score']:.2f}, not {true}"
        role = {"correct": "correct", "Bkg": "unlabelled"}.get(kind, "wrong")
        suffix = {"Loc": ", loose", "Dupe": ", again", "Bkg": ", no label"}.get(kind, "")
        boxes.append({"role": role, "box": [x, y, x + w, y + h], "label": label + suffix})
        if role == "unlabelled":
            free.append(name)
        if role == "wrong":
            said.setdefault(kind, []).append(text)
    mine = known & (objects.image == image["id"])
    for j in np.flatnonzero(mine & (objects.state == "Miss")):
        (x, y, w, h), name = objects.boxes[j].tolist(), errors.names[int(objects.category[j])]
        boxes.append({"role": "missed", "box": [x, y, x + w, y + h], "label": name})
        said.setdefault("Miss", []).append(name)
    parts = [
        f"{len(what)}{' ×' if kind != 'Miss' else ''} {WORDS[kind]} ({_listed(what)})" for kind, what in said.items()
    ]
    more = f" Besides, {len(free)} found where nothing is labelled ({_listed(free)})." if free else ""
    dials = [f"{k.replace('_', ' ')} {v:.1f}" for k, v in (image.get("dials") or {}).items() if v and v >= 0.05]
    return {
        "picture": Path(image["file_name"]).name,
        "image": image["id"],
        "sample": image.get("sample", ""),
        "size": [image["width"], image["height"]],
        "mistakes": mistakes,
        "unlabelled": len(free),
        "objects": int(mine.sum()),
        "why": f"{counted(mistakes, 'mistake')}, {counted(int(mine.sum()), 'object')}: {'; '.join(parts)}."
        + more
        + (f" Dials: {', '.join(dials)}." if dials else ""),
        "boxes": [b | {"box": [round(v, 1) for v in b["box"]]} for b in boxes],
    }


def _listed(names: list[str], most: int = 3) -> str:
    """The most frequent names, each once, with how often."""
    counts = Counter(names).most_common()
    shown = [name if n == 1 else f"{n} × {name}" for name, n in counts[:most]]
    return ", ".join(shown) + (" …" if len(counts) > most else "")
