"""Functions that run on ZeroGPU where it is available, and as they are elsewhere.

`dfine.page` imports this module first: on ZeroGPU the package `spaces` has to come before anything touches CUDA.
Elsewhere, though it may be installed, it lends nothing and is left alone.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar

F = TypeVar("F", bound=Callable)
SENTENCES = (ValueError, OSError, RuntimeError)  # whose messages visitors are shown

try:
    lending = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")
    spaces = importlib.import_module("spaces") if lending else None
except ImportError:
    spaces = None


@dataclass(frozen=True)
class Failed:
    """What a function says that failed in the other process.

    Attributes:
        kind: its place among `SENTENCES`.
        message: the sentence.
    """

    kind: int
    message: str


def gpu(fn: F, duration: int | Callable[..., int] = 15) -> F:
    """`fn` wrapped in `spaces.GPU`, or `fn` itself where no GPU is lent.

    The wrapped function runs in a process of its own: what it takes and returns is pickled, so it must be on the CPU
    (as a `Result` is), and what it changes outside of itself is lost. Models have to be loaded before it is called.
    `spaces` would keep back what an exception says; those of `SENTENCES` come back as a value, and are raised here.

    Args:
        fn: what needs the GPU.
        duration: seconds that it may take at most, or a function of the same arguments that returns them. Shorter
            calls get their turn sooner.
    """
    if not spaces:
        return fn

    def there(*given: object, **named: object) -> object:
        try:
            return fn(*given, **named)
        except SENTENCES as error:
            kind = next(place for place, known in enumerate(SENTENCES) if isinstance(error, known))
            return Failed(kind, str(error))

    lent = spaces.GPU(duration=duration)(there)

    @wraps(fn)
    def here(*given: object, **named: object) -> object:
        answer = lent(*given, **named)
        if isinstance(answer, Failed):
            raise SENTENCES[answer.kind](answer.message)
        return answer

    return here
