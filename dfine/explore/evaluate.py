"""Every stage evaluated, and what that says of each detection and of each true object.

Evaluations (keys in `dfine.explore.fields`): FIELD_eval_initial, FIELD_eval_layer_1 …, FIELD_eval for the last layer,
and FIELD_eval_any, matched across classes, for the confusion matrix. What follows from them is in
`dfine.explore.derive`.
"""

from __future__ import annotations

import fiftyone as fo
from fiftyone.utils.eval.coco import COCOEvaluation
from tqdm import tqdm

from dfine.evaluation.coco import Evaluation
from dfine.evaluation.tide import Errors, error_types
from dfine.explore import derive, fields, fiftyone_coco
from dfine.explore.columns import Collection, Tables, chunks, looked_at
from dfine.explore.datasets import classes
from dfine.explore.fiftyone_private import extend_schema, update_samples
from dfine.files import short_digest


def evaluate(dataset: fo.Dataset, field: str = fields.FIELD, *, progress: bool = True) -> Evaluation:
    """Evaluate the initial boxes and every layer with FiftyOne's COCO evaluation, and store what follows from it.

    Pictures that could not be read are left out. Called again, it replaces what it stored before.

    Returns:
        The same detections measured by faster-coco-eval. That and FiftyOne's mAP of every stage stand in
        `dataset.info["dfine"][field]["evaluation"]`.

    Raises:
        ValueError: the data set has no answers, or nothing was explored in `field`.
    """
    truth = fields.about(dataset, field)["truth"]
    fields.note(dataset, field, {"classes": classes(dataset, truth)})
    info = dict(fields.about(dataset, field))
    if not info["classes"]:
        raise ValueError(f"the data set {dataset.name!r} has no answers in {truth!r} to evaluate against")
    samples, stages = looked_at(dataset, field), fields.stages(info["layers"])
    tables = Tables.of(samples, field)
    errors = error_types(tables.truth, tables.rows[stages[-1]])

    methods = _methods(samples, field, info)
    schema = derive.schema(field, truth)
    for key, method in methods.items():
        schema |= fiftyone_coco.schema(method, key)
    extend_schema(dataset, schema)
    for key, method in methods.items():
        fiftyone_coco.register(samples, method, key)
    with tqdm(total=len(samples) * (1 + len(methods)), desc="evaluate", unit=" pictures", disable=not progress) as bar:
        _match(samples, field, info, methods, errors, bar)
        ap = []
        for key, method in methods.items():
            results = fiftyone_coco.results(samples, method, key, info["classes"])
            ap += [float(results.mAP())] if method.config.compute_mAP else []
            bar.update(len(samples))
    measured = Evaluation.of(tables.truth, tables.rows)
    by_fiftyone = {stage: None if value < 0 else value for stage, value in zip(stages, ap)}  # −1: nothing to measure
    fields.note(dataset, field, {"evaluation": measured.to_dict() | {"fiftyone": by_fiftyone}})
    fields.note(dataset, field, {"evaluated": _state(dataset, field)})
    return measured


def is_current(dataset: fo.Dataset, field: str = fields.FIELD) -> bool:
    """Whether a field was evaluated, and neither answers nor boxes have changed since."""
    known = fields.about(dataset, field).get("evaluated")
    return bool(known) and dataset.has_evaluation(fields.confusion_key(field)) and known == _state(dataset, field)


def _state(dataset: fo.Dataset, field: str) -> str:
    """A digest of what an evaluation depends on: the answers, which run, and how many pictures and boxes it filled."""
    about = fields.about(dataset, field)
    truth = about["truth"]
    paths = [f"{truth}.detections.{a}" for a in ("id", "label", "bounding_box", "iscrowd")]
    values = dataset.values(["id", *(p for p in paths if dataset.has_field(p))])
    filled = len(looked_at(dataset, field)), dataset.count(f"{field}.detections"), about.get("run")
    return short_digest(repr((values, filled, derive.VERSION)), 64)


def forget(dataset: fo.Dataset, field: str = fields.FIELD) -> None:
    """Take away the evaluations of a field, with all that they stored, and what was derived from them."""
    info = fields.about(dataset, field)
    keys = [fields.eval_key(field, s, info["layers"]) for s in fields.stages(info["layers"])]
    for key in (*keys, fields.confusion_key(field)):
        if dataset.has_evaluation(key):
            dataset.delete_evaluation(key)
    derive.forget(dataset, field, info["truth"])


def _methods(samples: Collection, field: str, info: dict) -> dict[str, COCOEvaluation]:
    """The evaluation of every stage by its key, and last the one across classes."""
    layers, truth = info["layers"], info["truth"]
    methods = {
        fields.eval_key(field, s, layers): fiftyone_coco.evaluation(fields.field_of(field, s, layers), truth)
        for s in fields.stages(layers)
    }
    return methods | {fields.confusion_key(field): fiftyone_coco.evaluation(field, truth, classwise=False)}


def _match(
    samples: Collection, field: str, info: dict, methods: dict[str, COCOEvaluation], errors: Errors, bar: tqdm
) -> None:
    """Match every picture by every method, derive what follows, and write both in one update a picture."""
    truth = info["truth"]
    lists = {m.config.pred_field: fiftyone_coco.FOUND for m in methods.values()}
    lists |= {truth: fiftyone_coco.TRUTH, field: (*fiftyone_coco.FOUND, "boxes")}
    running = derive.running(errors)
    for part in chunks(samples, ["id", "metadata.width", "metadata.height"], lists):
        updates = {}
        for row in part:
            marked, update = {}, {}
            for key, method in methods.items():
                objects, found, matches = fiftyone_coco.marks(method, row, key)
                update |= fiftyone_coco.written(method, key, objects, found, matches)
                marked[key] = objects, found
            del marked[fields.confusion_key(field)]
            updates[row["id"]] = update | derive.picture(row, field, truth, marked, running)
        update_samples(samples, updates)
        bar.update(len(part))
