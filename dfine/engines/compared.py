"""What a benchmark compares: every engine of a size, made from the same network.

Transformers is what all are compared with; it gets the same weights.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options, export
from dfine.engines.onnx.sessions import PROVIDERS, available
from dfine.engines.precision import HALF
from dfine.engines.torch_engine import TorchEngine, TorchOptions
from dfine.network.detector import DFINE
from dfine.trace.card import Card
from dfine.weights.transformers import save_transformers

ENGINES = ("transformers", "torch", "fused", "onnx", "openvino")
FILE = "model.onnx"
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


def builders(network: DFINE, setting: Setting, folder: Path) -> dict[str, Callable[[], Run]]:
    """What makes each engine that was asked for."""
    half = HALF[setting.half]
    builders: dict[str, Callable[[], Run]] = {}
    if "transformers" in setting.engines:
        builders["transformers"] = lambda: _halved(_transformers(network, setting, folder), half)
        if half:
            builders["transformers, float32"] = lambda: _transformers(network, setting, folder)
    if "torch" in setting.engines:
        builders["torch"] = lambda: _halved(network, half)
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


def _halved(engine: Run, half: torch.dtype | None) -> Run:
    """The engine under autocast; as it is where `half` is None."""
    if half is None:
        return engine

    def run(pixels: Tensor):
        with torch.autocast(pixels.device.type, half):
            return engine(pixels)

    return run


def _early(network: DFINE, half: str, layers: int) -> Run:
    engine = TorchEngine(network, TorchOptions(half=half))
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


def _exported(network: DFINE, setting: Setting, folder: Path, provider: str) -> Run:
    """An exported file with its whole trace."""
    file, kind = folder / FILE, provider.split(":")[0]
    gpu = kind == "cuda"
    if kind not in available():
        raise ImportError(f"pip install {PROVIDERS[kind][1]}")
    if not file.exists():
        options = Options(batch=setting.batch, half=gpu and setting.half != "off", gather=not gpu)
        card = Card(NAMES, setting.input)
        export(copy.deepcopy(network).cpu(), card, file, options)
    engine = OnnxEngine(file, provider)
    if engine.provider != kind:
        raise ImportError(f"ONNX Runtime cannot use {kind} here")
    return engine
