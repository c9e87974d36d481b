"""What a lower precision of the shipped model costs and saves on a CPU: AP of every stage, shift of edges, time.

    python benchmarks/precision.py [pictures]

Each engine answers the same held-out scenes, one picture at a time. Times are wall clock and processor seconds, medians
of runs in turn, as shares of the same runtime's float32: on a machine with other work the second are the steadier ones.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

import dfine  # noqa: E402
from dfine.data.scenes import Scenes  # noqa: E402
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


def pixels(count: int, seed: int, size: tuple[int, int]) -> torch.Tensor:
    scenes = Scenes(count, size=size, seed=seed, clean=0.5)
    return torch.stack([scenes[i][0] for i in range(count)]).float() / 255


def engines(folder: Path) -> dict[str, object]:
    """Every engine by its runtime and precision; float32 of a runtime comes before its others."""
    model = dfine.load("demo", device="cpu")
    whole, small = folder / "float32.onnx", folder / "int8.onnx"
    export(model.network, model.card, whole)
    pictures = pixels(CALIBRATED_ON, CALIBRATING, model.input_size)
    export_int8(model.network, model.card, small, Calibration(pictures, f"{CALIBRATED_ON} drawn scenes"))
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


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = engines(Path(folder))
        card = dfine.load("demo", device="cpu").card
        size = card.input_size
        pictures, scenes = pixels(count, HELD_OUT, size), Scenes(count, size=size, seed=HELD_OUT, clean=0.5)
        told = {name: answers(engine, pictures) for name, engine in made.items()}
        reference = told["torch, float32"]
        taken = times(made, pictures[:1])
        print(machine("cpu"), f"{count} scenes, calibrated on {CALIBRATED_ON} others\n")
        heads = ("engine", "edges, mean px", "95 % px", "intervals", "lost", "AP by stage", "wall", "processor")
        print(f"| {' | '.join(heads)} |\n{'|---' * len(heads)}|")
        for name, engine in made.items():
            moved = shift(reference, told[name], size[::-1])
            found = evaluate(Predictor(engine, card), scenes, batch=1, progress=False)
            base = taken[f"{name.split(',')[0]}, float32"]
            wall, busy = (mine / theirs for mine, theirs in zip(taken[name], base))
            stages = " ".join(f"{ap:.4f}" for ap in found.ap.values())
            far = f"{moved.edges:.3f} | {moved.late:.2f} | {100 * moved.widths:+.1f} %"
            print(
                f"| {name} | {far} | {moved.lost} of {moved.objects} | {stages} | {wall:.2f} | {busy:.2f} |", flush=True
            )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
