"""Write the checkpoint of photographs and its card again: `python assets/make_photos_card.py RUN … --photos FOLDER`.

FOLDER holds `voc/` and `coco/`, the photographs that the card describes. Takes the averaged weights of the last run (or
those of `--weights`, such as a mean of several runs), shifts the scores so that 93 % of what scores 0.5 or more on the
validation photographs is right, stores them in half precision, fits levels to half of those photographs, and measures
what was stored as `dfine evaluate` does.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
import textwrap
from dataclasses import replace
from datetime import date
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

import numpy as np
import torch
from make_card import blend, command, epochs_of, insert, table, told_runs
from sureness import mean

import dfine
from dfine.data.sources import open_data
from dfine.evaluation import calibration
from dfine.evaluation.coco import Evaluation, evaluate
from dfine.evaluation.matching import matched
from dfine.evaluation.thresholds import Thresholds, thresholds
from dfine.evaluation.tide import error_types
from dfine.inference.predictor import Predictor

PHOTOS = HERE / "checkpoints" / "photos"
THRESHOLD = 0.5
RIGHT = 0.93  # of what is reported from there on: below, false alarms grow fast


def main() -> None:
    """Store, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+", help="folders of `dfine train`, in the order in which they ran")
    parser.add_argument("--photos", type=Path, required=True, help="the folder with voc/ and coco/")
    parser.add_argument("--hardware", required=True, help='for instance "2 CPU cores"')
    parser.add_argument("--weights", type=Path, help="a checkpoint to store in place of the last run's best")
    parser.add_argument("--others", type=Path, help="a text: commands of runs before these that were not `dfine train`")
    parser.add_argument("--note", default="", help="a sentence for the card, on what the commands do not say")
    parser.add_argument("--keep", action="store_true", help="the runs that the card tells of now came before these")
    parser.add_argument("--blend", type=float, default=1.0, help="share of these weights; the rest is what ships now")
    options = parser.parse_args()

    options.earlier = (PHOTOS / "README.md").read_text(encoding="utf-8") if options.keep else ""
    val = open_data(options.photos / "voc", "val")
    model = dfine.load(options.weights or options.runs[-1] / "best", device="cpu", fast=False)
    if options.blend < 1:
        blend(model.network, dfine.load("photos", device="cpu", fast=False).network, options.blend)
    shifts = shift_scores(model, evaluate(model, val))
    about = replace(model.card, temperature=None, levels=None)
    Predictor(model.engine, about).save(PHOTOS, half=True)

    measured = evaluate(dfine.load(PHOTOS, device="cpu"), val)  # rounding moves the best thresholds
    found = thresholds(measured)
    each = tuple(found.classes[name].threshold if name in found.classes else None for name in model.names)
    about = replace(about, threshold=found.overall.threshold, class_thresholds=each)
    Predictor(model.engine, about).save(PHOTOS, half=True)

    sure = calibration.study(matched(dfine.load(PHOTOS, device="cpu"), val))
    calibration.store(PHOTOS, None, sure.table if sure.better else None)
    print(sure, flush=True)
    stored = dfine.load(PHOTOS, device="cpu")
    coco = on_coco(stored, options.photos / "coco")
    (PHOTOS / "README.md").write_text(card(stored, measured, found, sure, coco, shifts, options), encoding="utf-8")
    insert(HERE.parent / "README.md", summary(measured), "photos")


def shift_scores(model: Predictor, measured: Evaluation) -> list[float]:
    """Shift every layer's logits, in place, so that `RIGHT` of what scores 0.5 or more is right; returns the shifts.

    A shift common to all classes changes no ranking, so AP stays what it is.
    """
    shifts = []
    for stage, head in zip(list(measured.results)[1:], model.network.decoder.heads):
        errors = error_types(measured.truth, measured.results[stage])
        counted = errors.kind != "ignored"
        score = lowest(errors.rows["score"][counted], errors.kind[counted] == "correct", RIGHT)
        shifts.append(-math.log(score / (1 - score)))
        with torch.no_grad():
            head.score.bias += shifts[-1]
    return shifts


