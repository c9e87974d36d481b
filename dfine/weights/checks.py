"""What stands beside the weights, checked: JSON, input sizes, temperatures, names."""

from __future__ import annotations

import json
import os
from numbers import Integral
from pathlib import Path

from dfine.config import EDGES
from dfine.weights.exceptions import CheckpointError


def read_json(path: Path) -> dict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not the configuration of a checkpoint")
    return content


def checked_names(names: object) -> tuple[str, ...] | None:
    """Class names of our config.json, None where it has none."""
    if names is not None and not (isinstance(names, list) and all(isinstance(n, str) for n in names)):
        raise CheckpointError(f"its config.json has names={names!r}; they must be a list of strings, one per class")
    return tuple(names or ()) or None


def checked_size(size: object, where: str = "the input size") -> tuple[int, int]:
    """An input size that the network can take. Raises CheckpointError, a ValueError, otherwise."""
    pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not pair or not all(isinstance(s, Integral) and s >= 32 and s % 32 == 0 for s in size):
        raise CheckpointError(f"{where} is (height, width), two multiples of 32, not {size!r}")
    return int(size[0]), int(size[1])


def checked_temperature(source: str | os.PathLike, values: list | None) -> tuple[float, ...] | None:
    """One positive number per edge, or None. Raises CheckpointError otherwise."""
    if values is None:
        return None
    numbers = isinstance(values, list) and all(isinstance(v, (int, float)) and 0 < v < float("inf") for v in values)
    if not numbers or len(values) != len(EDGES):
        raise CheckpointError(f"{source}: a temperature is {len(EDGES)} positive numbers, one per edge, not {values!r}")
    return tuple(float(v) for v in values)
