"""Precision: what numbers a network computes in, which of its parts do, and how far its answers may move for it.

Whatever is rounded, some things never are: which tokens become queries, where queries read the picture, the sums
Σ W(n)·Pr(n), and the boxes. What reads the picture, backbone and encoder, is most of the work and bears rounding well;
in bfloat16 it moves an edge of `demo` by some hundredths of a pixel, where rounding everything moves it by a whole one.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

from dfine.distribution import full
from dfine.engines.precision_names import named
from dfine.network.detector import DFINE
from dfine.trace.records import Memory

TYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}  # what torch computes in, by name
BUDGET = {"bfloat16": 0.4, "float16": 0.4, "int8": 0.7}  # pixels that edges may move on average
# What torch rounds on a device. On a GPU the products of the decoder are rounded as well, its sums and boxes are not.
ROUNDED = {"cpu": ("backbone", "encoder"), "cuda": ("backbone", "encoder", "decoder")}


def half_type(name: str) -> torch.dtype | None:
    """The type in which torch computes; None for float32.

    Raises:
        ValueError: there is no such precision, or torch does not run it.
    """
    if named(name) == "int8":
        raise ValueError("int8 is for exported files: dfine export MODEL --precision int8, then load the .onnx")
    return TYPES[named(name)]


class Full(nn.Module):
    """Query selection or decoder in float32 inside autocast; the encoder's output may be in half precision."""

    def __init__(self, part: nn.Module):
        super().__init__()
        self.part = part

    def forward(self, *args, **options):
        device = next(a.tokens.device for a in args if isinstance(a, Memory))
        args = [replace(a, tokens=full(a.tokens)) if isinstance(a, Memory) else a for a in args]
        with torch.autocast(device.type, enabled=False):
            return self.part(*args, **options)


class Exact(nn.Module):
    """A layer in float32 inside autocast, whatever it reads."""

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return self.layer(full(x))


def rounded(network: DFINE, half: torch.dtype, device: str) -> DFINE:
    """A fused network for autocast in `half` on "cpu" or "cuda", rewritten in place."""
    for layer in network.decoder.layers:  # where queries read
        layer.cross_attn.offsets = Exact(layer.cross_attn.offsets)
    for name in ROUNDED[device]:
        halve(getattr(network, name), half)
    for name in {"queries", "decoder"} - set(ROUNDED[device]):
        setattr(network, name, Full(getattr(network, name)))
    return network


@torch.no_grad()
def halve(network: nn.Module, half: torch.dtype) -> None:
    """Round the weights of convolutions and linear layers once, as autocast would for every picture; not of `Exact`."""
    exact = {part for whole in network.modules() if isinstance(whole, Exact) for part in whole.modules()}
    for part in network.modules():
        if part in exact:
            continue
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            part.to(half)
        elif isinstance(part, nn.MultiheadAttention):
            part.in_proj_weight.data = part.in_proj_weight.to(half)
            part.in_proj_bias.data = part.in_proj_bias.to(half)
