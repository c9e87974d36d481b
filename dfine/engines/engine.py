"""What answers: the network itself, a fused copy of it, or an exported file. All of them give the same `Trace`."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from dfine.config import Config
from dfine.network.detector import DFINE
from dfine.trace.records import Trace


class Engine(Protocol):
    """Pixels [B, 3, H, W] in 0..1, on any device, to the trace of a batch, within rounding of what the network says.

    Attributes:
        config: of the network.
        w: W(n) [N+1] in box sizes.
        layers: how many decoder layers it has.
        device: where it takes its memory from.
        runs_on: what runs it, and where, in words.
        precision: "float32", "bfloat16", "float16" or "int8"; the lowest in it.
        network: the network behind it, to save, train or look into; None where there is only an exported file.
    """

    config: Config
    w: Tensor
    layers: int
    device: torch.device
    runs_on: str
    precision: str
    network: DFINE | None

    def __call__(self, pixels: Tensor, layers: int | None = None) -> Trace:
        """The trace, on any device; `layers` stops after that many decoder layers.

        Raises:
            ValueError: the pixels do not fit the network, or it has not that many layers.
        """


def fixed_batch(engine: Engine) -> int | None:
    """How many pictures an engine takes at a time, where that is fixed, as an exported file's may be; else None."""
    return getattr(engine, "batch", None)
