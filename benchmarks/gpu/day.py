"""The day's clock and its results on disk: stages of units, each unit written as soon as it is done."""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from dfine.engines.cost import machine
from dfine.files import replacing
from dfine.paths import as_json

ATTEMPTS = 2  # a unit that failed, or that a kill cut off, is tried again by the next call, and then left
SIZES = ("n", "s", "m", "l", "x")
CPU_INSTEAD = "a rehearsal on a CPU: eager runs stand for CUDA graphs, CPU autocast for the GPU's bfloat16"


class DeviceLost(RuntimeError):
    """The GPU no longer answers in this process; a new process may have it."""


@dataclass(frozen=True)
class Day:
    """Where a day runs, and for how long."""

    out: Path  # results
    data: Path  # what `--prepare` wrote
    device: str
    rehearse: bool
    deadline: float  # of time.monotonic()
    workers: int = 0  # processes that read or draw pictures

    @property
    def left(self) -> float:
        """Seconds until the day must be over."""
        return self.deadline - time.monotonic()

    def least(self, seconds: float) -> float:
        """The time without which nothing is begun that takes so many seconds on a GPU; a rehearsal is of no measure."""
        return 0 if self.rehearse else seconds

    @property
    def sizes(self) -> tuple[str, ...]:
        """The networks that are measured."""
        return ("n",) if self.rehearse else SIZES

    @property
    def side(self) -> int:
        """Height and width of the network's input in the stages that time it."""
        return 64 if self.rehearse else 640

    @property
    def gpu(self) -> bool:
        """Whether this is the real thing."""
        return self.device.startswith("cuda")


@dataclass(frozen=True)
class Unit:
    """A part of a stage. `run(seconds)` gets the time that it may take, and returns rows.

    A row is a flat dict for the Markdown table that its key `table` names; lists and dicts in it are in the JSON only.
    """

    key: str
    seconds: float  # that it is expected to take on an H100; it is not begun with less
    run: Callable[[float], list[dict]]


@dataclass(frozen=True)
class Stage:
    """Units that belong together, in the order of their value."""

    number: int
    title: str
    seconds: float  # at most
    units: Callable[[Day], list[Unit]]
    needs: tuple[str, ...] = ()  # packages, by the name of their import


@dataclass
class Record:
    """The results of a stage in a JSON file that is whole after every unit."""

    path: Path
    about: dict
    units: dict[str, dict] = field(default_factory=dict)

    @classmethod
    def open(cls, day: Day, stage: Stage) -> Record:
        """A new record, or the one that an earlier call began.

        Raises:
            ValueError: the folder holds results of another machine, or of a rehearsal.
        """
        about = {"stage": stage.number, "title": stage.title, "rehearsal": day.rehearse}
        about |= {"machine": machine(day.device)}
        record = cls(day.out / f"stage{stage.number}.json", about)
        if record.path.exists():
            earlier = json.loads(record.path.read_text(encoding="utf-8"))
            known = {"rehearsal": earlier["rehearsal"], "gpu": earlier["machine"]["gpu"]}
            if known != {"rehearsal": day.rehearse, "gpu": about["machine"]["gpu"]}:
                raise ValueError(f"{record.path} comes from another machine or a rehearsal; choose another --out")
            record.units = earlier["units"]
        return record

    def due(self, key: str, failed: bool = True) -> bool:
        """Whether a unit is still to be run; `failed`: also one that has failed or was cut off."""
        unit = self.units.get(key, {"state": "skipped"})
        return unit["state"] == "skipped" or (failed and unit["state"] != "done" and unit["attempts"] < ATTEMPTS)

    def put(self, key: str, state: str, **more: object) -> None:
        """Note what became of a unit, and write."""
        attempts = self.units.get(key, {}).get("attempts", 0) + (state == "running")
        self.units[key] = {"state": state, "attempts": attempts, **more}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as temporary:
            temporary.write_text(as_json(self.about | {"units": self.units}, indent=1) + "\n", encoding="utf-8")


def lacking(packages: tuple[str, ...]) -> list[str]:
    """The packages that are not installed, as pip names them."""
    return [name.replace("_", "-") for name in packages if importlib.util.find_spec(name) is None]


def run(day: Day, stage: Stage, tell: Callable[[str], None], *, last: bool = False) -> Record:
    """Run what is still due of a stage, as far as its time goes.

    Args:
        day: where, and until when.
        stage: what.
        tell: takes a sentence about every unit.
        last: all stages had their turn; what was skipped for want of time may take all that is left of the day.

    Raises:
        ValueError: as `Record.open`.
        DeviceLost: a unit broke the GPU for this process; it is noted as failed.
    """
    record = Record.open(day, stage)
    end = day.deadline if last or day.rehearse else min(day.deadline, time.monotonic() + stage.seconds)
    missing = lacking(stage.needs)
    for unit in stage.units(day):
        if not record.due(unit.key, failed=not last):
            continue
        left = end - time.monotonic()
        if missing:
            record.put(unit.key, "skipped", said=f"{', '.join(missing)} is not installed")
        elif left < day.least(unit.seconds):
            said = f"it takes about {unit.seconds:.0f} s, and {max(0, left):.0f} s were left"
            record.put(unit.key, "skipped", said=said)
        else:
            _run(day, unit, left, record)
        about = record.units[unit.key]
        tell(f"{stage.title}, {unit.key}: {about['state']}" + (f" ({about['said']})" if about.get("said") else ""))
    return record


def _run(day: Day, unit: Unit, left: float, record: Record) -> None:
    """One unit: its rows, or why there are none."""
    record.put(unit.key, "running")
    start = time.monotonic()
    try:
        rows = unit.run(left)
    except Exception as error:  # whatever breaks, the rest of the day must go on
        record.put(unit.key, "failed", said=in_words(error))
    else:
        record.put(unit.key, "done", seconds=round(time.monotonic() - start, 1), rows=rows)
    _tidy(day)


def _tidy(day: Day) -> None:
    """Give memory back, and look whether the GPU still answers."""
    gc.collect()
    require_gpu(day)


def in_words(error: Exception) -> str:
    """What went wrong, in a line that a table can hold."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}".replace("|", "/")


def require_gpu(day: Day) -> None:
    """Give memory back on a GPU. Raises DeviceLost where it answers no more."""
    if not day.gpu:
        return
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
        torch.ones(1, device=day.device).item()
    except RuntimeError as error:
        raise DeviceLost(str(error)) from None


@contextlib.contextmanager
def exact():
    """Convolutions of single precision without TF32, to compare answers."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
