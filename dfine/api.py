"""What the page's public endpoints answer: plain values, ready for JSON.

Three functions, `models`, `detect` and `inspect`. Every answer starts with the same head (`provenance`): schema,
version, the checkpoint and its digest, the picture. Boxes are xyxy in pixels of the picture; edges come in the order
left, top, right, bottom; offsets and shifts are positive outward.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dfine.config import EDGES
from dfine.data import labels
from dfine.data.pictures import Picture
from dfine.predictor import Predictor, Result
from dfine.records import SCHEMA, History
from dfine.storage import About
from dfine.version import VERSION

Open = Callable[[str], Predictor]  # a `Models`, or anything else that turns a name into a model


def models(catalogue) -> list[dict]:
    """Every known checkpoint: name, AP, parameters, GFLOPs, licence, and whether it is here (see `Models.table`)."""
    return catalogue.table()


def detect(open_model: Open, picture: Picture, model: str = "", threshold: float = 0.5) -> dict:
    """The objects in a picture.

    Args:
        open_model: turns a name into a model; a `Models`.
        picture: a path, or anything else that `dfine.data.pictures.read` takes.
        model: its name; "" for the one that the page shows by default.
        threshold: lowest score in 0..1 that is reported.

    Returns:
        The head, `threshold`, and `detections`, best first: `label`, `name`, `score`, `box` and `query` of each.

    Raises:
        ValueError: the picture cannot be read, there is no such model, or the threshold is not in 0..1.
    """
    detector = open_model(model)
    result = detector(picture, threshold=threshold)
    head = provenance(about(detector, result, picture), threshold)
    return head | {"detections": result.detections.to_list()}


def inspect(
    open_model: Open,
    picture: Picture,
    model: str = "",
    *,
    index: int = 0,
    query: int | None = None,
    mass: float = 0.8,
) -> dict:
    """One object through the layers: every number behind its box.

    Args:
        open_model: turns a name into a model; a `Models`.
        picture: a path, or anything else that `dfine.data.pictures.read` takes.
        model: its name; "" for the one that the page shows by default.
        index: which detection, in the order of `detect` (the best is 0).
        query: a query of the trace instead, also one that no detection came from; its best class is followed.
        mass: probability in 0..1 with which an edge lies in its interval.

    Returns:
        The head, and `object`: see `described`.

    Raises:
        ValueError: as `detect`; or there is no such detection or query, or `mass` is not between 0 and 1.
    """
    if not 0 < mass < 1:
        raise ValueError(f"mass is a probability between 0 and 1, not {mass}")
    detector = open_model(model)
    result = detector(picture, threshold=0.0)
    try:
        history = result.history(index) if query is None else _history(result, query, detector.names)
    except IndexError as error:
        raise ValueError(str(error)) from None
    return provenance(about(detector, result, picture)) | {"object": described(history, mass)}


def about(model: Predictor, result: Result, picture: Picture = "") -> About:
    """Where a result comes from: the class names and checkpoint of `model`, and the name of the picture's file.

    Of paths only the last part is told: what leaves the house need not say how its rooms are called.
    """
    name = Path(picture).name if isinstance(picture, (str, Path)) else ""
    source = Path(model.source).name if Path(model.source).exists() else model.source
    return About(tuple(model.names), result.detections.size, name, source, model.digest)


def provenance(where: About, threshold: float | None = None) -> dict:
    """The head of everything that leaves the house, as plain values; the threshold where one was applied."""
    head = {
        "schema": SCHEMA,
        "dfine": VERSION,
        "model": where.model,
        "digest": where.digest,
        "picture": where.picture,
        "size": list(where.size),
    }
    return head if threshold is None else head | {"threshold": threshold}


def described(history: History, mass: float = 0.8) -> dict:
    """One object's history as plain values.

    `w` holds W(n) in sizes of the initial box and `pixels_per_size` what one size is in pixels on each edge, so that
    edge k of the box of a layer lies Σ w[n]·distributions[k][n]·pixels_per_size[k] pixels outside of `initial`. A layer
    has, per edge: `offsets` (that sum, in sizes), `shifts` (pixels since the stage before), `deviations` (pixels),
    `entropies` (bits), `intervals` (picture coordinates between which the edge lies with probability `mass`) and
    `distributions` (Pr(n)); besides `box`, `iou_with_last`, `score` and `score_before_lqe`.
    """
    h, boxes, ious = history, history.xyxy_pixels.tolist(), history.iou_with_last.tolist()
    per_layer = {
        "box": boxes[1:],
        "score": h.scores.tolist(),
        "score_before_lqe": h.scores_before_lqe.tolist(),
        "iou_with_last": ious[1:],
        "offsets": h.offsets.tolist(),
        "shifts": h.shifts.tolist(),
        "deviations": h.deviations.tolist(),
        "entropies": h.entropies.tolist(),
        "intervals": h.intervals(mass).tolist(),
        "distributions": h.probabilities.tolist(),
    }
    initial_score = float(h.initial_logits[h.label].sigmoid())
    return {
        "query": h.query,
        "label": h.label,
        "name": h.name,
        "score": per_layer["score"][-1],
        "box": boxes[-1],
        "edges": list(EDGES),
        "w": h.w.tolist(),
        "pixels_per_size": h.pixels_per_size.tolist(),
        "mass": mass,
        "calibrated": h.temperature is not None,
        "token": _token(h),
        "initial": {"box": boxes[0], "score": initial_score, "iou_with_last": ious[0]},
        "layers": [
            {"layer": i + 1} | {key: values[i] for key, values in per_layer.items()} for i in range(h.layers)
        ],
    }  # fmt: skip


def _history(result: Result, query: int, names: tuple[str, ...]) -> History:
    """The history of a query, for the named class to which the last layer gives the highest score."""
    trace = result.trace
    trace.history(query, result.detections.size)  # says in a sentence that there is no such query
    logits = trace.last.logits[0, query].clone()
    for column in labels.unused(names):
        logits[column] = float("-inf")
    label = int(logits.argmax())
    return trace.history(query, result.detections.size, name=names[label], label=label)


def _token(history: History) -> dict | None:
    """The token of the encoder that the object was born from: its level (0 is the finest), row and column."""
    first = 0
    for level, (height, width) in enumerate(history.shapes):
        place = history.token - first
        if 0 <= place < height * width:
            return {"index": history.token, "level": level, "row": place // width, "column": place % width}
        first += height * width
    return None
