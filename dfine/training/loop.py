"""The training loop: batches in, checkpoints out; what is interrupted goes on as if it had not been."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from tqdm import tqdm

from dfine.engines.device import layout
from dfine.engines.torch_engine import TorchEngine
from dfine.evaluation.coco import ALONE, Evaluation, evaluate, needed_evaluator
from dfine.evaluation.thresholds import Thresholds, thresholds
from dfine.files import check_folder, write_json
from dfine.inference.predictor import Predictor
from dfine.processes import Ranks, held, require_free
from dfine.trace.card import Card
from dfine.trace.records import Target
from dfine.training.checkpoint import State, fresh
from dfine.training.keeping import Keeping, copied
from dfine.training.loading import Loading
from dfine.training.log import Log
from dfine.training.optimizer import factor, still
from dfine.training.options import TrainOptions
from dfine.training.plan import LAST, Plan, Tell
from dfine.training.step import Step
from dfine.training.stopping import Interrupted, on_signals, undisturbed

TOGETHER = 10  # steps after which processes ask each other whether one was told to stop
Watcher = Callable[["Training", Evaluation], None]  # is called after every evaluation


def print_line(text: str) -> None:
    """Tell on stdout, at once; letters that its encoding lacks, as Windows' pipes do, end no run."""
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        print(text.encode("ascii", "backslashreplace").decode(), flush=True)


def _nobody(_text: str) -> None:
    """Tell nobody."""


