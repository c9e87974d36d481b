"""What a training run will do, settled before it starts: options, recipe, data and the network to start from."""

from __future__ import annotations

import contextlib
import warnings
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import torch
from torch.utils.data import Dataset

from dfine.config import RECIPES, Config, Recipe
from dfine.data import augment, sources
from dfine.data.scenes import Scenes
from dfine.data.transforms import Transform
from dfine.network.detector import DFINE
from dfine.training.transfer import carry_over
from dfine.weights.checkpoints import fit, open_checkpoint
from dfine.weights.official import OFFICIAL
from dfine.weights.tensors import read_tensors

SEEDS = 1000  # training draws the scenes of an epoch from seed·1000 + epoch …
VAL_SEED = SEEDS * 1000  # … and never from here on
MAY_CHANGE = frozenset(  # options that a run may go on with in another way
    "out device workers epochs patience save_every val_every resume compile accumulate amp".split()
)


@dataclass(frozen=True)
class TrainOptions:
    """Everything that decides a training run. None takes the published recipe's value of the size."""

    out: str
    data: str = "scenes"  # "scenes", or a data set in COCO, YOLO or VOC format
    val: str | None = None  # as `data`; by default its validation split, and scenes are held out by their seed
    size: str = "n"
    input: int = 640  # side of the square that pictures are resized to
    queries: int = 300
    epochs: int | None = None
    pictures: int = 4000  # scenes per epoch, all of them new
    clean: float = 0.5  # share of scenes with all dials at 0
    plain_epochs: int | None = None  # the last ones, without strong augmentation
    batch: int | None = None  # pictures per step, over all processes
    accumulate: int = 1  # parts in which a batch goes through the network, for want of memory
    augment: str = "auto"  # "strong", "plain" (a flip), or "auto": plain for scenes, which are new every epoch
    mosaic: float = 0.0  # share of pictures that are made of four, before the last epochs without strong augmentation
    scales: str = "auto"  # "on", "off", or "auto": batches of several sizes where they are published, not for scenes
    freeze: str = "auto"  # "on", "off", or "auto": stem and norms of the backbone, for L and X that start from weights
    rate: float | None = None
    backbone_rate: float | None = None
    schedule: str = "constant"
    warmup: int | None = None
    ema: float | None = None
    ema_ramp: int | None = None
    denoising: int = 100  # about twice as many denoising queries per picture
    val_count: int = 200  # held-out scenes
    val_every: int = 1  # epochs between evaluations
    save_every: int = 200  # steps between checkpoints
    seed: int = 0
    workers: int = 0
    device: str = "cpu"
    amp: str = "auto"  # "auto" (bf16 on CUDA, off elsewhere), "off", "bf16", "fp16"
    init: str | None = None  # a checkpoint to start from
    backbone: str | None = None  # a file of ImageNet weights for a fresh network's backbone
    patience: int | None = None  # evaluations without a new best after which training stops
    compile: bool = False  # torch.compile
    resume: bool = False

    def __post_init__(self):
        if self.input < 32 or self.input % 32:
            raise ValueError(f"the side of the input must be a multiple of 32, not {self.input}")


def recipe(options: TrainOptions, size: str) -> Recipe:
    """The published recipe of a size, scaled to the batch, with what the options change.

    The backbone keeps its share of the rate.

    Raises:
        ValueError: the seed would draw held-out scenes.
    """
    if not 0 <= options.seed < SEEDS:
        raise ValueError(f"the seed must be in 0..{SEEDS - 1}, not {options.seed}: higher ones draw held-out scenes")
    base = RECIPES[size]
    base = base.scaled(options.batch or base.batch)
    rate = options.rate or base.rate
    epochs = options.epochs or base.epochs + base.epochs_plain
    last = round(epochs * base.epochs_plain / (base.epochs + base.epochs_plain))
    last = min(epochs, last if options.plain_epochs is None else options.plain_epochs)
    changes = dict(
        epochs=epochs - last,
        epochs_plain=last,
        warmup=0 if options.init else base.warmup,  # published fine-tuning, Objects365 to COCO, has none
        rate=rate,
        backbone_rate=options.backbone_rate or rate * base.backbone_rate / base.rate,
        repeats=base.repeats if _wanted(options.scales, options.data != "scenes") else None,
    )
    if not _wanted(options.augment, options.data != "scenes", on="strong", off="plain"):
        changes |= dict(epochs=epochs, epochs_plain=0)
    for key in ("warmup", "ema", "ema_ramp"):
        if getattr(options, key) is not None:
            changes[key] = getattr(options, key)
    return replace(base, **changes)


def _wanted(choice: str, default: bool, on: str = "on", off: str = "off") -> bool:
    """What a choice of on, off and auto comes to. Raises ValueError when it is none of them."""
    if choice not in ("auto", on, off):
        raise ValueError(f"{choice!r} is none of auto, {on} and {off}")
    return default if choice == "auto" else choice == on


