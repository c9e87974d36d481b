"""Functions that run on ZeroGPU where it is available, and as they are elsewhere.

`dfine.page` imports this module first: the package `spaces`, where it is installed, has to come before anything
touches CUDA.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable)

try:
    spaces = importlib.import_module("spaces")
except ImportError:  # not in a Space, or in one without ZeroGPU
    spaces = None


def gpu(fn: F, duration: int | Callable[..., int] = 15) -> F:
    """`fn` wrapped in `spaces.GPU`, or `fn` itself where there is no `spaces`.

    The wrapped function runs in a process of its own: what it takes and returns is pickled, so it must be on the CPU
    (as a `Result` is), and what it changes outside of itself is lost. Models have to be loaded before it is called.

    Args:
        fn: what needs the GPU.
        duration: seconds that it may take at most, or a function of the same arguments that returns them. Shorter
            calls get their turn sooner.
    """
    return spaces.GPU(duration=duration)(fn) if spaces else fn
