"""Precision "auto": the fastest engine whose answers stay close to those in float32, measured once and remembered.

What is measured, time and shift, depends on the model, the machine and the versions; it is kept beside the exported
files. The pictures are drawn scenes, which have edges of every kind. What a model reports in them counts, and the best
answer of each in any case: one that knows photographs only is unsure of nearly all others, and rounding moves what is
unsure further than anything that it would report in a photograph. A model that knows what is drawn is also tried in
int8, calibrated on other scenes; any other has to be calibrated on pictures of its own (`dfine export --precision int8
--data`).
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from dfine.data.scenes import NAMES, Scenes, size_for
from dfine.engines.cost import machine
from dfine.engines.engine import Engine
from dfine.engines.fastest import cached, file_of, folder, remember, remembered, times
from dfine.engines.onnx.calibrated import Calibration, export_int8
from dfine.engines.onnx.engine import OnnxEngine
from dfine.engines.onnx.openvino_session import has_bfloat16
from dfine.engines.onnx.parity import ExportError
from dfine.engines.onnx.sessions import ON_CPU, on_cpu
from dfine.engines.precision import BUDGET
from dfine.engines.shift import MOST_LOST, shift
from dfine.engines.torch_engine import FOLDING, TorchEngine, TorchOptions
from dfine.trace.card import Card
from dfine.version import VERSION
from dfine.weights.exceptions import CheckpointError

MEASURED, CALIBRATED = 16, 48  # scenes to measure on, and to calibrate on
FEWEST = 1  # answers of a scene that count whatever their scores
SEED = 4_000_000  # of both; neither training nor evaluation draws them
REFERENCE = "torch float32"
FAULTS = (ExportError, CheckpointError, ImportError, OSError, RuntimeError)  # for which an engine takes no part


def knows_scenes(card: Card) -> bool:
    """Whether all classes of a model are things that are drawn in scenes."""
    return {name for name in card.names if name} <= set(NAMES)


def choose(engine: Engine, card: Card, place: str | os.PathLike | None = None) -> Engine:
    """The fastest engine here among torch, ONNX Runtime and OpenVINO, in float32 or in what stays within `BUDGET`.

    An exported file, and a device that has no fused copy, keep `engine`. What cannot be made here takes no part. That
    something is measured, and what was chosen, is said on stderr.
    """
    if not isinstance(engine, TorchEngine) or engine.device.type not in FOLDING:
        return engine
    kept = Path(place) if place else folder()
    note = file_of(engine.network, card, kept).with_suffix(".auto.json")
    makers, setting = _makers(engine, card, kept), _setting(engine)
    found = _known(note, setting)
    if found is None:
        _say("measuring once which engine is the fastest here; this takes a minute or two")
        found = _measured(makers, card)
        remember(note, setting, found)
    fits = {name: row["ms"] for name, row in found.items() if name in makers and within(name, row["shift"])}
    for name in sorted(fits, key=fits.__getitem__):
        try:
            chosen = makers[name]()
        except FAULTS:  # it was made once, and cannot be today
            if name == REFERENCE:
                raise
            continue
        _say(f"{_chosen(chosen)}: {fits[name]:.3g} ms for a picture; {REFERENCE} takes {fits[REFERENCE]:.3g}")
        return chosen
    return engine


def _chosen(engine: Engine) -> str:
    """What answers, and in which precision, in words."""
    return engine.runs_on if engine.precision in engine.runs_on else f"{engine.runs_on}, {engine.precision}"


def _say(words: str) -> None:
    print(f"precision auto: {words}", file=sys.stderr, flush=True)


def within(name: str, moved: float) -> bool:
    """Whether an engine, called "<runtime> <precision>", may move edges by so many pixels on average."""
    return moved <= BUDGET.get(name.split()[-1], math.inf)


def _makers(engine: TorchEngine, card: Card, kept: Path) -> dict[str, Callable[[], Engine]]:
    """What may answer here, by name, float32 on torch first."""
    network, makers = engine.network, {}
    halves = ("bfloat16",) if engine.device.type == "cpu" else ("bfloat16", "float16")
    for precision in ("float32", *halves):
        makers[f"torch {precision}"] = partial(TorchEngine, network, TorchOptions(precision=precision))
    if engine.device.type != "cpu":
        return makers
    there = list(on_cpu())
    for name in there:
        makers[f"{name} float32"] = partial(cached, network, card, kept, ON_CPU[name][0])
    if "openvino" in there and has_bfloat16():
        makers["openvino bfloat16"] = partial(_bfloat16, engine, card, kept)
    if there and knows_scenes(card):
        makers[f"{there[-1]} int8"] = partial(_int8, engine, card, kept, ON_CPU[there[-1]][0])
    return makers


def _bfloat16(engine: TorchEngine, card: Card, kept: Path) -> OnnxEngine:
    file = cached(engine.network, card, kept).path
    return OnnxEngine(file, "openvino", precision="bfloat16", network=engine.network)


def _int8(engine: TorchEngine, card: Card, kept: Path, provider: str) -> OnnxEngine:
    file = file_of(engine.network, card, kept)
    file = file.with_name(f"{file.stem}-int8.onnx")
    if file.is_file():
        with suppress(CheckpointError):  # torn, as in `cached`
            return OnnxEngine(file, provider, network=engine.network)
    pictures = _scenes(CALIBRATED, SEED, card.input_size)
    export_int8(engine.network, card, file, Calibration(pictures, f"{CALIBRATED} drawn scenes"))
    return OnnxEngine(file, provider, network=engine.network)


def _measured(makers: dict[str, Callable[[], Engine]], card: Card) -> dict[str, dict[str, float]]:
    """By name, milliseconds for a picture and how far the answers are from those in float32."""
    engines, moved, lacking = {}, {}, {}
    height, width = card.input_size
    pictures = _scenes(MEASURED, SEED + CALIBRATED, card.input_size)
    want = None
    for name, make in makers.items():  # the reference is the first of them
        try:
            engine = make()
            answer = engine(pictures).cpu()  # torch makes its copy only now
        except FAULTS as error:
            if name == REFERENCE:
                raise
            if isinstance(error, ImportError):  # as for OpenVINO without what writes its files
                lacking.setdefault(str(error), {})[name.split()[0]] = None
            continue
        want = answer if want is None else want
        found = shift(want, answer, (width, height), FEWEST)
        if found.finds_the_same:
            engines[name], moved[name] = engine, round(found.edges, 4)
    for error, runtimes in lacking.items():
        _say(f"{' and '.join(runtimes)} {'takes' if len(runtimes) == 1 else 'take'} no part: {error}")
    taken = times(engines, card.input_size)
    return {name: {"ms": taken[name], "shift": moved[name]} for name in engines}


def _scenes(count: int, seed: int, input_size: tuple[int, int]) -> Tensor:
    """Scenes as pixels; for an input longer than scenes are, they are stretched, as any picture is."""
    scenes = Scenes(count, size=size_for(input_size), seed=seed, clean=0.5)
    pixels = torch.stack([scenes[i][0] for i in range(count)]).float() / 255
    if tuple(pixels.shape[2:]) == tuple(input_size):
        return pixels
    return F.interpolate(pixels, input_size, mode="bilinear", antialias=True)


def _setting(engine: TorchEngine) -> list:
    """What a measurement depends on besides the model: it holds only as long as this stays the same."""
    writes = find_spec("onnx") is not None  # whatever runs the files, this writes them
    return [VERSION, MOST_LOST, FEWEST, writes, *machine(str(engine.device)).values(), *on_cpu().values()]


def _known(note: Path, setting: list) -> dict[str, dict[str, float]] | None:
    """What was measured before in the same setting; None where nothing was, or the note makes no sense."""
    try:
        found = remembered(note, setting).items()
        rows = {str(name): {"ms": float(row["ms"]), "shift": float(row["shift"])} for name, row in found}
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return rows if REFERENCE in rows else None
