"""Stages 3 and 5: training for as long as there is time, from a shipped checkpoint to new weights and their AP."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import dfine
from benchmarks.gpu.day import Day, Unit
from dfine.data import sources
from dfine.data.loader import subset
from dfine.data.scenes import Scenes, write
from dfine.evaluation.coco import Evaluation, evaluate
from dfine.inference.predictor import Predictor
from dfine.trace.records import Target
from dfine.training.loop import Training
from dfine.training.optimizer import factor
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan

SHIPPED = Path(dfine.__file__).resolve().parent.parent / "assets" / "checkpoints"
RESERVE = 16  # seconds at the end of a run for its weights and what they are measured to be
MOST = 400_000  # pictures of a run, if there were time for them
HELD_OUT = 2_000_000, 500  # seed and number of the scenes of the model card of `demo`; training never draws them
TINY = {"input": 64, "queries": 40, "batch": 4, "pictures": 8, "val_count": 4, "workers": 0, "denoising": 10}


def first(day: Day) -> list[Unit]:
    """`photos`, then `demo`."""
    return [Unit("photos", 90, partial(_photos, day)), Unit("demo", 100, partial(_demo, day))]


def second(day: Day) -> list[Unit]:
    """Blood cells."""
    return [Unit("bccd", 45, partial(_bccd, day))]


def _photos(day: Day, left: float) -> list[dict]:
    """Photographs: from the shipped checkpoint of them where there is one, else from `demo`.

    Strongly augmented for most of the time; then as they are, from a high rate again, as what ships was trained.
    """
    shipped = (SHIPPED / "photos").is_dir()
    folder = _data(day, "photos")
    first, second = _recipes(day, folder, "photos" if shipped else "demo")
    seconds = min(left, 360)
    end = time.monotonic() + seconds
    strong = _insist(day, first, end - 0.18 * seconds)
    model = dfine.load(Path(first.out) / "best", device="cpu", fast=False)
    model.save(day.out / "weights" / "photos-strong", half=True)
    found = _insist(day, second, end)
    found = {key: strong[key] + value for key, value in found.items()}
    return _measured(day, second, found, sources.train_and_val(folder)[1], "photos" if shipped else None)


def _insist(day: Day, options: TrainOptions, end: float) -> dict:
    """`fit` until a time; where a process that reads pictures dies, with half of them from the last save."""
    try:
        return fit(day, options, end - time.monotonic())
    except RuntimeError as error:
        if day.workers == 0:
            raise
        print(f"{options.out}: {error}; it goes on with fewer processes", flush=True)
        return fit(day, replace(options, workers=day.workers // 2), end - time.monotonic())


def _recipes(day: Day, folder: Path, init: str) -> tuple[TrainOptions, TrainOptions]:
    """The two runs on photographs, the second from what the first one writes."""
    common = dict(data=str(folder), input=480, cover=0.6, drawn=0.1, downscale=0.2, posterize=0.05)
    common |= dict(repeat_threshold=0.75, scales="off")
    first = _options(day, "photos", init=init, batch=64, mosaic=0.35, copy_paste=0.15, augment="strong", **common)
    first = replace(first, rate=1.4e-3, backbone_rate=1e-3, plain_epochs=0)
    best = str(Path(first.out) / "best")
    second = _options(day, "photos-plain", init=best, batch=32, augment="plain", **common)
    return first, replace(second, rate=7e-4, backbone_rate=5e-4, warmup=20, ema=0.997, ema_ramp=50)


def _demo(day: Day, left: float) -> list[dict]:
    """Scenes, new ones every epoch, drawn by the CPU while the GPU learns."""
    options = _options(day, "demo", init="demo", batch=32, pictures=MOST, val_count=200, input=320, clean=0.4)
    options = replace(options, rate=6e-4, backbone_rate=6e-4)
    found = fit(day, options, min(left, 120))
    seed, count = HELD_OUT
    held_out = Scenes(8 if day.rehearse else count, size=options.input_size, seed=seed)
    return _measured(day, options, found, held_out, "demo")


def _bccd(day: Day, left: float) -> list[dict]:
    """Blood cells from `demo`, as in benchmarks/training.md, over fewer epochs: the best of that run was the tenth."""
    folder = _data(day, "bccd")
    options = _options(day, "bccd", data=str(folder), init="demo", batch=8, input=320)
    options = replace(options, rate=8e-4, backbone_rate=4e-4, plain_epochs=0, augment="plain", scales="off")
    options = replace(options, warmup=50, ema=0.995, ema_ramp=50)
    found = fit(day, options, min(left, 80), most=12 * 205)
    split = "val" if day.rehearse else "test"  # which was used to choose nothing
    rows = _measured(day, options, found, sources.open_data(folder, split), None)
    return [row | {"aim": "AP50 0.80", "met": "yes" if (row["AP50"] or 0) >= 0.8 else "no"} for row in rows]


def _data(day: Day, name: str) -> Path:
    """The folder of a data set. In a rehearsal without one, scenes are written in its place.

    Raises:
        FileNotFoundError: it is not there.
    """
    folder = day.data / name
    if folder.is_dir():
        return folder
    if not day.rehearse:
        raise FileNotFoundError(f"there is no {folder}; write it with --prepare")
    folder = day.out / "work" / f"{name}-data"
    if not folder.is_dir():
        write(folder, Scenes(24, seed=5, size=(96, 96)), workers=0)
    return folder


def _options(day: Day, name: str, **more: object) -> TrainOptions:
    """What all runs have in common."""
    common = {"out": str(day.out / "work" / name), "queries": 100, "schedule": "cosine", "warmup": 40}
    common |= {"ema": 0.998, "ema_ramp": 100, "denoising": 60, "save_every": 100, "device": day.device}
    common |= {"workers": day.workers, "seed": 7}
    return TrainOptions(**common | more | (TINY if day.rehearse else {}))


class InTime(Training):
    """A run of one epoch that ends in time, to which the learning rate falls.

    An epoch that begins anew waits for its first batch for as long as a GPU needs for dozens.
    """

    began, end = 0.0, math.inf  # of time.monotonic()

    def _epoch(self) -> dict[str, float]:
        means = super()._epoch()
        self.loading.end()  # its processes would go on beside those of the evaluation
        return means

    def _batches(self) -> Until:
        batches = Until(super()._batches(), self.end)
        self.count = len(batches)
        return batches

    def _step(self, pixels: Tensor, targets: list[Target], rate: float) -> dict[str, float]:
        if self.state.step >= self.recipe.warmup:
            spent = (time.monotonic() - self.began) / (self.end - self.began)
            done = max(spent, self.state.batch / self.count)
            rate = factor(done, warmup=0, total=1, schedule=self.options.schedule)
        return super()._step(pixels, targets, rate)


class Until:
    """A loader whose batches end when the time is over."""

    def __init__(self, loader: DataLoader, end: float):
        self.loader, self.end, self.batch_sampler = loader, end, loader.batch_sampler

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[tuple[Tensor, list[Target]]]:
        for batch in self.loader:
            yield batch
            if time.monotonic() >= self.end:
                return


def fit(day: Day, options: TrainOptions, seconds: float, most: int = MOST) -> dict:
    """Train for so many seconds, and on so many pictures at most; say how it went. What a kill has cut off goes on."""
    seconds = day.left if day.rehearse else seconds - RESERVE
    end, run = time.monotonic() + seconds, Path(options.out)
    plan = Plan.of(replace(options, epochs=1, val_every=1, resume=(run / "last.pt").exists()))
    if plan.data is not None:
        passes = 1 if day.rehearse else math.ceil(most / len(plan.data))
        plan = replace(plan, data=subset(plan.data, passes * list(range(len(plan.data)))))
    training = InTime.start(plan)
    training.began, training.end = time.monotonic(), end
    training.run()
    seen = training.state.step * training.recipe.batch
    return {"steps": training.state.step, "pictures": seen, "seconds": round(time.monotonic() - training.began)}


def _measured(day: Day, options: TrainOptions, found: dict, held_out: Dataset, shipped: str | None) -> list[dict]:
    """The best weights as a folder in half precision, and what they score; beside them the checkpoint that ships."""
    place = day.out / "weights" / Path(options.out).name
    dfine.load(Path(options.out) / "best", device="cpu", fast=False).save(place, half=True)
    about = {"table": "training", "run": place.name}
    rows = [
        about | {"weights": "these"} | found | _ap(evaluate_on(day, dfine.load(place, device=day.device), held_out))
    ]
    rows[0]["options"] = asdict(options)
    if shipped and day.left > day.least(RESERVE):
        before = evaluate_on(day, dfine.load(shipped, device=day.device), held_out)
        rows.append(about | {"weights": "shipped"} | _ap(before))
    return rows


def evaluate_on(day: Day, model: Predictor, held_out: Dataset) -> Evaluation:
    """Every stage's AP."""
    return evaluate(model, held_out, batch=32, workers=day.workers, progress=False)


def _ap(result: Evaluation) -> dict:
    """The last layer's figures, and those of every stage."""
    stages = list(result.to_dict()["stages"].values())
    shown = {key: stages[-1][key] for key in ("AP", "AP50", "AP75")}
    return shown | {"AP initial": stages[0]["AP"], "evaluation": result.to_dict()}
