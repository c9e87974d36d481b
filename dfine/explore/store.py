"""What is stored of every detection: a trace of pictures as FiftyOne documents, and the fields that they lie in.

README.md beside this file lists all attributes. Earlier stages keep only label, box, confidence and `query`; the
query leads to everything else at the last layer.
"""

from __future__ import annotations

from dataclasses import dataclass

import fiftyone as fo
import fiftyone.core.utils as fou
import numpy as np
import torch
from bson import ObjectId
from torch import Tensor

from dfine import distribution
from dfine.boxes import to_pixels
from dfine.config import EDGES
from dfine.explore import fields
from dfine.explore.fiftyone_private import extend_schema
from dfine.explore.names import Names
from dfine.explore.record import pack
from dfine.trace.detections import Detections
from dfine.trace.edges import EdgeReading
from dfine.trace.postprocess import Ranking, detections
from dfine.trace.records import Trace
from dfine.trace.stages import layer_name, stage_keys

MASS = 0.8  # of the intervals


@dataclass(frozen=True)
class Keep:
    """Which detections are stored."""

    threshold: float = 0.05  # lowest score
    top: int = 100  # most detections per picture and stage

    def __post_init__(self):
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"the threshold is a score between 0 and 1, not {self.threshold}")
        if self.top < 1:
            raise ValueError(f"at least one detection per picture must be kept, not {self.top}")


def documents(trace: Trace, names: Names, size: tuple[int, int], keep: Keep) -> dict[str, dict]:
    """The detections of one picture as plain MongoDB documents of `fiftyone.Detections`, by stage.

    Args:
        trace: of the picture, on the CPU, with a batch axis of length 1.
        names: what the columns are called, and which of them are stored.
        size: (width, height) of the picture in pixels.
        keep: which detections are stored.

    Returns:
        "initial", "layer 1" … "layer L", each with its document.
    """
    layers, stored = len(trace.refinements), {}
    for stage, layer in stage_keys(layers).items():
        (found,) = detections(trace, names.columns, [size], Ranking(keep.top, layer, names.ignore))
        found = found.above(keep.threshold)
        labels = _light(found)
        if stage == layer_name(layers) and labels:
            columns = _columns(trace, found)
            labels = [label | dict(zip(columns, values)) for label, values in zip(labels, zip(*columns.values()))]
        stored[stage] = {"_cls": "Detections", "detections": labels}
    return stored


def _light(found: Detections) -> list[dict]:
    """What every stage stores of each detection."""
    w, h = found.size
    x1, y1, x2, y2 = (found.boxes.double() / torch.tensor((w, h, w, h))).unbind(-1)
    boxes = torch.stack((x1, y1, x2 - x1, y2 - y1), -1).tolist()
    return [
        {
            "_id": ObjectId(),
            "_cls": "Detection",
            "attributes": {},
            "tags": [],
            "label": name,
            "bounding_box": box,
            "confidence": score,
            "query": query,
        }
        for name, box, score, query in zip(found.class_names, boxes, found.scores.tolist(), found.query.tolist())
    ]


def _columns(trace: Trace, found: Detections) -> dict[str, list]:
    """What the last layer stores besides, attribute by attribute, of its n detections."""
    rows = {
        name: part[0][:, found.query].transpose(0, 1) if name.startswith("layers.") else part[0][found.query]
        for name, part in trace.to_tensors().items()
    }  # [n, L, …] or [n, …]
    edges, boxes, initial = rows["layers.edges"], rows["layers.boxes"], rows["initial.boxes"]
    quality = rows["layers.quality"][..., 0]  # [n, L]
    label = found.labels[:, None]
    logits = rows["layers.logits"].gather(-1, label[:, None].expand(-1, boxes.shape[1], -1))[..., 0]  # [n, L]
    parts = {
        "proposal": rows["proposals.boxes"],
        "proposal_logit": rows["proposals.logits"].gather(-1, label)[:, 0],
        "initial": initial,
        "initial_logit": rows["initial.logits"].gather(-1, label)[:, 0],
        "logits": logits,
        "quality": quality,
        "boxes": boxes,
        "edges": edges,
    }
    records = pack(rows["origin"].numpy(), trace.shapes, {name: t.numpy() for name, t in parts.items()})
    every = torch.cat((initial[:, None], boxes), 1)  # [n, 1 + L, 4]
    return _edges(edges, initial, boxes[:, -1], found.size, trace) | {
        "scores": _numbers(logits.sigmoid(), 6),
        "scores_before_lqe": _numbers((logits - quality).sigmoid(), 6),
        "boxes": _numbers(clipped(every, found.size), 4),
        "record": [fou.serialize_numpy_array(record) for record in records],
    }


