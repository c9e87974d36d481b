"""What a benchmark compares: every engine of a size, made from the same network.

Transformers is what all are compared with; it gets the same weights.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from dfine.engines.onnx.calibrated import FEWEST, Calibration, export_int8
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options, export
from dfine.engines.onnx.openvino_session import has_bfloat16
from dfine.engines.onnx.sessions import PROVIDERS, available
from dfine.engines.precision import TYPES
from dfine.engines.precision_names import named
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.network.detector import DFINE
from dfine.trace.base import checked_size
from dfine.trace.card import Card
from dfine.weights.transformers import save_transformers

ENGINES = ("transformers", "torch", "fused", "onnx", "openvino")
FILES = {"float32": "model.onnx", "bfloat16": "model.onnx", "int8": "model-int8.onnx"}  # by precision
PUBLISHED = {"n": (4, 7), "s": (10, 25), "m": (19, 57), "l": (31, 91), "x": (62, 202)}  # parameters (M), GFLOPs
NAMES = tuple(str(i) for i in range(80))

Run = Callable[[Tensor], object]


@dataclass(frozen=True)
class Setting:
    """What is measured, and how."""

    sizes: tuple[str, ...] = ("n", "s")
    engines: tuple[str, ...] = ENGINES
    input: tuple[int, int] = (640, 640)  # (height, width)
    batch: int = 1
    runs: int = 11
    precision: str = "float32"  # of every engine that has it, transformers' included
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
        checked_size(self.input)
        object.__setattr__(self, "precision", named(self.precision))


def builders(network: DFINE, setting: Setting, folder: Path) -> dict[str, Callable[[], Run]]:
    """What makes each engine that was asked for, by name; other precisions than float32 follow a comma.

    Torch's engines and transformers are in the setting's precision without saying so, as far as torch has it. What runs
    exported files is there in float32, and besides in the setting's precision where it has that.
    """
    half = TYPES.get(setting.precision)
    options = TorchOptions(precision=setting.precision if half else "float32")
    builders: dict[str, Callable[[], Run]] = {}
    if "transformers" in setting.engines:
        builders["transformers"] = lambda: _halved(_transformers(network, setting, folder), half)
        if half:
            builders["transformers, float32"] = lambda: _transformers(network, setting, folder)
    if "torch" in setting.engines:
        builders["torch"] = lambda: _halved(network, half)
    if "fused" in setting.engines:
        builders["fused"] = lambda: TorchEngine(network, options)
        if setting.compiled:
            builders["fused, compiled"] = lambda: TorchEngine(network, replace(options, compiled=True))
        if setting.graphs and setting.device.startswith("cuda"):
            builders["fused, kernels"] = lambda: TorchEngine(network, replace(options, kernels=True))
            builders["fused, graphs"] = lambda: TorchEngine(network, replace(options, graphs=True))
        if setting.layers:
            for k in range(1, network.config.layers):
                builders[f"fused, {k} of {network.config.layers} layers"] = lambda k=k: _early(network, options, k)
    if "onnx" in setting.engines:
        provider = setting.device if setting.device.startswith("cuda") else "cpu"
        builders["onnx"] = lambda: _exported(network, setting, folder, provider)
        if setting.precision == "int8" and provider == "cpu":
            builders["onnx, int8"] = lambda: _exported(network, setting, folder, provider, "int8")
    if "openvino" in setting.engines and setting.device == "cpu":
        builders["openvino"] = lambda: _exported(network, setting, folder, "openvino")
        if setting.precision in ("bfloat16", "int8"):
            builders[f"openvino, {setting.precision}"] = lambda: _exported(
                network, setting, folder, "openvino", setting.precision
            )
    return builders


def _halved(engine: Run, half: torch.dtype | None) -> Run:
    """The engine under autocast; as it is where `half` is None."""
    if half is None:
        return engine

    def run(pixels: Tensor):
        with torch.autocast(pixels.device.type, half):
            return engine(pixels)

    return run


def _early(network: DFINE, options: TorchOptions, layers: int) -> Run:
    engine = TorchEngine(network, options)
    return lambda pixels: engine(pixels, layers=layers)


def _transformers(network: DFINE, setting: Setting, folder: Path) -> Run:
    """What transformers makes of the same weights."""
    try:
        from transformers import DFineForObjectDetection
        from transformers.utils import logging
    except ImportError:
        raise ImportError("transformers is not installed: pip install transformers") from None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    place = save_transformers(folder / "transformers", network, Card(NAMES, setting.input))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = DFineForObjectDetection.from_pretrained(place).eval().to(setting.device)
    height, width = setting.input
    tokens = sum((height // s) * (width // s) for s in network.config.strides)
    model.config.num_queries = min(network.config.queries, tokens)  # it does not look how many tokens there are
    return model


def _exported(network: DFINE, setting: Setting, folder: Path, provider: str, precision: str = "float32") -> Run:
    """An exported file with its whole trace. In int8 it is calibrated on noise, and whatever that costs is accepted.

    Random weights have no objects to keep, and the file is as fast as one calibrated on pictures.
    """
    file, kind = folder / FILES[precision], provider.split(":")[0]
    gpu = kind == "cuda"
    if kind not in available():
        raise ImportError(f"pip install {PROVIDERS[kind][1]}")
    if precision == "bfloat16" and not has_bfloat16():
        raise ImportError("this CPU has no bfloat16")
    if not file.exists():
        options = Options(batch=setting.batch, half=gpu and setting.precision != "float32", gather=not gpu)
        card, copied = Card(NAMES, setting.input), copy.deepcopy(network).cpu()
        if precision == "int8":
            noise = Calibration(torch.rand(FEWEST, 3, *setting.input), "noise", refuse=False)
            export_int8(copied, card, file, noise, options)
        else:
            export(copied, card, file, options)
    engine = OnnxEngine(file, provider, precision=precision)
    if engine.provider != kind:
        raise ImportError(f"ONNX Runtime cannot use {kind} here")
    return engine
