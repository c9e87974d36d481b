"""What a training run will do, settled before it starts: its recipe, its data and the network to start from."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from hashlib import sha256
from pathlib import Path

import torch
from torch.utils.data import DataLoader, Dataset

from dfine.config import RECIPES, Config, Recipe
from dfine.data import augment, labels, sources
from dfine.data.coco import CocoSet
from dfine.data.drawn import cast
from dfine.data.loader import Batching, Shares, loader
from dfine.data.repeat import repeated
from dfine.data.scenes import Scenes, size_for
from dfine.data.transforms import Transform
from dfine.engines.device import resolve
from dfine.files import short_digest
from dfine.network.detector import DFINE
from dfine.paths import at_home
from dfine.processes import Ranks
from dfine.training.distillation import shared
from dfine.training.options import SEEDS, TrainOptions
from dfine.training.recipe import LAST, beginning, frozen, half, in_words, recipe, strong, taught_by
from dfine.training.transfer import carry_over
from dfine.weights.checkpoints import Checkpoint, fit
from dfine.weights.exceptions import CheckpointError
from dfine.weights.official import OFFICIAL
from dfine.weights.tensors import read_tensors, unpacked
from dfine.wording import some

VAL_SEED = SEEDS * 1000  # held-out scenes are drawn from here on, training never gets there
Tell = Callable[[str], None]  # takes a sentence about the run


@dataclass(frozen=True)
class Plan:
    """A run, settled: everything is decided and read, nothing is written yet."""

    options: TrainOptions  # as they were given, with the device that is meant
    recipe: Recipe
    data: Dataset | None  # what to train on; None: scenes, new ones every epoch
    val: Dataset  # what is held out
    start: Checkpoint | None  # what the network starts from
    teacher: Checkpoint | None  # whose answers are learned beside the labels
    freezes: bool  # whether the backbone's stem and norms stay as they are
    half: str  # "off", "bf16" or "fp16"

    @classmethod
    def of(cls, options: TrainOptions) -> Plan:
        """Settle a run.

        Raises:
            ValueError: an option is out of range, the data holds nothing to learn from, or the teacher knows none of
                its classes.
            OSError: the data cannot be read.
            CheckpointError: the checkpoint to start from, or the teacher, cannot be read.
        """
        options = replace(options, device=str(resolve(options.device)))
        start = beginning(options)
        config = start.config if start else Config.of(options.size)
        training, held_out = data(options)
        if start and options.size not in (TrainOptions.size, config.size):
            warnings.warn(
                f"--size {options.size} plays no part: {options.init}, which --init names, is of size {config.size}",
                stacklevel=2,
            )
        if start and options.backbone:
            warnings.warn(
                f"--backbone plays no part: {options.init}, which --init names, has a backbone of its own", stacklevel=2
            )
        settled = recipe(options, config.size)
        teacher = taught_by(options)
        plan = cls(options, settled, training, held_out, start, teacher, frozen(options, config), half(options))
        if teacher:
            shared(teacher, plan.names)
        if options.warmup is None and settled.warmup >= plan.steps:
            warnings.warn(
                f"all {plan.steps} steps of the run belong to the warm-up of {settled.warmup}, so that the rate stays "
                "below what the recipe means, and hardly anything is learned: start from a trained network (--init), "
                "which needs no warm-up, or give a shorter one (--warmup)",
                stacklevel=2,
            )
        return plan

    @property
    def names(self) -> tuple[str, ...]:
        """The classes that are learned, in the order of the data."""
        return tuple((Scenes if self.data is None else self.data).names)

    @property
    def epochs(self) -> int:
        """How many there are, those without strong augmentation at the end included."""
        return self.recipe.epochs + self.recipe.epochs_plain

    @property
    def pictures(self) -> int:
        """Pictures of an epoch."""
        return self.options.pictures if self.data is None else len(self.data)

    @property
    def steps(self) -> int:
        """Steps of the whole run. An incomplete last batch is left out, unless it is the only one of its epoch."""
        return max(1, self.pictures // self.recipe.batch) * self.epochs

    def share(self, here: Ranks) -> int:
        """Pictures of the smallest batch that each process gets.

        Raises:
            ValueError: there are more processes than pictures in it.
        """
        smallest = min(self.recipe.batch, self.pictures)
        if smallest < here.count:
            raise ValueError(
                f"a batch of {smallest} cannot be shared among {here.count} processes; start fewer of them"
            )
        return smallest // here.count

    def fingerprint(self) -> str:
        """What tells that a run reads the same pictures in the same order, wherever they lie: of their files' names."""
        names = [[os.fsencode(one.path(i).name).hex() for i in range(len(one))] for one in self._on_disk()]
        return short_digest(repr(names))

    def answers(self) -> str:
        """What tells that boxes and classes are the same, in whatever order a file lists them."""
        found = sha256()
        for one in self._on_disk():
            for i in range(len(one)):
                target = one.target(i)
                objects = sorted(zip((one.names[k] for k in target.labels.tolist()), target.boxes.tolist()))
                found.update(repr(objects).encode())
        return found.hexdigest()[:16]

    def _on_disk(self) -> list[Dataset]:
        return [one for one in (self.data, self.val) if hasattr(one, "path")]

    def training_data(self, epoch: int) -> Dataset:
        """What an epoch trains on."""
        return scenes(self.options, epoch) if self.data is None else self.data

    def network(self, tell: Tell) -> DFINE:
        """A fresh network for the classes, or the one to start from, made to fit them; says which.

        Raises:
            CheckpointError: the backbone's weights cannot be read or do not fit.
        """
        options = self.options
        if self.start:
            known = self.start.card.names
            network, said = carry_over(self.start.network(), known, self.names, queries=options.queries)
            tell(f"{self.start.card.source}: {said}")
            return network
        network = DFINE(Config.of(options.size, classes=len(self.names), queries=options.queries))
        if options.backbone and not options.resume:
            tensors = {f"backbone.{k}": v for k, v in read_tensors(at_home(options.backbone)).items()}
            weights = {k.removeprefix("backbone."): v for k, v in OFFICIAL.read(tensors).items()}
            fit(network.backbone, weights)
            tell(f"the backbone starts from {options.backbone}")
        return network

    def transform(self, plain: bool) -> Transform:
        """What is done to a picture before it is resized; `plain` in the last epochs."""
        return augment.strong() if strong(self.options) and not plain else augment.plain()

    def batches(self, data: Dataset, how: Batching, plain: bool) -> DataLoader:
        """`data` as batches, with everything that is done to pictures; `plain` in the last epochs.

        Sides of objects are covered, and pictures shrunk, reduced to flat colours or replaced by drawings, in the last
        epochs too: hidden edges, blurred things and drawings are to be known, and no way to see more.
        """
        shares = Shares(**{one.name: getattr(self.options, one.name) for one in fields(Shares)})
        shares = replace(shares, mosaic=0.0, copy_paste=0.0) if plain else shares
        return loader(data, how, transform=self.transform(plain), shares=shares)

    def amp(self) -> contextlib.AbstractContextManager:
        """The autocast context of a step."""
        if self.half == "off":
            return contextlib.nullcontext()
        dtype = torch.bfloat16 if self.half == "bf16" else torch.float16
        return torch.autocast(torch.device(self.options.device).type, dtype=dtype)

    def in_words(self) -> str:
        """What the run will do, and where it leaves the published recipe because of its batch, in a few lines."""
        said = in_words(self.recipe, RECIPES[self.start.config.size if self.start else self.options.size])
        return f"{said}\n{self.of_its_teacher()}" if self.teacher else said

    def of_its_data(self) -> str:
        """What is trained on and what is held out, in a line."""
        drawn = "scenes" if self.data is None else "pictures"
        many = f"{len(self.names)} classes" if len(self.names) > 1 else "1 class"
        often = f", {len(set(self.data.indices))} different ones," if self.options.repeat_threshold else ""
        said = f"{self.pictures} {drawn} an epoch{often} of {many} ({', '.join(self.names)}); {len(self.val)} held out"
        return f"{said}; {self.of_its_teacher()}" if self.teacher else said

    def of_its_teacher(self) -> str:
        """How much of the data the teacher knows, in words."""
        return f"{self.options.teacher} teaches {len(shared(self.teacher, self.names))} of {len(self.names)} classes"


