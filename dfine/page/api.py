"""What the page's public endpoints answer: plain values, ready for JSON.

Three functions, `models`, `detect` and `inspect`. Every answer starts with the same head (`provenance`): schema,
version, the checkpoint and its digest, the picture. Boxes are xyxy in pixels of the picture; edges come in the order
left, top, right, bottom; offsets and shifts are positive outward.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from PIL import Image

from dfine.data import labels
from dfine.data.pictures import Picture
from dfine.inference.predictor import Predictor, Result
from dfine.trace.described import described, provenance
from dfine.trace.history import History

Open = Callable[[str], Predictor]  # a `Models`, or anything else that turns a name into a model


class Read(NamedTuple):
    """A picture that has been read already, and where it comes from."""

    path: str
    picture: Image.Image


def models(catalogue) -> list[dict]:
    """Every known checkpoint: name, AP, parameters, GFLOPs, licence, and whether it is here (see `Models.table`)."""
    return catalogue.table()


def detect(open_model: Open, picture: Picture | Read, model: str = "", threshold: float = 0.5) -> dict:
    """The objects in a picture.

    Args:
        open_model: turns a name into a model; a `Models`.
        picture: a path, or anything else that `dfine.data.pictures.read` takes; or one that has been read.
        model: its name; "" for the one that the page shows by default.
        threshold: lowest score in 0..1 that is reported.

    Returns:
        The head, `threshold`, and `detections`, best first: `label`, `name`, `score`, `box` and `query` of each.

    Raises:
        ValueError: the picture cannot be read, there is no such model, or the threshold is not in 0..1.
    """
    detector = open_model(model)
    path, pixels = picture if isinstance(picture, Read) else (picture, picture)
    result = detector(pixels, threshold=threshold)
    head = provenance(detector.about(result, path), threshold)
    return head | {"detections": result.detections.to_list()}


def inspect(
    open_model: Open,
    picture: Picture | Read,
    model: str = "",
    *,
    index: int = 0,
    query: int | None = None,
    mass: float = 0.8,
) -> dict:
    """One object through the layers: every number behind its box.

    Args:
        open_model: turns a name into a model; a `Models`.
        picture: a path, or anything else that `dfine.data.pictures.read` takes; or one that has been read.
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
    path, pixels = picture if isinstance(picture, Read) else (picture, picture)
    result = detector(pixels, threshold=0.0)
    try:
        history = result.history(index) if query is None else _history(result, query, detector.names)
    except IndexError as error:
        raise ValueError(str(error)) from None
    return provenance(detector.about(result, path)) | {"object": described(history, mass)}


def _history(result: Result, query: int, names: tuple[str, ...]) -> History:
    """The history of a query, for the named class to which the last layer gives the highest score."""
    trace = result.trace
    trace.history(query, result.detections.size)  # says in a sentence that there is no such query
    logits = trace.last.logits[0, query].clone()
    for column in labels.unused(names):
        logits[column] = float("-inf")
    label = int(logits.argmax())
    return trace.history(query, result.detections.size, name=names[label], label=label)
