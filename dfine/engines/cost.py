"""What an engine costs: operations, memory, and the machine that they were measured on."""

from __future__ import annotations

import contextlib
import copy
import os
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from dfine.network.detector import DFINE

PRODUCTS_OF_ATTENTION = ("bmm", "baddbmm", "scaled_dot_product")


def gflops(network: DFINE, input_size: tuple[int, int] = (640, 640)) -> float:
    """Operations of a network's convolutions and linear layers for one picture, in 10⁹; two for each multiplication.

    The published counts leave out what has no weights, the products inside attention. The network is left as it is;
    for the published counts give it a fused one.
    """
    with torch.device("meta"), torch.no_grad(), FlopCounterMode(display=False) as counter:
        copy.deepcopy(network).to("meta")(torch.empty(1, 3, *input_size))
    counts = counter.get_flop_counts()["Global"]
    return sum(v for k, v in counts.items() if not any(name in str(k) for name in PRODUCTS_OF_ATTENTION)) / 1e9


def reserved(device: torch.device) -> int:
    """Bytes that torch has allocated on a GPU; resets its record of the peak. 0 on a CPU."""
    if device.type != "cuda":
        return 0
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def weight_bytes(network: DFINE) -> int:
    """What its weights and statistics take."""
    return sum(t.numel() * t.element_size() for t in (*network.parameters(), *network.buffers()))


def resident(reset: bool = False) -> int | None:
    """The most bytes this process has had in memory since the last reset; None where the system does not tell."""
    try:
        if reset:
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None


def machine(device: str) -> dict:
    """What a table needs beside it: processor, cores, threads, versions."""
    name = None
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), None)
    gpu = torch.cuda.get_device_name(device) if device.startswith("cuda") else None
    about = {"processor": name, "cores": os.cpu_count(), "threads": torch.get_num_threads(), "gpu": gpu}
    return about | {"torch": str(torch.__version__), "capability": torch.backends.cpu.get_cpu_capability()}