def lowest(scores: np.ndarray, right: np.ndarray, share: float) -> float:
    """The lowest of `scores` [n] from which on at least this share is `right` [n]."""
    order = np.argsort(-scores)
    precision = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    return float(scores[order][np.flatnonzero(precision >= share)[-1]])


def on_coco(model: Predictor, folder: Path) -> str:
    """What the card says of COCO's photographs: false alarms at 0.5 where none of the classes is, and AP50 on all."""
    data = open_data(folder)
    empty = [i for i in range(len(data)) if not len(data[i][1])]
    reported = sum(len(model(data.path(i), THRESHOLD).detections) for i in empty)
    errors = error_types(*last_layer(evaluate(model, data)))
    each = {name: errors.only(categories=[category]).ap50 for category, name in errors.names.items()}
    return textwrap.fill(
        f"In {len(empty)} photographs of COCO without any of the five classes it reports {reported} objects at 0.5: "
        f"{reported / max(len(empty), 1):.2f} a picture. On all {len(data)} of them, whose things are "
        f"smaller and often among others, AP50 of the last layer is {mean(list(each.values())):.3f} "
        f"({', '.join(f'{name} {ap:.3f}' for name, ap in each.items())}).",
        120,
    )


def last_layer(measured: Evaluation) -> tuple[dict, np.ndarray]:
    """The truth and the last layer's rows."""
    return measured.truth, list(measured.results.values())[-1]


def sureness(sure: calibration.Calibration) -> str:
    """What the card says of the edges' intervals."""
    cells = [f"{mean(a):.3f} → {mean(b):.3f}" for a, b in zip(sure.before["coverage"], sure.after["coverage"])]
    score = f"{mean(sure.before['score']):.3f} → {mean(sure.after['score']):.3f}"
    kept = "are in `config.json`" if sure.better else "are not kept, since they are no better"
    return f"""Levels fitted to {sure.fitted} objects that it found in one half of the validation photographs {kept}.
In the other half, of {sure.before["objects"]} objects, the share of true edges that lie in the intervals of 50, 80 and
95 %, and the score of the intervals (lower is better), without and with the levels:

| 50 % | 80 % | 95 % | score |
|---|---|---|---|
| {" | ".join(cells)} | {score} |"""


