"""What stands beside the weights, checked: JSON, input sizes, temperatures, names."""

from __future__ import annotations

import json
import os
from numbers import Integral
from pathlib import Path

from dfine.config import EDGES
from dfine.trace import levels
from dfine.weights.exceptions import CheckpointError, some
from dfine.weights.layouts import COUNTER, State

LARGEST = 8192  # pixels of a side of the input: beyond it a single picture takes more memory than a machine has


def read_json(path: Path) -> dict:
    """The object in a JSON file. Raises CheckpointError where it is no such file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    except RecursionError:
        raise CheckpointError(f"{path} is not valid JSON (brackets in brackets without end)") from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not valid JSON ({error})") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"{path} is not the configuration of a checkpoint")
    return content


def checked_names(names: object) -> tuple[str, ...] | None:
    """Class names of our config.json, None where it has none."""
    if names is not None and not (isinstance(names, list) and all(isinstance(n, str) for n in names)):
        raise CheckpointError(f"its config.json has names={names!r}; they must be a list of strings, one per class")
    if any("\ud800" <= letter <= "\udfff" for name in names or () for letter in name):
        raise CheckpointError("a class name in its config.json holds half a letter (a lone surrogate), not text")
    return tuple(names or ()) or None


def finite(value: object) -> bool:
    """Whether a value from a file is a number that one can count with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e9


def checked_size(size: object, where: str = "the input size") -> tuple[int, int]:
    """An input size that the network can take. Raises CheckpointError, a ValueError, otherwise."""
    pair = isinstance(size, (tuple, list)) and len(size) == 2
    if not pair or not all(isinstance(s, Integral) and s >= 32 and s % 32 == 0 for s in size):
        raise CheckpointError(f"{where} is (height, width), two multiples of 32, not {size!r}")
    if max(size) > LARGEST:
        raise CheckpointError(f"{where} is {size[0]} x {size[1]}; a side has at most {LARGEST} pixels")
    return int(size[0]), int(size[1])


def checked_thresholds(source: str | os.PathLike, config: dict) -> tuple[float | None, tuple[float | None, ...]]:
    """The scores with the best F1 that a config.json holds: over all, and of each class; None and () without.

    Raises:
        CheckpointError: one is no score.
    """
    overall, each = config.get("threshold"), config.get("class_thresholds") or []
    if not isinstance(each, list) or not all(v is None or (finite(v) and 0 <= v <= 1) for v in [overall, *each]):
        raise CheckpointError(f"{source}: threshold and class_thresholds in its config.json must be scores in 0..1")
    return overall, tuple(each)


def checked_temperature(source: str | os.PathLike, values: list | None) -> tuple[float, ...] | None:
    """One positive number per edge, or None. Raises CheckpointError otherwise."""
    if values is None:
        return None
    numbers = isinstance(values, list) and all(isinstance(v, (int, float)) and 0 < v < float("inf") for v in values)
    if not numbers or len(values) != len(EDGES):
        raise CheckpointError(f"{source}: a temperature is {len(EDGES)} positive numbers, one per edge, not {values!r}")
    return tuple(float(v) for v in values)


def checked_levels(source: str | os.PathLike, rows: object) -> tuple[tuple[float, ...], ...] | None:
    """A table of levels (`dfine.trace.levels`), or None. Raises CheckpointError otherwise."""
    if rows is None:
        return None
    if fault := levels.fault(rows):
        raise CheckpointError(f"{source}: its table of levels {fault}")
    return tuple(tuple(float(v) for v in row) for row in rows)


def check_values(weights: State) -> None:
    """Make sure that weights under our keys hold numbers that somebody trained.

    Raises:
        CheckpointError: some are whole or complex numbers, or NaN or infinite; or most matrices hold one number only.
    """
    wrong = {k: v for k, v in weights.items() if not v.is_floating_point() and not k.endswith(COUNTER)}
    if wrong:
        kinds = sorted({str(v.dtype).removeprefix("torch.") for v in wrong.values()})
        raise CheckpointError(
            f"{some(list(wrong))} hold {' and '.join(kinds)} where weights are floating-point numbers; "
            "quantised and complex weights cannot be read"
        )
    broken = [k for k, v in weights.items() if v.is_floating_point() and not v.float().isfinite().all()]
    if broken:
        raise CheckpointError(f"{some(broken)} hold NaN or infinity: the training went wrong, or the file is damaged")
    matrices = [v for v in weights.values() if v.ndim > 1 and v.numel() > 1]
    blank = [v for v in matrices if (v == v.flatten()[0]).all()]
    if len(blank) > len(matrices) / 2:
        raise CheckpointError("most of its weights hold one number only: it was never filled, or is damaged")