def data(options: TrainOptions) -> tuple[Dataset | None, Dataset]:
    """What to train on, None for scenes (new ones every epoch), and what to hold out.

    Raises:
        ValueError, OSError: the data cannot be read, or holds nothing to learn from.
    """
    if options.data == "scenes":
        if options.repeat_threshold:
            raise ValueError("--repeat-threshold is for data sets: no class of scenes is rare; leave it out")
        if options.drawn:
            raise ValueError("--drawn is for data sets: scenes are drawn already; leave it out")
        data, val = None, scenes(options, None)
    else:
        data, val = sources.train_and_val(options.data, hold_out=options.val is None and not _began_with_all(options))
        most = max(len(data.target(i)) for i in range(len(data)))
        if most > options.queries:
            warnings.warn(
                f"a picture of {options.data} has {most} objects, more than the {options.queries} queries: some of "
                "them cannot be learnt; raise --queries",
                stacklevel=3,
            )
    names = (Scenes if data is None else data).names
    if options.val:
        val = sources.validation(options.val)
    if val is None:
        warnings.warn(
            f"{options.data} has no validation split and --val names none: AP will be measured on the pictures that "
            "are trained on",
            stacklevel=3,
        )
    elif not labels.same(val.names, names):
        raise ValueError(
            f"the held-out pictures of {options.val or options.data} have none of the classes that are learned "
            f"({some(names)}), but {some(val.names)}; name others with --val, or rename their classes"
        )
    elif data is not None and (both := _files(data) & _files(val)):
        warnings.warn(
            f"{len(both)} of the {len(val)} held-out pictures are trained on, too: AP on them says little", stacklevel=3
        )
    held_out = data if val is None else val
    for one in filter(None, (data, val)):
        sources.require_pictures(one)
    if options.drawn:
        cast(data.names)  # refuses classes that cannot be drawn, before anything is written
    if options.repeat_threshold:
        data = repeated(data, options.repeat_threshold, options.seed)
    return data, held_out


def _files(data: CocoSet) -> set[str]:
    return {os.path.abspath(data.path(i)) for i in range(len(data))}


def _began_with_all(options: TrainOptions) -> bool:
    """Whether the run that is resumed began before a part of a data set without splits was held out.

    It goes on with all pictures then: others would be another run.
    """
    if not options.resume or not sources.recognise(options.data).unsplit:
        return False
    try:
        state = unpacked(Path(options.out) / LAST)
    except CheckpointError:  # whoever takes it up says what is wrong with it
        return False
    return isinstance(state, dict) and not state.get("holds_out", False)


def scenes(options: TrainOptions, epoch: int | None) -> Scenes:
    """The scenes of an epoch, or (None) those that are held out."""
    seed = VAL_SEED if epoch is None else (options.seed * SEEDS + epoch) % VAL_SEED
    count = options.val_count if epoch is None else options.pictures
    return Scenes(count, size=size_for(options.input_size), seed=seed, clean=options.clean)
