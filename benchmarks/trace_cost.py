"""What the trace costs: the time of the heads that only the trace needs, against a whole forward pass.

    python benchmarks/trace_cost.py [--size n] [--input 640] [--runs 11]

A detector that returns only its last layer could leave out, in every earlier layer but the first, the class scores
and LQE (the edge logits are needed to go on; the first layer's scores belong to the initial boxes). The two are timed
in turn in one process, on random weights.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dfine.config import SIZES, Config
from dfine.network.detector import DFINE


def main() -> None:
    """Time both and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=list(SIZES), default="n")
    parser.add_argument("--input", type=int, default=640)
    parser.add_argument("--runs", type=int, default=11)
    options = parser.parse_args()

    torch.manual_seed(0)
    network = DFINE(Config.of(options.size)).eval()
    pixels = torch.rand(1, 3, options.input, options.input)
    with torch.inference_mode():
        trace = network(pixels)
        x = torch.randn(*trace.last.boxes.shape[:2], network.config.width)

        def extra() -> None:
            for heads, refinement in list(zip(network.decoder.heads, trace.refinements))[:-1]:
                heads.score(x)
                heads.lqe(refinement.edges)

        whole, only = [], []
        for _ in range(options.runs):
            whole.append(seconds(lambda: network(pixels)))
            only.append(seconds(extra))
    whole, only = statistics.median(whole), statistics.median(only)
    threads = torch.get_num_threads()
    print(f"D-FINE-{options.size.upper()} at {options.input} px, {threads} threads, median of {options.runs} runs")
    print(f"forward {1000 * whole:.1f} ms, of it scores and LQE of the earlier layers {1000 * only:.2f} ms")
    print(f"the trace costs {100 * only / whole:.1f} %")


def seconds(function) -> float:
    """How long one call takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
