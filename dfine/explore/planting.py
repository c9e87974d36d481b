"""Label errors planted by a seed, to learn from and to measure how many of them a list of suspects finds."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from dfine.explore.suspect_clues import KINDS, NEAR, iou

MOVED = (0.45, 0.80)  # IoU of a shifted answer with the box that it was
TRIES = 200


@dataclass(frozen=True)
class Planted:
    """One error that was planted."""

    kind: str  # "missing", "class", "shifted" or "extra"
    image: int  # image id
    annotation: int  # id of the annotation that was taken away, changed or added
    box: tuple[float, ...]  # x, y, width, height in pixels: where it is right; of an extra one, where it is


def plant(truth: dict, seed: int, each: int = 5) -> tuple[dict, list[Planted]]:
    """A COCO-format dict with `each` label errors of every kind, no two of them in one picture.

    An answer is missing, has another of the classes, is shifted (`shifted`), or is extra: of the class and size of
    another, where nothing is. Every object is as likely as any other to be chosen. The given dict stays as it is.

    Args:
        truth: with `images` (with sizes), `annotations` and at least two `categories`.
        seed: the same seed plants the same errors.
        each: how many of each kind.

    Raises:
        ValueError: there are too few pictures with objects, too little room in them, or only one class.
    """
    rng, truth = np.random.default_rng(seed), copy.deepcopy(truth)
    sizes = {i["id"]: (i["width"], i["height"]) for i in truth["images"]}
    objects = [a for a in truth["annotations"] if not a.get("iscrowd")]
    categories = [c["id"] for c in truth["categories"]]
    if len(categories) < 2:
        raise ValueError("a wrong class can be planted only where there are two classes or more")
    kinds, planted, used = list(np.repeat(KINDS, each)), [], set()
    for at in rng.permutation(len(objects)):
        a = objects[at]
        if not kinds or a["image_id"] in used:
            continue
        before = tuple(a["bbox"])
        made = _plant(str(kinds[-1]), a, truth, categories, sizes[a["image_id"]], rng)
        if made is not None:
            used.add(a["image_id"])
            kind = str(kinds.pop())
            planted.append(Planted(kind, a["image_id"], made["id"], tuple(made["bbox"]) if kind == "extra" else before))
    if kinds:
        raise ValueError(f"{len(kinds)} of {each * len(KINDS)} errors found no place: too few pictures, or no room")
    return truth, planted


def shifted(box: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray | None:
    """Corners near those of `box` inside the picture, IoU 0.45 to 0.80; half of the time only one edge is moved.

    None where chance finds none.
    """
    sides, single = box[2:] - box[:2], rng.random() < 0.5
    for _ in range(TRIES):
        moved = box.astype(float)
        if single:
            edge = int(rng.integers(4))
            moved[edge] += rng.uniform(-0.6, 0.6) * sides[edge % 2]
        else:
            moved += np.tile(rng.uniform(-0.35, 0.35, 2) * sides, 2)
        moved = moved.clip(0, [*size, *size])
        if (moved[2:] - moved[:2]).min() > 1 and MOVED[0] <= iou(moved[None], box[None])[0, 0] <= MOVED[1]:
            return moved
    return None


def clear(box: np.ndarray, answers: np.ndarray, size: tuple[int, int], rng: np.random.Generator) -> np.ndarray | None:
    """Corners as large as `box`, where no answer of the picture is (IoU under 0.1); None: none was found."""
    sides = np.minimum(box[2:] - box[:2], size)
    for _ in range(TRIES):
        corner = rng.uniform(0, 1, 2) * (np.array(size) - sides)
        free = np.concatenate((corner, corner + sides))
        if iou(free[None], answers).max(initial=0) < NEAR:
            return free
    return None


def _plant(kind: str, a: dict, truth: dict, categories: list[int], size: tuple[int, int], rng) -> dict | None:
    """Plant one error at (or, an extra one, in the picture of) the annotation `a`; None where it does not fit."""
    if kind == "missing":
        truth["annotations"].remove(a)
        return a
    if kind == "class":
        a["category_id"] = int(rng.choice([c for c in categories if c != a["category_id"]]))
        return a
    if kind == "shifted":
        box = shifted(_corners(a), size, rng)
        if box is not None:
            a.update(_placed(box))
        return None if box is None else a
    other = truth["annotations"][int(rng.integers(len(truth["annotations"])))]
    here = [_corners(t) for t in truth["annotations"] if t["image_id"] == a["image_id"]]
    box = clear(_corners(other), np.stack(here), size, rng)
    if box is None:
        return None
    new = {"id": max(t["id"] for t in truth["annotations"]) + 1, "image_id": a["image_id"], "iscrowd": 0}
    truth["annotations"].append(new | _placed(box) | {"category_id": other["category_id"]})
    return truth["annotations"][-1]


def _corners(annotation: dict) -> np.ndarray:
    x, y, w, h = annotation["bbox"]
    return np.array([x, y, x + w, y + h], float)


def _placed(box: np.ndarray) -> dict:
    x, y, w, h = (round(float(v), 2) for v in (*box[:2], *(box[2:] - box[:2])))
    return {"bbox": [x, y, w, h], "area": round(w * h, 2)}
