"""What a predictor runs: the network itself, a fused copy of it, or an exported file, whichever answers sooner.

All of them return the same `Trace`, within rounding.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import sys
import threading

import torch
from torch import Tensor, nn

from dfine.engines import onednn
from dfine.engines.cuda_graphs import Recorded
from dfine.engines.folded import lean
from dfine.engines.fused import fused
from dfine.network.detector import DFINE
from dfine.trace.records import Trace

HALF = {"off": None, "bf16": torch.bfloat16, "fp16": torch.float16}  # precisions by name
KEPT = 64 << 20, 256 << 20  # bytes of one tensor, and of all free ones, that go back to the heap and not to the system


class Fast:
    """A network's fused copy for its device, made at the first picture, and again whenever weights change.

    On a CPU with oneDNN the copy uses its kernels and layouts. On a GPU it keeps channels last.

    Args:
        network: in eval mode; it stays as it is.
        half: "bf16" or "fp16" compute in that type, where distributions, boxes and their sums stay in float32; "off"
            does not.
        compiled: send the copy through `torch.compile`.
        graphs: on a GPU, record the copy's work and play it back (`dfine.engines.cuda_graphs`).

    Raises:
        ValueError: there is no such precision.
    """

    def __init__(self, network: DFINE, *, half: str = "off", compiled: bool = False, graphs: bool = False):
        if half not in HALF:
            raise ValueError(f"half is {half!r}; it must be one of {', '.join(HALF)}")
        self.network, self.half, self.compiled, self.graphs = network, HALF[half], compiled, graphs
        self._copy, self._ask, self._tensors, self._state, self._turn = None, None, (), None, threading.Lock()

    def __call__(self, pixels: Tensor, layers: int | None = None) -> Trace:
        with self._turn, torch.no_grad():
            if self._copy is None or self._state != self._now():
                self._tensors = (*self.network.parameters(), *self.network.buffers())
                self._copy, self._state = self._make(), self._now()
                ask = functools.partial(self._run, self._copy)
                self._ask = Recorded(ask) if self.graphs and pixels.is_cuda else ask
            ask = self._ask
        return ask(pixels, layers)

    def _run(self, copy: nn.Module, pixels: Tensor, layers: int | None) -> Trace:
        half = torch.autocast(pixels.device.type, self.half) if self.half else contextlib.nullcontext()
        with torch.no_grad(), half:
            return copy(pixels.to(memory_format=torch.channels_last), layers=layers)

    def _now(self) -> tuple:
        """Something that changes when weights do: where they lie, and how often they were written to."""
        first = next(self.network.parameters())
        return first.device, first.data_ptr(), sum(t._version for t in self._tensors)

    def _make(self):
        copy = lean(fused(self.network))
        if self.half:
            halve(copy, self.half)
        device = next(self.network.parameters()).device
        if device.type == "cpu":
            keep_memory()
            if not self.half and not self.compiled and onednn.available():
                return onednn.packed(copy)
        return torch.compile(copy) if self.compiled else copy


def suits(network: nn.Module, device: torch.device | str) -> bool:
    """Whether `Fast` can run a network there: it wants double precision to fold weights, which MPS has not."""
    return isinstance(network, DFINE) and torch.device(device).type in ("cpu", "cuda")


@torch.no_grad()
def halve(network: nn.Module, half: torch.dtype) -> None:
    """Round the weights of convolutions and linear layers once, as autocast would for every picture anew."""
    for part in network.modules():
        if isinstance(part, (nn.Conv2d, nn.Linear)):
            part.to(half)
        elif isinstance(part, nn.MultiheadAttention):
            part.in_proj_weight.data = part.in_proj_weight.to(half)
            part.in_proj_bias.data = part.in_proj_bias.to(half)


def keep_memory() -> bool:
    """Ask the C library to keep freed memory of large tensors for the next ones; says whether it did.

    Pictures of one size need the same memory again and again. By default glibc hands large blocks back to the system
    each time, and the system's page faults then cost more than the arithmetic. Other libraries of C are left alone.
    """
    if sys.platform != "linux":
        return False
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    threshold, trim = -3, -1  # M_MMAP_THRESHOLD and M_TRIM_THRESHOLD of malloc.h
    return bool(library.mallopt(threshold, KEPT[0]) and library.mallopt(trim, KEPT[1]))
