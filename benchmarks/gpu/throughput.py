"""Stage 4: pictures a second in training, the memory that it takes, and whether half precision learns the same."""

from __future__ import annotations

import functools
import statistics
import tempfile
import time
from functools import partial

import torch

from benchmarks.gpu.day import Day, Unit
from benchmarks.gpu.roofline import synchronise
from dfine.data.parcel import collate
from dfine.data.scenes import Scenes
from dfine.processes import Ranks
from dfine.training.checkpoint import fresh
from dfine.training.options import TrainOptions
from dfine.training.plan import Plan
from dfine.training.step import Step

WARM = 3  # steps that are not timed
TOGETHER = 5  # losses of so many steps are averaged where two runs are compared
BATCH = {"n": 32, "s": 32, "m": 16, "l": 8, "x": 8}  # that float32 has memory for, on a card of 80 GB
PICTURES = 64  # scenes that are drawn once for all runs


def units(day: Day) -> list[Unit]:
    """N to X, each in half and in single precision."""
    seconds = {"n": 9, "s": 10, "m": 13, "l": 16, "x": 24}
    return [Unit(size, seconds[size], partial(_compare, day, size)) for size in day.sizes]


def _compare(day: Day, size: str, _left: float) -> list[dict]:
    """The same steps in half and in single precision."""
    batch = 4 if day.rehearse else BATCH[size]
    items = _drawn(day.side, 2 * batch if day.rehearse else PICTURES)
    batches = [collate(items[i : i + batch]) for i in range(0, len(items) - batch + 1, batch)]
    rows = [_trained(day, size, amp, batches) for amp in ("bf16", "off")]
    half, single = (_smooth(row["losses"]) for row in rows)
    off = statistics.fmean(abs(a - b) / b for a, b in zip(half, single))
    rows[0]["loss differs by"] = f"{100 * off:.2f} %"
    rows[0]["× single precision"] = round(rows[0]["pictures/s"] / rows[1]["pictures/s"], 2)
    return rows


@functools.cache
def _drawn(side: int, count: int) -> list:
    """Scenes that every run learns from."""
    scenes = Scenes(count, size=(side, side), seed=11)
    return [scenes[i] for i in range(count)]


def _trained(day: Day, size: str, amp: str, batches: list) -> dict:
    """Some steps from the same random weights; times are medians."""
    batch, steps = len(batches[0][1]), WARM + 1 if day.rehearse else 24
    with tempfile.TemporaryDirectory() as folder:
        options = TrainOptions(
            folder, size=size, batch=batch, input=day.side, amp=amp, device=day.device, warmup=10, seed=3
        )
        plan, device = Plan.of(options), torch.device(day.device)
        torch.manual_seed(options.seed)
        network = plan.network(lambda words: None).to(device, memory_format=torch.channels_last)
        state = fresh(plan, network.train())
        step = Step(state, plan, Ranks(), device)
        if day.gpu:
            torch.cuda.reset_peak_memory_stats(device)
        times, losses = [], []
        for i in range(steps):
            synchronise(day.device)
            start = time.perf_counter()
            terms = step(*batches[i % len(batches)])
            synchronise(day.device)
            times.append(time.perf_counter() - start)
            losses.append(sum(terms.values()))
            state.step += 1
    taken = statistics.median(times[WARM:])
    most = round(torch.cuda.max_memory_allocated(device) / 1e6) if day.gpu else None
    about = {
        "table": "training speed",
        "size": size.upper(),
        "batch": batch,
        "amp": amp,
        "ms a step": round(1000 * taken, 1),
    }
    return (
        about
        | {"pictures/s": round(batch / taken, 1), "peak MB": most, "last loss": round(losses[-1], 3)}
        | {"losses": [round(value, 4) for value in losses]}
    )


def _smooth(losses: list[float]) -> list[float]:
    """Means over some steps, since the matching makes single ones jump."""
    together = min(TOGETHER, len(losses))
    return [statistics.fmean(losses[i : i + together]) for i in range(len(losses) - together + 1)]