def card(model, measured: Evaluation, best: Thresholds, sure, coco: str, shifts, options: argparse.Namespace) -> str:
    """The model card."""
    errors = error_types(*last_layer(measured))
    by_class = ["| | AP | AP50 | objects | best threshold | precision | recall |", "|---|---|---|---|---|---|---|"]
    for category, name in errors.names.items():
        part = errors.only(categories=[category])
        own = best.classes.get(name)
        numbers = f"{own.threshold:.2f} | {own.precision:.2f} | {own.recall:.2f}" if own else "– | – | –"
        count = int((errors.truth.category == category).sum())
        by_class.append(f"| {name} | {measured.classes[name]:.3f} | {part.ap50:.3f} | {count} | {numbers} |")
    overall = best.overall
    runs = told_runs(options.earlier) if options.earlier else []
    if options.others:
        runs.append(options.others.read_text(encoding="utf-8").strip())
    pictures = pictures_told("\n".join(runs))
    for run in options.runs:
        epochs, seen = epochs_of(run)
        pictures += seen
        runs.append(f"{command(run, data='photos/voc')}\n# {epochs} epochs, {seen} pictures")
    megabytes = (PHOTOS / "model.safetensors").stat().st_size / 1e6
    counted, score = errors.kind != "ignored", errors.rows["score"]
    right = (errors.kind == "correct") & (score >= THRESHOLD)
    precision, recall = right.sum() / (counted & (score >= THRESHOLD)).sum(), right.sum() / errors.chosen.sum()
    shifted = ", ".join(f"{shift:+.2f}" for shift in shifts)
    return f"""---
license: other
license_name: see-sources
library_name: dfine-lens
tags: [object-detection, d-fine]
---

# D-FINE-N on photographs

A D-FINE of size N that knows five everyday things in photographs: {", ".join(measured.classes)}. This project trained
it on 1,717 photographs. It is small and has seen little: a published checkpoint knows more things,
and knows these better.

Weights: averaged (EMA), kernels and matrices in float16, {megabytes:.1f} MB; SHA-256 `{model.digest}`.
Input {model.input_size[1]} × {model.input_size[0]}, {model.config.queries} queries.

## Photographs

- 1,907 photographs of Pascal VOC 2007 with that data set's boxes of the five classes, as collected in
  github.com/BernieChen96/ImageClassification at 69098f4 (training and test pictures of VOC are mixed there, so no
  figure here is a VOC figure). The photographs come from Flickr: “use must respect the Flickr terms of use”.
- To measure only: 128 photographs of COCO 2017 (train), as collected in github.com/lightly-ai/coco128_yolo at 6d6f7a0.
  COCO's annotations are CC BY 4.0, and each of its photographs has its own Flickr licence, some of them non-commercial.

Photographs whose file name has a CRC-32 that is a multiple of 10 ({measured.pictures} of them) were kept for
validation. None of the photographs is part of this project; they were shrunk to a longer side of 416 pixels.

## Training

```
{chr(10).join(runs)}
```

{pictures} pictures in all, on {options.hardware}, {date.today().isoformat()}; the first run starts from `demo`, which
knows drawings only.{f" {options.note}" if options.note else ""}
The scores of layers 1 to {len(shifts)} were then shifted by {shifted} logits, so that {RIGHT:.0%} of what scores 0.5
or more on the validation photographs is right; a shift changes no ranking, so AP is what it was.

## Measured

`dfine evaluate --model photos --data photos/voc --split val` prints these figures again: {measured.pictures}
photographs, {measured.objects} objects, AP (0.50:0.95) and its kin by COCO's rules, each stage ranked by its own
scores. The last run's best weights and the thresholds were chosen on these photographs, too.

{table(measured)}

The last layer, by class:

{chr(10).join(by_class)}

At a threshold of 0.5, {precision:.0%} of what it reports is right and {recall:.0%} of the objects are found. F1 is best
at {overall.threshold:.2f}: {overall.precision:.0%} and {overall.recall:.0%}.
{coco}

## How sure it is

{sureness(sure)}

## Limits

At a threshold of 0.5 it reports hardly any person; those that it finds score 0.2 to 0.4. Of large things it finds most
cars and trains at 0.5, every second bus and fewer cats; it misses most small ones, in busy streets nearly all, and what
is cut off or half hidden more often than not. It takes animals that look like cats (cheetahs, lions, dogs) for cats,
and smooth shiny things (a cup of coffee, coins) for cars, with scores of 0.4 to 0.9. Other things (dogs, bicycles,
boats …) are in the training photographs without a box, so that it has learned to pass over them. Drawings of the five
things are among its training pictures; another drawn thing with two pointed corners on top may be a cat to it. It is
made for its own input size.
"""


def pictures_told(text: str) -> int:
    """Pictures of the runs that a card tells of, 0 for none."""
    return sum(int(count) for count in re.findall(r"^# (?:\d+ epochs, )?(\d+) pictures", text, re.MULTILINE))


def summary(measured: Evaluation) -> str:
    """What the project's README says of it."""
    first, *_, last = measured.stats.values()
    classes = ", ".join(f"{name} {ap:.2f}" for name, ap in measured.classes.items())
    return textwrap.fill(
        f"AP50 on {measured.pictures} held-out photographs: {first['AP50']:.3f} for the initial boxes, "
        f"{last['AP50']:.3f} for the last layer (AP {first['AP']:.3f} and {last['AP']:.3f}; by class {classes}). "
        "[Its card](assets/checkpoints/photos/README.md) has the commands, the sources and the rest.",
        120,
    )


if __name__ == "__main__":
    main()
