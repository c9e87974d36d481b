"""Where a run stands, as live objects, and on disk."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from dfine.files import replacing
from dfine.trace.base import SCHEMA
from dfine.training.optimizer import Decay, average, freeze, groups
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from dfine.training.recipe import same_run
from dfine.weights.exceptions import CheckpointError
from dfine.weights.tensors import unpacked

PROGRESS = ("step", "epoch", "batch", "best", "mark", "waited", "plain", "sums")


@dataclass
class State:
    """What a checkpoint holds, as live objects."""

    network: nn.Module
    ema: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    decay: Decay
    names: tuple[str, ...]  # the class of each column of the heads
    step: int = 0  # optimiser steps so far
    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done
    best: float = -1.0
    mark: float = -1.0  # what AP has to rise from in the last stage; measured anew after going back (as published)
    waited: int = 0  # evaluations since the best one
    plain: bool = False  # whether strong augmentation has stopped
    sums: dict[str, float] = field(default_factory=dict)  # of this epoch's loss terms
    pictures: str = ""  # tells those of the run from others (`Plan.fingerprint`)
    answers: str = ""  # and their boxes and classes (`Plan.answers`)
    teacher: str = ""  # the digest of the checkpoint whose answers are learned
    holds_out: bool = True  # whether a part of a data set without splits is held out; early runs trained on all of it

    def save(self, path: Path, options: TrainOptions) -> None:
        """Write whole or not at all: a kill leaves the old file or the new one. Raises WriteError."""
        with replacing(path) as temporary:
            torch.save(self._values(options), temporary)

    def as_is(self, options: TrainOptions) -> Callable[[Path, TrainOptions], None]:
        """A `save` that writes what there is now, however training goes on."""
        held = io.BytesIO()
        torch.save(self._values(options), held)

        def save(path: Path, _options: TrainOptions) -> None:
            with replacing(path) as temporary:
                temporary.write_bytes(held.getbuffer())

        return save

    def _values(self, options: TrainOptions) -> dict:
        return {
            "schema": SCHEMA,
            "options": asdict(options),
            "config": self.network.config.to_dict(),
            "names": list(self.names),
            "network": self.network.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "progress": {key: getattr(self, key) for key in PROGRESS} | {"decay": self.decay.value},
            "random": torch.get_rng_state(),
            "pictures": self.pictures,
            "answers": self.answers,
            "teacher": self.teacher,
            "holds_out": self.holds_out,
        }

    def load(self, path: Path, options: TrainOptions) -> list[str]:
        """Take up everything; return what has become of the run's data since it was saved, a sentence each.

        Raises:
            ValueError: the file is not a training state of this network and run.
        """
        now = self.names
        values = self._weights(path, options)
        progress = dict(values["progress"])
        self.decay.value = progress.pop("decay")
        for key, value in progress.items():
            setattr(self, key, value)
        self.holds_out = values.get("holds_out", False)
        torch.set_rng_state(values["random"])
        return self._changed(values, now, options.data)

    def _changed(self, values: dict, now: tuple[str, ...], data: str) -> list[str]:
        """What to say where the data has other pictures, other answers, or its classes in another order by `now`."""
        said = []
        if any(values.get(key, getattr(self, key)) != getattr(self, key) for key in ("pictures", "answers")):
            said.append(
                f"pictures or labels of {data}, or of what is held out, are not those that the run was saved with; it "
                "goes on with what is there now, and its AP before and after can hardly be compared"
            )
        moved = [f"{name} from {self.names.index(name)} to {i}" for i, name in enumerate(now) if self.names[i] != name]
        if moved:
            said.append(
                f"{data} now has its classes in another order ({', '.join(moved)}); the run goes on with its own "
                "order, by name"
            )
        return said

    def return_to(self, path: Path) -> None:
        """Take up weights, their average and the optimiser of an earlier state; count on from here."""
        self._weights(path)

    def _weights(self, path: Path, options: TrainOptions | None = None) -> dict:
        try:
            values = unpacked(path, "--init can start from its best/ or model/")
        except CheckpointError as error:
            raise ValueError(f"the run in {path.parent} cannot go on: {error}; start with a new --out") from None
        if not isinstance(values, dict) or values.get("schema") != SCHEMA:
            raise ValueError(f"{path} was written by another version, or by nobody's training; start with a new --out")
        if options:
            pictures, teacher = values.get("pictures") == self.pictures, values.get("teacher") == self.teacher
            same_run(values["options"], options, moved=pictures, same_teacher=teacher)
        if values["config"] != self.network.config.to_dict():
            raise ValueError(f"{path} was written for another network or other classes; start with a new --out")
        self.names = self._same_classes(path, values)
        for own, group in zip(self.optimizer.param_groups, values["optimizer"]["param_groups"]):
            group["fused"] = own["fused"]  # how it runs is this machine's affair, not that of the one that wrote it
        for key in ("network", "ema", "optimizer", "scaler"):
            if values[key]:  # a run that was not in fp16 has nothing to say of the scaler
                getattr(self, key).load_state_dict(values[key])
        return values

    def _same_classes(self, path: Path, values: dict) -> tuple[str, ...]:
        """The run's classes in its own order. Raises ValueError where the data has other ones."""
        own = tuple(values.get("names") or _exported_names(path.parent) or self.names)
        gone, new = sorted(set(own) - set(self.names)), sorted(set(self.names) - set(own))
        if gone or new:
            said = [f"{', '.join(part)} {word}" for part, word in ((gone, "gone"), (new, "new")) if part]
            raise ValueError(
                f"the classes of the data are not those that {path.parent} began with: {'; '.join(said)}. "
                "Start with a new --out; --init takes over what its best/ knows"
            )
        return own


def fresh(plan: Plan, network: nn.Module) -> State:
    """The start of a run with this network, which is frozen as far as the plan says."""
    recipe, kind = plan.recipe, plan.options.device.split(":")[0]
    if plan.freezes:
        freeze(network)
    decay = Decay(recipe.ema, recipe.ema_ramp)
    rates = dict(rate=recipe.rate, backbone_rate=recipe.backbone_rate)
    parts = groups(network, weight_decay=recipe.weight_decay, decay_biases=recipe.decay_biases, **rates)
    return State(
        network,
        average(network, decay),
        torch.optim.AdamW(parts, betas=(0.9, 0.999), fused=kind == "cuda" or None),  # one kernel for many weights
        torch.amp.GradScaler(kind, enabled=plan.half == "fp16"),
        decay,
        plan.names,
        pictures=plan.fingerprint(),
        answers=plan.answers(),
        teacher=plan.teacher.card.digest if plan.teacher else "",
    )


def _exported_names(run: Path) -> list[str] | None:
    """The classes of a run whose state does not tell them, from the model that it wrote; None where there is none."""
    config = run / "model" / "config.json"
    try:
        return json.loads(config.read_text(encoding="utf-8"))["names"]
    except (OSError, ValueError, KeyError):
        return None
