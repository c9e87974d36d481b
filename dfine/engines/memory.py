"""The memory that an engine adds at its peak: on a CPU by a process of its own, on a GPU by torch's books."""

from __future__ import annotations

import multiprocessing
import tempfile
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import torch

from dfine.config import Config
from dfine.engines.compared import FILES, Setting, builders
from dfine.engines.cost import resident, weight_bytes
from dfine.engines.heap import keep_memory
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.packages import needed
from dfine.engines.onnx.sessions import ON_CPU
from dfine.network.detector import DFINE


def added(variant: str, name: str, setting: Setting, folder: Path) -> float | None:
    """Megabytes that an engine adds at its peak, weights included; on a CPU it is asked in a process of its own.

    None where that cannot be told.
    """
    if setting.device.startswith("cuda"):
        return None  # told from the GPU's own books while the engine is prepared
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as other:
        try:
            return other.submit(_peak, variant, name, setting, folder).result()
        except BrokenProcessPool:  # the system ended it, as where memory is short
            return None


def _peak(variant: str, name: str, setting: Setting, folder: Path) -> float | None:
    """The same, in this process, whose memory nobody else uses: from before the engine is made to after two runs.

    The network that the engine is made from is there before and after, and does not count; nor does a library's code.
    `folder` is where the exported engines' files lie: whoever has exported one has memory to give away.
    """
    torch.manual_seed(0)
    network = DFINE(Config.of(variant)).eval()
    pixels = torch.rand(setting.batch, 3, *setting.input)
    keep_memory()
    runtime, _, precision = name.partition(", ")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as other:
        build = builders(network, setting, Path(other))[name]
        if runtime in ON_CPU:
            provider, package = ON_CPU[runtime]
            file = folder / FILES[precision or "float32"]
            needed(package)

            def build():
                return OnnxEngine(file, provider, precision=precision or "float32")

        elif name.startswith("transformers"):
            from transformers import DFineForObjectDetection  # noqa: F401  its code is no part of the engine
        before = resident(reset=True)
        engine = build()
        for _ in range(2):
            with torch.inference_mode():
                engine(pixels)
        after = resident()
    shared = weight_bytes(network) if name == "torch" else 0  # the network itself is the engine then
    return None if before is None or after is None else (after - before + shared) / 1e6
