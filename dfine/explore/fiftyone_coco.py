"""FiftyOne's COCO evaluation, run on plain columns.

The matching, the precision-recall sweep and the results are FiftyOne's own code. What it is given are labels without a
document behind them: through `dataset.evaluate_detections`, each picture's documents are built, changed and compared
attribute by attribute, which takes a hundred times as long as the matching itself.

It agrees with faster-coco-eval to the last digit, crowds included, but for detections of one class with equal scores:
there FiftyOne puts the right ones before the wrong ones, where the reference keeps the order of the pictures. Scores
of a network are hardly ever equal.
"""

from __future__ import annotations

from collections.abc import Iterator

import fiftyone as fo
from fiftyone.utils.eval.coco import COCODetectionResults, COCOEvaluation, COCOEvaluationConfig
from fiftyone.utils.eval.detection import DetectionResults

from dfine.explore.columns import Collection, chunks
from dfine.explore.fiftyone_private import Label, Labels, PlainSamples, quiet_evaluation

IOU = 0.5
MARKS = ("", "_id", "_iou")  # what an evaluation says of a label, as suffixes of its key

TRUTH = ("id", "label", "bounding_box", "iscrowd")
FOUND = ("id", "label", "bounding_box", "confidence")


class Pictures(PlainSamples):
    """Samples as the precision-recall sweep wants them, read in chunks."""

    def __init__(self, samples: Collection, found: str, truth: str):
        self.samples, self.found, self.truth = samples, found, truth

    def __iter__(self) -> Iterator[dict[str, Labels]]:
        for part in chunks(self.samples, ["id"], {self.truth: TRUTH, self.found: FOUND}):
            for row in part:
                yield {self.truth: Labels.of(row, self.truth, TRUTH), self.found: Labels.of(row, self.found, FOUND)}

    def iter_samples(self, progress=None) -> Iterator[dict[str, Labels]]:
        """Every sample."""
        return iter(self)

    def select_fields(self, names) -> Pictures:
        """There are no other fields."""
        return self


def evaluation(found: str, truth: str, *, classwise: bool = True) -> COCOEvaluation:
    """FiftyOne's COCO evaluation of the field `found` against `truth` at IoU 0.5, with mAP where it is by class."""
    config = COCOEvaluationConfig(found, truth, iou=IOU, classwise=classwise, compute_mAP=classwise)
    method = COCOEvaluation(config)
    method.gt_field, method.pred_field = truth, found
    return method


def marks(method: COCOEvaluation, row: dict, key: str) -> tuple[list[Label], list[Label], list[tuple]]:
    """Match one picture: its answers and its detections, with what the evaluation says under `key`, and the matches."""
    config = method.config
    picture = {
        config.gt_field: Labels.of(row, config.gt_field, TRUTH),
        config.pred_field: Labels.of(row, config.pred_field, FOUND),
    }
    matches = method.evaluate(picture, eval_key=key)
    return picture[config.gt_field].detections, picture[config.pred_field].detections, matches


def written(method: COCOEvaluation, key: str, truth: list[Label], found: list[Label], matches: list[tuple]) -> dict:
    """The values that an evaluation stores of a picture, by path."""
    values = {f"{key}_{what}": count for what, count in zip(("tp", "fp", "fn"), tally(matches))}
    for field, labels in ((method.config.gt_field, truth), (method.config.pred_field, found)):
        for i, label in enumerate(labels):
            values |= {f"{field}.detections.{i}.{key}{mark}": label[key + mark] for mark in MARKS}
    return values


def schema(method: COCOEvaluation, key: str) -> dict[str, type]:
    """The fields of an evaluation, as `extend_schema` of `dfine.explore.fiftyone_private` takes them."""
    kinds = dict(zip(MARKS, (fo.StringField, fo.StringField, fo.FloatField)))
    names = method.config.gt_field, method.config.pred_field
    labels = {f"{name}.detections.{key}{mark}": kind for name in names for mark, kind in kinds.items()}
    return labels | {f"{key}_{what}": fo.IntField for what in ("tp", "fp", "fn")}


def register(samples: Collection, method: COCOEvaluation, key: str) -> None:
    """Put an evaluation on the list of the data set's runs, where the App finds it."""
    method.register_run(samples, key, cleanup=False)
    method.register_samples(samples, key)


def results(samples: Collection, method: COCOEvaluation, key: str, classes: list[str]) -> DetectionResults:
    """Match all pictures, sweep precision and recall, and save the results under `key`, already registered."""
    config = method.config
    pictures = Pictures(samples, config.pred_field, config.gt_field)
    matches = [match for picture in pictures for match in method.evaluate(picture, eval_key=key)]
    with quiet_evaluation():
        swept = method.generate_results(pictures, matches, eval_key=key, classes=classes, progress=False)
    if config.compute_mAP:  # the same results, but of the samples themselves
        swept = COCODetectionResults(
            samples,
            config,
            key,
            matches,
            swept.precision,
            swept.recall,
            swept.iou_threshs,
            swept.classes,
            recall_sweep=swept.recall_sweep,
            thresholds=swept.thresholds,
            missing=swept.missing,
            backend=method,
        )
    else:
        swept = DetectionResults(samples, config, key, matches, classes=classes, missing=swept.missing, backend=method)
    method.save_run_results(samples, key, swept, cache=False)
    return swept


def tally(matches: list[tuple]) -> tuple[int, int, int]:
    """True positives, false positives and false negatives among the matches of a picture."""
    right = sum(truth is not None and truth == found for truth, found, *_ in matches)
    false = sum(found is not None and truth != found for truth, found, *_ in matches)
    missed = sum(truth is not None and truth != found for truth, found, *_ in matches)
    return right, false, missed
