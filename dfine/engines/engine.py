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

    All that it says of itself is only read, so attributes and properties will do.
    """

    @property
    def config(self) -> Config:
        """Of the network."""

    @property
    def w(self) -> Tensor:
        """W(n) [N+1] in box sizes."""

    @property
    def layers(self) -> int:
        """How many decoder layers it has."""

    @property
    def device(self) -> torch.device:
        """Where it takes its memory from."""

    @property
    def runs_on(self) -> str:
        """What runs it, and where, in words."""

    @property
    def precision(self) -> str:
        """The lowest in it: "float32", "bfloat16", "float16" or "int8"."""

    @property
    def network(self) -> DFINE | None:
        """The network behind it, to save, train or look into; None where there is only an exported file."""

    def __call__(self, pixels: Tensor, layers: int | None = None) -> Trace:
        """The trace, on any device; `layers` stops after that many decoder layers.

        Raises:
            ValueError: the pixels do not fit the network, or it has not that many layers.
        """


def fixed_batch(engine: Engine) -> int | None:
    """How many pictures an engine takes at a time, where that is fixed, as an exported file's may be; else None."""
    return getattr(engine, "batch", None)
