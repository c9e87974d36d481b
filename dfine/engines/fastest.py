"""The fastest engine, found out once: on a CPU, an exported file may answer sooner than torch's fused copy.

The file lies in a cache and is made off the path of any request; which engine is the fastest one on this machine, the
fused copy, ONNX Runtime, or OpenVINO where it is installed, is measured once and remembered beside the file.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import torch

from dfine.engines.engine import Engine
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.export import Options, export
from dfine.engines.onnx.packages import installed
from dfine.engines.onnx.parity import ExportError
from dfine.engines.onnx.sessions import ON_CPU, on_cpu
from dfine.engines.torch_engine import FOLDING, TorchEngine
from dfine.files import replacing, short_digest
from dfine.network.detector import DFINE
from dfine.paths import at_home
from dfine.trace.card import Card
from dfine.version import VERSION
from dfine.weights.exceptions import CheckpointError
from dfine.weights.tensors import digest

RUNS = 5  # of each engine, in turn; the fastest counts


def folder() -> Path:
    """Where exported files are kept: `DFINE_CACHE`, else `dfine-lens/onnx` in the user's cache.

    Raises:
        OSError: there is neither, as for a user of a container who has no home.
    """
    own, base = os.environ.get("DFINE_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        if own:
            return at_home(own)
        return (Path(base) if base else Path.home() / ".cache") / "dfine-lens" / "onnx"
    except RuntimeError:
        raise OSError(
            "this user has no home folder, in which exported files are kept; name a folder for them in DFINE_CACHE"
        ) from None


def cached(network: DFINE, card: Card, place: str | os.PathLike | None = None, provider: str = "cpu") -> OnnxEngine:
    """ONNX Runtime or OpenVINO, on a file that is exported once and kept in the cache; it keeps the network at hand.

    Args:
        network: in evaluation mode.
        card: what the model is.
        place: another folder than `folder()`.
        provider: "cpu" for ONNX Runtime, or "openvino".

    Raises:
        ExportError: the model cannot be exported.
        ImportError: onnx or onnxruntime is missing.
        OSError: the folder cannot be written.
    """
    file = file_of(network, card, Path(place) if place else folder())
    if file.is_file():
        with suppress(CheckpointError):  # torn, as a disk may leave a file: it is made again
            return OnnxEngine(file, provider, network=network)
    export(network, card, file, Options())
    return OnnxEngine(file, provider, network=network)


def fastest(engine: Engine, card: Card, place: str | os.PathLike | None = None) -> Engine:
    """The fastest engine for this machine that says what `engine` says: torch's fused copy, or one of `cached`.

    All are timed once, in turn, and the result is kept beside the file. On a GPU, without onnx and onnxruntime, or
    where no file can be written, it is the fused copy; where `engine` is an exported file, or on a device that has no
    fused copy, it is `engine`.
    """
    if not isinstance(engine, TorchEngine) or engine.device.type not in FOLDING:
        return engine
    fused = engine if engine.fast else TorchEngine(engine.network)
    if engine.device.type != "cpu" or not (installed("onnx") and installed("onnxruntime")):
        return fused
    try:
        winner = _winner(fused, card, place)
        return fused if winner == "fused" else cached(fused.network, card, place, ON_CPU[winner][0])
    except (ExportError, CheckpointError, ImportError, OSError, RuntimeError):
        return fused


def in_background(
    engine: Engine, card: Card, done: Callable[[Engine], object], ready: Callable[[], bool] = lambda: True
) -> threading.Thread:
    """Find the fastest engine off the path of any request.

    Args:
        engine: what answers meanwhile.
        card: what the model is.
        done: is called with the fastest engine, in that thread.
        ready: is waited for, a minute at most, so that a page starts no later for it.

    Returns:
        The daemon thread, for those who want to wait.
    """

    def work() -> None:
        for _ in range(600):
            if ready():
                break
            time.sleep(0.1)
        done(fastest(engine, card))

    thread = threading.Thread(target=work, name=f"find the fastest engine for {card.source}", daemon=True)
    thread.start()
    return thread


def file_of(network: DFINE, card: Card, place: Path) -> Path:
    """Where the exported form of a model lies: the name follows all that its answers depend on."""
    height, width = card.input_size
    about = {"digest": digest(network, card)}
    about |= {"size": list(card.input_size), "names": list(card.names)}
    about |= {"config": network.config.to_dict(), "dfine": VERSION, "torch": str(torch.__version__)}
    key = short_digest(json.dumps(about, sort_keys=True))
    return place / f"{network.config.size}-{height}x{width}-{key}.onnx"


def _winner(fused: TorchEngine, card: Card, place: str | os.PathLike | None) -> str:
    """The name of the fastest engine here, measured once per file, versions and threads; others are not opened then."""
    there = on_cpu()
    note = file_of(fused.network, card, Path(place) if place else folder()).with_suffix(".json")
    setting = [torch.get_num_threads(), *there.values(), torch.backends.cpu.get_cpu_capability()]
    found = remembered(note, setting)
    if not isinstance(found, dict) or set(found) != {"fused", *there}:
        others = {name: cached(fused.network, card, place, ON_CPU[name][0]) for name in there}
        found = times({"fused": fused} | others, card.input_size)
        remember(note, setting, found)
    return min(found, key=found.__getitem__)


def remembered(note: Path, setting: list) -> object:
    """What was measured before in the same setting; None where nothing was, or the note cannot be read."""
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        return known["found"] if known["setting"] == setting else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(note: Path, setting: list, found: dict) -> None:
    """Write down what was measured; where that cannot be done, it is measured again the next time."""
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        with replacing(note) as temporary:
            temporary.write_text(json.dumps({"setting": setting, "found": found}), encoding="utf-8")


def times(engines: dict[str, Engine], input_size: tuple[int, int]) -> dict[str, float]:
    """Milliseconds of every engine for one picture, the best of some runs, in turn; on a GPU until it has answered."""
    random = torch.Generator().manual_seed(0)  # the caller's own numbers stay as they are
    pixels, taken = torch.rand(1, 3, *input_size, generator=random), {name: [] for name in engines}
    for _ in range(RUNS + 2):
        for name, engine in engines.items():
            engine(pixels).last.boxes.cpu()  # while threads of the engine before it may still spin, waiting for work
            start = time.perf_counter()
            engine(pixels).last.boxes.cpu()
            taken[name].append(time.perf_counter() - start)
    return {name: round(1000 * min(values[2:]), 2) for name, values in taken.items()}
