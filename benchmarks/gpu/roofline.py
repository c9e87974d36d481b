"""How fast a card could be at best: each layer takes as long as its arithmetic or its memory traffic, at full rate."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import torch
from torch import nn

from dfine.engines.fused import fused
from dfine.network.detector import DFINE


@dataclass(frozen=True)
class Rates:
    """What a card can do: 10¹² operations a second without sparsity, and 10¹² bytes a second."""

    float32: float
    tf32: float  # what convolutions of single precision use on a GPU
    half: float  # bfloat16 and float16
    bytes: float

    def of(self, kind: str, precision: str) -> float:
        """Operations a second of a layer, "conv" or "linear", in "float32" or "bf16"."""
        if precision != "float32":
            return self.half * 1e12
        return (self.tf32 if kind == "conv" else self.float32) * 1e12


# By a part of the card's name, the longer names first. NVIDIA's data sheets of the H100 and the H200, dense rates.
CARDS = {
    "H200 NVL": Rates(60, 417, 835, 4.8),
    "H200": Rates(67, 494.7, 989.4, 4.8),
    "H100 PCIe": Rates(51, 378, 756, 2.0),
    "H100 NVL": Rates(60, 417, 835, 3.9),
    "H100": Rates(67, 494.7, 989.4, 3.35),
}


@dataclass(frozen=True)
class Work:
    """What one layer has to do for a batch."""

    kind: str  # "conv" or "linear"
    flops: float
    numbers: float  # that it reads and writes: its input, its output, its weights, each once


def by_name(card: str | None) -> Rates | None:
    """The data sheet of a card, or None where it is none of those known."""
    return next((rates for name, rates in CARDS.items() if card and name in card), None)


def measured(device: str, side: int = 8192) -> Rates:
    """The same of this machine: products of two square matrices of random numbers, and a copy of a large tensor."""
    before = torch.backends.cuda.matmul.allow_tf32
    rates = {}
    try:
        for name, dtype, tf32 in (
            ("float32", torch.float32, False),
            ("tf32", torch.float32, True),
            ("half", torch.bfloat16, False),
        ):
            torch.backends.cuda.matmul.allow_tf32 = tf32
            a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
            rates[name] = 2 * side**3 / _seconds(lambda a=a, b=b: a @ b, device) / 1e12
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    large = torch.randn(side * side * 8, device=device)
    there = torch.empty_like(large)
    taken = _seconds(lambda: there.copy_(large), device)
    return Rates(**rates, bytes=2 * large.numel() * large.element_size() / taken / 1e12)


def _seconds(what, device: str, runs: int = 8) -> float:
    """The mean of some runs."""
    for _ in range(2):
        what()
    synchronise(device)
    start = time.perf_counter()
    for _ in range(runs):
        what()
    synchronise(device)
    return (time.perf_counter() - start) / runs


def synchronise(device: str) -> None:
    """Wait for a GPU."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def work(network: DFINE, size: tuple[int, int], batch: int = 1) -> list[Work]:
    """What the convolutions and linear layers of a network's fused copy have to do; the network stays as it is.

    Products inside attention, softmaxes, sampling and selection are not counted: the floor is that of what must be done
    by any means.
    """
    found: list[Work] = []

    def note(layer: nn.Module, inputs: tuple, output: torch.Tensor | tuple) -> None:
        weights = sum(p.numel() for p in layer.parameters())
        if isinstance(layer, nn.MultiheadAttention):  # what it projects; it calls no layers for that
            tokens = output[0].numel()
            found.append(Work("linear", 2 * 4 * layer.embed_dim * tokens, 8 * tokens + weights))
            return
        products = layer.weight[0].numel()  # multiplications for one number of the output
        kind = "conv" if isinstance(layer, nn.Conv2d) else "linear"
        found.append(Work(kind, 2 * products * output.numel(), inputs[0].numel() + output.numel() + weights))

    with torch.device("meta"), torch.no_grad():
        lean = copy.deepcopy(fused(network.cpu())).to("meta")
        for layer in lean.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear, nn.MultiheadAttention)):
                layer.register_forward_hook(note)
        lean(torch.empty(batch, 3, *size))
    return found


def floor(layers: list[Work], rates: Rates, precision: str) -> float:
    """Seconds below which a batch cannot come as long as its layers run one after the other."""
    width = 4 if precision == "float32" else 2
    return sum(
        max(one.flops / rates.of(one.kind, precision), width * one.numbers / (rates.bytes * 1e12)) for one in layers
    )
