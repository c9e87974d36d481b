"""Stages 3 and 5: training for as long as there is time, from a shipped checkpoint to new weights and their AP."""

from __future__ import annotations

import json
import shutil
import threading
import time
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path

from torch.utils.data import Dataset

import dfine
from benchmarks.gpu.day import Day, Unit
from dfine.data import sources
from dfine.data.scenes import Scenes, write
from dfine.evaluation.coco import Evaluation, evaluate
from dfine.inference.predictor import Predictor
from dfine.training.loop import Interrupted, Training
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan

SHIPPED = Path(dfine.__file__).resolve().parent.parent / "assets" / "checkpoints"
RESERVE = 12  # seconds at the end of a run for its weights and what they are measured to be
MOST = 120  # epochs
EVALUATIONS = 6  # in a run
HELD_OUT = 2_000_000, 500  # seed and number of the scenes of the model card of `demo`; training never draws them
TINY = {"input": 64, "queries": 40, "batch": 4, "pictures": 8, "val_count": 4, "workers": 0, "denoising": 10}


def first(day: Day) -> list[Unit]:
    """`photos`, then `demo`."""
    return [Unit("photos", 90, partial(_photos, day)), Unit("demo", 100, partial(_demo, day))]


def second(day: Day) -> list[Unit]:
    """Blood cells."""
    return [Unit("bccd", 45, partial(_bccd, day))]


def _photos(day: Day, left: float) -> list[dict]:
    """Photographs: from the shipped checkpoint of them where there is one, else from `demo`."""
    shipped = (SHIPPED / "photos").is_dir()
    folder = _data(day, "photos")
    options = _options(day, "photos", data=str(folder), init="photos" if shipped else "demo", batch=32, input=480)
    options = replace(options, rate=1e-3, backbone_rate=7e-4, mosaic=0.3, augment="strong", scales="off")
    options = replace(options, cover=0.3, drawn=0.1, downscale=0.2, posterize=0.1, repeat_threshold=0.75)
    found = fit(day, options, min(left, 190), plain=0.3)
    return _measured(day, options, found, sources.train_and_val(folder)[1], "photos" if shipped else None)


def _demo(day: Day, left: float) -> list[dict]:
    """Scenes, new ones every epoch, drawn by the CPU while the GPU learns."""
    options = _options(day, "demo", init="demo", batch=32, pictures=4096, val_count=200, input=320, clean=0.4)
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
    found = fit(day, options, min(left, 80), most=12)
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


def fit(day: Day, options: TrainOptions, seconds: float, most: int = MOST, plain: float | None = None) -> dict:
    """Train for so many seconds, and say how it went. What a kill has cut off goes on.

    Of the epochs the share `plain` at the end, if given, does without strong augmentation.

    How many epochs that makes is measured beforehand over two of them, because the learning rate falls to the last one.
    A run that is late all the same is stopped, and its best weights so far count.

    Raises:
        TimeoutError: the time was over before the first evaluation; the next call goes on.
    """
    seconds = day.left if day.rehearse else seconds - RESERVE
    end, run = time.monotonic() + seconds, Path(options.out)
    if (run / "last.pt").exists():
        before = json.loads((run / "options.json").read_text(encoding="utf-8"))
        known = {f.name for f in fields(TrainOptions)} - {"out", "device", "workers", "resume"}
        options = replace(options, resume=True, **{k: v for k, v in before.items() if k in known})
    else:
        epoch = _epoch_takes(options)
        count = 2 if day.rehearse else max(1, min(most, int((end - time.monotonic()) / epoch)))
        last = options.plain_epochs if plain is None else round(count * plain)
        options = replace(options, epochs=count, plain_epochs=last, val_every=max(1, count // EVALUATIONS))
    training = Training.start(Plan.of(options))
    late = threading.Event()

    def stop() -> None:
        late.set()
        training.stop = True

    timer = threading.Timer(max(1.0, end - time.monotonic()), stop)
    timer.daemon = True
    timer.start()
    start = time.monotonic()
    try:
        training.run()
    except Interrupted:
        if not late.is_set():  # somebody else asked for it
            raise
    finally:
        timer.cancel()
    if not (run / "best").is_dir():
        raise TimeoutError(f"the time was over before the first evaluation of {run}; the next call goes on")
    seen = training.state.step * training.recipe.batch
    return {"epochs": f"{training.state.epoch} of {options.epochs}", "steps": training.state.step, "pictures": seen} | {
        "seconds": round(time.monotonic() - start)
    }


def _epoch_takes(options: TrainOptions) -> float:
    """Seconds of an epoch and an evaluation, the second of two, in a run that is thrown away."""
    marks: list[float] = []
    probe = replace(options, out=f"{options.out}-probe", epochs=2, val_every=1)
    shutil.rmtree(probe.out, ignore_errors=True)
    try:
        Training.start(Plan.of(probe), watch=lambda training, found: marks.append(time.monotonic())).run()
    finally:
        shutil.rmtree(probe.out, ignore_errors=True)
    return marks[1] - marks[0]


def _measured(day: Day, options: TrainOptions, found: dict, held_out: Dataset, shipped: str | None) -> list[dict]:
    """The best weights as a folder in half precision, and what they score; beside them the checkpoint that ships."""
    place = day.out / "weights" / Path(options.out).name
    dfine.load(Path(options.out) / "best", device="cpu", fast=False).save(place, half=True)
    about = {"table": "training", "run": place.name}
    rows = [
        about | {"weights": "these"} | found | _ap(evaluate_on(day, dfine.load(place, device=day.device), held_out))
    ]
    rows[0]["options"] = asdict(options)
    if shipped:
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
