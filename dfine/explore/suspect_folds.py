"""A whole data set judged by models that never saw the picture at hand: cross-validation, in folds.

A model that was trained on wrong labels agrees with them. So the pictures are dealt into K folds; for each, a model is
trained for a short time on the others and asked about this one. What the K models found lies together in one field,
`FIELD_folds`, as if one model had looked.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import fiftyone as fo

from dfine.explore import fields, run
from dfine.explore.columns import coco_truth, looked_at
from dfine.explore.datasets import classes
from dfine.explore.model import DFineModel
from dfine.explore.store import Keep
from dfine.explore.suspect_replies import Decoders
from dfine.explore.suspect_training import began_from, training_pictures
from dfine.files import short_digest, write_json
from dfine.inference.load import load
from dfine.training.loop import Interrupted, train
from dfine.training.options import TrainOptions
from dfine.training.plan import LAST
from dfine.weights.checkpoints import open_checkpoint
from dfine.wording import some

BATCH, STEPS = 8, 250  # pictures of a step, and steps that a model is trained for, by default
LEAST = 3  # epochs, however many pictures there are
ABOUT = "folds.json"  # what the folder of the folds says of itself
FIELDS = {"id", "width", "height", "file_name"}  # of an image, which training reads


@dataclass(frozen=True)
class Folds:
    """How a data set is judged in folds."""

    count: int  # how many
    folder: Path  # where their models lie; the same folder goes on with what was begun
    start: str  # the checkpoint that each of their trainings starts from, which must not know the pictures
    epochs: int | None = None  # of each training; by default 250 steps in batches of 8, but at least three epochs
    device: str = "auto"

    def __post_init__(self):
        if self.count < 2:
            raise ValueError(f"a data set is judged in two folds or more, not in {self.count}")


def start(model: str, paths: Sequence[str]) -> str:
    """What the models of the folds can start from: the model itself, or what it was trained from.

    Args:
        model: the checkpoint that explores, by its name or folder.
        paths: the pictures' files; a checkpoint that was trained on any of them is none to start from.

    Raises:
        ValueError: it was trained on them, from nothing.
    """
    known = set(paths)
    while known & training_pictures(model):
        before = began_from(model)
        if not before:
            raise ValueError(
                f"{model} was trained on these pictures, and from nothing: name with --start a checkpoint that does "
                "not know them"
            )
        model = before
    return model


def deal(names: Sequence[str], count: int) -> list[int]:
    """The fold, from 0, of each picture: as many in each as can be, by the names only, so that order counts nothing."""
    order = sorted(range(len(names)), key=lambda i: (short_digest(Path(names[i]).name, 64), names[i]))
    fold = [0] * len(names)
    for place, i in enumerate(order):
        fold[i] = place % count
    return fold


def judge(
    dataset: fo.Dataset, field: str, folds: Folds, pace: run.Pace | None = None, tell: Callable[[str], None] = print
) -> str:
    """Train the models of the folds where they are not there yet, and let each look at the pictures of its fold.

    What is interrupted goes on with the same call.

    Args:
        dataset: explored in `field`, with answers.
        field: FIELD.
        folds: how many, where they are kept, and what they start from.
        pace: how the pictures go through the networks.
        tell: takes a sentence about every fold.

    Returns:
        The field that holds what they found, FIELD_folds.

    Raises:
        ValueError: there are too few pictures, or the folder holds folds of other answers, pictures or options.
        CheckpointError: what they start from cannot be read, or cannot be trained.
    """
    info, name = fields.about(dataset, field), fields.folds_field(field)
    samples = looked_at(dataset, field).exists(info["truth"])
    truth = coco_truth(samples, info["truth"], classes(dataset, info["truth"]))
    paths = [image["file_name"] for image in truth["images"]]
    if len(paths) < 2 * folds.count:
        raise ValueError(f"{len(paths)} pictures with answers are too few for {folds.count} folds")
    options, fold = _options(folds, len(paths)), deal(paths, folds.count)
    about = _about(folds, options, truth)
    keep, runs = Keep(info["threshold"], info["top"]), []
    for k in range(folds.count):
        mine = [i for i, at in enumerate(fold) if at == k]
        _write_parts(folds.folder / f"{k + 1}", truth, {truth["images"][i]["id"] for i in mine})
        model, ap = _trained(folds.folder / f"{k + 1}", options, about, k)
        tell(
            f"fold {k + 1} of {folds.count}: trained on {len(paths) - len(mine)} pictures, AP on the {len(mine)} others"
            f" {'-' if ap is None else f'{ap:.3f}'}"
        )
        looker = DFineModel(load(str(model), device=folds.device), classes=info["classes"], keep=keep)
        if not runs:
            run.prepare(dataset, looker, name, info["truth"])
        runs.append(looker.run)
        run.apply(dataset.select([truth["images"][i]["sample"] for i in mine]), looker, name, pace)
    told = {"count": folds.count, "start": folds.start, "ap": about["ap"]}
    fields.note(dataset, name, {"runs": runs, "folds": told})
    fields.note(dataset, field, {})  # the run that is shown stays the latest
    return name


def decoders(dataset: fo.Dataset, name: str, folds: Folds, pace: run.Pace | None = None) -> Decoders:
    """The models of the folds, each to be asked about the pictures that it judged; `name` is what `judge` returned."""
    models = {
        key: partial(load, str(_model(folds.folder / f"{k}")), device=folds.device)
        for k, key in enumerate(fields.about(dataset, name)["runs"], 1)
    }
    return Decoders(models, pace or run.Pace())


def _model(folder: Path) -> Path:
    """Where the model of a fold lies."""
    return folder / "run" / "model"


def _options(folds: Folds, pictures: int) -> TrainOptions:
    """How each model is trained: for a short time, plainly, at the input of what it starts from."""
    steps = math.ceil((pictures - pictures // folds.count) / BATCH)
    epochs = folds.epochs or max(LEAST, math.ceil(STEPS / steps))
    warmup = min(25, epochs * steps // 4)
    size = open_checkpoint(folds.start).card.input_size
    what = dict(init=folds.start, input=size, device=folds.device, epochs=epochs, val_every=epochs, plain_epochs=0)
    pace = dict(batch=BATCH, rate=8e-4, backbone_rate=4e-4, warmup=warmup, schedule="cosine")
    average = dict(ema=0.98, ema_ramp=max(1, warmup))
    return TrainOptions(out="", augment="plain", scales="off", denoising=60, **what, **pace, **average)


def _about(folds: Folds, options: TrainOptions, truth: dict) -> dict:
    """What the folder says of itself: made, or taken up where it is of the same folds.

    Raises:
        ValueError: it is of others, or cannot be read.
    """
    answers = [truth["categories"], [{k: v for k, v in i.items() if k != "sample"} for i in truth["images"]]]
    answers += [{k: v for k, v in a.items() if k != "label"} for a in truth["annotations"]]
    plain = {k: v for k, v in asdict(options).items() if k not in ("out", "device")}
    wanted = {
        "count": folds.count,
        "start": open_checkpoint(folds.start).card.digest,
        "options": plain | {"input": list(options.input_size)},
        "answers": short_digest(repr(answers), 64),
    }
    path = folds.folder / ABOUT
    if not path.exists():
        folds.folder.mkdir(parents=True, exist_ok=True)
        write_json(path, wanted | {"ap": {}})
        return wanted | {"ap": {}}
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        other = [key for key, value in wanted.items() if known.get(key) != value]
    except (ValueError, AttributeError):
        raise ValueError(
            f"{path} cannot be read; remove the folder {folds.folder}, and its models are made again"
        ) from None
    if other:
        raise ValueError(
            f"{folds.folder} holds models of other folds (not the same: {some(other)}); remove the folder, or name "
            "another CSV file"
        )
    return known


def _write_parts(folder: Path, truth: dict, mine: set[int]) -> None:
    """The answers of a fold as COCO's validation split, and those of the others as the training split."""
    folder.mkdir(parents=True, exist_ok=True)
    for part, inside in (("train", False), ("val", True)):
        images = [i for i in truth["images"] if (i["id"] in mine) == inside]
        content = {
            "images": [{k: v for k, v in i.items() if k in FIELDS} for i in images],
            "annotations": [a for a in truth["annotations"] if (a["image_id"] in mine) == inside],
            "categories": truth["categories"],
        }
        write_json(folder / f"instances_{part}.json", content)


def _trained(folder: Path, options: TrainOptions, about: dict, k: int) -> tuple[Path, float | None]:
    """The model of fold `k`, trained where it is not there yet, and its AP on the pictures that it did not see."""
    model, done = _model(folder), about["ap"]
    if str(k + 1) in done and model.is_dir():
        return model, done[str(k + 1)]
    begun = (folder / "run" / LAST).exists()
    mine = replace(options, out=str(folder / "run"), data=str(folder), resume=begun)
    try:
        result = train(mine, tell=_say_nothing)
    except Interrupted:
        raise Interrupted(f"stopped in fold {k + 1}; its state is saved, the same command goes on") from None
    done[str(k + 1)] = round(list(result.ap.values())[-1], 4) if result else None
    write_json(folder.parent / ABOUT, about)
    return model, done[str(k + 1)]


def _say_nothing(_text: str) -> None:
    """What a training tells is not told: one sentence a fold is enough."""
