"""A quarter of an hour with a GPU: all that the project wants to know of one, the most valuable first.

    python benchmarks/gpu_day.py --out runs/gpu_day                    # 13 minutes on one GPU
    python benchmarks/gpu_day.py --out runs/rehearsal --rehearse       # the same code on a CPU, tiny, a few minutes
    python benchmarks/gpu_day.py --prepare PHOTOS --bccd BCCD          # beforehand: data small enough to travel

Every unit of a stage is written to `--out` as soon as it is done, so that a kill loses only the one that was running. A
second call with the same `--out` goes on where the first stopped. `benchmarks/gpu_day.md` says more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch

from benchmarks.gpu import parity, runs, speed, throughput
from benchmarks.gpu.day import CPU_INSTEAD, Day, DeviceLost, Stage, lacking, run
from benchmarks.gpu.prepare import prepare
from benchmarks.gpu.table import markdown
from dfine.files import replacing

BUDGET = 780  # seconds
REHEARSAL = 3600  # seconds, on a machine that has other things to do
EACH = 128 << 20  # bytes of shared memory for each process that reads pictures: two batches of 64 of 480 x 480
LEAST = 15  # seconds without which no stage is begun
DATA = ROOT / "data" / "gpu_day"  # which git ignores
AP = ("faster_coco_eval",)
STAGES = (
    Stage(1, "Parity", 70, parity.units),
    Stage(2, "Speed", 190, speed.units),
    Stage(3, "Checkpoints", 370, runs.first, AP),
    Stage(4, "Training", 90, throughput.units),
    Stage(5, "Blood cells", 60, runs.second, AP),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the day; the exit status is 1 where something failed."""
    start = time.monotonic()
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.prepare or options.bccd:
        for name, source in (("photos", options.prepare), ("bccd", options.bccd)):
            if source:
                prepare(name, source, options.data, _tell)
        return 0
    if options.out is None:
        parser.error("name a folder for the results with --out")
    if not options.rehearse and not torch.cuda.is_available():
        parser.error("there is no CUDA device here; --rehearse runs everything on the CPU, at tiny sizes")
    chosen = [STAGES[number - 1] for number in options.stages]
    workers = 0 if options.rehearse else readers(os.cpu_count() or 2, _shared())
    device = "cpu" if options.rehearse else "cuda"
    budget = options.budget or (REHEARSAL if options.rehearse else BUDGET)
    day = Day(options.out, options.data, device, options.rehearse, start + budget, workers)
    _tell(f"{workers} processes read pictures")
    for sentence in _beforehand(day, chosen):
        _tell(sentence)
    failed = False
    for stage, last in [(stage, False) for stage in chosen] + [(stage, True) for stage in chosen]:
        if day.left < day.least(LEAST):
            if not last:
                _tell(f"{stage.title}: {max(0, day.left):.0f} s are left; the same command goes on with it")
            continue
        try:
            record = run(day, stage, _tell, last=last)
        except ValueError as error:
            parser.error(str(error))
        except DeviceLost as error:
            _tell(f"{stage.title}: the GPU does not answer this process any more ({error}); a new one goes on")
            _show(day)
            os.execv(sys.executable, again(sys.executable, arguments or sys.argv[1:], day.left))
        failed |= any(unit["state"] == "failed" for unit in record.units.values())
        _show(day)
    _tell(f"{time.monotonic() - start:.0f} s in all; the tables are in {day.out / 'table.md'}")
    return int(failed)


def readers(cores: int, shared: int | None) -> int:
    """How many processes read or draw pictures; two cores stay free, and 0 means that the first process does it itself.

    Batches pass through shared memory. A container may have little of it, and a process that finds none left is killed.
    """
    wanted = max(1, min(14, cores - 2))
    return wanted if shared is None else min(wanted, shared // EACH)


def _shared() -> int | None:
    """Bytes of shared memory that are free; None where the system does not tell."""
    try:
        return shutil.disk_usage("/dev/shm").free
    except OSError:
        return None


def _beforehand(day: Day, stages: list[Stage]) -> list[str]:
    """What the day will have to do without, a sentence each."""
    said = [CPU_INSTEAD] if day.rehearse else []
    if lacking(("transformers",)):
        said.append("transformers is not installed: nothing is compared with it")
    for stage in stages:
        missing = lacking(stage.needs)
        if missing:
            said.append(f"{', '.join(missing)} is not installed: stage {stage.number} ({stage.title}) is left out")
    wanted = {3: "photos", 5: "bccd"}
    for name in (name for number, name in wanted.items() if number in {stage.number for stage in stages}):
        if not (day.data / name).is_dir():
            instead = "scenes stand for it" if day.rehearse else "its run will fail; write it with --prepare or --bccd"
            said.append(f"there is no {day.data / name}: {instead}")
    return said


def again(python: str, arguments: list[str], left: float) -> list[str]:
    """The command that goes on, in a new process and in the time that is left."""
    kept = [a for i, a in enumerate(arguments) if not a.startswith("--budget") and arguments[i - 1 : i] != ["--budget"]]
    return [python, str(Path(__file__).resolve()), *kept, "--budget", str(int(left))]


def _show(day: Day) -> None:
    """Write the tables of all that is done so far."""
    with replacing(day.out / "table.md") as temporary:
        temporary.write_text(markdown(day.out), encoding="utf-8")


def _tell(words: str) -> None:
    print(words, flush=True)


def _stages(value: str) -> tuple[int, ...]:
    """Numbers of stages in the order in which they are to run, as "3,1"."""
    known = {stage.number for stage in STAGES}
    try:
        chosen = tuple(dict.fromkeys(int(part) for part in value.split(",")))
    except ValueError:
        chosen = ()
    if not chosen or set(chosen) - known:
        raise argparse.ArgumentTypeError(f"stages are numbers of 1 to {max(known)}, like 1,4; not {value!r}")
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder for the results")
    parser.add_argument(
        "--stages", type=_stages, default=_stages("1,2,3,4,5"), help="which, in this order, as 3,1; by default all"
    )
    parser.add_argument("--budget", type=float, metavar="SECONDS", help=f"for this call; by default {BUDGET}")
    parser.add_argument("--rehearse", action="store_true", help="run everything on the CPU, at tiny sizes")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with photos/ and bccd/, as --prepare writes it")
    parser.add_argument("--prepare", type=Path, metavar="PHOTOS", help="shrink this data set to --data, and do no more")
    parser.add_argument("--bccd", type=Path, help="the same for blood cells, with splits train, val and test")
    return parser


if __name__ == "__main__":
    sys.exit(main())
