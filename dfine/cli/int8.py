"""What `dfine export --precision int8` calibrates on, and what it measures: AP of every stage, before and after."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
import typer

SEED = 3_000_000  # of the scenes to calibrate on; neither training nor evaluation draws them
MEASURED = 100  # pictures that AP is measured on, at most


def calibration(detector, data: str | None, count: int, input_size: tuple[int, int]):
    """A `Calibration` for a model: `count` pictures of `data`, or drawn scenes where the model knows those.

    Raises:
        typer.BadParameter: there are no pictures that the model is for.
    """
    from dfine.engines.auto_precision import knows_scenes
    from dfine.engines.onnx.calibrated import Calibration

    if data is None and not knows_scenes(detector.card):
        what = "int8 is calibrated on pictures of what the model is for; name a data set of them"
        raise typer.BadParameter(what, param_hint="--data")
    read, measured, words = _scenes(count, input_size) if data in (None, "scenes") else _data(data, count)

    def compare(exact, mixed) -> dict:
        return {"ap": {"pictures": len(measured), "float32": _ap(exact, measured), "int8": _ap(mixed, measured)}}

    return Calibration(_pixels(read, input_size), words, compare)


def table_of(said: dict) -> list[dict]:
    """What an int8 file costs, a row for each stage."""
    before, after = said["ap"]["float32"], said["ap"]["int8"]
    return [
        {
            "stage": stage,
            "AP float32": f"{ap:.3f}",
            "AP int8": f"{after[stage]:.3f}",
            "loss": f"{ap - after[stage]:.3f}",
        }
        for stage, ap in before.items()
    ]


def cost(said: dict) -> str:
    """On how many pictures it was calibrated, and how far the answers for the rest of them moved, in sentences."""
    moved, used, rest = said["shift"], said["pictures"], said["measured_on"]
    width = 100 * moved["widths"]
    return (
        f"{said['layers']} layers in int8, calibrated on {used} of {said['calibrated_on']}. On the other {rest}, edges "
        f"move by {moved['edges']:.2f} px of the input on average (95 %: {moved['late']:.2f}), 80 % intervals are "
        f"{abs(width):.1f} % {'narrower' if width < 0 else 'wider'}, and {moved['lost']} of {moved['objects']} objects "
        f"{'is' if moved['lost'] == 1 else 'are'} lost. AP was measured on {said['ap']['pictures']} pictures."
    )


def _scenes(count: int, input_size: tuple[int, int]):
    from dfine.cli.evaluate import HELD_OUT
    from dfine.data.scenes import Scenes, size_for

    size = size_for(input_size)
    measured = Scenes(MEASURED, size=size, seed=HELD_OUT, clean=0.5)
    return Scenes(count, size=size, seed=SEED, clean=0.5), measured, f"{count} drawn scenes"


def _data(data: str, count: int):
    from dfine.data.loader import subset
    from dfine.data.sources import require_objects, train_and_val

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* has no validation split")  # said of trainings; `cost` says what is used
        train, val = train_and_val(data)
    val = require_objects(val if val is not None else train, "to measure AP on")
    train, val = (subset(part, _spread(len(part), most)) for part, most in ((train, count), (val, MEASURED)))
    return train, val, f"{len(train)} pictures of {Path(data).name}"


def _spread(available: int, most: int) -> list[int]:
    """Indices of `most` pictures from the first to the last, or of all."""
    return sorted({round(i) for i in torch.linspace(0, available - 1, min(available, most)).tolist()})


def _pixels(dataset, input_size: tuple[int, int]) -> torch.Tensor:
    from dfine.data.loader import Batching, loader

    return torch.cat([pixels for pixels, _ in loader(dataset, Batching(8, input_size))]).float() / 255


def _ap(engine, dataset) -> dict[str, float]:
    from dfine.evaluation.coco import evaluate
    from dfine.inference.predictor import Predictor

    found = evaluate(Predictor(engine, engine.card), dataset, batch=8, progress=False)
    return {stage: round(ap, 4) for stage, ap in found.ap.items()}