class Training:
    """One run: `Training.start(plan)`, then `run()`, which saves as it goes and returns the last evaluation.

    Of several processes (`here`) each takes its share of every batch; the first one writes, watches and tells.
    """

    def __init__(self, plan: Plan, state: State, here: Ranks, watch: Watcher | None, tell: Tell):
        self.plan, self.state, self.here, self.watch = plan, state, here, watch
        self.options, self.recipe, self.epochs = plan.options, plan.recipe, plan.epochs
        self.tell = tell if here.first else _nobody
        self.device = torch.device(here.device(plan.options.device))
        self.rates = [group["lr"] for group in state.optimizer.param_groups]
        self.out = Path(plan.options.out)
        self.checkpoint, self.best = self.out / LAST, self.out / "best.pt"
        self.keeping, self.stop, self.whole = Keeping(self.tell), False, True

    @classmethod
    def start(cls, plan: Plan, here: Ranks = ALONE, watch: Watcher | None = None, tell: Tell = print_line) -> Training:
        """Build the network, and make the run's folder or take up what lies in it.

        Raises:
            ValueError: the folder holds another run or cannot be written, or there is nothing to resume.
            CheckpointError: weights to start from do not fit.
            ImportError: faster-coco-eval, which measures AP after an epoch, is missing.
        """
        needed_evaluator()
        check_folder(Path(plan.options.out))
        plan.share(here)
        torch.manual_seed(plan.options.seed)
        told = tell if here.first else _nobody
        network = plan.network(told)
        told(plan.in_words())
        device = torch.device(here.device(plan.options.device))
        state = fresh(plan, network.to(device, memory_format=layout(device)))
        training = cls(plan, state, here, watch, tell)
        training._open()
        return training

    def _open(self) -> None:
        """Make the folder, or take up what lies in it; then make the step, whose teacher needs the run's own names."""
        if self.here.first:
            require_free(self.out, "a training")
        if self.options.resume:
            if not self.checkpoint.exists():
                raise ValueError(f"there is nothing to resume: {self.checkpoint} does not exist")
            for changed in self.state.load(self.checkpoint, self.options):
                self.tell(changed)
        elif self.checkpoint.exists():
            raise ValueError(f"{self.out} already holds a training run; add --resume to go on, or choose another --out")
        elif self.best.exists():  # the last epochs would start from it
            raise ValueError(f"{self.best} is left of another run; move it away, or choose another --out")
        self.step = Step(self.state, self.plan, self.here, self.device, self.plan.share(self.here))
        self.loading = Loading(self.plan, self.state.names, self.here, pin=self.device.type == "cuda")
        self.here.gather(None)  # nobody makes the folder before everybody has looked
        if self.here.first and not self._over():
            self.out.mkdir(parents=True, exist_ok=True)
            write_json(self.out / "options.json", asdict(self.options))

    def run(self) -> Evaluation | None:
        """Train to the last epoch, or until nothing gets better. A SIGTERM or Ctrl-C saves and raises `Interrupted`."""
        state, result = self.state, None
        mine = self.here.first and not self._over()
        log = Log(self.out, state.epoch, self.tell) if mine else None
        with held(self.out, "a training") if mine else contextlib.nullcontext(), on_signals(self._ask_to_stop):
            while not self._over():
                if state.plain != (state.epoch >= self.recipe.epochs):
                    self._turn_strong() if state.plain else self._turn_plain()
                means, last = self._epoch(), state.epoch + 1
                # The last strong epoch is measured, too: the plain ones start from the best that was.
                measured = last % self.options.val_every == 0 or last in (self.recipe.epochs, self.epochs)
                if measured:
                    with self._workers_may_end():  # the epoch is not over yet: a run that is resumed measures again
                        result = self.evaluate()
                state.epoch, state.batch, state.sums = last, 0, {}
                if measured:
                    means |= {f"AP {stage}": value for stage, value in result.ap.items()} | {"gain": result.gain}
                    self.tell(f"epoch {state.epoch}/{self.epochs}, {state.step} steps\n{result}")
                    self._judge(result)
                if log:
                    log.add(state.epoch, means)
                    self.keeping.write(log.save, log.path)
                self._save()
            self.keeping.insist()
        self.loading.end()
        if log:
            log.close()
        if state.epoch < self.epochs:
            self.tell(f"{state.waited} evaluations without a new best: training stops")
        return result

    def _over(self) -> bool:
        """Whether nothing remains to be trained: all epochs are done, or patience is at its end."""
        patience = self.options.patience
        return self.state.epoch >= self.epochs or (patience is not None and self.state.waited >= patience)

    def _turn_plain(self) -> None:
        """The last stage: no strong augmentation, from the best weights so far, and a shorter memory (as published)."""
        state = self.state
        if self.best.exists():
            state.return_to(self.best)
        state.plain, state.decay.value = True, self.recipe.ema_restart
        self.tell(f"plain epochs from the best weights so far, decay {state.decay.value:.6g}")

    def _turn_strong(self) -> None:
        """A run that was made longer after its last stage had begun goes on as one that was meant to be so long."""
        self.state.plain, self.state.decay.value, self.state.mark = False, self.recipe.ema, -1.0  # a new best of these
        self.tell(f"strong augmentation again, up to epoch {self.recipe.epochs}: the run is longer than it was")

    def _judge(self, result: Evaluation) -> None:
        """Keep what is best. The last stage goes back to the best of the strong one where AP does not rise (`mark`)."""
        state, last = self.state, list(result.ap.values())[-1]
        better, risen = last > state.best, last > state.mark
        state.waited = 0 if better else state.waited + 1
        state.best, state.mark = max(state.best, last), max(state.mark, last)
        if self.here.first:
            found = thresholds(result)
            self._export(better, found)
            if self._over():
                self.tell(f"scores with the best F1 on the validation pictures, for --threshold best:\n{found}")
        if risen and not state.plain and self.recipe.epochs_plain:
            self._save(self.best)
        elif not risen and state.plain and self.best.exists():
            state.return_to(self.best)
            state.decay.value, state.mark = max(0.0, state.decay.value - self.recipe.ema_step), -1.0
        if self.watch and self.here.first:
            self.watch(self, result)

    def _save(self, path: Path | None = None) -> None:
        if self.here.first:
            self.keeping.write(self.state.save, path or self.checkpoint, self.options, as_is=path and self.state.as_is)
        self.here.gather(None)  # nobody reads it before it is there

    def _epoch(self) -> dict[str, float]:
        """One pass over the data; returns the mean of every loss term."""
        options, state = self.options, self.state
        batches = self._batches()
        batches.batch_sampler.epoch, batches.batch_sampler.start = state.epoch, state.batch
        total = len(batches) * self.epochs

        state.network.train()
        if self.plan.freezes:
            still(state.network)
        name = f"epoch {state.epoch + 1}/{self.epochs}"
        bar = tqdm(batches, name, initial=state.batch, total=len(batches), mininterval=5, disable=not self.here.first)
        with self._workers_may_end():
            for pixels, targets in bar:
                with undisturbed():
                    rate = factor(state.step, warmup=self.recipe.warmup, total=total, schedule=options.schedule)
                    self.whole = False
                    self._account(self._step(pixels, targets, rate))
                    self.whole = True
                    loss = sum(state.sums.values()) / state.batch
                    bar.set_postfix(loss=f"{loss:.3f}", rate=f"{rate * self.recipe.rate:.1e}", refresh=False)
                    # Processes ask each other only now and then: that takes longer than looking at oneself.
                    if (self.here.count == 1 or state.step % TOGETHER == 0) and any(self.here.gather(self.stop)):
                        self._leave()
                    if state.step % options.save_every == 0:
                        self._save()
        means = {name: value / state.batch for name, value in state.sums.items()}
        return {"loss": sum(means.values())} | means

    def _batches(self) -> DataLoader:
        """The batches of this epoch."""
        return self.loading.of(self.state.epoch, self.state.plain)

    def _leave(self) -> NoReturn:
        self._save()
        self.keeping.insist()
        raise Interrupted("stopped; the state is saved, go on with --resume")

    @contextlib.contextmanager
    def _workers_may_end(self) -> Iterator[None]:
        """A signal to the whole process group also ends the loader's workers; the error can come up anywhere.

        A picture that cannot be read ends the run, too, but does not cost what was trained since the last save.
        """
        try:
            yield
        except (ValueError, OSError):
            if self.whole and self.state.step and self.here.count == 1:  # several would have to save together
                self._save()
                self.tell("the state is saved; go on with --resume once the fault below is mended")
            raise
        except RuntimeError:
            if not self.stop:
                raise
            if self.whole and self.here.count == 1:
                self._leave()
            raise Interrupted("stopped together with its workers; --resume goes on from the last save") from None

    def _account(self, terms: dict[str, float]) -> None:
        """A step is done."""
        state = self.state
        state.step, state.batch = state.step + 1, state.batch + 1
        for name, value in terms.items():
            state.sums[name] = state.sums.get(name, 0.0) + value

    def _step(self, pixels: Tensor, targets: list[Target], rate: float) -> dict[str, float]:
        for group, base in zip(self.state.optimizer.param_groups, self.rates):
            group["lr"] = base * rate
        return self.step(pixels, targets)

    def evaluate(self) -> Evaluation:
        """AP of the averaged weights on the held-out data."""
        batch = max(1, self.recipe.batch // (self.options.accumulate * self.here.count))
        workers = self.options.workers
        return evaluate(self.predictor(), self.plan.val, batch=batch, workers=workers, progress=False, here=self.here)

    def predictor(self, found: Thresholds | None = None) -> Predictor:
        """The averaged weights as a model for people, with the thresholds that were found for them."""
        card = Card(self.state.names, self.options.input_size)
        if found and found.overall:
            each = tuple(found.classes[name].threshold if name in found.classes else None for name in card.names)
            card = replace(card, threshold=found.overall.threshold, class_thresholds=each)
        return Predictor(TorchEngine(self.state.ema.module), card)

    def _export(self, better: bool, found: Thresholds) -> None:
        """Write the averaged weights to `out/model`, and to `out/best` when no earlier evaluation was better."""
        model = self.predictor(found)
        self.keeping.write(model.save, self.out / "model")
        if better:
            self.keeping.write(model.save, self.out / "best", as_is=lambda: copied(model).save)

    def _ask_to_stop(self, signum: int, _frame: object) -> None:
        if self.stop and signum == signal.SIGINT:  # asked twice
            raise KeyboardInterrupt
        self.stop = True


def train(
    options: TrainOptions, here: Ranks = ALONE, watch: Watcher | None = None, tell: Tell = print_line
) -> Evaluation | None:
    """Train as `options` say; returns the last evaluation, or None when there was nothing left to do.

    Args:
        options: see there.
        here: this process among several.
        watch: is called by the first process after every evaluation.
        tell: takes each sentence about the run, in the first process.

    Raises:
        ValueError: an option is out of range, the data cannot be read, or the folder holds another run.
        FloatingPointError: the loss was not finite; the batch that caused it is kept.
        ImportError: faster-coco-eval is missing.
    """
    return Training.start(Plan.of(options), here, watch, tell).run()