def _edges(edges: Tensor, initial: Tensor, box: Tensor, size: tuple[int, int], trace: Trace) -> dict[str, list]:
    """Attributes of the four edges of n detections: edges [n, L, 4, N+1], initial and last boxes [n, 4]."""
    last = EdgeReading(edges[:, -1], initial, size, trace.w, trace.temperature, trace.levels)  # of [n]
    shift = EdgeReading(edges, initial[:, None], size, trace.w).shifts()  # [n, L, 4]
    interval = last.intervals(MASS)  # [n, 4, 2]
    length = interval[..., 1] - interval[..., 0]
    relative = length / distribution.sizes_in_pixels(box, size).clamp(min=1)

    columns = {"doubt": _numbers(relative.amax(1), 4), "doubt_edge": [EDGES[i] for i in relative.argmax(1).tolist()]}
    per_edge = {
        "spread": last.deviations,
        "range": length,
        "interval": interval,
        "entropy": last.entropies,
        "distribution": last.probabilities,
        "shift": shift.transpose(1, 2),
    }
    for name, values in per_edge.items():
        values = _numbers(values.transpose(0, 1), 6 if name == "distribution" else 4)  # edge by edge
        columns |= {f"{name}_{edge}": v for edge, v in zip(EDGES, values)}
    return columns


def clipped(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Corners in pixels, held inside the picture as those of reported detections are: [..., 4] -> [..., 4]."""
    w, h = size
    return torch.minimum(to_pixels(boxes, size).clamp(min=0), boxes.new_tensor((w, h, w, h)))


def _numbers(values: Tensor, digits: int) -> list:
    """Nested lists of numbers without the digits that single precision does not have."""
    return np.round(values.double().numpy(), digits).tolist()


def declare(dataset: fo.Dataset, field: str, layers: int) -> None:
    """Add the fields of a model with L `layers` to a data set, and those attributes that the App can filter by.

    Lists are not declared: nobody filters by 33 numbers, and the App's grid would load them with every picture.
    """
    schema: dict[str, type] = {fields.run_field(field): fo.StringField}
    for stage in fields.stages(layers):
        name = fields.field_of(field, stage, layers)
        schema |= {name: fo.Detections, f"{name}.detections.query": fo.IntField}
    numbers = ["doubt", *(f"{what}_{edge}" for what in ("spread", "range", "entropy") for edge in EDGES)]
    schema |= {f"{field}.detections.{name}": fo.FloatField for name in numbers}
    schema |= {f"{field}.detections.doubt_edge": fo.StringField, f"{field}.detections.record": fo.VectorField}
    extend_schema(dataset, schema)


def save(dataset: fo.Dataset, field: str, pictures: dict[str, dict[str, dict]], run: str) -> None:
    """Write the documents of some samples, and last that `run` filled them: what was cut off is done again.

    Args:
        dataset: with the fields of `declare`.
        field: FIELD.
        pictures: sample id -> stage -> document, as `documents` gives them.
        run: of the model and its settings.
    """
    if not pictures:
        return
    stages = list(next(iter(pictures.values())))
    quick = {"key_field": "id", "expand_schema": False, "validate": False}
    for stage in stages:
        values = {id: stored[stage] for id, stored in pictures.items()}
        dataset.set_values(fields.field_of(field, stage, len(stages) - 1), values, **quick)
    dataset.set_values(fields.run_field(field), dict.fromkeys(pictures, run), **quick)


def measure(dataset: fo.Dataset, opened: dict[str, dict]) -> None:
    """Write the true size of pictures into their samples.

    Args:
        dataset: the data set.
        opened: sample id -> `size` and `filepath`, as `dfine.explore.model.Opener` gives them.
    """
    metadata = {}
    for id, item in opened.items():
        metadata[id] = fo.ImageMetadata.build_for(item["filepath"])
        metadata[id].width, metadata[id].height = item["size"]
    if metadata:
        dataset.set_values("metadata", metadata, key_field="id")
