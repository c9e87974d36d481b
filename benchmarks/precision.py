"""What a lower precision of a model costs and saves on a CPU: AP of every stage, shift of edges, time.

    python benchmarks/precision.py [pictures] [--model demo] [--data FOLDER] [--input 640]

Each engine answers the same held-out pictures, one at a time: drawn scenes, or those of a data set that the model is
for. Times are wall clock and processor seconds, medians of runs in turn, as shares of the same runtime's float32: on a
machine with other work the second are the steadier ones.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

import dfine  # noqa: E402
from dfine.data.loader import Batching, loader, subset  # noqa: E402
from dfine.data.scenes import Scenes  # noqa: E402
from dfine.data.sources import train_and_val  # noqa: E402
from dfine.engines.cost import machine  # noqa: E402
from dfine.engines.onnx.calibrated import Calibration, export_int8  # noqa: E402
from dfine.engines.onnx.engine import OnnxEngine  # noqa: E402
from dfine.engines.onnx.export import export  # noqa: E402
from dfine.engines.shift import shift  # noqa: E402
from dfine.engines.torch_engine import TorchEngine, TorchOptions  # noqa: E402
from dfine.evaluation.coco import evaluate  # noqa: E402
from dfine.inference.predictor import Predictor  # noqa: E402
from dfine.trace.records import Trace  # noqa: E402

HELD_OUT, CALIBRATING = 2_000_000, 3_000_000  # seeds
CALIBRATED_ON, RUNS = 128, 21


def pixels(dataset, size: tuple[int, int]) -> torch.Tensor:
    return torch.cat([pictures for pictures, _ in loader(dataset, Batching(8, size))]).float() / 255


def data(folder: str | None, count: int, size: tuple[int, int]) -> tuple:
    """What to calibrate on, and so many pictures to measure on: scenes, or two splits of a data set."""
    if folder is None:
        return tuple(
            Scenes(n, size=size, seed=seed, clean=0.5) for n, seed in ((CALIBRATED_ON, CALIBRATING), (count, HELD_OUT))
        )
    parts = train_and_val(folder)
    return tuple(subset(part, range(min(n, len(part)))) for part, n in zip(parts, (CALIBRATED_ON, count)))


def engines(model, calibrating, folder: Path) -> dict[str, object]:
    """Every engine by its runtime and precision; float32 of a runtime comes before its others."""
    whole, small = folder / "float32.onnx", folder / "int8.onnx"
    export(model.network, model.card, whole)
    pictures = pixels(calibrating, model.input_size)
    said = export_int8(model.network, model.card, small, Calibration(pictures, f"{len(pictures)} pictures"))
    print("int8:", {name: value for name, value in said.items() if name != "ap"}, flush=True)
    return {
        "torch, float32": TorchEngine(model.network),
        "torch, bfloat16": TorchEngine(model.network, TorchOptions(precision="bfloat16")),
        "ONNX Runtime, float32": OnnxEngine(whole, "cpu"),
        "ONNX Runtime, int8": OnnxEngine(small, "cpu"),
        "OpenVINO, float32": OnnxEngine(whole, "openvino"),
        "OpenVINO, bfloat16": OnnxEngine(whole, "openvino", precision="bfloat16"),
        "OpenVINO, int8": OnnxEngine(small, "openvino"),
    }


def answers(engine, pictures: torch.Tensor) -> Trace:
    """What an engine says of all pictures, one at a time."""
    traces = [engine(picture) for picture in pictures.split(1)]
    parts = [trace.to_tensors() for trace in traces]
    return Trace.from_tensors({n: torch.cat([p[n] for p in parts]) for n in parts[0]}, traces[0].shapes, traces[0].w)


def times(made: dict[str, object], picture: torch.Tensor) -> dict[str, tuple[float, float]]:
    """Median milliseconds of wall clock and of the processor, by engine."""
    taken = {name: [] for name in made}
    for run in range(RUNS + 3):
        for name, engine in made.items():
            engine(picture)
            wall, busy = time.perf_counter(), time.process_time()
            engine(picture)
            if run >= 3:
                taken[name].append((time.perf_counter() - wall, time.process_time() - busy))
    return {name: tuple(1000 * statistics.median(part) for part in zip(*runs)) for name, runs in taken.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pictures", type=int, nargs="?", default=200)
    parser.add_argument("--model", default="demo")
    parser.add_argument("--data", help="a data set that the model is for; by default drawn scenes")
    parser.add_argument("--input", type=int, help="side of the input; by default the model's own")
    options = parser.parse_args()
    side = options.input and (options.input, options.input)
    with tempfile.TemporaryDirectory() as folder:
        model = dfine.load(options.model, device="cpu", size=side)
        card, size = model.card, model.input_size
        calibrating, measured = data(options.data, options.pictures, size)
        made = engines(model, calibrating, Path(folder))
        pictures = pixels(measured, size)
        told = {name: answers(engine, pictures) for name, engine in made.items()}
        reference = told["torch, float32"]
        taken = times(made, pictures[:1])
        of = f"{len(measured)} pictures, calibrated on {len(calibrating)} others"
        print(machine("cpu"), f"{options.model} at {size[0]} x {size[1]}: {of}\n")
        heads = ("engine", "edges, mean px", "95 % px", "intervals", "lost", "AP by stage", "wall", "processor")
        print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
        for name, engine in made.items():
            moved = shift(reference, told[name], size[::-1])
            found = evaluate(Predictor(engine, card), measured, batch=1, progress=False)
            base = taken[f"{name.split(',')[0]}, float32"]
            wall, busy = (mine / theirs for mine, theirs in zip(taken[name], base))
            stages = " ".join(f"{ap:.4f}" for ap in found.ap.values())
            far = f"{moved.edges:.3f} | {moved.late:.2f} | {100 * moved.widths:+.1f} %"
            print(
                f"| {name} | {far} | {moved.lost} of {moved.objects} | {stages} | {wall:.2f} | {busy:.2f} |", flush=True
            )


if __name__ == "__main__":
    main()
