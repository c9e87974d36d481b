"""Watching a run: a few held-out pictures, always the same, drawn at every evaluation, with one object's edges."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import torch
from PIL import Image

from dfine.boxes import iou
from dfine.files import replacing
from dfine.inference.predictor import Predictor
from dfine.trace.records import Target
from dfine.training import plan
from dfine.training.loop import Training

THRESHOLD = 0.3  # lowest score of the boxes that are drawn
NAME = re.compile(r"epoch-(\d+)-(\d+)\.png")  # epoch, picture


class Watch:
    """Draws the first held-out pictures that have objects into a folder, as `epoch-<epoch>-<picture>.png`.

    Each drawing follows the query that comes closest to the picture's largest object, whatever its score is yet: one
    sees where it starts, and its four distributions sharpen from evaluation to evaluation.
    """

    def __init__(self, folder: Path, count: int):
        self.folder, self.count = folder, count

    def __call__(self, training: Training, _evaluation: object) -> None:
        """Draw. The first process is asked after every evaluation."""
        model, epoch = training.predictor(), training.state.epoch
        self.folder.mkdir(parents=True, exist_ok=True)
        drawn = 0
        for index in range(len(training.val)):
            pixels, target = training.val[index]
            if not len(target):
                continue
            picture = Image.fromarray(pixels.permute(1, 2, 0).numpy())
            path = self.folder / f"epoch-{epoch:04d}-{drawn}.png"
            with replacing(path) as temporary:
                temporary.write_bytes(_drawing(model, picture, target, training.val.names))
            drawn += 1
            if drawn == self.count:
                break


def _drawing(model: Predictor, picture: Image.Image, target: Target, names: tuple[str, ...]) -> bytes:
    """The picture with what is found in it, and the query next to its largest object, as PNG."""
    from dfine.figures.object.paper import encoded
    from dfine.figures.object.summary import summary  # training needs no matplotlib until there is something to draw

    result = model(picture, THRESHOLD)
    largest = int(target.boxes[:, 2:].prod(1).argmax())
    overlap = iou(result.trace.last.boxes[0], target.boxes[largest].expand_as(result.trace.last.boxes[0]))
    name = names[int(target.labels[largest])]
    label = model.names.index(name) if name in model.names else 0
    history = result.trace.history(int(overlap.argmax()), picture.size, name=name, label=label)
    return encoded(summary(result.picture, result.detections, history), "png")


def report(out: Path) -> Path:
    """Write the page of a run: AP of every stage by epoch, losses, rates of gain, and what was watched.

    Raises:
        FileNotFoundError: there is no finished epoch in the folder yet.
    """
    from dfine.figures.pages.run import run_html

    log = out / "log.csv"
    if not log.exists():
        raise FileNotFoundError(f"{out} has no log.csv: there is no finished epoch of a run to report on")
    with log.open(newline="") as file:
        rows = [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]
    frames: dict[int, list[Path]] = {}
    for path in sorted((out / "watch").glob("*.png")):
        if match := NAME.fullmatch(path.name):
            frames.setdefault(int(match[1]), []).append(path)
    shown = {epoch: [_small(path) for path in frames[epoch]] for epoch in _some(sorted(frames))}
    page = out / "report.html"
    with replacing(page) as temporary:
        temporary.write_text(run_html(out.name, rows, _options(out / "options.json"), shown), encoding="utf-8")
    return page


def _options(path: Path) -> dict:
    """What the options of a run came to; as they were given, where that cannot be found out any more."""
    given = json.loads(path.read_text(encoding="utf-8"))
    try:
        return plan.told(plan.TrainOptions(**given))
    except (ValueError, TypeError, OSError):  # of another version, or its first checkpoint is gone
        return given


def _some(epochs: list[int], most: int = 6) -> list[int]:
    """Evenly spread, the first and the last among them."""
    if len(epochs) <= most:
        return epochs
    at = torch.linspace(0, len(epochs) - 1, most).round().long().tolist()
    return [epochs[i] for i in at]


def _small(path: Path, width: int = 1150) -> Image.Image:
    with Image.open(path) as image:
        image = image.convert("RGB")
        return image.resize((width, round(image.height * width / image.width))) if image.width > width else image
