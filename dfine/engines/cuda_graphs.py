"""A network's work on a GPU, recorded once for each shape of its input and played back from then on (CUDA graphs).

At a batch of one a GPU waits for Python, which asks for one small operation after the other. A recording asks once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor

from dfine.trace.records import Trace

MOST = 4  # recordings that are kept; each holds the memory of a whole run
WARM = 3  # runs before a recording, in which libraries choose their kernels and tables are made


class Recorded:
    """The same answers as `run(pixels, layers)`, on a GPU.

    A shape that comes for the first time is not recorded: the last batch of a folder may never come again. Calls must
    come from one CUDA stream, as they do unless somebody makes others.
    """

    def __init__(self, run: Callable[[Tensor, int | None], Trace]):
        self.run = run
        self._kept, self._seen, self._turn = {}, set(), threading.Lock()

    def __call__(self, pixels: Tensor, layers: int | None = None) -> Trace:
        key = (tuple(pixels.shape), pixels.dtype, pixels.device, layers)
        with self._turn, torch.cuda.device(pixels.device):
            if key not in self._seen:
                self._seen.add(key)
                return self.run(pixels, layers)
            if key not in self._kept:
                if len(self._kept) == MOST:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = self._record(pixels, layers)
            graph, place, trace = self._kept[key]
            place.copy_(pixels)
            graph.replay()
            return trace.map(torch.clone)  # the next picture is written over it

    def _record(self, pixels: Tensor, layers: int | None) -> tuple[torch.cuda.CUDAGraph, Tensor, Trace]:
        """The recording, where it looks for its pixels, and where it puts its answer."""
        with torch.inference_mode(False):  # else nothing could be written to it outside of that mode later
            place = pixels.to(memory_format=torch.channels_last, copy=True)
        aside, here = torch.cuda.Stream(), torch.cuda.current_stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(WARM):
                self.run(place, layers)
        here.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may go on
            trace = self.run(place, layers)
        return graph, place, trace
