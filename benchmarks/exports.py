"""Exported files: ours, with every layer's distributions, beside the published form, which gives only the last layer.

    python benchmarks/exports.py [--sizes n,s] [--turns 12] [--beside FILE.onnx …] [--layers]

The published form is the network as the published tools export it: BatchNorm and RepVGG branches folded, sampling by
GridSample, no scores or quality but the last layer's; made here from the same random weights. Both run in ONNX Runtime,
and in OpenVINO where it is installed, in turn, each twice before it counts. Files of other detectors with one input of
640 × 640 take their turns beside them. `--layers` prints instead which kinds of operations OpenVINO's time goes to, in
float32 and in bfloat16.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from dfine.config import Config
from dfine.engines.fused import fused
from dfine.engines.heap import keep_memory
from dfine.engines.onnx import file
from dfine.engines.onnx.export import Options, export
from dfine.engines.onnx.sessions import available, open_session
from dfine.network.detector import DFINE
from dfine.trace.card import Card

SIDE = 640
WARM, TURN = 2, 2  # runs of each turn that do not count, and that do


class Published(nn.Module):
    """The last layer's logits and boxes; what only the layers before it would say drops out of the graph."""

    def __init__(self, network: DFINE):
        super().__init__()
        self.network = fused(network)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        last = self.network(images).last
        return last.logits, last.boxes


def files(size: str, folder: Path) -> dict[str, Path]:
    """Both forms of a network of random weights."""
    torch.manual_seed(0)
    network = DFINE(Config.of(size)).eval()
    ours, raw, theirs = (folder / f"{size}-{name}.onnx" for name in ("ours", "raw", "published"))
    export(network, Card(tuple(str(i) for i in range(80)), (SIDE, SIDE)), ours, Options())
    pixels = torch.rand(1, 3, SIDE, SIDE)
    file.write(Published(network).eval(), (pixels,), ["logits", "boxes"], raw, opset=18, any_batch=False)
    file.simplify(raw, theirs, half=False)
    return {"published form": theirs, "ours, whole trace": ours}


def layers(sizes: list[str], turns: int) -> None:
    """Print for each size where OpenVINO's time goes: milliseconds of each kind of operation in a run, medians."""
    import openvino

    core, picture = openvino.Core(), torch.rand(1, 3, SIDE, SIDE).numpy()
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = files(size, Path(folder))["ours, whole trace"]
            for hint in ("f32", "bf16"):
                setting = {"PERF_COUNT": True, "INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": 2}
                request = core.compile_model(str(path), "CPU", setting).create_infer_request()
                seen: dict[str, list[float]] = {}
                for turn in range(turns + WARM):
                    request.infer([picture])
                    taken: dict[str, float] = {}
                    for node in request.profiling_info:
                        if node.status == openvino.ProfilingInfo.Status.EXECUTED:
                            milliseconds = node.real_time.total_seconds() * 1000
                            taken[node.node_type] = taken.get(node.node_type, 0) + milliseconds
                    for kind, value in taken.items() if turn >= WARM else ():
                        seen.setdefault(kind, []).append(value)
                medians = {kind: statistics.median(values) for kind, values in seen.items()}
                whole = sum(medians.values())
                told = sorted(medians.items(), key=lambda pair: -pair[1])[:12]
                said = ", ".join(f"{kind} {value:.1f}" for kind, value in told)
                print(f"{size.upper()} in {hint}: {whole:.1f} ms: {said}", flush=True)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="n,s")
    parser.add_argument("--turns", type=int, default=12)
    parser.add_argument("--beside", type=Path, nargs="*", default=[])
    parser.add_argument("--layers", action="store_true")
    options = parser.parse_args()
    keep_memory()
    if options.layers:
        return layers(options.sizes.split(","), options.turns)
    feed = {"images": torch.rand(1, 3, SIDE, SIDE).numpy()}
    print("| size | engine | file | median ms | best ms | of the published form |\n" + "|---" * 6 + "|")
    for size in options.sizes.split(","):
        with tempfile.TemporaryDirectory() as folder:
            made = files(size, Path(folder)) | {path.stem: path for path in options.beside}
            runs = {
                (provider, name): open_session(path, provider)
                for provider in ("cpu", "openvino")
                if provider in available()
                for name, path in made.items()
            }
            times: dict[tuple, list[float]] = {key: [] for key in runs}
            for turn in range(options.turns + 1):
                for key, session in runs.items():
                    for run in range(WARM + TURN):
                        start = time.perf_counter()
                        session.run(session.outputs, feed)
                        if turn and run >= WARM:
                            times[key].append(1000 * (time.perf_counter() - start))
            median = {key: statistics.median(values) for key, values in times.items()}
            for (provider, name), values in times.items():
                share = median[provider, name] / median[provider, "published form"]
                engine = {"cpu": "ONNX Runtime", "openvino": "OpenVINO"}[provider]
                numbers = f"{median[provider, name]:.1f} | {min(values):.1f} | {share:.2f}"
                print(f"| {size.upper()} | {engine} | {name} | {numbers} |")


if __name__ == "__main__":
    main()
