"""What runs an exported file: ONNX Runtime with one of its providers, or OpenVINO, which reads the same file.

Neither is imported before a file is opened.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch

from dfine.engines.onnx import file
from dfine.engines.onnx.openvino_session import OpenVino
from dfine.engines.onnx.packages import installed, needed
from dfine.processes import Ranks
from dfine.weights.exceptions import CheckpointError

# Where a file can run, what onnxruntime calls it, and what to install for it.
PROVIDERS = {
    "cpu": ("CPUExecutionProvider", "onnxruntime"),
    "cuda": ("CUDAExecutionProvider", "onnxruntime-gpu"),
    "tensorrt": ("TensorrtExecutionProvider", "onnxruntime-gpu, and TensorRT"),
    "openvino": (None, "openvino"),
}
# What takes over what a provider cannot run.
BEHIND = {"tensorrt": ("cuda", "cpu"), "cuda": ("cpu",)}
# What can run a file on a CPU: the engine's name, its provider, and the package that it comes in.
ON_CPU = {"onnx": ("cpu", "onnxruntime"), "openvino": ("openvino", "openvino")}


class OnnxRuntime:
    """A file under ONNX Runtime.

    Attributes:
        provider: the one that it really got: "cpu", "cuda" or "tensorrt".
        version: of the runtime.
        inputs, outputs: their names.
        text: what the file says of itself, as it stands in its metadata; None where it says nothing.
        rounds: whether something is rounded to bfloat16 that the file has in float32.
    """

    rounds = False

    def __init__(self, path: Path, provider: str, index: int = 0):
        runtime = needed("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3
        wanted = chain(provider, index, runtime.get_available_providers())
        try:
            self.session = runtime.InferenceSession(str(path), options, providers=wanted)
        except Exception as error:  # onnxruntime has a class for every fault, none of them with a common base
            raise CheckpointError(_cannot(path, error)) from None
        (first, _), got = wanted[0], self.session.get_providers()[0]
        if got != first:
            warnings.warn(f"{first} could not be started; {path.name} runs on {got}", stacklevel=5)
        self.provider = next(name for name, (full, _) in PROVIDERS.items() if full == got)
        self.version = runtime.__version__
        self.inputs = [node.name for node in self.session.get_inputs()]
        self.outputs = [node.name for node in self.session.get_outputs()]
        self.text = self.session.get_modelmeta().custom_metadata_map.get(file.KEY)

    def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        """The outputs asked for. Any number of threads may ask at once."""
        return self.session.run(outputs, feed)


def chain(provider: str, index: int, there: list[str]) -> list[tuple[str, dict]]:
    """What ONNX Runtime is asked to try, in this order, and on which GPU: its own names, of those that are `there`."""
    names = [name for name in (provider, *BEHIND.get(provider, ())) if PROVIDERS[name][0] in there]
    return [(PROVIDERS[name][0], {"device_id": index} if index and name != "cpu" else {}) for name in names]


def placed(model: str, device: str, here: Ranks) -> str:
    """The device on which this process of several runs a model; of an exported file "auto" means what can run it."""
    if model.endswith(".onnx") and device == "auto":
        if "cuda" not in available():
            return "auto"
        device = "cuda"
    return here.device(device)


def available() -> list[str]:
    """The names of the providers that are installed here."""
    there = needed("onnxruntime").get_available_providers() if installed("onnxruntime") else []
    found = [name for name, (provider, _) in PROVIDERS.items() if provider in there]
    return [*found, "openvino"] if installed("openvino") else found


def on_cpu() -> dict[str, str]:
    """The engines of `ON_CPU` that can be used here, with the version of what runs each."""
    found = {}
    for name, (_, package) in ON_CPU.items():
        with suppress(ImportError):
            found[name] = needed(package).__version__
    return found


def open_session(path: Path, provider: str, precision: str = "float32") -> OnnxRuntime | OpenVino:
    """A file, ready to run. "auto" takes cuda where it is there, else cpu; "cuda:1" is the second GPU.

    ONNX Runtime computes as the file says. OpenVINO can take bfloat16 for what the file has in float32.

    Raises:
        ValueError: the provider is not there or has no such precision, or what follows its name is no number.
        CheckpointError: the file cannot be run.
        ImportError: onnxruntime is missing, and another provider than openvino is wanted.
    """
    there = available()
    if provider in ("auto", "mps"):
        provider = "cuda" if "cuda" in there and provider == "auto" else "cpu"
    provider, _, index = provider.partition(":")
    if index and not index.isdecimal():
        raise ValueError(f"a GPU has a number, as in {provider}:0; {index!r} is none")
    if provider != "openvino":
        needed("onnxruntime")
    if provider not in there:
        hint = f"; pip install {PROVIDERS[provider][1]}" if provider in PROVIDERS else ""
        raise ValueError(f"an exported file cannot run on {provider!r} here; it can on {', '.join(there)}{hint}")
    if provider == "openvino":
        return OpenVino(path, precision)
    if precision != "float32":
        raise ValueError(f"an exported file runs in {precision} where OpenVINO does: choose the device openvino")
    return OnnxRuntime(path, provider, int(index or 0))


def unnamed(session: OnnxRuntime | OpenVino, path: Path) -> OnnxRuntime | OpenVino:
    """What runs a file in int8 for which nobody named a provider: OpenVINO where it can, else `session`.

    On a CPU ONNX Runtime takes as long for int8 as for float32, or longer (benchmarks/README.md).
    """
    if session.provider == "cpu" and installed("openvino"):
        with suppress(CheckpointError, ImportError, RuntimeError):
            return OpenVino(path)
    return session


def _cannot(path: Path, error: Exception) -> str:
    return f"{path.name} cannot be run: {' '.join(str(error).split())[:300]}"
