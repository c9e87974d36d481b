"""One optimiser step: a batch, or its share of one, from pixels to changed weights."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from dfine.config import LossWeights, NoiseSpec
from dfine.data import augment
from dfine.engines.device import layout
from dfine.files import WriteError, replacing
from dfine.processes import Ranks
from dfine.trace.records import Target
from dfine.training.checkpoint import State
from dfine.training.criterion import Criterion
from dfine.training.denoising import add_noise
from dfine.training.distillation import Teacher
from dfine.training.plan import LAST, Plan


def compile_(network: nn.Module, sizes: int) -> None:
    """Let `torch.compile` have the backbone and the encoder, in place: most of the work, and of few shapes.

    Each of the `sizes` of a batch is compiled for itself. Queries stay out of it: how many there are follows the number
    of objects in a batch, which is seldom the same twice.
    """
    known = torch._dynamo.config
    known.cache_size_limit = max(known.cache_size_limit, sizes)
    for part in (network.backbone, network.encoder):
        part.compile(dynamic=False)


def moved(targets: list[Target], device: torch.device) -> list[Target]:
    """Targets on another device, labels and boxes of all of them in one copy each."""
    counts = [len(t) for t in targets]
    labels, boxes = (torch.cat([getattr(t, k) for t in targets]).to(device).split(counts) for k in ("labels", "boxes"))
    return [replace(t, labels=a, boxes=b) for t, a, b in zip(targets, labels, boxes)]


class Step:
    """Takes a batch, or this process's share of it, and changes the weights of `state`; gives the loss terms.

    Args:
        least: pictures in the smallest share of any batch. No process may take it in more parts than that: all of them
            need as many, because each waits for the others several times a part.
    """

    def __init__(
        self,
        state: State,
        plan: Plan,
        here: Ranks,
        device: torch.device,
        least: int | None = None,
    ):
        options = plan.options
        self.state, self.plan, self.options, self.here, self.device = state, plan, options, here, device
        self.parts = options.accumulate if least is None else min(options.accumulate, least)
        self.criterion = Criterion(LossWeights(taught=options.teacher_weight))
        self.noise = NoiseSpec(queries=options.denoising)
        self.teacher = Teacher(plan.teacher, state.names, device) if plan.teacher else None
        self.scales = augment.sizes(plan.options.input_size, plan.recipe.repeats)
        self.model = self._wrapped(state.network)

    def _wrapped(self, network: nn.Module) -> nn.Module:
        """The network as it is called: compiled, and among several processes."""
        if self.options.compile:
            compile_(network, len(set(self.scales)))
        if self.here.count == 1:
            return network
        gpu = self.device.type == "cuda"
        if gpu:
            nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return DistributedDataParallel(network, device_ids=[self.device.index] if gpu else None)

    def __call__(self, pixels: Tensor, targets: list[Target]) -> dict[str, float]:
        """A step on pictures uint8 [B, 3, S, S], in as many parts as the options say.

        Each part is normalised by its own objects and counts by its share of the pictures.

        Raises:
            FloatingPointError: the loss is not finite; the part that caused it is kept in `nonfinite.pt`.
        """
        state, parts = self.state, self.parts
        state.optimizer.zero_grad(set_to_none=True)
        found: list[tuple[list[str], Tensor]] = []
        cuts = [len(targets) * i // parts for i in range(parts + 1)]
        spans = [(a, b) for a, b in zip(cuts, cuts[1:]) if b > a]
        for part, (a, b) in enumerate(spans):
            last = part == len(spans) - 1
            quiet = contextlib.nullcontext() if last or self.here.count == 1 else self.model.no_sync()
            with quiet:
                found.append(self._backward(pixels[a:b], targets[a:b], part, (b - a) / len(targets)))
        state.scaler.unscale_(state.optimizer)
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), self.plan.recipe.clip)
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.ema.update_parameters(state.network)
        # Read at the very end: to ask a GPU for a number is to wait for all that it has still to do.
        total: dict[str, float] = {}
        for names, values in found:
            for name, value in zip(names, values.tolist()):
                total[name] = total.get(name, 0.0) + value
        return total

    def _backward(self, pixels: Tensor, targets: list[Target], part: int, share: float) -> tuple[list[str], Tensor]:
        """The gradient of a part of a batch, which counts for its `share`; returns the terms, weighted likewise [T]."""
        state = self.state
        # What is random depends only on the step, so that a resumed run draws what an uninterrupted one would have.
        step = self.options.seed * 1_000_003 + state.step
        pixels = pixels.to(self.device, non_blocking=self.device.type == "cuda")
        pixels = pixels.contiguous(memory_format=layout(self.device)).float() / 255
        if not state.plain:  # the last epochs see the base size only, as published
            pixels = augment.resized(pixels, self.scales, step)
        targets = moved(targets, self.device)
        place = self.here.rank + self.here.count * part
        random = torch.Generator(self.device).manual_seed(step + 1_000_003_000_003 * place)
        noise = add_noise(targets, state.network.config.classes, self.noise, random)

        with self.plan.amp():
            trace = self.model(pixels, noise)
            lesson = self.teacher(pixels) if self.teacher else None
        terms = self.criterion(trace, targets, noise, lesson)
        values = torch.stack(list(terms.values()))
        loss = values.sum()
        if noise is None:  # processes wait for the gradient of every weight, also where nobody used its labels
            loss = loss + 0.0 * state.network.queries.label.weight.sum()
        if not torch.isfinite(loss):
            self._keep_batch(pixels, targets)
        state.scaler.scale(loss * share).backward()
        return list(terms), values.detach() * share

    def _keep_batch(self, pixels: Tensor, targets: list[Target]) -> None:
        out = Path(self.options.out)
        path, last = out / "nonfinite.pt", out / LAST
        values = [{"labels": t.labels.cpu(), "boxes": t.boxes.cpu(), "image_id": t.image_id} for t in targets]
        how = f"go on from {last} in a new run (--init, --out)" if last.exists() else "start again"
        try:
            with replacing(path) as temporary:  # several processes may come here at once
                torch.save({"pixels": pixels.cpu(), "targets": values, "step": self.state.step}, temporary)
            batch = f"its batch is in {path}"
        except WriteError as error:
            batch = f"its batch is lost ({error})"
        raise FloatingPointError(
            f"the loss of step {self.state.step} is not finite; {batch}; {how} at a lower --rate, or with --amp off"
        )
