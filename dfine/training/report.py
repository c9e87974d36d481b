"""The page of a run: what its log holds, and what was drawn while it went on."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import torch
from PIL import Image

from dfine.files import replacing
from dfine.training.options import TrainOptions
from dfine.training.recipe import told

NAME = re.compile(r"epoch-(\d+)-(\d+)\.png")  # epoch, picture


def report(out: Path) -> Path:
    """Write the page of a run: AP of every stage by epoch, losses, rates of gain, and what was watched.

    Raises:
        FileNotFoundError: there is no finished epoch in the folder yet.
    """
    from dfine.figures.pages.run import run_html

    log = out / "log.csv"
    if not log.exists():
        raise FileNotFoundError(f"{out} has no log.csv: there is no finished epoch of a run to report on")
    with log.open(newline="", encoding="utf-8") as file:
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
        return told(TrainOptions(**given))
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
