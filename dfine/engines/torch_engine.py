"""A network of torch as an engine: a copy of it that is fused for its device, or the network itself."""

from __future__ import annotations

import contextlib
import functools
import threading
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dfine.config import Config
from dfine.engines import onednn
from dfine.engines.cuda_graphs import Recorded
from dfine.engines.folded import folded
from dfine.engines.fused import fused
from dfine.engines.gpu import for_gpu, working_kernels
from dfine.engines.heap import keep_memory
from dfine.engines.precision import half_type, rounded
from dfine.engines.precision_names import named
from dfine.network.detector import DFINE
from dfine.trace.records import Trace

FOLDING = ("cpu", "cuda")  # devices that have double precision, in which weights are folded


@dataclass(frozen=True)
class TorchOptions:
    """How torch runs a network.

    Raises:
        ValueError: there is no such precision, or an option is for the fused copy and there is none.
    """

    fast: bool = True  # run a fused copy, which says the same within rounding; else the network itself
    precision: str = "float32"  # or "bfloat16", "float16": what is rounded, `dfine.engines.precision` says
    compiled: bool = False  # send the copy through `torch.compile`
    graphs: bool = False  # on a GPU, record the copy's work and play it back (`dfine.engines.cuda_graphs`)
    kernels: bool | None = None  # on an NVIDIA GPU, those of `dfine.engines.gpu`, where they work; None: with graphs

    def __post_init__(self):
        half_type(self.precision)
        object.__setattr__(self, "precision", named(self.precision))
        if not self.fast and self.for_the_copy:
            raise ValueError(COPY_ONLY)

    @property
    def for_the_copy(self) -> bool:
        """Whether something is asked for that only the fused copy does."""
        return self.precision != "float32" or self.compiled or self.graphs or bool(self.kernels)


COPY_ONLY = "half precision, torch.compile and CUDA graphs are for a checkpoint's fused copy, on cpu or cuda"


class TorchEngine:
    """A network on the device where it lies.

    The fused copy is made at the first picture, and again whenever weights change. On a CPU with oneDNN it uses that
    library's kernels and layouts; on a GPU it keeps channels last. A device without double precision runs the network.

    Args:
        network: is put in evaluation mode, and otherwise stays as it is.
        options: how to run it.

    Raises:
        ValueError: an option is for the fused copy, and the device cannot have one.
    """

    def __init__(self, network: DFINE, options: TorchOptions | None = None):
        self.network, self.options = network.eval(), options or TorchOptions()
        self.fast = self.options.fast and self.device.type in FOLDING
        if not self.fast and self.options.for_the_copy:
            raise ValueError(COPY_ONLY)
        self._half = half_type(self.options.precision)
        self._copy, self._ask, self._tensors, self._state, self._turn = None, None, (), None, threading.Lock()

    def __reduce__(self):
        """For `pickle` and `copy`, which cannot copy what is prepared for a device: it is made anew."""
        return type(self), (self.network, self.options)

    @property
    def config(self) -> Config:
        """The network's configuration."""
        return self.network.config

    @property
    def w(self) -> Tensor:
        """W(n) [N+1] in box sizes."""
        return self.network.decoder.w

    @property
    def layers(self) -> int:
        """The number of decoder layers."""
        return self.config.layers

    @property
    def device(self) -> torch.device:
        """Where the network lies now."""
        return next(self.network.parameters()).device

    @property
    def precision(self) -> str:
        """The lowest in it."""
        return self.options.precision

    @property
    def runs_on(self) -> str:
        """Torch, its device, and its precision where that is not float32, in words."""
        return f"torch on {self.device}" + (f", {self.options.precision}" if self._half else "")

    def __call__(self, pixels: Tensor, layers: int | None = None) -> Trace:
        """The trace of pixels [B, 3, H, W] in 0..1, on the network's device."""
        pixels = pixels.to(self.device)
        if not self.fast:
            with torch.no_grad():
                return self.network(pixels, layers=layers)
        with self._turn, torch.no_grad():
            if self._copy is None or self._state != self._now():
                self._tensors = (*self.network.parameters(), *self.network.buffers())
                self._copy, self._state = self._make(), self._now()
                ask = functools.partial(self._run, self._copy)
                self._ask = Recorded(ask) if self.options.graphs and pixels.is_cuda else ask
            ask = self._ask
        return ask(pixels, layers)

    def _run(self, copy: nn.Module, pixels: Tensor, layers: int | None) -> Trace:
        half = torch.autocast(pixels.device.type, self._half) if self._half else contextlib.nullcontext()
        with torch.no_grad(), half:
            return copy(pixels.to(memory_format=torch.channels_last), layers=layers)

    def _now(self) -> tuple:
        """Something that changes when weights do: where they lie, and how often they were written to.

        Tensors made in inference mode do not count that.
        """
        first = next(self.network.parameters())
        return first.device, first.data_ptr(), sum(t._version for t in self._tensors if not t.is_inference())

    def _make(self) -> nn.Module:
        copy = folded(fused(self.network))
        if self._half:
            rounded(copy, self._half, self.device.type)
        if self.device.type == "cpu":
            keep_memory()
            if not self._half and not self.options.compiled and onednn.available():
                return onednn.for_onednn(copy)
        if self.options.compiled:
            return torch.compile(copy)
        wanted = self.options.graphs if self.options.kernels is None else self.options.kernels
        if wanted and self.device.type == "cuda" and torch.version.cuda:  # measured on NVIDIA's
            return for_gpu(copy, working_kernels(self.device, self._half or torch.float32))
        return copy
