"""How fast each engine answers, and what it costs: one table, one warm process, runs in turn.

All engines of a size have the same random weights and see the same pixels. Each run goes through all of them before the
next begins, so that a noisy machine is fair to all; each has a run that does not count before one that does, because
the threads of the engine before it go on spinning for some milliseconds, waiting for work.
"""

from __future__ import annotations

import contextlib
import copy
import importlib
import math
import multiprocessing
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from dfine.config import Config
from dfine.engines.cost import gflops, reserved, resident, weight_bytes
from dfine.engines.fused import fused
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options, export
from dfine.engines.onnx.sessions import ON_CPU, PROVIDERS, available
from dfine.engines.precision import HALF
from dfine.engines.torch_engine import TorchEngine, TorchOptions, keep_memory
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.weights.transformers import save_transformers

ENGINES = ("transformers", "torch", "fused", "onnx", "openvino")
FILE = "model.onnx"
PUBLISHED = {"n": (4, 7), "s": (10, 25), "m": (19, 57), "l": (31, 91), "x": (62, 202)}  # parameters (M), GFLOPs
WARM = 3  # runs of each engine that do not count

Engine = Callable[[Tensor], object]


@dataclass(frozen=True)
class Setting:
    """What is measured, and how."""

    sizes: tuple[str, ...] = ("n", "s")
    engines: tuple[str, ...] = ENGINES
    input: tuple[int, int] = (640, 640)  # (height, width)
    batch: int = 1
    runs: int = 11
    half: str = "off"  # of torch's engines and of transformers alike
    device: str = "cpu"
    layers: bool = False  # also the fused copy that stops after each layer
    compiled: bool = False  # also the fused copy through torch.compile
    graphs: bool = False  # also the fused copy's work played back, on a GPU
    memory: bool = True  # also the peak memory of each engine, on a CPU in a process of its own

    def __post_init__(self):
        for name, chosen, known in (("size", self.sizes, PUBLISHED), ("engine", self.engines, ENGINES)):
            if not chosen:
                raise ValueError(f"name at least one {name} of {', '.join(known)}")
            for one in chosen:
                if one not in known:
                    raise ValueError(f"there is no {name} {one!r}; choose of {', '.join(known)}")
        if any(side < 32 or side % 32 for side in self.input):
            raise ValueError(f"the input is a height and a width, multiples of 32, not {self.input}")
        if self.half not in HALF:
            raise ValueError(f"half is {self.half!r}; it must be one of {', '.join(HALF)}")


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
        tell: called with a sentence about what was left out, or what is going on.
    """
    rows = []
    for size in setting.sizes:
        with contextlib.ExitStack() as stack:
            rows += _measure(size, setting, stack, tell)
    return rows


def _measure(size: str, setting: Setting, stack: contextlib.ExitStack, tell) -> list[Row]:
    """The rows of one size."""
    torch.manual_seed(0)
    network = DFINE(Config.of(size)).eval().to(setting.device)
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    pixels = torch.rand(setting.batch, 3, *setting.input, device=setting.device)
    if pixels.device.type == "cpu":
        keep_memory()
    builders, engines, memory = _builders(network, setting, folder), {}, {}
    for name, build in builders.items():
        tell(f"D-FINE-{size.upper()}: preparing {name}")
        try:
            before = reserved(pixels.device)
            engines[name] = build()
            for _ in range(2):  # a recording is made at the second
                _timed(engines[name], pixels)
        except ImportError as error:
            tell(f"left out {name}: {error}")
            continue
        if pixels.is_cuda:  # what ONNX Runtime takes is not in torch's books
            most = torch.cuda.max_memory_allocated(pixels.device) - before
            shared = weight_bytes(network) if name == "torch" else 0  # the network itself is the engine then
            memory[name] = None if name == "onnx" else (most + shared) / 1e6
        else:
            memory[name] = _memory(size, name, setting, folder / FILE) if setting.memory else None

    times: dict[str, list[float]] = {name: [] for name in engines}
    for run in range(WARM + setting.runs):
        for name, engine in engines.items():
            _timed(engine, pixels)
            taken = _timed(engine, pixels)
            if run >= WARM:
                times[name].append(taken)
    base = statistics.median(times["transformers"]) if "transformers" in times else None
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    counted = gflops(fused(network.cpu()), setting.input)
    return [_row(size, name, (millions, counted), taken, setting, memory[name], base) for name, taken in times.items()]


def _row(size: str, engine: str, cost: tuple[float, float], times: list[float], setting, memory, base) -> Row:
    times = sorted(times)
    median, late = statistics.median(times), times[max(0, math.ceil(0.95 * len(times)) - 1)]
    rate = 1000 * setting.batch / median
    return Row(size, engine, *cost, median, late, times[0], rate, memory, None if base is None else median / base)


def _builders(network: DFINE, setting: Setting, folder: Path) -> dict[str, Callable[[], Engine]]:
    """What makes each engine that was asked for."""
    half = HALF[setting.half]
    autocast = lambda f: _halved(f, half) if half else f  # noqa: E731
    builders: dict[str, Callable[[], Engine]] = {}
    if "transformers" in setting.engines:
        builders["transformers"] = lambda: autocast(_transformers(network, setting, folder))
        if half:
            builders["transformers, float32"] = lambda: _transformers(network, setting, folder)
    if "torch" in setting.engines:
        builders["torch"] = lambda: autocast(network)
    if "fused" in setting.engines:
        builders["fused"] = lambda: TorchEngine(network, TorchOptions(half=setting.half))
        if setting.compiled:
            builders["fused, compiled"] = lambda: TorchEngine(network, TorchOptions(half=setting.half, compiled=True))
        if setting.graphs and setting.device.startswith("cuda"):
            builders["fused, graphs"] = lambda: TorchEngine(network, TorchOptions(half=setting.half, graphs=True))
        if setting.layers:
            for k in range(1, network.config.layers):
                builders[f"fused, {k} of {network.config.layers} layers"] = lambda k=k: _early(network, setting.half, k)
    if "onnx" in setting.engines:
        provider = setting.device if setting.device.startswith("cuda") else "cpu"
        builders["onnx"] = lambda: _exported(network, setting, folder, provider)
    if "openvino" in setting.engines and setting.device == "cpu":
        builders["openvino"] = lambda: _exported(network, setting, folder, "openvino")
    return builders


def _halved(engine: Engine, half: torch.dtype) -> Engine:
    def run(pixels: Tensor):
        with torch.autocast(pixels.device.type, half):
            return engine(pixels)

    return run


def _early(network: DFINE, half: str, layers: int) -> Engine:
    engine = TorchEngine(network, TorchOptions(half=half))
    return lambda pixels: engine(pixels, layers=layers)


def _transformers(network: DFINE, setting: Setting, folder: Path) -> Engine:
    """What transformers makes of the same weights."""
    try:
        from transformers import DFineForObjectDetection
        from transformers.utils import logging
    except ImportError:
        raise ImportError("transformers is not installed: pip install transformers") from None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    place = save_transformers(folder / "transformers", network, Card(tuple(str(i) for i in range(80)), setting.input))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DFineForObjectDetection.from_pretrained(place).eval().to(setting.device)
    height, width = setting.input
    tokens = sum((height // s) * (width // s) for s in network.config.strides)
    model.config.num_queries = min(network.config.queries, tokens)  # it does not look how many tokens there are
    return model


def _exported(network: DFINE, setting: Setting, folder: Path, provider: str) -> Engine:
    """An exported file with its whole trace."""
    file, kind = folder / FILE, provider.split(":")[0]
    gpu = kind == "cuda"
    if kind not in available():
        raise ImportError(f"pip install {PROVIDERS[kind][1]}")
    if not file.exists():
        options = Options(batch=setting.batch, half=gpu and setting.half != "off", gather=not gpu)
        card = Card(tuple(str(i) for i in range(80)), setting.input)
        export(copy.deepcopy(network).cpu(), card, file, options)
    engine = OnnxEngine(file, provider)
    if engine.provider != kind:
        raise ImportError(f"ONNX Runtime cannot use {kind} here")
    return engine


def _timed(engine: Engine, pixels: Tensor) -> float:
    """Milliseconds of one run."""
    synchronise = (lambda: torch.cuda.synchronize(pixels.device)) if pixels.is_cuda else lambda: None
    with torch.inference_mode():
        synchronise()
        start = time.perf_counter()
        engine(pixels)
        synchronise()
    return 1000 * (time.perf_counter() - start)


def _memory(size: str, name: str, setting: Setting, file: Path) -> float | None:
    """Megabytes that an engine adds at its peak, weights included; on a CPU it is asked in a process of its own."""
    if setting.device.startswith("cuda"):
        return None  # told from the GPU's own books while the engine is prepared
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as alone:
        return alone.submit(_peak, size, name, setting, file).result()


def _peak(size: str, name: str, setting: Setting, file: Path) -> float | None:
    """The same, in this process, whose memory nobody else uses: from before the engine is made to after two runs.

    The network that the engine is made from is there before and after, and does not count; nor does a library's code.
    `file` is what the exported engines read: whoever has exported it has memory to give away.
    """
    torch.manual_seed(0)
    network = DFINE(Config.of(size)).eval()
    pixels = torch.rand(setting.batch, 3, *setting.input)
    keep_memory()
    with tempfile.TemporaryDirectory() as folder:
        build = _builders(network, setting, Path(folder))[name]
        if name in ON_CPU:
            provider, package = ON_CPU[name]
            importlib.import_module(package)
            build = partial(OnnxEngine, file, provider)
        elif name.startswith("transformers"):
            from transformers import DFineForObjectDetection  # noqa: F401  its code is no part of the engine
        before = resident(reset=True)
        engine = build()
        for _ in range(2):
            _timed(engine, pixels)
        after = resident()
    shared = weight_bytes(network) if name == "torch" else 0  # the network itself is the engine then
    return None if before is None or after is None else (after - before + shared) / 1e6


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
