"""What options come to: the published recipe of a size, scaled to the batch, with what the options change."""

from __future__ import annotations

import os
from dataclasses import asdict, fields, replace
from pathlib import Path

import torch

from dfine.config import RECIPES, Config, Recipe
from dfine.training.options import MAY_CHANGE, TrainOptions
from dfine.weights.checkpoints import Checkpoint, open_checkpoint
from dfine.weights.exceptions import CheckpointError

LAST = "last.pt"  # the state of a run, in its folder
PLACES = ("data", "val")  # options that name a data set


def beginning(options: TrainOptions) -> Checkpoint | None:
    """The checkpoint that a run starts from, None for a fresh network.

    A run that goes on has its own state; where that checkpoint is not there any more, this takes its place.

    Raises:
        CheckpointError: it cannot be read.
    """
    if not options.init:
        return None
    try:
        return open_checkpoint(options.init)
    except CheckpointError:
        own = Path(options.out) / LAST
        if not (options.resume and own.is_file()):
            raise
    return open_checkpoint(own)


def recipe(options: TrainOptions, variant: str) -> Recipe:
    """The published recipe of a variant, scaled to the batch, with what the options change.

    The backbone keeps its share of the rate.
    """
    base = RECIPES[variant]
    base = base.scaled(options.batch or base.batch)
    rate = base.rate if options.rate is None else options.rate
    epochs = options.epochs or base.epochs + base.epochs_plain
    last = round(epochs * base.epochs_plain / (base.epochs + base.epochs_plain))
    last = min(epochs, last if options.plain_epochs is None else options.plain_epochs)
    changes = dict(
        epochs=epochs - last,
        epochs_plain=last,
        warmup=0 if options.init else base.warmup,  # published fine-tuning, Objects365 to COCO, has none
        rate=rate,
        backbone_rate=rate * base.backbone_rate / base.rate,
        repeats=base.repeats if _wanted(options.scales, options.data != "scenes") else None,
    )
    if not strong(options):
        changes |= dict(epochs=epochs, epochs_plain=0)
    for key in ("backbone_rate", "warmup", "ema", "ema_ramp"):
        if getattr(options, key) is not None:
            changes[key] = getattr(options, key)
    if options.ema is not None:  # then the last epochs forget as much more than that as they do in the published one
        k = (1 - options.ema) / (1 - base.ema)
        changes |= dict(ema_restart=max(0.0, 1 - (1 - base.ema_restart) * k), ema_step=base.ema_step * k)
    return replace(base, **changes)


def _wanted(choice: str, default: bool) -> bool:
    """What a choice of on, off and auto comes to."""
    return default if choice == "auto" else choice == "on"


def strong(options: TrainOptions) -> bool:
    """Whether pictures are augmented as published; scenes are new every epoch and only flipped."""
    return options.data != "scenes" if options.augment == "auto" else options.augment == "strong"


def resolved(options: TrainOptions) -> TrainOptions:
    """The options with everything settled that they leave to the recipe; they come to the same run.

    Raises:
        ValueError, CheckpointError: an option is out of range, or the checkpoint to start from cannot be read.
    """
    start = beginning(options)
    config = start.config if start else Config.of(options.size)
    r = recipe(options, config.size)
    return replace(
        options,
        size=config.size,
        epochs=r.epochs + r.epochs_plain,
        plain_epochs=r.epochs_plain,
        augment="strong" if strong(options) else "plain",
        scales="on" if r.repeats else "off",
        freeze="on" if frozen(options, config) else "off",
        batch=r.batch,
        **{key: float(f"{getattr(r, key):.9g}") for key in ("rate", "backbone_rate", "ema")},  # 5e-05, not 4.99…e-05
        **{key: getattr(r, key) for key in ("warmup", "ema_ramp")},
    )


def taught_by(options: TrainOptions) -> Checkpoint | None:
    """The checkpoint whose answers are learned, where one is named.

    Raises:
        CheckpointError: it cannot be read; of a run that goes on the message says what to do.
    """
    try:
        return open_checkpoint(options.teacher) if options.teacher else None
    except CheckpointError as error:
        remedy = "; if the run's teacher lies elsewhere by now, say where with --teacher" if options.resume else ""
        raise CheckpointError(f"the teacher cannot be read: {error}{remedy}") from None


