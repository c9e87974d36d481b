"""Where a result comes from, as everything that leaves the program says it."""

from __future__ import annotations

from pathlib import Path

from dfine.data.pictures import Picture
from dfine.inference.predictor import Predictor, Result
from dfine.trace.disk import About


def about(model: Predictor, result: Result, picture: Picture = "") -> About:
    """Where a result comes from: the class names and checkpoint of `model`, and the name of the picture's file.

    Of paths only the last part is told: what leaves the house need not say how its rooms are called.
    """
    name = Path(picture).name if isinstance(picture, (str, Path)) else ""
    source = Path(model.source).name if Path(model.source).exists() else model.source
    return About(tuple(model.names), result.detections.size, name, source, model.digest)
