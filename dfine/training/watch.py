"""Watching a run: a few held-out pictures, always the same, drawn at every evaluation, with one object's edges."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from dfine.boxes import iou
from dfine.data import labels
from dfine.files import replacing, said
from dfine.inference.predictor import Predictor
from dfine.trace.records import Target
from dfine.training.loop import Training

THRESHOLD = 0.3  # lowest score of the boxes that are drawn


class Watch:
    """Draws the first held-out pictures that have objects into a folder, as `epoch-<epoch>-<picture>.png`.

    Each drawing follows the query that comes closest to the picture's largest object, whatever its score is yet: one
    sees where it starts, and its four distributions sharpen from evaluation to evaluation.
    """

    def __init__(self, folder: Path, count: int):
        self.folder, self.count = folder, count

    def __call__(self, training: Training, _evaluation: object) -> None:
        """Draw. The first process is asked after every evaluation. What cannot be written now is written later."""
        model, epoch = training.predictor(), training.state.epoch
        drawn = 0
        for index in range(len(training.plan.val)):
            pixels, target = training.plan.val[index]
            if not len(target):
                continue
            picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
            path = self.folder / f"epoch-{epoch:04d}-{drawn}.png"
            training.keeping.write(_write, path, _drawing(model, picture, target, training.plan.val.names))
            drawn += 1
            if drawn == self.count:
                break


def _write(path: Path, drawing: bytes) -> None:
    """Write a drawing, whole or not at all. Raises WriteError."""
    with said(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(drawing)


def _drawing(model: Predictor, picture: Image.Image, target: Target, names: tuple[str, ...]) -> bytes:
    """The picture with what is found in it, and the query next to its largest object, as PNG."""
    from dfine.figures.object.paper import encoded
    from dfine.figures.object.summary import summary  # training needs no matplotlib until there is something to draw

    result = model(picture, THRESHOLD)
    largest = int(target.boxes[:, 2:].prod(1).argmax())
    overlap = iou(result.trace.last.boxes[0], target.boxes[largest].expand_as(result.trace.last.boxes[0]))
    name = names[int(target.labels[largest])]
    history = result.trace.history(int(overlap.argmax()), picture.size, name=name, label=_column(name, model.names))
    return encoded(summary(result.picture, result.detections, history), "png")


def _column(name: str, known: tuple[str, ...]) -> int:
    """The column of a class, which the held-out pictures may call otherwise (`labels.same`); else the first one."""
    return known.index(labels.same((name,), known).get(name, known[0]))
