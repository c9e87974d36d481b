"""Stage 2: milliseconds and pictures a second of every size and engine, the roofline, and where the time goes."""

from __future__ import annotations

from functools import cache, partial

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.gpu import roofline
from benchmarks.gpu.day import Day, Unit
from benchmarks.gpu.parity import network
from dfine.engines.benchmark import benchmark
from dfine.engines.compared import Setting
from dfine.engines.cost import machine
from dfine.engines.torch_engine import TorchEngine, TorchOptions

PRECISIONS = {"float32": "float32", "bf16": "bfloat16"}
KERNELS = 8  # of a profile
SECONDS = {"n": 5, "s": 5, "m": 6, "l": 7, "x": 9}  # of one engine table at batch 1


def units(day: Day) -> list[Unit]:
    """Ceilings first; then batch 32, where less is known, batch 1, profiles, and what has to be compiled."""
    tables, profiles, compiled = [], [], []
    for batch in (4 if day.rehearse else 32, 1):
        for size in day.sizes:
            for precision in PRECISIONS:
                seconds = SECONDS[size] * (1 if batch == 1 else 1.6)
                run = partial(_table, day, size, batch, precision)
                tables.append(Unit(f"{size}, batch {batch}, {precision}", seconds, run))
        profiles.append(Unit(f"profile n, batch {batch}", 5, partial(_profile, day, "n", batch)))
        run = partial(_table, day, "n", batch, "bf16", compiled=True)
        compiled.append(Unit(f"compiled n, batch {batch}", 70, run))
    profiles.append(
        Unit(f"profile {day.sizes[-1]}", 7, partial(_profile, day, day.sizes[-1], 4 if day.rehearse else 32))
    )
    return [Unit("ceilings", 3, partial(_ceilings, day)), *tables, *profiles, *([] if day.rehearse else compiled)]


def _ceilings(day: Day, _left: float) -> list[dict]:
    """The card's rates, by its data sheet and measured."""
    card = machine(day.device)["gpu"]
    found = {"data sheet": roofline.by_name(card), "measured": _measured(day)}
    return [
        {"table": "ceilings", "rates": name, "float32 TFLOP/s": _round(rates.float32), "TF32": _round(rates.tf32)}
        | {"bf16": _round(rates.half), "TB/s": _round(rates.bytes)}
        for name, rates in found.items()
        if rates is not None
    ]


def _measured(day: Day) -> roofline.Rates:
    return roofline.measured(day.device, 256 if day.rehearse else 8192)


def _table(day: Day, size: str, batch: int, precision: str, _left: float, compiled: bool = False) -> list[dict]:
    """All engines of one size in turn."""
    setting = Setting(
        sizes=(size,),
        engines=("transformers", "torch", "fused"),
        input=(day.side, day.side),
        batch=batch,
        runs=2 if day.rehearse else 21 if batch == 1 else 7,
        precision=PRECISIONS[precision],
        device=day.device,
        compiled=compiled,
        graphs=True,
        memory=day.gpu,
    )
    notes: list[str] = []
    rows = benchmark(setting, notes.append)
    best = roofline.by_name(machine(day.device)["gpu"]) or _measured(day)
    layers = _layers(size, setting.input, batch)
    least = 1000 * roofline.floor(layers, best, precision)
    flops = sum(one.flops for one in layers)
    without = [" ".join(note.split()) for note in notes if note.startswith("left out")]
    return [
        {
            "table": "compiled" if compiled else "speed",
            "size": row.size.upper(),
            "batch": batch,
            "precision": "float32" if row.engine.endswith("float32") else precision,
            "engine": row.engine,
            "median ms": _round(row.median),
            "95 % ms": _round(row.late),
            "pictures/s": _round(row.rate),
            "× transformers' pictures/s": None if row.ratio is None else _round(1 / row.ratio),
            "peak MB": None if row.memory is None else round(row.memory),
            "TFLOP/s": _round(flops / row.median / 1e9),
            "× the floor": None if row.engine.endswith("float32") else _round(row.median / least),
            "floor ms": _round(least),
        }
        for row in rows
    ] + [
        {"table": "left out", "size": size.upper(), "batch": batch, "precision": precision}
        | {"what": note.removeprefix("left out ")[:400].replace("|", "/")}
        for note in without
    ]


@cache
def _layers(size: str, shape: tuple[int, int], batch: int) -> list[roofline.Work]:
    """What the network of a size has to do for a batch, in either precision."""
    return roofline.work(network(size), shape, batch)


def _profile(day: Day, size: str, batch: int, _left: float) -> list[dict]:
    """The kernels that take the most time of the fused copy in bfloat16, on a CPU the operations."""
    engine = TorchEngine(network(size).to(day.device), TorchOptions(precision="bfloat16"))
    pixels = torch.rand(batch, 3, day.side, day.side, device=day.device)
    runs = 2 if day.rehearse else 5
    for _ in range(3):
        engine(pixels)
    roofline.synchronise(day.device)
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * day.gpu
    with profile(activities=activities) as seen:
        for _ in range(runs):
            engine(pixels)
        roofline.synchronise(day.device)
    wanted = torch.autograd.DeviceType.CUDA if day.gpu else torch.autograd.DeviceType.CPU
    events = [e for e in seen.key_averages() if e.device_type == wanted]
    taken = {e.key: (e.self_device_time_total if day.gpu else e.self_cpu_time_total) for e in events}
    counts = {e.key: e.count for e in events}
    total = sum(taken.values()) or 1
    most = sorted(taken, key=taken.__getitem__, reverse=True)[:KERNELS]
    about = {"table": "profile", "size": size.upper(), "batch": batch}
    rows = [
        about
        | {"kernel": key[:70].replace("|", "/"), "calls": counts[key] / runs, "ms": _round(taken[key] / runs / 1000)}
        | {"share": f"{100 * taken[key] / total:.1f} %"}
        for key in most
    ]
    calls = sum(counts.values()) / runs
    return [*rows, about | {"kernel": "all", "calls": calls, "ms": _round(total / runs / 1000), "share": "100 %"}]


def _round(value: float) -> float:
    return float(f"{value:.4g}")
