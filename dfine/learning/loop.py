"""The training loop: batches in, checkpoints out; what is interrupted goes on as if it had not been."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from dfine.config import RECIPES, NoiseSpec
from dfine.data.loader import loader
from dfine.evaluation import Evaluation, evaluate
from dfine.learning import plan
from dfine.learning.criterion import Criterion
from dfine.learning.denoising import add_noise
from dfine.learning.log import Log
from dfine.learning.optimizer import average, factor, groups
from dfine.learning.plan import TrainOptions
from dfine.predictor import Predictor
from dfine.records import SCHEMA, Target

PROGRESS = ("step", "epoch", "batch", "best", "sums")


class Interrupted(SystemExit):
    """Training was asked to stop, and has saved its state."""


@dataclass
class State:
    """What a checkpoint holds, as live objects."""

    network: nn.Module
    ema: nn.Module
    optimizer: torch.optim.Optimizer
    scaler: torch.amp.GradScaler
    step: int = 0  # optimiser steps so far
    epoch: int = 0
    batch: int = 0  # batches of this epoch that are done
    best: float = -1.0
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
            "progress": {key: getattr(self, key) for key in PROGRESS},
            "random": torch.get_rng_state(),
        }
        temporary = path.with_suffix(".tmp")
        torch.save(values, temporary)
        os.replace(temporary, path)

    def load(self, path: Path) -> None:
        """Raise ValueError when the file is not a training state of this network."""
        values = torch.load(path, map_location="cpu", weights_only=True)
        if values.get("schema") != SCHEMA or values["config"] != self.network.config.to_dict():
            raise ValueError(f"{path} was written by another version or for another network; start with a new --out")
        for key in ("network", "ema", "optimizer", "scaler"):
            getattr(self, key).load_state_dict(values[key])
        for key, value in values["progress"].items():
            setattr(self, key, value)
        torch.set_rng_state(values["random"])


class Training:
    """One run. `run()` trains to the end, saving as it goes, and returns the last evaluation."""

    def __init__(self, options: TrainOptions):
        self.options = options
        self.out = Path(options.out)
        self.data, self.val = plan.data(options)
        self.device = torch.device(options.device)
        self.amp = plan.amp(options)
        torch.manual_seed(options.seed)

        self.names = tuple((plan.scenes(options, 0) if self.data is None else self.data).names)
        network = plan.network(options, self.names)
        self.recipe = plan.recipe(options, network.config.size)
        print(plan.in_words(self.recipe, RECIPES[network.config.size]), flush=True)
        network.to(self.device)
        self.state = State(
            network,
            average(network, self.recipe),
            torch.optim.AdamW(
                groups(
                    network,
                    rate=self.recipe.rate,
                    backbone_rate=self.recipe.backbone_rate,
                    weight_decay=self.recipe.weight_decay,
                    decay_biases=self.recipe.decay_biases,
                ),
                betas=(0.9, 0.999),
            ),
            torch.amp.GradScaler(self.device.type, enabled=options.amp == "fp16"),
        )
        self.rates = [group["lr"] for group in self.state.optimizer.param_groups]
        self.criterion, self.noise = Criterion(), NoiseSpec(queries=options.denoising)
        self.stop = False
        self._open()

    def _open(self) -> None:
        """Make the folder, or take up what lies in it."""
        self.checkpoint = self.out / "last.pt"
        if self.options.resume:
            if not self.checkpoint.exists():
                raise ValueError(f"there is nothing to resume: {self.checkpoint} does not exist")
            self.state.load(self.checkpoint)
        elif self.checkpoint.exists():
            raise ValueError(f"{self.out} already holds a training run; add --resume to go on, or choose another --out")
        self.out.mkdir(parents=True, exist_ok=True)
        (self.out / "options.json").write_text(json.dumps(asdict(self.options), indent=2) + "\n")

    def run(self) -> Evaluation | None:
        """Train to the last epoch. A SIGTERM saves and raises `Interrupted`."""
        result, log = None, Log(self.out, keep=self.state.epoch)
        with _on_sigterm(self._ask_to_stop):
            while self.state.epoch < self.recipe.epochs:
                means = self._epoch()
                state = self.state
                if state.epoch % self.options.val_every == 0 or state.epoch == self.recipe.epochs:
                    result = self.evaluate()
                    means |= {f"AP {stage}": value for stage, value in result.ap.items()}
                    print(f"epoch {state.epoch}/{self.recipe.epochs}, {state.step} steps\n{result}", flush=True)
                    self.export(result)
                log.write(state.epoch, means)
                state.save(self.checkpoint, self.options)
        log.close()
        return result

    def _epoch(self) -> dict[str, float]:
        """One pass over the data; returns the mean of every loss term."""
        options, state = self.options, self.state
        batches = loader(
            plan.scenes(options, state.epoch) if self.data is None else self.data,
            self.recipe.batch,
            size=(options.input, options.input),
            train=True,
            workers=options.workers,
            seed=options.seed,
        )
        batches.batch_sampler.epoch, batches.batch_sampler.start = state.epoch, state.batch
        total = len(batches) * self.recipe.epochs

        state.network.train()
        bar = tqdm(batches, initial=state.batch, total=len(batches), desc=f"epoch {state.epoch + 1}", mininterval=5)
        try:
            for pixels, targets in bar:
                rate = factor(state.step, warmup=self.recipe.warmup, total=total, schedule=options.schedule)
                self._account(self._step(pixels, targets, rate))
                loss = sum(state.sums.values()) / state.batch
                bar.set_postfix(loss=f"{loss:.3f}", rate=f"{rate * self.recipe.rate:.1e}", refresh=False)
                if self.stop:
                    state.save(self.checkpoint, options)
                    raise Interrupted("stopped; the state is saved, go on with --resume")
                if state.step % options.save_every == 0:
                    state.save(self.checkpoint, options)
        except RuntimeError:
            if not self.stop:
                raise
            # A signal to the whole process group ends the workers too, and that may reach us in the middle of a step.
            raise Interrupted("stopped together with its workers; --resume goes on from the last save") from None
        means = {name: value / state.batch for name, value in state.sums.items()}
        state.epoch, state.batch, state.sums = state.epoch + 1, 0, {}
        return {"loss": sum(means.values())} | means

    def _account(self, terms: dict[str, float]) -> None:
        """A step is done."""
        state = self.state
        state.step, state.batch = state.step + 1, state.batch + 1
        for name, value in terms.items():
            state.sums[name] = state.sums.get(name, 0.0) + value

    def _step(self, pixels: Tensor, targets: list[Target], rate: float) -> dict[str, float]:
        """One optimiser step on a batch; returns its loss terms."""
        state = self.state
        for group, base in zip(state.optimizer.param_groups, self.rates):
            group["lr"] = base * rate
        pixels = pixels.to(self.device, non_blocking=True).float() / 255
        targets = [t.map(lambda x: x.to(self.device)) for t in targets]
        # The noise depends on the step alone, so a resumed run draws what an uninterrupted one would have drawn.
        random = torch.Generator(self.device).manual_seed(self.options.seed * 1_000_003 + state.step)
        noise = add_noise(targets, state.network.config.classes, self.noise, random)

        with self.amp():
            trace = state.network(pixels, noise)
        terms = self.criterion(trace, targets, noise)
        loss = sum(terms.values())
        if not torch.isfinite(loss):
            self._keep_batch(pixels, targets)
        state.optimizer.zero_grad(set_to_none=True)
        state.scaler.scale(loss).backward()
        state.scaler.unscale_(state.optimizer)
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), self.recipe.clip)
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.ema.update_parameters(state.network)
        return {name: float(value.detach()) for name, value in terms.items()}

    def _keep_batch(self, pixels: Tensor, targets: list[Target]) -> None:
        path = self.out / "nonfinite.pt"
        values = [{"labels": t.labels.cpu(), "boxes": t.boxes.cpu(), "image_id": t.image_id} for t in targets]
        torch.save({"pixels": pixels.cpu(), "targets": values, "step": self.state.step}, path)
        raise FloatingPointError(
            f"the loss of step {self.state.step} is not finite; its batch is in {path}, the last good state in "
            f"{self.checkpoint}. Lower --rate, or train with --amp off"
        )

    def evaluate(self) -> Evaluation:
        """AP of the averaged weights on the held-out data."""
        side = self.options.input
        return evaluate(
            self.state.ema.module,
            self.val,
            names=self.names,
            size=(side, side),
            batch=self.recipe.batch,
            device=self.device,
            progress=False,
        )

    def export(self, result: Evaluation) -> None:
        """Write the averaged weights to `out/model`, and to `out/best` when no earlier epoch was better."""
        side = self.options.input
        model = Predictor(self.state.ema.module, self.names, device=self.device, size=(side, side))
        model.save(self.out / "model")
        last = list(result.ap.values())[-1]
        if last > self.state.best:
            self.state.best = last
            model.save(self.out / "best")

    def _ask_to_stop(self, *_: object) -> None:
        self.stop = True


def train(options: TrainOptions) -> Evaluation | None:
    """Train as `options` say; returns the last evaluation, or None when there was nothing left to do.

    Raises:
        ValueError: an option is out of range, the data cannot be read, or the folder holds another run.
        FloatingPointError: the loss was not finite; the batch that caused it is kept.
    """
    return Training(options).run()


@contextlib.contextmanager
def _on_sigterm(handler) -> Iterator[None]:
    """Call `handler` on SIGTERM, where signals can be caught: in the main thread."""
    try:
        previous = signal.signal(signal.SIGTERM, handler)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
