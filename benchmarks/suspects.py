"""How many planted label errors a list of suspects finds: ours, FiftyOne's brain, cleanlab, and unmatched detections.

    python benchmarks/suspects.py --seeds 6101 6102 --scenes 150

Needs `dfine-lens[explore]`; cleanlab takes part where it is installed. Draws scenes, plants five errors of each kind
into their answers (`dfine.explore.planting`), explores them with the shipped checkpoint, and counts the planted places
among the first 10, 20 and 40 of each list. A place counts if its answer is named or, of a missing one, if the box named
has an IoU of at least 0.5 with it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

PLACES = (10, 20, 40)
CLEANLAB = "cleanlab is not installed, so its scores are left out: pip install cleanlab"


def main() -> None:
    """Measure every seed and print one line for each list."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[6101])
    parser.add_argument("--scenes", type=int, default=150)
    options = parser.parse_args()
    if importlib.util.find_spec("cleanlab") is None:
        print(CLEANLAB)
    for seed in options.seeds:
        for name, found in measure(seed, options.scenes).items():
            counts = " / ".join(f"{sum(at < most for at, _ in found):2d}" for most in PLACES)
            kinds = sorted({kind for at, kind in found if at < PLACES[-1]})
            print(f"seed {seed}, {name}: {counts} of 20; kinds at {PLACES[-1]}: {', '.join(kinds)}", flush=True)


def measure(seed: int, count: int) -> dict[str, list[tuple[int, str]]]:
    """List -> (place in it, kind) of every planted error that it names."""
    import fiftyone.brain as brain

    import dfine
    from dfine.data.scenes import Scenes, write
    from dfine.explore import fields, suspect_store
    from dfine.explore.planting import plant
    from dfine.explore.run import Pace, explore
    from dfine.explore.suspect_replies import Decoders

    with tempfile.TemporaryDirectory() as scratch:
        folder = write(Path(scratch) / "set", Scenes(count, seed=seed))
        truth, planted = plant(json.loads((folder / "annotations.json").read_text()), seed)
        (folder / "annotations.json").write_text(json.dumps(truth))
        detector, quiet = dfine.load("demo", device="cpu"), Pace(progress=False)
        dataset = explore(folder, detector, name=f"planted-{seed}", pace=quiet)
        try:
            decoders, lists = Decoders.of(detector, fields.about(dataset, "dfine")["run"], quiet), {}
            for name, asked in (("suspects without asking", None), ("suspects", decoders)):
                suspect_store.find(dataset, decoders=asked)
                listed = suspect_store.listed(dataset)
                lists[name] = [(one["picture"], one["answer_id"], one["suggested"]) for one in listed]
            lists["unmatched by score"] = by_score(dataset)
            if importlib.util.find_spec("cleanlab") is not None:
                lists["cleanlab"] = by_cleanlab(dataset)
            found = {name: named(ranked, planted, coco_ids(dataset)) for name, ranked in lists.items()}
            light = without_more(dataset)
            brain.compute_mistakenness(light, "dfine", label_field="ground_truth", progress=False)
            return found | {"brain": named(by_brain(light), planted, coco_ids(light))}
        finally:
            dataset.delete()


def coco_ids(dataset) -> dict[str, int]:
    """Id of an answer -> that of its annotation."""
    return dict(zip(*dataset.values(["ground_truth.detections.id", "ground_truth.detections.coco_id"], unwind=True)))


def without_more(dataset):
    """A data set with only what any detector says: FiftyOne's brain reads and writes all attributes of every box."""
    import fiftyone as fo

    light, kept = fo.Dataset(), {"ground_truth": ("label", "coco_id"), "dfine": ("label", "confidence")}
    for sample in dataset:
        made = fo.Sample(filepath=sample.filepath, metadata=sample.metadata)
        for field, names in kept.items():
            boxes = sample[field].detections
            plain = [fo.Detection(bounding_box=d.bounding_box, **{n: d[n] for n in names}) for d in boxes]
            made[field] = fo.Detections(detections=plain)
        light.add_sample(made)
    return light


