"""The fastest engine, found out once: on a CPU, an exported file may answer sooner than torch's fused copy.

The file lies in a cache and is made off the path of any request; which engine is the fastest one on this machine, the
fused copy, ONNX Runtime, or OpenVINO where it is installed, is measured once and remembered beside the file.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import importlib.util
import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import torch

from dfine.engines.onnx.engine import OnnxNetwork
from dfine.engines.onnx.export import ExportError, Options, export
from dfine.engines.onnx.sessions import ON_CPU, available
from dfine.engines.torch_engine import Fast
from dfine.files import replacing
from dfine.inference.predictor import Predictor
from dfine.network.detector import DFINE
from dfine.version import VERSION
from dfine.weights.exceptions import CheckpointError

RUNS = 5  # of each engine, in turn; the fastest counts


def folder() -> Path:
    """Where exported files are kept: `DFINE_CACHE`, else `dfine-lens/onnx` in the user's cache."""
    own = os.environ.get("DFINE_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(own) if own else base / "dfine-lens" / "onnx"


def cached(model: Predictor, place: str | os.PathLike | None = None, provider: str = "cpu") -> Predictor:
    """The same predictor, run by ONNX Runtime or OpenVINO, from a file that is exported once and kept in the cache.

    Its network stays torch's, so that saving, and finding out where queries looked, work as before.

    Args:
        model: a predictor of torch.
        place: another folder than `folder()`.
        provider: "cpu" for ONNX Runtime, or "openvino".

    Raises:
        ExportError: the model cannot be exported.
        ImportError: onnx or onnxruntime is missing.
        OSError: the folder cannot be written.
    """
    file = _file(model, Path(place) if place else folder())
    if not file.is_file():
        export(model, file, Options())
    other = copy.copy(model)
    other.engine = OnnxNetwork(file, provider)
    return other


def faster(model: Predictor, place: str | os.PathLike | None = None) -> Predictor:
    """`model` on the fastest engine for this machine: torch's fused copy, or `cached(model)`.

    All are timed once, in turn, and the result is kept beside the file. On a GPU, without onnx and onnxruntime, where
    the model is an exported file itself, or where no file can be written, it is the fused copy, or `model` as it is.
    """
    if not isinstance(model.network, DFINE) or model.device.type not in ("cpu", "cuda"):
        return model
    fused = copy.copy(model)
    fused.engine = model.engine if isinstance(model.engine, Fast) else Fast(model.network)
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if model.device.type != "cpu" or missing:
        return fused
    try:
        winner = _winner(fused, place)
        return fused if winner == "fused" else cached(model, place, ON_CPU[winner][0])
    except (ExportError, CheckpointError, OSError, RuntimeError):
        return fused


def speed_up(model: Predictor, ready: Callable[[], bool] = lambda: True) -> threading.Thread:
    """Find the faster engine in the background and give it to `model` once it is known.

    Args:
        model: a predictor; whoever uses it meanwhile is answered as before.
        ready: is waited for, a minute at most, so that a page starts no later for it.

    Returns:
        The daemon thread, for those who want to wait. Until it ends, `model` answers as it did before.
    """

    def work() -> None:
        for _ in range(600):
            if ready():
                break
            time.sleep(0.1)
        model.engine = faster(model).engine

    thread = threading.Thread(target=work, name=f"speed up {model.source}", daemon=True)
    thread.start()
    return thread


def _file(model: Predictor, place: Path) -> Path:
    """Where the exported form of a model lies: the name follows all that its answers depend on."""
    about = {"digest": model.digest or _digest(model.network), "size": list(model.size), "names": list(model.names)}
    about |= {"config": model.config.to_dict(), "dfine": VERSION, "torch": str(torch.__version__)}
    key = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]
    return place / f"{model.config.size}-{model.size[0]}x{model.size[1]}-{key}.onnx"


def _digest(network: DFINE) -> str:
    """SHA-256 of a network's tensors."""
    digest = hashlib.sha256()
    for name, tensor in network.state_dict().items():
        digest.update(name.encode() + tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _winner(fused: Predictor, place: str | os.PathLike | None) -> str:
    """The name of the fastest engine here, measured once per file, versions and threads; others are not opened then."""
    there = {name: package for name, (provider, package) in ON_CPU.items() if provider in available()}
    note = _file(fused, Path(place) if place else folder()).with_suffix(".json")
    versions = [importlib.import_module(package).__version__ for package in there.values()]
    setting = [torch.get_num_threads(), *versions, torch.backends.cpu.get_cpu_capability()]
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        times = known["times"] if known["setting"] == setting and set(known["times"]) == {"fused", *there} else None
    except (OSError, ValueError, KeyError):
        times = None
    if times is None:
        times = _times({"fused": fused} | {name: cached(fused, place, ON_CPU[name][0]) for name in there})
        with replacing(note) as temporary:
            temporary.write_text(json.dumps({"setting": setting, "times": times}), encoding="utf-8")
    return min(times, key=times.__getitem__)


def _times(engines: dict[str, Predictor]) -> dict[str, float]:
    """Milliseconds of every engine for one picture, the best of some runs, in turn."""
    pixels, times = torch.rand(1, 3, *engines["fused"].size), {name: [] for name in engines}
    for _ in range(RUNS + 2):
        for name, model in engines.items():
            model.engine(pixels)  # while threads of the engine before it may still spin, waiting for work
            start = time.perf_counter()
            model.engine(pixels)
            times[name].append(time.perf_counter() - start)
    return {name: round(1000 * min(values[2:]), 2) for name, values in times.items()}
