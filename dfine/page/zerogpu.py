"""A function that runs on a borrowed GPU where the place it runs in lends one (ZeroGPU), and as it is elsewhere.

Import this before CUDA is touched: the package `spaces`, where it is installed, has to be there first.
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
        duration: seconds that it may take at most, or a function of the same arguments that says so. The shorter, the
            sooner it is its turn.
    """
    return spaces.GPU(duration=duration)(fn) if spaces else fn
