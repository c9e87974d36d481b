"""How fast each engine answers, and what it costs: one table, one warm process, runs in turn.

All engines of a size have the same random weights and see the same pixels. Each run goes through all of them before the
next begins, so that a noisy machine is fair to all; each has a run that does not count before one that does, because
the threads of the engine before it go on spinning for some milliseconds, waiting for work.
"""

from __future__ import annotations

import contextlib
import math
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dfine.config import Config
from dfine.engines.compared import Run, Setting, builders
from dfine.engines.cost import gflops, reserved, weight_bytes
from dfine.engines.fused import fused
from dfine.engines.heap import keep_memory
from dfine.engines.memory import added
from dfine.network.detector import DFINE

WARM = 3  # runs of each engine that do not count


@dataclass(frozen=True)
class Row:
    """What was measured of one engine of one size."""

    size: str
    engine: str
    parameters: float  # millions
    gflops: float  # for one picture, of layers with weights
    median: float  # milliseconds per batch
    late: float  # 95th percentile
    best: float
    rate: float  # pictures per second, at the median
    memory: float | None  # megabytes that it adds at its peak, weights included; None where that cannot be told
    ratio: float | None  # median, in units of transformers' median


def benchmark(setting: Setting, tell: Callable[[str], None] = lambda words: None) -> list[Row]:
    """Measure all sizes one after the other, their engines in turn.

    Args:
        setting: what to measure.
        tell: called with a sentence about what was left out, because it is not installed or fails, or what is going on.

    Raises:
        Exception: what the last engine of a size raised, where all of them failed.
    """
    rows = []
    for size in setting.sizes:
        with contextlib.ExitStack() as stack:
            rows += _measure(size, setting, stack, tell)
    return rows


def _measure(variant: str, setting: Setting, stack: contextlib.ExitStack, tell) -> list[Row]:
    """The rows of one variant."""
    torch.manual_seed(0)
    network = DFINE(Config.of(variant)).eval().to(setting.device)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
    pixels = torch.rand(setting.batch, 3, *setting.input, device=setting.device)
    if pixels.device.type == "cpu":
        keep_memory()
    engines, peaks, failed = {}, {}, None
    for name, build in builders(network, setting, folder).items():
        tell(f"D-FINE-{variant.upper()}: preparing {name}")
        try:
            before = reserved(pixels.device)
            engines[name] = build()
            for _ in range(2):  # a recording is made at the second
                _timed(engines[name], pixels)
        except Exception as error:  # one that fails costs the others nothing
            tell(f"left out {name}: {error}")
            engines.pop(name, None)
            failed = None if isinstance(error, ImportError) else error.with_traceback(None)  # which holds memory
            continue
        if pixels.is_cuda:  # what ONNX Runtime takes is not in torch's books
            most = torch.cuda.max_memory_allocated(pixels.device) - before
            shared = weight_bytes(network) if name == "torch" else 0  # the network itself is the engine then
            peaks[name] = None if name == "onnx" else (most + shared) / 1e6
        else:
            peaks[name] = added(variant, name, setting, folder) if setting.memory else None
    if failed and not engines:
        raise failed

    times: dict[str, list[float]] = {name: [] for name in engines}
    for run in range(WARM + setting.runs):
        for name, engine in engines.items():
            _timed(engine, pixels)
            taken = _timed(engine, pixels)
            if run >= WARM:
                times[name].append(taken)
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    counted = gflops(fused(network.cpu()), setting.input)
    return _related(
        [_row(variant, name, (millions, counted), taken, setting, peaks[name]) for name, taken in times.items()]
    )


def _row(
    variant: str, engine: str, cost: tuple[float, float], times: list[float], setting: Setting, memory: float | None
) -> Row:
    """What was measured of one engine; `cost` are millions of parameters and GFLOPs, times are in milliseconds."""
    times = sorted(times)
    median, late = statistics.median(times), times[max(0, math.ceil(0.95 * len(times)) - 1)]
    rate = 1000 * setting.batch / median
    return Row(variant, engine, *cost, median, late, times[0], rate, memory, None)


def _related(rows: list[Row]) -> list[Row]:
    """The rows with their times as shares of transformers', where that was measured."""
    base = next((row.median for row in rows if row.engine == "transformers"), None)
    return rows if base is None else [replace(row, ratio=row.median / base) for row in rows]


def _timed(engine: Run, pixels: Tensor) -> float:
    """Milliseconds of one run."""
    synchronise = (lambda: torch.cuda.synchronize(pixels.device)) if pixels.is_cuda else lambda: None
    with torch.inference_mode():
        synchronise()
        start = time.perf_counter()
        engine(pixels)
        synchronise()
    return 1000 * (time.perf_counter() - start)


def shown(rows: list[Row]) -> list[dict]:
    """Rows for people: rounded, with units in the headings."""
    return [
        {
            "size": r.size.upper(),
            "engine": r.engine,
            "M": f"{r.parameters:.1f}",
            "GFLOPs": f"{r.gflops:.1f}",
            "median ms": f"{r.median:.1f}",
            "95 % ms": f"{r.late:.1f}",
            "best ms": f"{r.best:.1f}",
            "pictures/s": f"{r.rate:.1f}",
            "peak MB": None if r.memory is None else f"{r.memory:.0f}",
            "× transformers": None if r.ratio is None else f"{r.ratio:.2f}",
        }
        for r in rows
    ]


def to_dict(rows: list[Row]) -> list[dict]:
    """Rows as plain values."""
    return [asdict(row) for row in rows]