def same_run(before: dict, options: TrainOptions, *, moved: bool = False, same_teacher: bool = False) -> None:
    """Make sure that a run goes on as it began, whether its options were left to the recipe or settled.

    Args:
        before: the options that it began with, as a dict.
        options: those that it is to go on with.
        moved: whether its data sets may lie elsewhere by now, as they hold the same pictures.
        same_teacher: whether its teacher may lie elsewhere, as it has the same weights.

    Raises:
        ValueError: one differs that may not change; the message names it.
    """
    before, options = _at_home(before), replace(options, **_at_home(vars(options)))  # a `~` is the same place
    kept = {f.name for f in fields(TrainOptions)} - MAY_CHANGE
    if moved:
        kept -= {key for key in PLACES if on_disk(before.get(key)) and on_disk(getattr(options, key))}
    kept -= {"teacher"} if same_teacher else set()
    early = {f.name: f.default for f in fields(TrainOptions)}  # of options that there were not when it began
    then = replace(options, **{key: value for key, value in (early | before).items() if key in kept})
    pairs = [(then, options)]
    if then.init == options.init:  # else the checkpoint need not be there any more
        pairs = [(resolved(then), resolved(options))]
    for a, b in pairs:
        for key in (f.name for f in fields(a) if f.name in kept):
            was, now = getattr(a, key), getattr(b, key)
            if was != now:
                raise ValueError(
                    f"{key} was {was!r}, now {now!r}; resume with the options of the run, or choose another --out"
                )


def _at_home(values: dict) -> dict:
    """Options with the home folder in the place of a leading `~`."""
    return {key: os.path.expanduser(value) if isinstance(value, str) else value for key, value in values.items()}


def on_disk(data: str | None) -> bool:
    """Whether an option names a data set that lies on disk."""
    return data not in (None, "scenes")


def told(options: TrainOptions) -> dict:
    """What a run came to, for people: settled, and without the options that play no part in it.

    Raises:
        ValueError, CheckpointError: as `resolved`.
    """
    settled = replace(resolved(options), amp=half(options))
    idle = {
        "pictures": options.data != "scenes",
        "clean": options.data != "scenes",
        "val_count": options.data != "scenes" or options.val is not None,
        "plain_epochs": settled.augment == "plain",
        "backbone": options.init is not None,
        "teacher_weight": options.teacher is None,
        "compile": not options.compile,
        "resume": True,
    }
    return {key: value for key, value in asdict(settled).items() if value is not None and not idle.get(key)}


def in_words(recipe: Recipe, published: Recipe) -> str:
    """What a run will do, and where it leaves the published recipe because of its batch, in a few lines."""
    lines = [
        f"{_epochs(recipe)} in batches of {recipe.batch}, rate {recipe.rate:.3g} "
        f"(backbone {recipe.backbone_rate:.3g}), warm-up {recipe.warmup} steps, "
        f"averaged weights: decay {recipe.ema:.6g} over a ramp of {recipe.ema_ramp} steps"
    ]
    if recipe.batch != published.batch:
        lines.append(
            f"published for batches of {published.batch}: rate {published.rate:.3g} "
            f"(backbone {published.backbone_rate:.3g}), warm-up {published.warmup}, decay {published.ema:.6g}"
        )
    return "\n".join(lines)


def _epochs(recipe: Recipe) -> str:
    """All of them, and how many at the end go without strong augmentation."""
    count, plain = recipe.epochs + recipe.epochs_plain, recipe.epochs_plain
    said = "1 epoch" if count == 1 else f"{count} epochs"
    if not plain:
        return said
    return f"{said}, {'all' if plain == count else f'the last {plain}'} without strong augmentation,"


def frozen(options: TrainOptions, config: Config) -> bool:
    """Whether the backbone's stem and norms stay as they are; those of a fresh network never do."""
    return _wanted(options.freeze, config.freeze and bool(options.init or options.backbone))


def half(options: TrainOptions) -> str:
    """What half precision comes to: "off", "bf16" or "fp16"."""
    if options.amp == "auto":
        gpu = options.device.startswith("cuda")
        return "bf16" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "off"
    return options.amp