def resolved(options: TrainOptions) -> TrainOptions:
    """The options with everything settled that they leave to the recipe; they come to the same run.

    Raises:
        ValueError, CheckpointError: an option is out of range, or the checkpoint to start from cannot be read.
    """
    config = open_checkpoint(options.init).config if options.init else Config.of(options.size)
    r = recipe(options, config.size)
    return replace(
        options,
        size=config.size,
        epochs=r.epochs + r.epochs_plain,
        plain_epochs=r.epochs_plain,
        augment="strong" if _wanted(options.augment, options.data != "scenes", on="strong", off="plain") else "plain",
        scales="on" if r.repeats else "off",
        freeze="on" if frozen(options, config) else "off",
        batch=r.batch,
        **{key: float(f"{getattr(r, key):.9g}") for key in ("rate", "backbone_rate", "ema")},  # 5e-05, not 4.99…e-05
        **{key: getattr(r, key) for key in ("warmup", "ema_ramp")},
    )


def same_run(before: dict, options: TrainOptions) -> None:
    """Make sure that a run goes on as it began, whether its options were left to the recipe or settled.

    Args:
        before: the options that it began with, as a dict.
        options: those that it is to go on with.

    Raises:
        ValueError: one differs that may not change; the message names it.
    """
    kept = {f.name for f in fields(TrainOptions)} - MAY_CHANGE
    then = replace(options, **{key: value for key, value in before.items() if key in kept})
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
        "compile": not options.compile,
        "resume": True,
    }
    return {key: value for key, value in asdict(settled).items() if value is not None and not idle.get(key)}


def transform(options: TrainOptions, plain: bool) -> Transform:
    """What is done to a picture before it is resized; `plain` in the last epochs."""
    strong = _wanted(options.augment, options.data != "scenes", on="strong", off="plain")
    return augment.strong() if strong and not plain else augment.plain()


def mosaic(options: TrainOptions, plain: bool) -> float:
    """The share of mosaics; none in the last epochs. Raises ValueError when it is not between 0 and 1."""
    if not 0 <= options.mosaic <= 1:
        raise ValueError(f"--mosaic is a share between 0 and 1, not {options.mosaic}")
    return 0.0 if plain else options.mosaic


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


def data(options: TrainOptions) -> tuple[Dataset | None, Dataset]:
    """What to train on, None for scenes (new ones every epoch), and what to hold out.

    Raises:
        ValueError, OSError: the data cannot be read, or holds nothing to learn from.
    """
    if options.data == "scenes":
        data, val = None, scenes(options, None)
    else:
        data, val = sources.train_and_val(options.data, hold_out=options.val is None)
    if options.val:
        val = sources.validation(options.val)
    if val is None:
        warnings.warn(
            f"{options.data} has no validation split and --val names none: AP will be measured on the pictures that "
            "are trained on",
            stacklevel=3,
        )
    return data, data if val is None else val


def scenes(options: TrainOptions, epoch: int | None) -> Scenes:
    """The scenes of an epoch, or (None) those that are held out."""
    seed = VAL_SEED if epoch is None else options.seed * SEEDS + epoch
    count = options.val_count if epoch is None else options.pictures
    return Scenes(count, size=(options.input, options.input), seed=seed, clean=options.clean)


def network(options: TrainOptions, names: tuple[str, ...]) -> DFINE:
    """A fresh network for the classes, or the one that `options.init` names, made to fit them.

    Raises:
        CheckpointError: a checkpoint, or the backbone's weights, cannot be read or do not fit.
    """
    if options.init:
        start = open_checkpoint(options.init)
        network, said = carry_over(start.network(), start.card.names, names, queries=options.queries)
        print(f"{options.init}: {said}", flush=True)
        return network
    network = DFINE(Config.of(options.size, classes=len(names), queries=options.queries))
    if options.backbone:
        tensors = {f"backbone.{k}": v for k, v in read_tensors(Path(options.backbone)).items()}
        weights = {k.removeprefix("backbone."): v for k, v in OFFICIAL.read(tensors).items()}
        fit(network.backbone, weights)
        print(f"the backbone starts from {options.backbone}", flush=True)
    return network


def frozen(options: TrainOptions, config: Config) -> bool:
    """Whether the backbone's stem and norms stay as they are; those of a fresh network never do."""
    return _wanted(options.freeze, config.freeze and bool(options.init or options.backbone))


def half(options: TrainOptions) -> str:
    """What half precision comes to: "off", "bf16" or "fp16". Raises ValueError when the options ask for another."""
    if options.amp == "auto":
        gpu = options.device.startswith("cuda")
        return "bf16" if gpu and torch.cuda.is_bf16_supported(including_emulation=False) else "off"
    if options.amp not in ("off", "bf16", "fp16"):
        raise ValueError(f"--amp is {options.amp!r}; it must be auto, off, bf16 or fp16")
    return options.amp


def amp(options: TrainOptions):
    """A function that gives the autocast context of the chosen type. Raises ValueError when there is none such."""
    kind = half(options)
    if kind == "off":
        return contextlib.nullcontext
    dtype = torch.bfloat16 if kind == "bf16" else torch.float16
    return lambda: torch.autocast(torch.device(options.device).type, dtype=dtype)
