"""Stored boxes as plain columns, read a few hundred pictures at a time, without FiftyOne's documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F

from dfine.data.scenes.composition import DIALS
from dfine.evaluation.rows import ROW
from dfine.explore import fields

CHUNK = 256  # pictures read at a time

Collection = fo.Dataset | fo.DatasetView


def looked_at(dataset: Collection, field: str) -> Collection:
    """The samples that the run in `field` (or its several, of folds) has filled: the whole data set if that is all."""
    info = fields.about(dataset, field)
    done = dataset.match(F(fields.run_field(field)).is_in(info.get("runs") or [info["run"]]))
    return dataset if len(done) == len(dataset) else done


def chunks(
    samples: Collection, plain: Sequence[str], lists: dict[str, Sequence[str]] | None = None
) -> Iterator[list[dict]]:
    """Values of many samples without their documents: a list of dicts, one a sample, for every few hundred samples.

    Args:
        samples: a data set or view.
        plain: fields of the sample, by path; None where there is no such field.
        lists: field of detections -> attributes, which come as lists of one length under "field.attribute".
    """
    lists = lists or {}
    paths = [*plain, *(f"{f}.detections.{a}" for f, attributes in lists.items() for a in attributes)]
    there = [p for p in paths if samples.has_sample_field(p.split(".")[0])]
    ids = samples.values("id")
    for at in range(0, len(ids), CHUNK):
        part = samples.select(ids[at : at + CHUNK], ordered=True)
        columns = dict(zip(there, part.values(there)))
        missing = [None] * len(part)
        rows = [dict(zip(plain, row)) for row in zip(*(columns.get(p, missing) for p in plain))]
        for field, attributes in lists.items():
            found = [columns.get(f"{field}.detections.{a}", missing) for a in attributes]
            for row, values in zip(rows, zip(*found)):
                count = max((len(v) for v in values if v), default=0)
                row |= {f"{field}.{a}": v or [None] * count for a, v in zip(attributes, values)}
        yield rows


def dials_of(samples: Collection) -> tuple[str, ...]:
    """The fields of the dials, where there are scenes; one that is called like a dial by chance is the data's own."""
    return DIALS if all(samples.has_sample_field(d) for d in DIALS) else ()


def corners(boxes: Sequence[Sequence[float]], size: tuple[int, int]) -> np.ndarray:
    """FiftyOne's boxes (x, y, width, height in 0..1) as corners in pixels: float64 [n, 4]."""
    xywh = np.array(boxes, dtype=np.float64).reshape(-1, 4) * (*size, *size)
    return np.concatenate((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]), 1)


@dataclass(frozen=True)
class Tables:
    """A data set's answers in COCO's form, and every stage's detections, in the order in which they are stored.

    Images and annotations count from 1; images carry the id of their `sample` (and, of scenes, its `dials`),
    annotations that of their `label`.
    """

    truth: dict  # COCO-format dict
    rows: dict[str, np.ndarray]  # stage -> [n] of `dfine.evaluation.rows.ROW`

    @staticmethod
    def of(samples: Collection, field: str, stages: Sequence[str] | None = None) -> Tables:
        """Read the answers, and the detections of some stages (by default of all) in `field`."""
        info = fields.about(samples, field)
        every = fields.stages(info["layers"]) if stages is None else stages
        names = {stage: fields.field_of(field, stage, info["layers"]) for stage in every}
        truth = coco_truth(samples, info["truth"], info["classes"])
        return Tables(truth, {stage: rows(samples, name, info["classes"]) for stage, name in names.items()})


def coco_truth(samples: Collection, truth: str, classes: Sequence[str]) -> dict:
    """The answers as a COCO-format dict.

    Args:
        samples: with metadata, for the sizes of the pictures.
        truth: the field of the answers.
        classes: of the data set; category ids count them from 1.

    Raises:
        ValueError: an answer is of none of them.
    """
    category = {name: i + 1 for i, name in enumerate(classes)}
    dials = dials_of(samples)
    plain = ["id", "filepath", "metadata.width", "metadata.height", *dials]
    images, annotations = [], []
    for part in chunks(samples, plain, {truth: ("id", "label", "bounding_box", "iscrowd", fields.AREA)}):
        for row in part:
            size = row["metadata.width"], row["metadata.height"]
            dialled = {"dials": {d: row[d] for d in dials}} if dials and row[dials[0]] is not None else {}
            images.append(
                {
                    "id": len(images) + 1,
                    "file_name": row["filepath"],
                    "width": size[0],
                    "height": size[1],
                    "sample": row["id"],
                }
                | dialled
            )
            boxes = corners(row[f"{truth}.bounding_box"], size)
            boxes[:, 2:] -= boxes[:, :2]
            said = (row[f"{truth}.{what}"] for what in ("id", "label", "iscrowd", fields.AREA))
            for id, name, crowd, share, box in zip(*said, boxes.tolist()):
                if name not in category:
                    raise ValueError(
                        f"{Path(row['filepath']).name} has an answer of the class {name!r}, which was not there when "
                        "the data set was evaluated; run `dfine explore` again"
                    )
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": len(images),
                        "category_id": category[name],
                        "label": id,
                        "bbox": box,
                        "area": box[2] * box[3] * (1 if share is None else share),
                        "iscrowd": int(bool(crowd)),
                    }
                )
    categories = [{"id": i, "name": name} for name, i in category.items()]
    return {"images": images, "annotations": annotations, "categories": categories}


def rows(samples: Collection, field: str, classes: Sequence[str]) -> np.ndarray:
    """The detections in a field as a table [n] of `dfine.evaluation.rows.ROW`, with the ids of `coco_truth`.

    Detections of classes that are not among `classes` have category 0.
    """
    category = {name: i + 1 for i, name in enumerate(classes)}
    found, image = [np.zeros(0, ROW)], 0
    columns = {field: ("label", "bounding_box", "confidence")}
    for part in chunks(samples, ["metadata.width", "metadata.height"], columns):
        for row in part:
            image += 1
            names = row[f"{field}.label"]
            boxes = corners(row[f"{field}.bounding_box"], (row["metadata.width"], row["metadata.height"]))
            one = np.empty(len(names), ROW)
            one["image"], one["score"] = image, row[f"{field}.confidence"]
            one["box"] = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), 1)
            one["category"] = [category.get(name, 0) for name in names]
            found.append(one)
    return np.concatenate(found)