def named(ranked: list[tuple], planted: list, coco_ids: dict[str, int]) -> list[tuple[int, str]]:
    """(first place in a list, kind) of the planted errors that it names.

    Args:
        ranked: (file, id of the answer or "", corners in pixels), the likeliest first.
        planted: of `dfine.explore.planting.plant`.
        coco_ids: id of an answer -> that of its annotation.
    """
    from dfine.explore.suspect_clues import iou

    found = []
    for error in planted:
        x, y, w, h = error.box
        place = np.array([[x, y, x + w, y + h]])
        for at, (file, answer, box) in enumerate(ranked):
            if int(Path(file).stem) != error.image:
                continue
            lies = error.kind == "missing" and not answer and iou(np.array([box]), place)[0, 0] >= 0.5
            if lies or (answer and coco_ids[answer] == error.annotation):
                found.append((at, error.kind))
                break
    return found


def by_brain(dataset) -> list[tuple]:
    """Answers by mistakenness and predictions that brain takes for missing ones, by the larger of its two scores."""
    rows = _labels(dataset, "ground_truth", ("mistakenness", "mistakenness_loc", "possible_spurious"))
    ranked = [(max(a or 0, b or 0, float(bool(c))), file, id, box) for file, id, box, a, b, c in rows]
    rows = _labels(dataset, "dfine", ("possible_missing", "confidence"))
    ranked += [(score, file, "", box) for file, _, box, missing, score in rows if missing]
    return [one[1:] for one in sorted(ranked, key=lambda one: -one[0])]


def by_cleanlab(dataset) -> list[tuple]:
    """Answers and predictions by the lowest of cleanlab's scores: overlooked, badly placed, swapped."""
    from cleanlab.object_detection import rank

    answers = _by_picture(_labels(dataset, "ground_truth", ("label",)))
    found = _by_picture(_labels(dataset, "dfine", ("label", "confidence")))
    names = sorted({row[3] for rows in (*answers.values(), *found.values()) for row in rows})
    labels, predictions, boxes = [], [], []
    for file in dataset.values("filepath"):
        mine, seen = answers.get(file, []), found.get(file, [])
        corners = np.array([row[2] for row in mine], float).reshape(-1, 4)
        labels.append({"bboxes": corners, "labels": np.array([names.index(row[3]) for row in mine], int)})
        classes = [[(*row[2], row[4]) for row in seen if row[3] == name] for name in names]
        listed = np.empty(len(names), object)
        for k, rows in enumerate(classes):
            listed[k] = np.array(rows, float).reshape(-1, 5)
        predictions.append(listed)
        boxes.append((file, mine, [row[:4] for rows in classes for row in rows]))
    ranked = []
    given = {"labels": labels, "predictions": predictions}
    for scores, (file, _, predicted) in zip(rank.compute_overlooked_box_scores(**given), boxes):
        ranked += [(score, file, "", box) for score, box in zip(scores, predicted)]
    for scored in (rank.compute_badloc_box_scores(**given), rank.compute_swap_box_scores(**given)):
        for scores, (file, mine, _) in zip(scored, boxes):
            ranked += [(score, file, row[1], row[2]) for score, row in zip(scores, mine)]
    return [one[1:] for one in sorted((one for one in ranked if one[0] == one[0]), key=lambda one: one[0])]


def by_score(dataset) -> list[tuple]:
    """The detections that match no answer of their class, by score, with the answer that they lie on."""
    rows = _labels(dataset, "dfine", ("error", "truth_id", "truth_iou", "confidence"))
    ranked = [
        (s, file, t if u >= 0.5 else "", box)
        for file, _, box, error, t, u, s in rows
        if error in ("Cls", "Loc", "Bkg", "Both")
    ]
    return [one[1:] for one in sorted(ranked, key=lambda one: -one[0])]


def _by_picture(rows: list[tuple]) -> dict[str, list[tuple]]:
    found: dict[str, list[tuple]] = {}
    for row in rows:
        found.setdefault(row[0], []).append(row)
    return found


def _labels(dataset, field: str, attributes: tuple[str, ...]) -> list[tuple]:
    """(file, id, corners in pixels, attributes …) of every label of a field."""
    from dfine.explore.columns import chunks, corners

    found = []
    plain = ["filepath", "metadata.width", "metadata.height"]
    for part in chunks(dataset, plain, {field: ("id", "bounding_box", *attributes)}):
        for row in part:
            boxes = corners(row[f"{field}.bounding_box"], (row["metadata.width"], row["metadata.height"]))
            more = (row[f"{field}.{a}"] for a in attributes)
            found += [(row["filepath"], *values) for values in zip(row[f"{field}.id"], boxes, *more)]
    return found


if __name__ == "__main__":
    main()
