"""Where a run stands, as live objects, and on disk."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import nn

from dfine.trace.base import SCHEMA
from dfine.training.optimizer import Decay
from dfine.training.plan import TrainOptions, same_run
from dfine.weights.exceptions import CheckpointError
from dfine.weights.tensors import unpacked

PROGRESS = ("step", "epoch", "batch", "best", "waited", "plain", "sums")


@dataclass
class State:
    """What a checkpoint holds, as live objects."""

    network: nn.Module
    ema: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    decay: Decay
    step: int = 0  # optimiser steps so far
    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done
    best: float = -1.0
    waited: int = 0  # evaluations since the best one
    plain: bool = False  # whether strong augmentation has stopped
    sums: dict[str, float] = field(default_factory=dict)  # of this epoch's loss terms

    def save(self, path: Path, options: TrainOptions) -> None:
        """Write atomically: a kill leaves the old file or the new one."""
        values = {
            "schema": SCHEMA,
            "options": asdict(options),
            "config": self.network.config.to_dict(),
            "network": self.network.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "progress": {key: getattr(self, key) for key in PROGRESS} | {"decay": self.decay.value},
            "random": torch.get_rng_state(),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(values, temporary)
        os.replace(temporary, path)

    def load(self, path: Path, options: TrainOptions) -> None:
        """Take up everything. Raise ValueError when the file is not a training state of this network and run."""
        values = self._weights(path, options)
        progress = dict(values["progress"])
        self.decay.value = progress.pop("decay")
        for key, value in progress.items():
            setattr(self, key, value)
        torch.set_rng_state(values["random"])

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
            same_run(values["options"], options)
        if values["config"] != self.network.config.to_dict():
            raise ValueError(f"{path} was written for another network or other classes; start with a new --out")
        for key in ("network", "ema", "optimizer", "scaler"):
            if values[key]:  # a run that was not in fp16 has nothing to say of the scaler
                getattr(self, key).load_state_dict(values[key])
        return values
